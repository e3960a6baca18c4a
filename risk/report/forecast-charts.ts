import { formatDate } from '../evaluation/calendar.ts'
import type { ForecastReport } from '../evaluation/forecast.ts'
import type { AssetForecasts } from '../evaluation/walk-forward.ts'
import { axis, COLORS, drawChart, LEGEND, markLine, percent } from './chart.ts'
import { htmlTable } from './html.ts'

/** Days over which exceedances are counted. */
const WINDOW_DAYS = 91
const DAY = 86_400
const COLUMNS = 2
const CELL = { width: 490, height: 190 }

/** Exceedances of the last thirteen weeks as a share of their hours, day by day. */
export function rollingExceedance({ times, drops }: AssetForecasts, quantiles: Float64Array): [number, number][] {
  const points: [number, number][] = []
  let first = 0
  let beyond = 0
  for (let i = 0; i < times.length; i++) {
    if (drops[i]! > quantiles[i]!) beyond++
    for (; times[first]! <= times[i]! - WINDOW_DAYS * DAY; first++) if (drops[first]! > quantiles[first]!) beyond--
    if (times[i]! % DAY === 0 && times[i]! - times[0]! >= WINDOW_DAYS * DAY)
      points.push([times[i]! * 1000, beyond / (i - first + 1)])
  }
  return points
}

/** Exceedances of the forecast in time: a panel an asset, the formula and a daily EWMA. */
export function exceedanceChart(forecasts: readonly AssetForecasts[], share: number): string {
  const models = ['formula', 'ewma'] as const
  const place = (i: number) => ({
    left: (i % COLUMNS) * CELL.width + 48,
    top: Math.floor(i / COLUMNS) * CELL.height + 62,
    width: CELL.width - 68,
    height: CELL.height - 74,
  })
  const most = Math.max(
    2.5 * share,
    ...forecasts.flatMap((one) =>
      one.models.flatMap(({ quantiles }) => rollingExceedance(one, quantiles).map(([, y]) => y)),
    ),
  )
  return drawChart(
    {
      legend: { ...LEGEND, data: [...models] },
      title: forecasts.map(({ symbol }, i) => ({
        text: symbol,
        left: place(i).left,
        top: place(i).top - 26,
        textStyle: { fontSize: 13, fontWeight: 600, color: '#1c2430' },
      })),
      grid: forecasts.map((_, i) => place(i)),
      xAxis: forecasts.map((_, i) =>
        axis('', {
          type: 'time',
          gridIndex: i,
          splitLine: { show: false },
          axisLabel: { formatter: '{yyyy}', hideOverlap: true },
          minInterval: 365 * DAY * 1000,
        }),
      ),
      yAxis: forecasts.map((_, i) =>
        axis('', {
          type: 'value',
          gridIndex: i,
          min: 0,
          max: Math.ceil(most * 100) / 100,
          splitNumber: 3,
          axisLabel: { formatter: (y: number) => percent(y) },
        }),
      ),
      series: forecasts.flatMap((one, i) =>
        models.map((model, m) => ({
          name: model,
          type: 'line',
          color: COLORS[m],
          xAxisIndex: i,
          yAxisIndex: i,
          showSymbol: false,
          lineStyle: { width: 1.5 },
          data: rollingExceedance(one, one.models.find((found) => found.model === model)!.quantiles),
          ...(m === 0 && { markLine: { ...markLine({ yAxis: share }, ''), label: { show: false } } }),
        })),
      ),
    },
    CELL.height * Math.ceil(forecasts.length / COLUMNS) + 20,
  )
}

/** Scores of the models on each asset. */
export function forecastTable({ assets, intervals }: ForecastReport): string {
  return htmlTable(
    ['asset', 'hours', 'model', 'exceeded', 'pinball', 'ratio to EWMA [95 %]', 'Kupiec', 'Christoffersen'],
    assets.flatMap(({ symbol, hours, models }, a) =>
      models.map(({ model, exceeded, pinball, ratioToEwma, kupiec, christoffersen }, m) => {
        const { low, high } = intervals[a]![m]!
        const p = (value: number) => (value < 1e-4 ? value.toExponential(0) : value.toFixed(4))
        return [
          m === 0 ? symbol : '',
          m === 0 ? String(hours) : '',
          model,
          `${(100 * exceeded).toFixed(2)} %`,
          pinball.toExponential(3),
          `${ratioToEwma.toFixed(3)} [${low.toFixed(3)}, ${high.toFixed(3)}]`,
          p(kupiec),
          p(christoffersen),
        ]
      }),
    ),
    [1, 3, 4, 5, 6, 7],
  )
}

/** The dates of the first and the last forecast. */
export function forecastPeriod(forecasts: readonly AssetForecasts[]): string {
  const times = forecasts.flatMap(({ times }) => [times[0]!, times.at(-1)!])
  return `${formatDate(Math.min(...times))} to ${formatDate(Math.max(...times))}`
}
