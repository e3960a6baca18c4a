import type { CustomSeriesRenderItem } from 'echarts/types/dist/shared'
import type { PolicyReport } from '../engine/simulate.ts'
import type { Interval } from '../metrics/interval.ts'
import { axis, COLORS, drawChart, LEGEND, percent } from './chart.ts'
import { htmlTable } from './html.ts'

/** Losses of one policy over paths of some hours. */
export interface HorizonLoss {
  readonly hours: number
  readonly metrics: PolicyReport
}

/** The end of an axis whose values may all be 0. */
const atLeast = (least: number) => (range: { readonly max: number }) => (range.max < least ? least : undefined)

/** A fan: mean, value-at-risk and expected shortfall of the system loss against the length of the path. */
export function fanChart(horizons: readonly HorizonLoss[]): string {
  const levels = [
    ['ES 99 %', 'es99', '#8fbbe0'],
    ['VaR 99 %', 'var99', '#5b9bd0'],
    ['ES 95 %', 'es95', '#2f7fbf'],
    ['VaR 95 %', 'var95', '#0b5d96'],
    ['mean', 'systemLoss', '#1c2430'],
  ] as const
  return drawChart(
    {
      legend: LEGEND,
      grid: { left: 76, right: 24, top: 48, bottom: 52 },
      xAxis: axis('hours', { type: 'value', min: 0, max: horizons.at(-1)!.hours, nameLocation: 'middle', nameGap: 28 }),
      yAxis: axis('share of debt', {
        type: 'value',
        max: atLeast(1e-4),
        axisLabel: { formatter: (y: number) => percent(y) },
      }),
      series: levels.map(([name, key, color]) => ({
        name,
        type: 'line',
        color,
        symbol: 'circle',
        symbolSize: 5,
        lineStyle: { width: 2 },
        areaStyle: key === 'systemLoss' ? undefined : { opacity: 0.12 },
        data: [[0, 0], ...horizons.map(({ hours, metrics }) => [hours, metrics[key].mean])],
      })),
    },
    360,
  )
}

/** Liquidations-at-risk, and the accounts that are liquidated in the mean, against the length of the path. */
export function volumeChart(horizons: readonly HorizonLoss[]): string {
  const lines = [
    ['value liquidated, 95 % (LaR, of debt)', 'lar95'],
    ['accounts liquidated, mean', 'liquidatedAccounts'],
  ] as const
  return drawChart(
    {
      legend: { ...LEGEND, itemGap: 60 },
      grid: { left: 76, right: 24, top: 48, bottom: 52 },
      xAxis: axis('hours', { type: 'value', min: 0, max: horizons.at(-1)!.hours, nameLocation: 'middle', nameGap: 28 }),
      yAxis: axis('', { type: 'value', max: atLeast(1e-4), axisLabel: { formatter: (y: number) => percent(y) } }),
      series: lines.map(([name, key]) => ({
        name,
        type: 'line',
        symbol: 'circle',
        symbolSize: 5,
        lineStyle: { width: 2 },
        data: [[0, 0], ...horizons.map(({ hours, metrics }) => [hours, metrics[key].mean])],
      })),
    },
    280,
  )
}

const SHOWN = [
  ['liquidatedAccounts', 'accounts liquidated'],
  ['systemLoss', 'system loss'],
  ['badDebt', 'bad debt'],
  ['es99', 'ES 99 % of the system loss'],
  ['borrowerCost', 'cost to borrowers'],
  ['overLiquidation', 'over-liquidation (ratio)'],
] as const
const COLUMNS = 3
const CELL = { width: 326, height: 210 }

/** Policies side by side, a panel a metric: the estimate with its bounds of 95 %. */
export function policyChart(policies: readonly PolicyReport[]): string {
  const names = policies.map(({ policy }) => policy)
  const place = (i: number) => ({
    left: (i % COLUMNS) * CELL.width + (i % COLUMNS === 0 ? 76 : 34),
    top: Math.floor(i / COLUMNS) * CELL.height + 34,
    width: CELL.width - 110 + (i % COLUMNS === 0 ? 0 : 36),
    height: CELL.height - 72,
  })
  /** A line from the low to the high bound with a dot at the estimate. */
  const renderItem: CustomSeriesRenderItem = (_, api) => {
    const row = api.value(0)
    const [low, center, high] = [1, 2, 3].map((k) => api.coord([api.value(k), row])) as [number[], number[], number[]]
    const color = COLORS[Number(row) % COLORS.length]!
    const bar = (x1: number, y1: number, x2: number, y2: number) => ({
      type: 'line' as const,
      shape: { x1, y1, x2, y2 },
      style: { stroke: color, lineWidth: 2 },
    })
    const y = center[1]!
    return {
      type: 'group',
      children: [
        bar(low[0]!, y, high[0]!, y),
        bar(low[0]!, y - 4, low[0]!, y + 4),
        bar(high[0]!, y - 4, high[0]!, y + 4),
        { type: 'circle', shape: { cx: center[0]!, cy: y, r: 4 }, style: { fill: color } },
      ],
    }
  }
  return drawChart(
    {
      title: SHOWN.map(([, title], i) => ({
        text: title,
        left: place(i).left,
        top: place(i).top - 30,
        textStyle: { fontSize: 13, fontWeight: 600, color: '#1c2430' },
      })),
      grid: SHOWN.map((_, i) => place(i)),
      xAxis: SHOWN.map(([key], i) =>
        axis('', {
          type: 'value',
          gridIndex: i,
          scale: key === 'overLiquidation',
          min: key === 'overLiquidation' ? undefined : 0,
          max: key === 'overLiquidation' ? undefined : atLeast(1e-4),
          splitNumber: 3,
          axisLabel: {
            formatter: (x: number) => (key === 'overLiquidation' ? String(x) : percent(x)),
            hideOverlap: true,
          },
        }),
      ),
      yAxis: SHOWN.map((_, i) =>
        axis('', {
          type: 'category',
          gridIndex: i,
          inverse: true,
          data: names,
          axisLabel: { show: i % COLUMNS === 0 },
          axisTick: { show: false },
          splitLine: { show: false },
        }),
      ),
      series: SHOWN.map(([key], i) => ({
        type: 'custom',
        xAxisIndex: i,
        yAxisIndex: i,
        clip: true,
        renderItem,
        encode: { x: [1, 2, 3], y: 0 },
        data: policies.map((policy, row) => [row, policy[key].low, policy[key].mean, policy[key].high]),
      })),
    },
    CELL.height * Math.ceil(SHOWN.length / COLUMNS),
  )
}

const RATIOS: readonly string[] = ['overLiquidation']

/** All metrics of all policies with their bounds. */
export function policyTable(policies: readonly PolicyReport[]): string {
  const [first] = policies
  const keys = Object.keys(first!).filter((key) => key !== 'policy') as Exclude<keyof PolicyReport, 'policy'>[]
  const cell = (key: string, { mean, low, high }: Interval) => {
    const show = (x: number) => (RATIOS.includes(key) ? x.toFixed(3) : percent(x))
    return `${show(mean)}\n[${show(low)}, ${show(high)}]`
  }
  return htmlTable(
    ['metric', ...policies.map(({ policy }) => policy)],
    keys.map((key) => [key, ...policies.map((policy) => cell(key, policy[key]))]),
    policies.map((_, i) => i + 1),
  )
}
