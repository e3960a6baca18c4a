import { type FormulaConstants, formulaQuantile, START } from '../volatility/formula.ts'

/** Seconds of the rule's sampling clock. */
const GRID = 900
const STEPS_AN_HOUR = 4
/** The six-hour form, as the rule has it: integers over 2^48 and 2^8. */
const CONSTANTS: FormulaConstants = { C0: 615_590_000_000 / 2 ** 48, C1: 8233 / 256, C2: 7088 / 256, C3: 894 / 256 }
const KEPT = [2, 5, 8].map((n) => (1 - 2 ** -n) ** (1 / STEPS_AN_HOUR)) as [number, number, number]

/** The rule's reading where it is off: a variance of an hour and its quantile, `VARIANCE_START` and the median of the margin rule. */
export const UNRULED = { variance: START, quantile: 21_758_015_699_733 / 2 ** 48 }

/** The margin rule's three averages in floating point: `protocol/margin-rule.ts` on the same grid, without its roundings. */
export class RuleAverages {
  #s2 = START
  #s5 = START
  #s8 = START
  #price = 0
  #step = 0

  /** Back to the first price. */
  start(price: number, seconds: number): void {
    this.#s2 = START
    this.#s5 = START
    this.#s8 = START
    this.#price = price
    this.#step = Math.floor(seconds / GRID)
  }

  /** Samples a price; within the grid step of the last sample it does nothing. */
  sample(price: number, seconds: number): void {
    const step = Math.floor(seconds / GRID)
    const k = step - this.#step
    if (k <= 0) return
    const r = price / this.#price - 1
    const square = (r * r * STEPS_AN_HOUR) / k
    const [k2, k5, k8] = k === 1 ? KEPT : (KEPT.map((kept) => kept ** k) as [number, number, number])
    this.#s2 = this.#s2 * k2 + square * (1 - k2)
    this.#s5 = this.#s5 * k5 + square * (1 - k5)
    this.#s8 = this.#s8 * k8 + square * (1 - k8)
    this.#price = price
    this.#step = step
  }

  /** The variance of an hour by the average of a day. */
  get variance(): number {
    return this.#s5
  }

  /** The drop that the next six hours exceed once in a hundred, a share. */
  get quantile(): number {
    return formulaQuantile(this.#s2, this.#s5, this.#s8, CONSTANTS)
  }
}
