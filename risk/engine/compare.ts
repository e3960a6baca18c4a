import { PlimsollError } from '../../protocol/errors.ts'
import type { HistorySymbol } from '../data/history.ts'
import type { JointSeries } from '../data/joint.ts'
import { CRASHES, type CrashName, crashWindow, historyWindow } from '../data/windows.ts'
import { yearStart } from '../evaluation/calendar.ts'
import { METRIC_COLUMNS, type Metrics, MetricsSummary, writeOutcome } from '../metrics/path-metrics.ts'
import { POLICY_NAMES } from '../policies/policies.ts'
import { type ClearingName, marketOf } from './clearing.ts'
import { type HistoryOptions, type HistoryOutcome, type HistoryRules, runHistory } from './history-run.ts'

/** Long periods of the history by name: the years from the first up to and without the last. */
export const PERIODS = { '2018-21': [2018, 2022], '2022-25': [2022, 2026] } as const
export type PeriodName = keyof typeof PERIODS

export const CRASH_NAMES = Object.keys(CRASHES) as CrashName[]
export const PERIOD_NAMES = Object.keys(PERIODS) as PeriodName[]

/** The assets that policies are compared on. */
const SYMBOLS: readonly HistorySymbol[] = ['ETH', 'BTC']

/** The population and the market that windows are run with. */
export const HISTORY_DEFAULTS: HistoryOptions = {
  accounts: 1000,
  seed: 1,
  impact: 'linear',
  halfLife: 3600,
  depthRatio: 4,
}

/** Margins of 15 points, liquidations that end at 20, leverage up to 5, a penalty of 2 %. */
export function staticRules(
  policy: string,
  changes: { maintenance?: number; target?: number; initial?: number; penalty?: number } = {},
): HistoryRules {
  const { maintenance = 0.15, target = 0.2, initial = 0.2, penalty = 0.02 } = changes
  const margins = { maintenance, target, initial }
  return { policy, penalty, margins: () => margins }
}

export interface CompareReport {
  readonly windows: readonly {
    readonly window: string
    readonly policies: readonly ({ readonly policy: string } & Metrics<number> & {
        readonly days: readonly { readonly date: string; readonly systemLoss: number }[]
      })[]
  }[]
}

/**
 * Windows by their names: `all` for the crashes, or a list of crashes and periods.
 * @throws PlimsollError naming one that is not known
 */
export function parseWindows(text: string): string[] {
  if (text === 'all') return [...CRASH_NAMES]
  const names = text.split(',').map((name) => name.trim())
  const known: readonly string[] = [...CRASH_NAMES, ...PERIOD_NAMES]
  names.forEach((name, i) => {
    if (!known.includes(name))
      throw new PlimsollError(`There is no window ${JSON.stringify(name)}.`, {
        hint: `There are all, ${known.join(', ')}.`,
      })
    if (names.indexOf(name) !== i) throw new PlimsollError(`The window ${name} is named twice.`)
  })
  return names
}

/** Candles of a window. */
export function windowOf(name: string, symbols: readonly HistorySymbol[] = SYMBOLS): JointSeries {
  if (Object.hasOwn(PERIODS, name)) {
    const [from, until] = PERIODS[name as PeriodName]
    return historyWindow(symbols, yearStart(from), yearStart(until))
  }
  return crashWindow(name as CrashName, symbols)
}

/** Mean of the liabilities over the days of a window, in base units of cash: what its shares are of. */
export function meanDebt({ debts }: HistoryOutcome): number {
  return debts.reduce((sum, debt) => sum + debt, 0) / debts.length
}

/** The metrics of a window, its one path. */
function historyMetrics(outcome: HistoryOutcome): Metrics<number> {
  const row = new Float64Array(METRIC_COLUMNS)
  writeOutcome(row, 0, outcome, outcome.opened, meanDebt(outcome))
  const summary = new MetricsSummary()
  summary.add(row, 0)
  return summary.numbers()
}

export interface CompareOptions {
  readonly windows: readonly string[]
  readonly policies?: readonly string[]
  readonly population?: Partial<HistoryOptions>
  /** The way in which inventory is sold: in the next step, where it is not given. */
  readonly clearing?: ClearingName
  readonly onProgress?: (window: string, policy: string) => void
}

/** Runs the same population under every policy along windows of the history as they were. */
export function compare({
  windows,
  policies = POLICY_NAMES,
  population = {},
  clearing = 'immediate',
  onProgress,
}: CompareOptions): CompareReport {
  return {
    windows: windows.map((window) => {
      const candles = windowOf(window)
      return {
        window,
        policies: policies.map((policy) => {
          onProgress?.(window, policy)
          const outcome = runHistory(candles, staticRules(policy), {
            ...HISTORY_DEFAULTS,
            market: marketOf(clearing),
            ...population,
          })
          const debt = meanDebt(outcome)
          return {
            policy,
            ...historyMetrics(outcome),
            days: outcome.dates.map((date, d) => ({ date, systemLoss: (outcome.dailyLoss[d] ?? 0) / debt })),
          }
        }),
      }
    }),
  }
}
