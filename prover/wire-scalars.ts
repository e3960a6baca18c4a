import type { Curve, Element } from 'ffjavascript'
import type { R1cs } from './r1cs.ts'
import type { WasmArena } from './wasm-arena.ts'

/** What a development key knows and a ceremony would have destroyed. */
export interface Trapdoor {
  readonly tau: bigint
  readonly alpha: bigint
  readonly beta: bigint
  readonly delta: bigint
}

/** The discrete logarithms of a key's points (32-byte little-endian scalars) and its constraint matrices. */
export interface WireScalars {
  readonly domainSize: number
  /** A_i(tau) for every wire. */
  readonly a: Uint8Array
  /** B_i(tau) for every wire. */
  readonly b: Uint8Array
  /** beta A_i + alpha B_i + C_i for the constant and the public wires; gamma is 1. */
  readonly publicWires: Uint8Array
  /** (beta A_i + alpha B_i + C_i) / delta for the other wires. */
  readonly privateWires: Uint8Array
  /** The odd Lagrange polynomials of the domain of double size at tau, over delta: the quotient's values are on that coset. */
  readonly quotient: Uint8Array
  /** Section 4 of a .zkey: a count, then (matrix, constraint, wire, coefficient times R^2) for A and B. */
  readonly coefficients: Uint8Array
}

const WORD = 32
const TERM = 4 + WORD
const COEFFICIENT = 12 + WORD
const INVERSION_BATCH = 1 << 14

/** Evaluates a circuit's QAP at a known tau. */
export function wireScalars(arena: WasmArena, curve: Curve, r1cs: R1cs, trapdoor: Trapdoor): WireScalars {
  const { call } = arena
  const { Fr } = curve
  const mul = call.frm_mul!
  const add = call.frm_add!
  const sub = call.frm_sub!
  const copy = call.frm_copy!
  const toMontgomery = call.frm_toMontgomery!
  const batchInverse = call.frm_batchInverse!
  const batchFromMontgomery = call.frm_batchFromMontgomery!

  const inputs = r1cs.publicSignals + 1
  // snarkjs binds every public wire with one more row, so that no two of them are linearly dependent.
  const rows = r1cs.constraintCount + inputs
  let power = 1
  while (2 ** power < rows) power++
  const domainSize = 2 ** power

  const constant = (value: bigint | Element): number => {
    const pointer = arena.allocate(WORD)
    arena.write(pointer, typeof value === 'bigint' ? Fr.e(value) : value)
    return pointer
  }
  const tau = constant(trapdoor.tau)
  const alpha = constant(trapdoor.alpha)
  const beta = constant(trapdoor.beta)
  const overDelta = constant(inverse(trapdoor.delta, curve.r))
  const temporary = arena.allocate(WORD)

  /** Montgomery form of `scale` * w / (tau - w) for w = first, first * ratio, ... */
  const lagrange = (scale: bigint, first: Element, ratio: Element, count: number): number => {
    const values = arena.allocate(count * WORD)
    const points = arena.allocate(count * WORD)
    const step = constant(ratio)
    const factor = constant(scale)
    arena.write(points, first)
    for (let i = 1; i < count; i++) mul(points + (i - 1) * WORD, step, points + i * WORD)
    for (let i = 0; i < count; i++) sub(tau, points + i * WORD, values + i * WORD)
    for (let i = 0; i < count; i += INVERSION_BATCH) {
      const start = values + i * WORD
      batchInverse(start, WORD, Math.min(INVERSION_BATCH, count - i), start, WORD)
    }
    for (let i = 0; i < count; i++) {
      mul(values + i * WORD, points + i * WORD, values + i * WORD)
      mul(values + i * WORD, factor, values + i * WORD)
    }
    return values
  }
  const vanishingOverSize = (size: number): bigint => {
    const vanishing = modPow(trapdoor.tau, BigInt(size), curve.r) - 1n
    if (vanishing === 0n) throw new Error('The secret point lies in the domain.')
    return (vanishing * inverse(BigInt(size), curve.r)) % curve.r
  }

  const basis = lagrange(vanishingOverSize(domainSize), Fr.e(1n), Fr.w[power]!, domainSize)
  const quotientScale = (vanishingOverSize(2 * domainSize) * inverse(trapdoor.delta, curve.r)) % curve.r
  const quotient = lagrange(quotientScale, Fr.w[power + 1]!, Fr.w[power]!, domainSize)
  batchFromMontgomery(quotient, domainSize, quotient)
  // One more factor R, so that a product with a plain coefficient is in Montgomery form.
  for (let row = 0; row < domainSize; row++) toMontgomery(basis + row * WORD, basis + row * WORD)

  const source = r1cs.constraints
  const words = new DataView(source.buffer, source.byteOffset, source.byteLength)
  const encoded = arena.allocate(source.length)
  arena.write(encoded, source)

  // A mul with R^3 in Montgomery reduction takes a plain coefficient to its product with R^2.
  const rCubed = constant(Fr.e(modPow(2n, 512n, curve.r)))
  const terms = countTerms(words, r1cs.constraintCount)
  const section = 4 + (terms + inputs) * COEFFICIENT
  const out = arena.allocate(section)
  const header = new DataView(new ArrayBuffer(12))

  const matrices = [0, 1, 2].map(() => arena.allocate(r1cs.wires * WORD))
  let outPosition = 4
  const emit = (matrix: number, row: number, wire: number): number => {
    header.setUint32(0, matrix, true)
    header.setUint32(4, row, true)
    header.setUint32(8, wire, true)
    arena.write(out + outPosition, new Uint8Array(header.buffer))
    outPosition += COEFFICIENT
    return out + outPosition - WORD
  }

  let position = 0
  for (let row = 0; row < r1cs.constraintCount; row++) {
    for (let matrix = 0; matrix < 3; matrix++) {
      const sums = matrices[matrix]!
      let left = words.getUint32(position, true)
      position += 4
      for (; left > 0; left--) {
        const wire = words.getUint32(position, true)
        const coefficient = encoded + position + 4
        mul(coefficient, basis + row * WORD, temporary)
        add(sums + wire * WORD, temporary, sums + wire * WORD)
        if (matrix < 2) mul(coefficient, rCubed, emit(matrix, row, wire))
        position += TERM
      }
    }
  }
  const one = arena.allocate(WORD)
  arena.write(one, Uint8Array.of(1))
  for (let wire = 0; wire < inputs; wire++) {
    const row = r1cs.constraintCount + wire
    mul(one, basis + row * WORD, temporary)
    add(matrices[0]! + wire * WORD, temporary, matrices[0]! + wire * WORD)
    mul(one, rCubed, emit(0, row, wire))
  }
  const coefficients = arena.read(out, section)
  new DataView(coefficients.buffer).setUint32(0, terms + inputs, true)

  const [a, b, c] = matrices as [number, number, number]
  const product = arena.allocate(WORD)
  for (let wire = 0; wire < r1cs.wires; wire++) {
    const combined = c + wire * WORD
    mul(a + wire * WORD, beta, product)
    add(combined, product, combined)
    mul(b + wire * WORD, alpha, product)
    add(combined, product, combined)
    if (wire >= inputs) {
      mul(combined, overDelta, product)
      copy(product, combined)
    }
  }
  for (const matrix of matrices) batchFromMontgomery(matrix, r1cs.wires, matrix)

  return {
    domainSize,
    a: arena.read(a, r1cs.wires * WORD),
    b: arena.read(b, r1cs.wires * WORD),
    publicWires: arena.read(c, inputs * WORD),
    privateWires: arena.read(c + inputs * WORD, (r1cs.wires - inputs) * WORD),
    quotient: arena.read(quotient, domainSize * WORD),
    coefficients,
  }
}

/** The number of terms of A and B. */
function countTerms(words: DataView, constraints: number): number {
  let terms = 0
  let position = 0
  for (let row = 0; row < constraints; row++) {
    for (let matrix = 0; matrix < 3; matrix++) {
      const count = words.getUint32(position, true)
      position += 4 + count * TERM
      if (matrix < 2) terms += count
    }
  }
  return terms
}

function modPow(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n
  for (let e = exponent; e > 0n; e >>= 1n) {
    if (e & 1n) result = (result * base) % modulus
    base = (base * base) % modulus
  }
  return result
}

function inverse(value: bigint, modulus: bigint): bigint {
  return modPow(value, modulus - 2n, modulus)
}
