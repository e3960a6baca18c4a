import { textTable } from '../lib/text-table.ts'
import type { Interval } from '../risk/metrics/interval.ts'
import type { Metrics } from '../risk/metrics/path-metrics.ts'

/** Metrics that are no shares: a plain ratio. */
const RATIOS: readonly string[] = ['overLiquidation']

/** Policies side by side, a metric a line: shares in per cent, with their bounds where they have any. */
export function metricsTable(policies: readonly ({ readonly policy: string } & Metrics<Interval | number>)[]): string {
  const [first] = policies
  if (first === undefined) return ''
  const names = Object.keys(first).filter(
    (name): name is keyof Metrics<unknown> => name !== 'policy' && name !== 'days',
  )
  const cell = (name: keyof Metrics<unknown>, value: Interval | number) => {
    const show = (x: number) => (RATIOS.includes(name) ? x.toFixed(3) : `${(100 * x).toPrecision(3)} %`)
    return typeof value === 'number' ? show(value) : `${show(value.mean)} [${show(value.low)}, ${show(value.high)}]`
  }
  return textTable(
    ['', ...policies.map(({ policy }) => policy)],
    names.map((name) => [name, ...policies.map((policy) => cell(name, policy[name]))]),
    policies.map((_, i) => i + 1),
  )
}
