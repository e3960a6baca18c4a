import { fileURLToPath } from 'node:url'
import { PlimsollError } from '../../protocol/errors.ts'
import { cutWicks, readSeries, type Series } from './series.ts'

/** The assets whose hourly history ships with the project, see risk/data/history/README.md. */
export const HISTORY_SYMBOLS = ['ETH', 'BTC', 'SOL', 'AVAX', 'LINK', 'DOGE'] as const
export type HistorySymbol = (typeof HISTORY_SYMBOLS)[number]

/** Evaluations and fits begin here, 2017-10-01: the first weeks of the exchange have false lows. */
export const HISTORY_START = Date.UTC(2017, 9, 1) / 1000

/** Share below (above) the body at which simulations cut lows (highs): wicks of one venue are no price of a median of sources. */
const WICK_SHARE = 0.3

const loaded = new Map<HistorySymbol, Series>()

/** The hourly candles of an asset as they are; read once a process. */
export function loadHistory(symbol: HistorySymbol): Series {
  let series = loaded.get(symbol)
  if (series === undefined) {
    series = readSeries(fileURLToPath(new URL(`./history/${symbol}USDT_1h.csv.gz`, import.meta.url)), symbol)
    loaded.set(symbol, series)
  }
  return series
}

/** The same with wicks beyond 30 % of the body cut, for simulations. */
export function loadCutHistory(symbol: HistorySymbol): Series {
  return cutWicks(loadHistory(symbol), WICK_SHARE)
}

function isHistorySymbol(symbol: string): symbol is HistorySymbol {
  return (HISTORY_SYMBOLS as readonly string[]).includes(symbol)
}

/**
 * The asset whose history stands for a symbol: its own, that of the coin it wraps (WETH, WBTC), or that of the coin a synthetic
 * follows (sETH, ETH-PERP); undefined where there is none.
 */
export function historyOf(symbol: string): HistorySymbol | undefined {
  const upper = symbol.toUpperCase()
  return [upper, upper.replace(/^W/, ''), symbol.replace(/^[sp](?=[A-Z])/, ''), upper.replace(/[-_]?PERP$/, '')].find(
    isHistorySymbol,
  )
}

/** @throws PlimsollError listing the assets that have a history, where this one has none */
export function requireHistory(symbol: string): HistorySymbol {
  const found = historyOf(symbol)
  if (found === undefined)
    throw new PlimsollError(`${symbol} has no history: there is one of ${HISTORY_SYMBOLS.join(', ')}.`)
  return found
}
