import type { Book } from '../../protocol/book.ts'
import { QUOTE_DECIMALS } from '../../protocol/book.ts'
import type { FlowReport } from '../flow/flow.ts'
import { axis, drawChart, LEGEND, markLine, short } from './chart.ts'
import { htmlTable } from './html.ts'

interface FlowAsset {
  readonly symbol: string
  /** Price in cash, and depth in whole units. */
  readonly price: number
  readonly depth: number
}

/** The traded assets of a book in plain numbers. */
export function flowAssets({ assets }: Book): FlowAsset[] {
  return assets.slice(1).map(({ symbol, price, decimals, parameters }) => ({
    symbol,
    price: Number(price) / 10 ** QUOTE_DECIMALS,
    depth: Number(parameters.depth) / 10 ** decimals,
  }))
}

const X_AXIS = (name: string) =>
  axis(name, {
    type: 'value',
    max: 0,
    min: -50,
    nameLocation: 'middle',
    nameGap: 28,
    axisLabel: { formatter: (x: number) => `${x} %` },
  })
const GRID = { left: 76, right: 24, top: 48, bottom: 52 }

/** Net units sold of an asset at each point. */
function netSold({ points }: FlowReport, symbol: string): number[] {
  return points.map(({ sold, bought }) => Number(sold[symbol] ?? 0) - Number(bought[symbol] ?? 0))
}

/** The value that would be sold, in cash at the book's prices, and the bad debt, over the shock. */
export function curveChart(report: FlowReport, assets: readonly FlowAsset[], cash: string): string {
  const x = report.points.map(({ shockBp }) => shockBp / 100)
  const line = (name: string, values: readonly number[], more = {}) => ({
    name,
    type: 'line',
    showSymbol: false,
    lineStyle: { width: 2 },
    data: values.map((value, i) => [x[i], value]),
    ...more,
  })
  const used = assets.filter(({ symbol }) => netSold(report, symbol).some((units) => units !== 0))
  return drawChart(
    {
      legend: LEGEND,
      grid: GRID,
      xAxis: X_AXIS('shock of all prices'),
      yAxis: axis(cash, { type: 'value', axisLabel: { formatter: short } }),
      series: [
        ...used.map(({ symbol, price }) =>
          line(
            `${symbol} sold, net`,
            netSold(report, symbol).map((units) => units * price),
          ),
        ),
        line(
          'bad debt',
          report.points.map(({ badDebt }) => Number(badDebt)),
          { color: '#1c2430', lineStyle: { width: 2, type: 'dashed', color: '#1c2430' } },
        ),
      ],
    },
    360,
  )
}

/** The reproduction number `rho = -dQ / dln p / depth` of each asset along the curve. */
export function rhoChart(report: FlowReport, assets: readonly FlowAsset[]): string {
  const { points } = report
  const log = points.map(({ shockBp }) => Math.log1p(shockBp / 10_000))
  const series = assets
    .filter(({ depth, symbol }) => depth > 0 && netSold(report, symbol).some((units) => units !== 0))
    .map(({ symbol, depth }, a) => {
      const sold = netSold(report, symbol)
      return {
        name: symbol,
        type: 'line',
        showSymbol: false,
        lineStyle: { width: 2 },
        data: points
          .slice(1)
          .map(({ shockBp }, i) => [
            (shockBp + points[i]!.shockBp) / 200,
            -(sold[i + 1]! - sold[i]!) / (log[i + 1]! - log[i]!) / depth,
          ]),
        ...(a === 0 && { markLine: markLine({ yAxis: 1 }, 'explosive above 1') }),
      }
    })
  return drawChart(
    {
      legend: LEGEND,
      grid: GRID,
      xAxis: X_AXIS('shock of all prices'),
      yAxis: axis('rho', { type: 'value', max: (range: { max: number }) => Math.max(1.2, range.max) }),
      series,
    },
    300,
  )
}

/** The place where prices come to rest after each shock, with the shock itself as the reference. */
export function cascadeChart({ cascade }: FlowReport): string {
  const series = (name: string, of: (end: FlowReport['cascade'][number]) => number, dashed: boolean) => ({
    name,
    type: 'line',
    showSymbol: false,
    lineStyle: dashed ? { width: 1, type: 'dashed' } : { width: 2 },
    data: cascade.map((end) => [end.shockBp / 100, of(end) / 100]),
  })
  return drawChart(
    {
      legend: LEGEND,
      grid: GRID,
      xAxis: X_AXIS('shock of all prices'),
      yAxis: axis('', { type: 'value', axisLabel: { formatter: (y: number) => `${y} %` } }),
      series: [
        series('where prices come to rest', ({ finalBp }) => finalBp, false),
        series('the shock alone', ({ shockBp }) => shockBp, true),
      ],
    },
    300,
  )
}

/** Delta, Gamma and rho at the book's prices. */
export function slopeTable({ delta, gamma, rho }: FlowReport, assets: readonly FlowAsset[]): string {
  return htmlTable(
    ['asset', 'price', 'depth', 'Delta', 'Gamma', 'rho'],
    assets.map(({ symbol, price, depth }) => [
      symbol,
      String(price),
      short(depth),
      short(delta[symbol]!),
      short(gamma[symbol]!),
      short(rho[symbol]!),
    ]),
    [1, 2, 3, 4, 5],
  )
}
