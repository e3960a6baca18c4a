import type { PathOutcome } from '../engine/engine.ts'
import { Distribution } from './distribution.ts'
import { type Interval, shareInterval } from './interval.ts'

/** The figures that are kept of a path, in the order of the columns of a row; shares are of the debt at the start. */
const COLUMNS = ['accounts', 'badDebt', 'systemLoss', 'traded', 'borrowerCost', 'tradedValue', 'leastTraded']
export const METRIC_COLUMNS = COLUMNS.length

/** Debt of which more than this share is left uncovered makes a path one of `pUncovered1`. */
const UNCOVERED = 0.01
/** The 97.5 % quantile of the standard normal. */
const Z = 1.959963984540054

/** The metrics of a policy; shares of the debt at the start but where it is said otherwise. `T` is a number, or an interval. */
export interface Metrics<T> {
  /** Share of the accounts that were liquidated at least once in a path. */
  readonly liquidatedAccounts: T
  /** Written off, or short at the end. */
  readonly badDebt: T
  /** Bad debt, and what those who took over liquidated positions lost on the days on which they lost. */
  readonly systemLoss: T
  /** Quantiles of the system loss over paths. */
  readonly var95: T
  readonly var99: T
  /** Means of its worst 5 and 1 %. */
  readonly es95: T
  readonly es99: T
  /** Liquidations-at-risk: the 95 % quantile of the value traded, sold and bought. */
  readonly lar95: T
  /** Probability of a path that leaves more than 1 % of the debt uncovered. */
  readonly pUncovered1: T
  /** Equity that liquidations took from borrowers, and the impact of the sales. */
  readonly borrowerCost: T
  /** Value traded over the least that would have reached the same targets; 1 where nothing was due. */
  readonly overLiquidation: T
}

/** Writes a path's outcome as a row. */
export function writeOutcome(
  row: Float64Array,
  offset: number,
  outcome: PathOutcome,
  accounts: number,
  debt: number,
): void {
  const share = (value: number) => (debt > 0 ? value / debt : 0)
  row[offset] = outcome.accounts / accounts
  row[offset + 1] = share(outcome.badDebt)
  row[offset + 2] = share(outcome.systemLoss)
  row[offset + 3] = share(outcome.traded)
  row[offset + 4] = share(outcome.penalties + outcome.impact)
  row[offset + 5] = outcome.traded
  row[offset + 6] = outcome.leastTraded
}

/** Sums up the rows of any number of paths in bounded memory. */
export class MetricsSummary {
  readonly #columns = Array.from({ length: 5 }, () => new Distribution())
  #uncovered = 0
  #traded = 0
  #least = 0
  #tradedSquares = 0
  #leastSquares = 0
  #products = 0

  add(row: Float64Array, offset: number): void {
    this.#columns.forEach((column, c) => column.add(row[offset + c]!))
    if (row[offset + 1]! > UNCOVERED) this.#uncovered++
    const traded = row[offset + 5]!
    const least = row[offset + 6]!
    this.#traded += traded
    this.#least += least
    this.#tradedSquares += traded * traded
    this.#leastSquares += least * least
    this.#products += traded * least
  }

  /** Estimates over the paths, with bounds of 95 %. */
  intervals(): Metrics<Interval> {
    const [accounts, badDebt, systemLoss, traded, borrowerCost] = this.#columns as [
      Distribution,
      Distribution,
      Distribution,
      Distribution,
      Distribution,
    ]
    return {
      liquidatedAccounts: accounts.mean(),
      badDebt: badDebt.mean(),
      systemLoss: systemLoss.mean(),
      var95: systemLoss.valueAtRisk(0.95),
      var99: systemLoss.valueAtRisk(0.99),
      es95: systemLoss.expectedShortfall(0.95),
      es99: systemLoss.expectedShortfall(0.99),
      lar95: traded.valueAtRisk(0.95),
      pUncovered1: shareInterval(this.#uncovered, accounts.count),
      borrowerCost: borrowerCost.mean(),
      overLiquidation: this.#overLiquidation(accounts.count),
    }
  }

  /** A ratio of means, with bounds by the delta method (W. Cochran, Sampling techniques, 6.4). */
  #overLiquidation(count: number): Interval {
    if (this.#least === 0) return { mean: 1, low: 1, high: 1 }
    const ratio = this.#traded / this.#least
    const residuals = Math.max(0, this.#tradedSquares - 2 * ratio * this.#products + ratio * ratio * this.#leastSquares)
    const half = count < 2 ? 0 : (Z * Math.sqrt((residuals * count) / (count - 1))) / this.#least
    return { mean: ratio, low: Math.max(0, ratio - half), high: ratio + half }
  }

  /** The metrics of a single path, as numbers. */
  numbers(): Metrics<number> {
    return Object.fromEntries(
      Object.entries(this.intervals()).map(([name, { mean }]) => [name, mean]),
    ) as unknown as Metrics<number>
  }
}
