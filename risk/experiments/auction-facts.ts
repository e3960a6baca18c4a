import { nextPenalty } from '../../protocol/penalty-controller.ts'
import type { JointSeries } from '../data/joint.ts'
import { type ClearingName, MARKET_DEFAULTS, type MarketOptions, marketOf } from '../engine/clearing.ts'
import { staticRules } from '../engine/compare.ts'
import type { HistoryOptions, HistoryRules } from '../engine/history-run.ts'
import type { MarketFill } from '../engine/market-clearing.ts'
import type { Interval } from '../metrics/interval.ts'
import { overDays, type StudyRun, study, sumOver } from './history-study.ts'
import { takerGain } from './taker-gain.ts'

/** Penalty of the runs that do not vary it. */
const PENALTY = 0.02
/** Basis points that the controller keeps above the realised discount. */
const CONTROLLER_MARGIN = 50n

/** Mean of a figure of fills, weighted by their values at the mark. */
export function fillMean(fills: readonly MarketFill[], figure: (fill: MarketFill) => number): number {
  const value = fills.reduce((sum, fill) => sum + fill.value, 0)
  return value === 0 ? 0 : fills.reduce((sum, fill) => sum + fill.value * figure(fill), 0) / value
}

/** The time by which a share of the value had been taken, in seconds of waiting. */
export function waitedAt(fills: readonly MarketFill[], share: number): number {
  const sorted = [...fills].sort((a, b) => a.waited - b.waited)
  const whole = fills.reduce((sum, { value }) => sum + value, 0)
  let sum = 0
  for (const { waited, value } of sorted) {
    sum += value
    if (sum >= share * whole) return waited
  }
  return 0
}

/** The rule's own prediction for a fill: what its taker gains, and how long the price takes to the market from the start of its way. */
export function predict(
  { variance, quantile }: Pick<MarketFill, 'variance' | 'quantile'>,
  penalty: number,
  { parameters, blockSeconds, fee }: MarketOptions,
): { readonly gain: number; readonly seconds: number } {
  const premium = Math.min(0.2, quantile * Math.sqrt(Number(parameters.maxAge) / 21_600))
  const length = premium + penalty + Number(parameters.floorDiscount) / 1e4
  const sigma = Math.sqrt(variance / 3600)
  const wanted = (length * Math.sqrt(Number(parameters.blockTime) / 1000)) / sigma
  const rate = length / Math.min(7200, Math.max(600, wanted))
  const gain = takerGain({ sigma, rate, blockSeconds })
  return { gain, seconds: (premium + fee + gain) / rate }
}

/** Inventory of a window: how fast it went, and at what price. Shares of the mark; seconds. */
export interface ClearingRun {
  readonly clearing: ClearingName
  readonly run: StudyRun
  readonly fills: readonly MarketFill[]
  /** Value taken, and still waiting at the end, over the value traded. */
  readonly cleared: number
  readonly waiting: number
  readonly meanSeconds: number
  readonly slowest: number
  readonly discount: number
  readonly gain: number
  readonly predictedGain: number
  readonly predictedSeconds: number
  readonly recaptured: number | undefined
}

/**
 * A window's inventory under a way of clearing.
 * @param adverse whether takers count on no rebound
 */
export function clearingRun(
  window: JointSeries,
  clearing: 'auction' | 'clock',
  adverse: boolean,
  population: Partial<HistoryOptions> = {},
  changes: Partial<MarketOptions> = {},
): ClearingRun {
  const options = marketOf(clearing, changes)!
  const run = study(clearing, window, staticRules('plimsoll', { penalty: PENALTY }), {
    ...population,
    market: options,
    adverse,
  })
  const market = run.outcome.market!
  const { fills } = market
  const value = fills.reduce((sum, fill) => sum + fill.value, 0)
  return {
    clearing,
    run,
    fills,
    cleared: value / run.outcome.traded,
    waiting: market.waiting / run.outcome.traded,
    meanSeconds: fillMean(fills, ({ waited }) => waited),
    slowest: waitedAt(fills, 0.95),
    discount: fillMean(fills, ({ discount }) => discount),
    gain: fillMean(fills, ({ gain, value }) => gain / value),
    predictedGain: fillMean(fills, (fill) => predict(fill, PENALTY, options).gain),
    predictedSeconds: fillMean(fills, (fill) => predict(fill, PENALTY, options).seconds),
    recaptured: market.recaptured,
  }
}

/** Rules of the penalty that are compared: constants, the controller, and auctions with as little of it as may be. */
export const PENALTY_RULES = ['2 %', '3 %', '5 %', 'controller', 'auction alone, 1 %', 'auction alone, 0 %'] as const
export type PenaltyRule = (typeof PENALTY_RULES)[number]

const CONSTANTS: Readonly<Record<PenaltyRule, number>> = {
  '2 %': 0.02,
  '3 %': 0.03,
  '5 %': 0.05,
  controller: 0.02,
  'auction alone, 1 %': 0.01,
  'auction alone, 0 %': 0,
}

/** The controller in shares of the price, fed with the fills of a day. */
function controlled(penalty: number, fills: readonly MarketFill[]): number {
  const discount = fills.length === 0 ? undefined : BigInt(Math.ceil(1e4 * fillMean(fills, (fill) => fill.discount)))
  return Number(nextPenalty(BigInt(Math.round(1e4 * penalty)), discount, CONTROLLER_MARGIN)) / 1e4
}

/** A penalty's run: shares of the mean debt over the window. */
export interface PenaltyRun {
  readonly rule: PenaltyRule
  readonly run: StudyRun
  /** Loss of the backstop on the days on which it lost. */
  readonly backstopLoss: Interval
  readonly backstopProfit: Interval
  readonly borrowerCost: Interval
  readonly systemLoss: Interval
  readonly discount: number
  readonly recaptured: number | undefined
  /** Penalties in force over days and assets: least, mean, greatest. */
  readonly penalties: readonly [number, number, number]
}

/** A population under a rule of the penalty, with auctions of docs/market.md. */
export function penaltyRun(
  window: JointSeries,
  rule: PenaltyRule,
  population: Partial<HistoryOptions> = {},
): PenaltyRun {
  const rules: HistoryRules = {
    ...staticRules('plimsoll', { penalty: CONSTANTS[rule] }),
    ...(rule === 'controller' && { nextPenalty: controlled }),
  }
  const run = study(rule, window, rules, { market: marketOf('auction', MARKET_DEFAULTS), ...population })
  const { outcome, debt } = run
  const market = outcome.market!
  const days = outcome.dates.length
  const over = (values: readonly number[]) => overDays(days, (drawn) => sumOver(values, drawn) / debt)
  const inForce = market.penalties.flat()
  return {
    rule,
    run,
    backstopLoss: over(outcome.dailyProfit.map((profit) => Math.max(0, -profit))),
    backstopProfit: over(outcome.dailyProfit),
    borrowerCost: over(outcome.dailyPenalties),
    systemLoss: run.systemLoss,
    discount: fillMean(market.fills, (fill) => fill.discount),
    recaptured: market.recaptured,
    penalties: [
      inForce.reduce((least, x) => Math.min(least, x), 1),
      inForce.reduce((sum, x) => sum + x, 0) / inForce.length,
      inForce.reduce((most, x) => Math.max(most, x), 0),
    ],
  }
}

/** A figure of two runs by the day, the first less the second, in shares of their mean debts, with bounds over resampled weeks. */
export function dailyDifference(
  run: StudyRun,
  base: StudyRun,
  figure: (outcome: StudyRun['outcome'], day: number) => number,
): Interval {
  return overDays(run.outcome.dates.length, (days) => {
    let sum = 0
    for (const day of days) sum += figure(run.outcome, day) / run.debt - figure(base.outcome, day) / base.debt
    return sum
  })
}
