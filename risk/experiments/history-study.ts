import type { JointSeries } from '../data/joint.ts'
import { HISTORY_DEFAULTS, meanDebt } from '../engine/compare.ts'
import { type HistoryOptions, type HistoryOutcome, type HistoryRules, runHistory } from '../engine/history-run.ts'
import { blockBootstrapInterval, type Interval } from '../metrics/interval.ts'

/** Days that stay together in the bootstrap: losses cluster. */
const BLOCK = 7

/** A rule's run, as shares of the mean debt. */
export interface StudyRun {
  readonly name: string
  readonly outcome: HistoryOutcome
  /** Mean of the liabilities over the days, in base units of cash. */
  readonly debt: number
  readonly systemLoss: Interval
  readonly badDebt: number
  /** Value traded over the mean debt. */
  readonly traded: Interval
  readonly borrowerCost: number
  readonly leverageOffered: number
  readonly causedByParameters: number
  /** Share of the system loss on its three worst days, and those days. */
  readonly worstThree: number
  readonly worstDays: readonly { readonly date: string; readonly loss: number }[]
}

/** Bounds of a statistic of days, over resampled weeks. */
export function overDays(days: number, statistic: (days: Float64Array) => number): Interval {
  return blockBootstrapInterval(
    Float64Array.from({ length: days }, (_, d) => d),
    BLOCK,
    statistic,
  )
}

export function sumOver(values: readonly number[], days: Float64Array): number {
  let sum = 0
  for (const day of days) sum += values[day]!
  return sum
}

/** Runs a population under rules along a window. */
export function study(
  name: string,
  window: JointSeries,
  rules: HistoryRules,
  population: Partial<HistoryOptions> = {},
): StudyRun {
  const outcome = runHistory(window, rules, { ...HISTORY_DEFAULTS, ...population })
  const debt = meanDebt(outcome)
  const count = outcome.dates.length
  const worstDays = outcome.dates
    .map((date, d) => ({ date, loss: outcome.dailyLoss[d]! / debt }))
    .sort((a, b) => b.loss - a.loss)
    .slice(0, 3)
  return {
    name,
    outcome,
    debt,
    systemLoss: overDays(count, (days) => sumOver(outcome.dailyLoss, days) / debt),
    badDebt: outcome.badDebt / debt,
    traded: overDays(count, (days) => sumOver(outcome.dailyTraded, days) / debt),
    borrowerCost: (outcome.penalties + outcome.impact) / debt,
    leverageOffered: outcome.leverageOffered,
    causedByParameters: outcome.traded > 0 ? outcome.causedByParameters / outcome.traded : 0,
    worstThree:
      outcome.systemLoss > 0 ? worstDays.reduce((sum, { loss }) => sum + loss, 0) / (outcome.systemLoss / debt) : 0,
    worstDays,
  }
}

/** The loss of one run less that of another, in shares of their mean debts, with bounds over resampled weeks. */
export function lossDifference(run: StudyRun, base: StudyRun): Interval {
  const debts = [run, base].map(({ outcome }) => meanDebt(outcome))
  return overDays(
    run.outcome.dates.length,
    (days) => sumOver(run.outcome.dailyLoss, days) / debts[0]! - sumOver(base.outcome.dailyLoss, days) / debts[1]!,
  )
}

/**
 * A quantity of one run over that of another on the same days, with bounds over resampled weeks; the bounds are not finite where weeks can be
 * drawn in which the other is 0.
 */
export function ratioOfRuns(run: StudyRun, base: StudyRun, daily: 'dailyLoss' | 'dailyTraded'): Interval {
  const debts = [run, base].map(({ outcome }) => meanDebt(outcome))
  return overDays(
    run.outcome.dates.length,
    (days) => sumOver(run.outcome[daily], days) / debts[0]! / (sumOver(base.outcome[daily], days) / debts[1]!),
  )
}

/** The loss over the volume of one run, over that of another, with bounds over resampled weeks. */
export function lossPerVolumeRatio(run: StudyRun, base: StudyRun): Interval {
  const rate = ({ outcome }: StudyRun, days: Float64Array) =>
    sumOver(outcome.dailyLoss, days) / sumOver(outcome.dailyTraded, days)
  return overDays(run.outcome.dates.length, (days) => rate(run, days) / rate(base, days))
}
