import type { HistorySymbol } from '../data/history.ts'
import type { JointSeries } from '../data/joint.ts'
import { historyWindow } from '../data/windows.ts'
import { staticRules } from '../engine/compare.ts'
import type { HistoryOptions, HistoryRules } from '../engine/history-run.ts'
import { yearStart } from '../evaluation/calendar.ts'
import { largestFirst } from '../policies/largest-first.ts'
import { POLICY_NAMES } from '../policies/policies.ts'
import { adaptiveGaps, gapOfEqualLeverage } from './adaptive-margin.ts'
import { type StudyRun, study } from './history-study.ts'

/** Pairs of assets that populations trade, and where their histories begin. */
export const PAIRS: readonly (readonly [HistorySymbol, HistorySymbol])[] = [
  ['ETH', 'BTC'],
  ['SOL', 'AVAX'],
  ['LINK', 'DOGE'],
]

export interface Period {
  readonly name: string
  readonly from: number
  readonly until: number
}

/** The two halves of the history; where an asset begins later, so does the window. */
export const HALVES: readonly Period[] = [
  { name: '2018-21', from: yearStart(2018), until: yearStart(2022) },
  { name: '2022-25', from: yearStart(2022), until: yearStart(2026) },
]

export function pairWindow(pair: readonly HistorySymbol[], { from, until }: Period): JointSeries {
  return historyWindow(pair, from, until)
}

/** Points of maintenance margin, and from there to the near target. */
const MAINTENANCE = 0.15
const NEAR_TARGET = 0.03
const FAR_TARGET = 0.1
const PENALTY = 0.02

/** The same policy under a static and an adaptive initial margin that offer the same leverage, asset by asset (fact 3). */
export function initialMargins(
  pair: readonly HistorySymbol[],
  window: JointSeries,
  population: Partial<HistoryOptions> = {},
  maintenance = MAINTENANCE,
): { fixed: StudyRun; adaptive: StudyRun; gaps: readonly Float64Array[] } {
  const gaps = pair.map((symbol) => adaptiveGaps(symbol, window))
  const constants = gaps.map((gap) => gapOfEqualLeverage(gap, maintenance))
  const rules = (gapOf: (a: number, h: number) => number): HistoryRules => ({
    policy: 'plimsoll',
    penalty: PENALTY,
    margins: (a, h) => ({ maintenance, target: maintenance + NEAR_TARGET, initial: maintenance + gapOf(a, h) }),
  })
  return {
    fixed: study(
      'static',
      window,
      rules((a) => constants[a]!),
      population,
    ),
    adaptive: study(
      'adaptive',
      window,
      rules((a, h) => gaps[a]![h]!),
      population,
    ),
    gaps,
  }
}

/** A static and an adaptive maintenance margin of the same mean (fact 4); what is then liquidated that the static one would have left. */
export function maintenanceMargins(
  pair: readonly HistorySymbol[],
  window: JointSeries,
  population: Partial<HistoryOptions> = {},
): { fixed: StudyRun; adaptive: StudyRun } {
  const gaps = pair.map((symbol) => adaptiveGaps(symbol, window))
  const means = gaps.map((gap) => gap.reduce((sum, x) => sum + x, 0) / gap.length)
  const rules = (marginOf: (a: number, h: number) => number, adaptiveMaintenance: boolean): HistoryRules => ({
    policy: 'plimsoll',
    penalty: PENALTY,
    adaptiveMaintenance,
    reference: means.map((mean) => mean + 0.05),
    margins: (a, h) => {
      const maintenance = marginOf(a, h) + 0.05
      return { maintenance, target: maintenance + NEAR_TARGET, initial: maintenance + 0.05 }
    },
  })
  return {
    fixed: study(
      'static',
      window,
      rules((a) => means[a]!, false),
      population,
    ),
    adaptive: study(
      'adaptive',
      window,
      rules((a, h) => gaps[a]![h]!, true),
      population,
    ),
  }
}

/** Liquidations that end 3 points above maintenance, and at the initial margin 10 points above it (fact 5). */
export function targets(
  window: JointSeries,
  population: Partial<HistoryOptions> = {},
): { near: StudyRun; far: StudyRun } {
  const initial = MAINTENANCE + FAR_TARGET
  return {
    near: study(
      'near',
      window,
      staticRules('plimsoll', { target: MAINTENANCE + NEAR_TARGET, initial, penalty: PENALTY }),
      population,
    ),
    far: study('far', window, staticRules('plimsoll', { target: initial, initial, penalty: PENALTY }), population),
  }
}

const PENALTIES = [0.01, 0.015, 0.02, 0.03, 0.04, 0.05] as const

/** Penalties of 1 to 5 % (fact 6). */
export function penalties(window: JointSeries, population: Partial<HistoryOptions> = {}): StudyRun[] {
  return PENALTIES.map((penalty) =>
    study(`${100 * penalty} %`, window, staticRules('plimsoll', { penalty }), population),
  )
}

/** Depth of which the first asset has a tenth: a little less than what accounts hold and owe in all. */
const UNEQUAL: Partial<HistoryOptions> = { depthRatio: 8, depthShares: [0.1, 0.9] }

/** Water-filling by depth against the greatest position first, with unequal depths (fact 9). */
export function orders(
  window: JointSeries,
  population: Partial<HistoryOptions> = {},
): { water: StudyRun; largest: StudyRun } {
  const run = (policy: string) => study(policy, window, staticRules(policy), { ...UNEQUAL, ...population })
  return { water: run('plimsoll'), largest: run(largestFirst.name) }
}

/** All policies under the same static margins. */
export function policyRuns(window: JointSeries, population: Partial<HistoryOptions> = {}): StudyRun[] {
  return POLICY_NAMES.map((policy) => study(policy, window, staticRules(policy), population))
}
