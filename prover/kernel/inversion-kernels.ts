import { inverse } from './bigint-field.ts'
import { type Frame, type I32, type I64, kernel } from './emit.ts'
import { type Field, multiply } from './field.ts'
import { call, doWhile, i32, i64, local, type WasmFunction, when } from './wasm.ts'

const LIMBS = 9
const BITS = 30
const MASK = (1n << BigInt(BITS)) - 1n
const WORD_BYTES = 32

/** Bytes of scratch memory of an inversion: an integer of 32 bytes, four of 9 limbs, 8 bytes each, and an extension's norm. */
export const INVERSION_SCRATCH = WORD_BYTES + 4 * 8 * LIMBS + 128

/** `invert(value, scratch)` replaces both lanes of a slot by their inverses (0 by 0); they share one inversion of an integer. */
export function inversionKernel(field: Field): WasmFunction {
  const invertInteger = integerInversionKernel(field.modulus)
  return kernel(2, ([value, scratch], frame) => {
    const slot = { pointer: value!, offset: 0 }
    const words = { pointer: scratch!, offset: 0 }
    const element = field.load(frame, slot)
    const isZero = field.isZero(frame, element)
    const factor = field.select(frame, isZero, field.constant(frame, 1n), element)
    const others = field.swap(frame, factor)
    field.pack(frame, words, words, multiply(field, frame, factor, others))
    call(invertInteger, [scratch!, i32.add(scratch!, WORD_BYTES)])
    // What was inverted had the factor radix: three more of them, one by the constant's own form, bring one back.
    const joint = multiply(field, frame, field.unpack(frame, words, words), field.constant(frame, field.radix ** 2n))
    const result = multiply(field, frame, joint, others)
    field.store(slot, field.select(frame, isZero, element, result))
  })
}

/** An integer under construction: limbs of 30 bits, signed at the top, 8 bytes each in memory. */
interface Limbs {
  readonly pointer: I32
  readonly offset: number
}

function limb({ pointer, offset }: Limbs, i: number) {
  return i64.load({ offset: offset + 8 * i, align: 8 }, pointer)
}

function setLimb({ pointer, offset }: Limbs, i: number, value: Parameters<typeof i64.store>[2]): void {
  i64.store({ offset: offset + 8 * i, align: 8 }, pointer, value)
}

/**
 * `invertInteger(words, limbs)` replaces an integer below the modulus, 32 bytes little-endian, by its inverse (0 by 0): by the steps of
 * Bernstein and Yang, 30 at a time on the lowest bits, as in libsecp256k1's `modinv32`. How long it takes depends on the value.
 */
function integerInversionKernel(modulus: bigint): WasmFunction {
  const limbsOf = (value: bigint) =>
    Array.from({ length: LIMBS }, (_, i) => (value >> BigInt(BITS * i)) & (i < LIMBS - 1 ? MASK : -1n))
  const modulusLimbs = limbsOf(modulus)
  const modulusInverse = Number(inverse(modulus, 1n << BigInt(BITS)))

  return kernel(2, ([words, memory], frame) => {
    const [d, e, f, g] = [0, 1, 2, 3].map((i) => ({ pointer: memory!, offset: 8 * LIMBS * i })) as [
      Limbs,
      Limbs,
      Limbs,
      Limbs,
    ]
    for (let i = 0; i < LIMBS; i++) {
      setLimb(d, i, 0n)
      setLimb(e, i, i === 0 ? 1n : 0n)
      setLimb(f, i, modulusLimbs[i]!)
      const bit = BITS * i
      const at = 4 * (bit >> 5)
      // Not beyond the last word.
      const word =
        at + 8 <= WORD_BYTES
          ? i64.load({ offset: at, align: 4 }, words!)
          : i64.load32_u({ offset: at, align: 4 }, words!)
      setLimb(g, i, i64.and(i64.shr_u(word, BigInt(bit & 31)), MASK))
    }
    const matrix = new Matrix(frame)
    local.set(matrix.eta, -1)
    const rest = frame.i64()
    doWhile(() => {
      matrix.step(i64.wrap(low(f)), i64.wrap(low(g)))
      updateInverse(frame, matrix, d, e, modulusLimbs, modulusInverse)
      updatePair(frame, matrix, f, g)
      local.set(rest, limb(g, 0))
      for (let i = 1; i < LIMBS; i++) local.set(rest, i64.or(rest, limb(g, i)))
      return i64.ne(rest, 0n)
    })
    normalize(frame, d, limb(f, LIMBS - 1), modulusLimbs)
    for (let word = 0; word < WORD_BYTES / 4; word++) {
      const [from, shift] = [Math.floor((32 * word) / BITS), (32 * word) % BITS]
      const upper = i64.shl(limb(d, from + 1), BigInt(BITS - shift))
      i64.store32({ offset: 4 * word, align: 4 }, words!, i64.or(i64.shr_u(limb(d, from), BigInt(shift)), upper))
    }
  })
}

/** The lowest 32 bits, and more. */
function low(value: Limbs) {
  return i64.or(limb(value, 0), i64.shl(limb(value, 1), BigInt(BITS)))
}

/** Result of 30 steps on two integers, times 2^30: `u f + v g` and `q f + r g`. */
class Matrix {
  readonly eta: I32
  readonly entries: readonly [I64, I64, I64, I64]
  readonly #frame: Frame

  constructor(frame: Frame) {
    this.#frame = frame
    this.eta = frame.i32()
    this.entries = [frame.i64(), frame.i64(), frame.i64(), frame.i64()]
  }

  /** Works out the matrix from the lowest bits of both integers. */
  step(lowF: ReturnType<typeof i64.wrap>, lowG: ReturnType<typeof i64.wrap>): void {
    const { eta } = this
    const frame = this.#frame
    const [f, g, u, v, q, r] = Array.from({ length: 6 }, () => frame.i32()) as [I32, I32, I32, I32, I32, I32]
    const [left, zeros, limit, factor, kept] = Array.from({ length: 5 }, () => frame.i32()) as [I32, I32, I32, I32, I32]
    local.set(f, lowF)
    local.set(g, lowG)
    for (const [target, value] of [
      [u, 1],
      [v, 0],
      [q, 0],
      [r, 1],
      [left, BITS],
    ] as const)
      local.set(target, value)
    const exchange = (a: I32, b: I32): void => {
      local.set(kept, a)
      local.set(a, b)
      local.set(b, i32.sub(0, kept))
    }
    doWhile(() => {
      local.set(zeros, i32.ctz(i32.or(g, i32.shl(-1, left))))
      local.set(g, i32.shr_u(g, zeros))
      for (const entry of [u, v]) local.set(entry, i32.shl(entry, zeros))
      local.set(eta, i32.sub(eta, zeros))
      local.set(left, i32.sub(left, zeros))
      when(left, () => {
        when(i32.lt_s(eta, 0), () => {
          local.set(eta, i32.sub(0, eta))
          exchange(f, g)
          exchange(u, q)
          exchange(v, r)
        })
        // As many bits of g as can go at once: up to six, and before the sign of eta changes.
        local.set(limit, i32.add(eta, 1))
        when(i32.lt_s(left, limit), () => local.set(limit, left))
        const inverse = i32.mul(f, i32.sub(i32.mul(f, f), 2))
        const mask = i32.and(i32.shr_u(-1, i32.sub(32, limit)), 63)
        local.set(factor, i32.and(i32.mul(g, inverse), mask))
        for (const [target, source] of [
          [g, f],
          [q, u],
          [r, v],
        ] as const)
          local.set(target, i32.add(target, i32.mul(source, factor)))
      })
      return left
    })
    for (const [i, entry] of [u, v, q, r].entries()) local.set(this.entries[i]!, i64.extend_i32_s(entry))
  }
}

/** Applies a matrix to d and e modulo the modulus, and divides by 2^30. */
function updateInverse(
  frame: Frame,
  { entries: [u, v, q, r] }: Matrix,
  d: Limbs,
  e: Limbs,
  modulus: readonly bigint[],
  modulusInverse: number,
): void {
  const sign = (value: Limbs) => i64.shr_s(limb(value, LIMBS - 1), 63n)
  const rows = [
    { first: u, second: v, target: d },
    { first: q, second: r, target: e },
  ].map((row) => ({ ...row, carry: frame.i64(), multiple: frame.i64() }))
  for (const { first, second, multiple } of rows)
    local.set(multiple, i64.add(i64.and(first, sign(d)), i64.and(second, sign(e))))
  const [left, right] = [frame.i64(), frame.i64()]
  for (let i = 0; i < LIMBS; i++) {
    local.set(left, limb(d, i))
    local.set(right, limb(e, i))
    for (const { first, second, target, carry, multiple } of rows) {
      const sum = i64.add(i64.mul(first, left), i64.mul(second, right))
      local.set(carry, i === 0 ? sum : i64.add(carry, sum))
      if (i === 0) {
        // The multiple of the modulus that makes the lowest limb 0.
        const residue = i64.and(i64.add(i64.mul(carry, BigInt(modulusInverse)), multiple), MASK)
        local.set(multiple, i64.sub(multiple, residue))
      }
      local.set(carry, i64.add(carry, i64.mul(multiple, modulus[i]!)))
      if (i > 0) setLimb(target, i - 1, i64.and(carry, MASK))
      local.set(carry, i64.shr_s(carry, BigInt(BITS)))
    }
  }
  for (const { target, carry } of rows) setLimb(target, LIMBS - 1, carry)
}

/** Applies a matrix to f and g, and divides by 2^30. */
function updatePair(frame: Frame, { entries: [u, v, q, r] }: Matrix, f: Limbs, g: Limbs): void {
  const rows = [
    { first: u, second: v, target: f, carry: frame.i64() },
    { first: q, second: r, target: g, carry: frame.i64() },
  ]
  const [left, right] = [frame.i64(), frame.i64()]
  for (let i = 0; i < LIMBS; i++) {
    local.set(left, limb(f, i))
    local.set(right, limb(g, i))
    for (const { first, second, target, carry } of rows) {
      const sum = i64.add(i64.mul(first, left), i64.mul(second, right))
      local.set(carry, i === 0 ? sum : i64.add(carry, sum))
      if (i > 0) setLimb(target, i - 1, i64.and(carry, MASK))
      local.set(carry, i64.shr_s(carry, BigInt(BITS)))
    }
  }
  for (const { target, carry } of rows) setLimb(target, LIMBS - 1, carry)
}

/** Brings d, negated where a sign is, into [0, modulus). */
function normalize(frame: Frame, d: Limbs, signed: ReturnType<typeof limb>, modulus: readonly bigint[]): void {
  const [negative, flip, carry] = [frame.i64(), frame.i64(), frame.i64()]
  local.set(flip, i64.shr_s(signed, 63n))
  for (const first of [true, false]) {
    local.set(negative, i64.shr_s(limb(d, LIMBS - 1), 63n))
    local.set(carry, 0n)
    for (let i = 0; i < LIMBS; i++) {
      const raised = i64.add(limb(d, i), i64.and(negative, modulus[i]!))
      const value = first ? i64.sub(i64.xor(raised, flip), flip) : raised
      local.set(carry, i64.add(carry, value))
      setLimb(d, i, i < LIMBS - 1 ? i64.and(carry, MASK) : carry)
      local.set(carry, i64.shr_s(carry, BigInt(BITS)))
    }
  }
}
