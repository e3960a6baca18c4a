import type { WasmArena } from './wasm-arena.ts'

export type GroupName = 'G1' | 'G2'

/** Bytes of an affine point. */
export const POINT_BYTES: Readonly<Record<GroupName, number>> = { G1: 64, G2: 128 }
export const SCALAR_BYTES = 32

// Signed windows: a digit is in [-2^12, 2^12], so half a table serves both signs.
const WINDOW = 13
const WINDOWS = Math.ceil(254 / WINDOW)
const HALF = 1 << (WINDOW - 1)
// Scalars that share one field inversion a window.
const BATCH = 2048

/** Multiplies the generator of one group by many scalars, from a table of its multiples. */
export class FixedBase {
  readonly #arena: WasmArena
  readonly #size: number
  readonly #field: string
  readonly #table: number
  readonly #sums: number
  readonly #differences: number
  readonly #scratch: number

  /** `generator` is an affine point in Montgomery form. */
  constructor(arena: WasmArena, group: GroupName, generator: Uint8Array) {
    this.#arena = arena
    this.#size = POINT_BYTES[group]
    this.#field = group === 'G1' ? 'f1m' : 'f2m'
    this.#table = arena.allocate(WINDOWS * HALF * this.#size)
    this.#sums = arena.allocate(BATCH * this.#size)
    this.#differences = arena.allocate((BATCH * this.#size) / 2)
    this.#scratch = arena.allocate(4 * this.#size)
    this.#fillTable(group, generator)
  }

  /** table[w][d - 1] = d * 2^(13 w) * generator, for d = 1..2^12. */
  #fillTable(group: GroupName, generator: Uint8Array): void {
    const { call } = this.#arena
    const prefix = group === 'G1' ? 'g1m' : 'g2m'
    const addMixed = call[`${prefix}_addMixed`]!
    const batchToAffine = call[`${prefix}_batchToAffine`]!
    const double = call[`${prefix}_double`]!
    const toAffine = call[`${prefix}_toAffine`]!

    const jacobianSize = (this.#size * 3) / 2
    const base = this.#arena.allocate(this.#size)
    const multiples = this.#arena.allocate(HALF * jacobianSize)
    const next = this.#arena.allocate(jacobianSize)

    this.#arena.write(base, generator)

    for (let window = 0; window < WINDOWS; window++) {
      call[`${prefix}_toJacobian`]!(base, multiples)
      for (let i = 1; i < HALF; i++) {
        addMixed(multiples + (i - 1) * jacobianSize, base, multiples + i * jacobianSize)
      }
      double(multiples + (HALF - 1) * jacobianSize, next)
      toAffine(next, base)
      batchToAffine(multiples, HALF, this.#table + window * HALF * this.#size)
    }
  }

  /**
   * Affine points (Montgomery form, little-endian, infinity as zeros) for 32-byte little-endian scalars below r.
   * Throws when two summands share an x coordinate, which random scalars do with a chance of about 2^-250.
   */
  multiply(scalars: Uint8Array): Uint8Array<ArrayBuffer> {
    const count = scalars.length / SCALAR_BYTES
    const points = new Uint8Array(count * this.#size)
    for (let start = 0; start < count; start += BATCH) {
      const end = Math.min(count, start + BATCH)
      this.#multiplyBatch(scalars.subarray(start * SCALAR_BYTES, end * SCALAR_BYTES))
      points.set(this.#arena.read(this.#sums, (end - start) * this.#size), start * this.#size)
    }
    return points
  }

  // Affine additions that share one inversion cost about half of Jacobian ones.
  #multiplyBatch(scalars: Uint8Array): void {
    const { call } = this.#arena
    const mul = call[`${this.#field}_mul`]!
    const square = call[`${this.#field}_square`]!
    const sub = call[`${this.#field}_sub`]!
    const neg = call[`${this.#field}_neg`]!
    const copy = call[`${this.#field}_copy`]!
    const isZero = call[`${this.#field}_isZero`]!
    const batchInverse = call[`${this.#field}_batchInverse`]!

    const size = this.#size
    const half = size / 2
    const count = scalars.length / SCALAR_BYTES
    const digits = signedDigits(scalars)
    const started = new Uint8Array(count)
    const [sums, differences] = [this.#sums, this.#differences]
    const slope = this.#scratch
    const x = slope + half
    const y = x + half
    const negated = y + half
    this.#arena.write(sums, new Uint8Array(count * size))

    // Indices of the sums that add a point in this window.
    const adding = new Uint32Array(count)
    for (let window = 0; window < WINDOWS; window++) {
      const row = this.#table + (window * HALF - 1) * size
      let additions = 0
      for (let i = 0; i < count; i++) {
        const digit = digits[i * WINDOWS + window]!
        if (digit === 0) continue
        const point = row + Math.abs(digit) * size
        const sum = sums + i * size
        if (started[i] === 0) {
          started[i] = 1
          copy(point, sum)
          if (digit > 0) copy(point + half, sum + half)
          else neg(point + half, sum + half)
          continue
        }
        const difference = differences + additions * half
        sub(point, sum, difference)
        if (isZero(difference)) throw new Error('Degenerate addition of points.')
        adding[additions++] = i
      }
      if (additions === 0) continue
      batchInverse(differences, half, additions, differences, half)
      for (let k = 0; k < additions; k++) {
        const i = adding[k]!
        const digit = digits[i * WINDOWS + window]!
        const point = row + Math.abs(digit) * size
        const sum = sums + i * size
        let pointY = point + half
        if (digit < 0) {
          neg(pointY, negated)
          pointY = negated
        }
        sub(pointY, sum + half, slope)
        mul(slope, differences + k * half, slope)
        square(slope, x)
        sub(x, sum, x)
        sub(x, point, x)
        sub(sum, x, y)
        mul(y, slope, y)
        sub(y, sum + half, sum + half)
        copy(x, sum)
      }
    }
  }
}

/** Digits in [-2^12, 2^12] with scalar = sum of digit[w] * 2^(13 w). */
function signedDigits(scalars: Uint8Array): Int16Array {
  const count = scalars.length / SCALAR_BYTES
  const digits = new Int16Array(count * WINDOWS)
  for (let i = 0; i < count; i++) {
    const start = i * SCALAR_BYTES
    let carry = 0
    for (let window = 0; window < WINDOWS; window++) {
      const bit = window * WINDOW
      const byte = start + (bit >> 3)
      let bits = scalars[byte]!
      // The last window ends beyond the 32 bytes.
      if ((bit >> 3) + 1 < SCALAR_BYTES) bits |= scalars[byte + 1]! << 8
      if ((bit >> 3) + 2 < SCALAR_BYTES) bits |= scalars[byte + 2]! << 16
      let digit = ((bits >> (bit & 7)) & ((1 << WINDOW) - 1)) + carry
      carry = 0
      if (digit > HALF) {
        digit -= 1 << WINDOW
        carry = 1
      }
      digits[i * WINDOWS + window] = digit
    }
  }
  return digits
}
