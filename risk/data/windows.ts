import { fileURLToPath } from 'node:url'
import { PlimsollError } from '../../protocol/errors.ts'
import { HISTORY_SYMBOLS, type HistorySymbol, loadCutHistory } from './history.ts'
import { type JointSeries, joinSeries } from './joint.ts'
import { readSeries, type Series, sliceSeries } from './series.ts'

/** The six crashes by the names of the command line, and those of their files. */
export const CRASHES = {
  '2020-03': '2020-03_black_thursday',
  '2021-05': '2021-05_may19',
  '2022-05': '2022-05_luna',
  '2022-11': '2022-11_ftx',
  '2024-08': '2024-08_aug5',
  '2025-10': '2025-10_oct10',
} as const
export type CrashName = keyof typeof CRASHES

/** Candles of ETH or BTC over a crash, from its own file; of another asset from the history, undefined where that begins later. */
export function crashSeries(name: CrashName, symbol: HistorySymbol): Series | undefined {
  const own = (coin: 'ETH' | 'BTC') =>
    readSeries(fileURLToPath(new URL(`./crashes/${coin}USDT_1h_${CRASHES[name]}.csv`, import.meta.url)), coin)
  if (symbol === 'ETH' || symbol === 'BTC') return own(symbol)
  const { unix } = own('ETH')
  const part = sliceSeries(loadCutHistory(symbol), unix[0]!, unix.at(-1)! + 1)
  return part.unix.length === unix.length ? part : undefined
}

/** The assets that have candles over a crash. */
export function crashSymbols(name: CrashName): HistorySymbol[] {
  return HISTORY_SYMBOLS.filter((symbol) => crashSeries(name, symbol) !== undefined)
}

/**
 * A crash as it was, over the hours that the assets have in common.
 * @throws PlimsollError naming an asset that has no candles then
 */
export function crashWindow(name: CrashName, symbols: readonly HistorySymbol[]): JointSeries {
  return joinSeries(
    symbols.map((symbol) => {
      const series = crashSeries(name, symbol)
      if (series === undefined) throw new PlimsollError(`${symbol} has no candles in the crash of ${name}.`)
      return series
    }),
  )
}

/** A stretch of the history, from `from` up to and without `until` (seconds), wicks cut, over the hours that the assets have in common. */
export function historyWindow(symbols: readonly HistorySymbol[], from: number, until: number): JointSeries {
  return joinSeries(symbols.map((symbol) => sliceSeries(loadCutHistory(symbol), from, until)))
}

/** Points of an hour in `windowPrices`. */
export const POINTS_PER_HOUR = 4

/**
 * The prices of a window as a path: four rows an hour, one column an asset: open, then low and high in the order that the bar's direction
 * implies (a rising bar visits its low first), then close.
 */
export function windowPrices({ unix, series }: JointSeries): Float64Array {
  const assets = series.length
  const prices = new Float64Array(unix.length * POINTS_PER_HOUR * assets)
  series.forEach(({ open, high, low, close }, a) => {
    for (let i = 0; i < unix.length; i++) {
      const rising = close[i]! >= open[i]!
      const points = [open[i]!, rising ? low[i]! : high[i]!, rising ? high[i]! : low[i]!, close[i]!]
      points.forEach((price, p) => {
        prices[(i * POINTS_PER_HOUR + p) * assets + a] = price
      })
    }
  })
  return prices
}
