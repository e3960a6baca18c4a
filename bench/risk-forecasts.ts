/**
 * Prints the figures of docs/risk.md on margins that follow the forecast, on clearing discounts and on the days that make the losses:
 *   npm run --silent risk:forecasts [-- --assets ETH,BTC]
 */
import { parseArgs } from 'node:util'
import { textTable } from '../lib/text-table.ts'
import { HISTORY_SYMBOLS, requireHistory } from '../risk/data/history.ts'
import { parseDate } from '../risk/evaluation/calendar.ts'
import { againstConstant, aged, clearing, lossBeyond, ramped, withMean, worstDays } from '../risk/evaluation/margins.ts'
import { type AssetForecasts, walkForward } from '../risk/evaluation/walk-forward.ts'

/** Mean of the margins that are compared, a share of the price. */
const MEAN_MARGIN = 0.05
/** The gain that a taker needs beyond the fall of the market, a share of the price. */
const EDGE = 0.005
/** Share of the crashes that a constant discount need not cover. */
const SHARE = 0.05
const PERIODS = [
  { name: '2018-21', from: '2018-01-01', until: '2022-01-01' },
  { name: '2022-25', from: '2022-01-01', until: '2026-01-01' },
] as const

const { values } = parseArgs({ options: { assets: { type: 'string' } } })
const symbols = values.assets?.split(',').map(requireHistory) ?? HISTORY_SYMBOLS
const print = (text: string) => process.stdout.write(`${text}\n`)
const percent = (share: number) => `${(100 * share).toFixed(1)} %`

const periods = PERIODS.map(({ name, from, until }) => ({
  name,
  // Of the alts there is too little before 2022.
  assets: walkForward({
    assets: name === '2018-21' ? symbols.filter((symbol) => symbol === 'ETH' || symbol === 'BTC') : symbols,
    from: parseDate(from, 'from'),
    until: parseDate(until, 'until'),
    horizon: 1,
    share: 0.01,
    models: ['formula', 'downside', 'ewma'],
    refit: false,
  }),
}))
const rows = (of: (asset: AssetForecasts, period: string) => string[][]) =>
  periods.flatMap(({ name, assets }) => assets.flatMap((asset) => of(asset, name)))
const quantiles = (asset: AssetForecasts, model: string) => asset.models.find((one) => one.model === model)!.quantiles

print(
  `Loss of the next hour beyond a margin whose mean is ${percent(MEAN_MARGIN)}, over that beyond a constant, with bounds of 95 %.\nThe columns after the first two are the formula again, late or ramped.\n`,
)
print(
  textTable(
    [
      'period',
      'asset',
      'formula',
      'downside',
      'formula (1 h)',
      '(6 h)',
      '(24 h)',
      '1 point an hour',
      '0.1 point',
      'EWMA',
    ],
    rows((asset, period) => {
      const q = quantiles(asset, 'formula')
      const even = withMean(q, MEAN_MARGIN)
      const margins = [
        q,
        quantiles(asset, 'downside'),
        aged(q, 1),
        aged(q, 6),
        aged(q, 24),
        ramped(even, 0.01),
        ramped(even, 0.001),
      ]
      const cells = [...margins, quantiles(asset, 'ewma')].map((margin) => {
        const { mean, low, high } = againstConstant(asset, margin, MEAN_MARGIN)
        return `${mean.toFixed(2)} [${low.toFixed(2)}, ${high.toFixed(2)}]`
      })
      return [[period, asset.symbol, ...cells]]
    }),
    [2, 3, 4, 5, 6, 7, 8, 9],
  ),
)

print(
  `\nDiscount at which inventory clears in the hour after a fall, with an edge of ${percent(EDGE)}: the mean that an auction finds, the constant that\ncovers ${percent(1 - SHARE)}, and the pinball loss of the best multiple of the formula over that of the best constant.\n`,
)
print(
  textTable(
    ['period', 'asset', 'fall beyond', 'hours', 'auction', 'constant', 'forecast/constant'],
    rows((asset, period) =>
      [0.03, 0.05].map((threshold) => {
        const result = clearing(asset, quantiles(asset, 'formula'), { threshold, edge: EDGE, share: SHARE })
        const { events, auction, constant, forecastRatio } = result
        return [
          period,
          asset.symbol,
          percent(threshold),
          String(events),
          percent(auction),
          percent(constant),
          forecastRatio.toFixed(2),
        ]
      }),
    ),
    [2, 3, 4, 5, 6],
  ),
)

print(`\nDays that make the loss beyond a margin of mean ${percent(MEAN_MARGIN)}, and their shares of it.\n`)
print(
  textTable(
    ['period', 'asset', 'margin', 'three worst days', 'together'],
    rows((asset, period) =>
      (['constant', 'formula'] as const).map((name) => {
        const q = quantiles(asset, 'formula')
        const margin = name === 'constant' ? q.map(() => MEAN_MARGIN) : withMean(q, MEAN_MARGIN)
        const days = worstDays(asset, lossBeyond(asset, margin), 3)
        const list = days.map(({ date, share }) => `${date} ${percent(share)}`).join(', ')
        return [period, asset.symbol, name, list, percent(days.reduce((sum, { share }) => sum + share, 0))]
      }),
    ),
    [4],
  ),
)
