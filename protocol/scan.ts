import { ASSETS, WORD } from './constants.ts'
import { PlimsollError } from './errors.ts'
import { type Balances, cornerHealth, type Envelope, health } from './health.ts'
import { abs, max } from './integer.ts'
import type { Marks } from './marks.ts'

/**
 * Balances of many accounts, 8 per row: as floats for scanning (a row is one cache line) and exactly, as magnitudes and sign
 * bits. 129 bytes an account.
 */
export class AccountTable {
  readonly count: number
  readonly floats: Float64Array
  /** Largest |balance| ever stored, per asset. */
  readonly largest: bigint[] = Array<bigint>(ASSETS).fill(0n)
  readonly #magnitudes: BigUint64Array
  readonly #signs: Uint8Array

  /** A table of `count` accounts without balances. */
  constructor(count: number) {
    this.count = count
    this.floats = new Float64Array(count * ASSETS)
    this.#magnitudes = new BigUint64Array(count * ASSETS)
    this.#signs = new Uint8Array(count)
  }

  /** @throws PlimsollError when the row does not exist or a balance is 2^64 or more */
  set(index: number, balances: Balances): void {
    if (!Number.isInteger(index) || index < 0 || index >= this.count)
      throw new PlimsollError(`The table has no row ${index}.`)
    for (let a = 0; a < ASSETS; a++) {
      if (abs(balances[a]!) >= WORD)
        throw new PlimsollError(`Account ${index}: the balance of asset ${a} is 2^64 or more.`)
    }
    let signs = 0
    for (let a = 0; a < ASSETS; a++) {
      const balance = balances[a]!
      const magnitude = abs(balance)
      if (balance < 0n) signs |= 1 << a
      if (magnitude > this.largest[a]!) this.largest[a] = magnitude
      this.#magnitudes[index * ASSETS + a] = magnitude
      this.floats[index * ASSETS + a] = Number(balance)
    }
    this.#signs[index] = signs
  }

  /** The exact balances of a row. */
  get(index: number): bigint[] {
    return Array.from({ length: ASSETS }, (_, a) => {
      const magnitude = this.#magnitudes[index * ASSETS + a]!
      return (this.#signs[index]! >> a) & 1 ? -magnitude : magnitude
    })
  }
}

export interface ScanResult {
  /** Rows of the breached accounts, ascending. */
  readonly breached: Uint32Array
  /** Accounts too near the line for floating point, decided by exact arithmetic. */
  readonly exact: number
}

/** Relative error bound of the float health, see `scanBreached`: 32 roundings of 2^-53. */
const ERROR = 2 ** -48
/** Mark of cash: see `cornerHealth`. */
const CASH = 2 ** 32

/**
 * Finds the breached accounts: exactly those with `health() < 0`.
 *
 * With c = (u + v) / 2 and d = (v - u) / 2, b times (b > 0 ? u : v) is c b - d |b|, so that no branch depends on a sign:
 *
 *     H = sum over the 8 assets of c b - d |b|          (16 products, d = 0 for cash)
 *
 * Error of the float sum F, with e = 2^-53 and every rounding a factor (1 + x), |x| <= e (round to nearest; `Number` of a
 * bigint too). Nothing underflows, as non-zero b, 2c and 2d are integers, nor overflows, as |H| < 8 * 2^64 * 2^64.
 * - b is rounded once. u + v and v - u are exact bigints, rounded once each and halved exactly. The product is rounded once:
 *   3 factors on each of the 16 terms.
 * - The 16 terms are added by 15 additions, in whatever order: at most 15 more factors on each term.
 * Hence |F - H| <= g M with g = 18 e / (1 - 18 e) (Higham's gamma) and M = sum (c + |d|) |b| = sum max(u, v) |b|.
 * - M is bounded from above by L = sum max(u, v) * (largest |b| of the table), one number for the whole scan. The float of L and
 *   the float of M each carry at most 2 conversions, 1 product and 7 additions, all terms being non-negative: they are at least
 *   (1 - 10 e / (1 - 10 e)) times the true value. Scaling by 2^-48 = 32 e is exact, and 32 (1 - 11 e) > 18 / (1 - 18 e).
 * So F < -2^-48 M means H < 0 and F > 2^-48 M means H > 0, with the float of M, and the same with L. L serves first; where it
 * cannot decide (a whale somewhere makes it large) the account's own M does; what is left is decided by bigint arithmetic.
 */
export function scanBreached(table: AccountTable, marks: Marks): ScanResult {
  const middle = marks.map(({ collateralValue, liabilityValue }) => Number(collateralValue + liabilityValue) / 2)
  const half = marks.map(({ collateralValue, liabilityValue }) => Number(liabilityValue - collateralValue) / 2)
  const worst = marks.map(({ collateralValue, liabilityValue }) => Number(max(collateralValue, liabilityValue)))
  const [c0, c1, c2, c3, c4, c5, c6, c7] = middle as Octet
  const [, d1, d2, d3, d4, d5, d6, d7] = half as Octet
  if (half[0] !== 0) throw new PlimsollError('Cash has the same mark on both sides.')
  const coarse = ERROR * table.largest.reduce((sum, magnitude, a) => sum + worst[a]! * Number(magnitude), 0)

  const { floats, count } = table
  const breached = new Uint32Array(count)
  let found = 0
  let exact = 0
  for (let i = 0, p = 0; i < count; i++, p += ASSETS) {
    const b1 = floats[p + 1]!
    const b2 = floats[p + 2]!
    const b3 = floats[p + 3]!
    const b4 = floats[p + 4]!
    const b5 = floats[p + 5]!
    const b6 = floats[p + 6]!
    const b7 = floats[p + 7]!
    const sum =
      c0 * floats[p]! +
      (c1 * b1 - d1 * Math.abs(b1)) +
      (c2 * b2 - d2 * Math.abs(b2) + (c3 * b3 - d3 * Math.abs(b3))) +
      (c4 * b4 -
        d4 * Math.abs(b4) +
        (c5 * b5 - d5 * Math.abs(b5)) +
        (c6 * b6 - d6 * Math.abs(b6) + (c7 * b7 - d7 * Math.abs(b7))))
    if (sum > coarse) continue
    if (sum >= -coarse) {
      const fine = ERROR * magnitude(floats, p, worst)
      if (sum > fine) continue
      if (sum >= -fine) {
        exact++
        if (health(table.get(i), marks) >= 0n) continue
      }
    }
    breached[found++] = i
  }
  return { breached: breached.slice(0, found), exact }
}

/**
 * Says of a table's accounts whether they are safe in an envelope: exactly those with `cornerHealth() >= 0`. By floats, and exactly
 * where these cannot tell: the bound of `scanBreached` holds for floors and ceilings as it does for marks.
 */
export class CornerScan {
  readonly #table: AccountTable
  readonly #envelope: Envelope
  readonly #lower: Float64Array
  readonly #upper: Float64Array

  constructor(table: AccountTable, envelope: Envelope) {
    this.#table = table
    this.#envelope = envelope
    this.#lower = Float64Array.of(CASH, ...envelope.floors.map(Number))
    this.#upper = Float64Array.of(CASH, ...envelope.ceilings.map(Number))
  }

  isSafe(row: number): boolean {
    const { floats } = this.#table
    let sum = 0
    let size = 0
    for (let a = 0, p = row * ASSETS; a < ASSETS; a++, p++) {
      const balance = floats[p]!
      const term = balance * (balance > 0 ? this.#lower[a]! : this.#upper[a]!)
      sum += term
      size += Math.abs(term)
    }
    if (sum > ERROR * size) return true
    if (sum < -ERROR * size) return false
    return cornerHealth(this.#table.get(row), this.#envelope) >= 0n
  }
}

type Octet = [number, number, number, number, number, number, number, number]

/** `sum max(u, v) |b|` of the row that begins at `p`. */
function magnitude(floats: Float64Array, p: number, worst: readonly number[]): number {
  let sum = 0
  for (let a = 0; a < ASSETS; a++) sum += worst[a]! * Math.abs(floats[p + a]!)
  return sum
}
