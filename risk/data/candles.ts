import { readFileSync } from 'node:fs'
import { QUOTE_DECIMALS } from '../../protocol/book.ts'
import { PlimsollError } from '../../protocol/errors.ts'

/** One bar: prices as integers in 1/10^18 of the quote. */
export interface Candle {
  readonly unix: number
  readonly open: bigint
  readonly high: bigint
  readonly low: bigint
  readonly close: bigint
}

const COLUMNS = ['unix', 'open', 'high', 'low', 'close'] as const

function parsePrice(text: string, place: string): bigint {
  const match = /^(\d+)(?:\.(\d{1,18}))?$/.exec(text)
  const price = match === null ? 0n : BigInt(match[1]! + (match[2] ?? '').padEnd(QUOTE_DECIMALS, '0'))
  if (price === 0n) throw new PlimsollError(`${place}: "${text}" is not a price above 0 with at most 18 decimals.`)
  return price
}

/**
 * Reads bars from a CSV file with a header naming at least the columns unix, open, high, low, close.
 * @throws PlimsollError naming the file and line
 */
export function readCandles(path: string): Candle[] {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch {
    throw new PlimsollError(`${path}: cannot be read.`)
  }
  const lines = text.split(/\r?\n/)
  const header = lines[0]!.split(',').map((name) => name.trim())
  const index = COLUMNS.map((name) => header.indexOf(name))
  const missing = COLUMNS.filter((_, c) => index[c]! < 0)
  if (missing.length > 0) throw new PlimsollError(`${path}: the header has no column ${missing.join(', ')}.`)
  const candles: Candle[] = []
  lines.forEach((line, i) => {
    if (i === 0 || line.trim() === '') return
    const place = `${path}:${i + 1}`
    const fields = line.split(',').map((field) => field.trim())
    const [unix, ...prices] = index.map((c) => fields[c] ?? '')
    if (!/^\d+$/.test(unix!)) throw new PlimsollError(`${place}: "${unix}" is not a time in seconds.`)
    const [open, high, low, close] = prices.map((price) => parsePrice(price, place))
    if (low! > open! || low! > close! || high! < open! || high! < close!)
      throw new PlimsollError(`${place}: open or close is outside low to high.`)
    candles.push({ unix: Number(unix), open: open!, high: high!, low: low!, close: close! })
  })
  if (candles.length === 0) throw new PlimsollError(`${path}: no bars.`)
  return candles
}

/** Open, then low and high in the order that the bar's direction implies (a rising bar visits its low first), then close. */
function barPath(candle: Candle): bigint[] {
  const { open, high, low, close } = candle
  return close >= open ? [open, low, high, close] : [open, high, low, close]
}

/**
 * The price paths of two assets over the same hours, four points a bar; each asset follows its own bar.
 * @throws PlimsollError when the hours differ
 */
export function jointPath(
  first: readonly Candle[],
  second: readonly Candle[],
  names: readonly [string, string],
): [bigint, bigint][] {
  const differs = first.findIndex((candle, i) => candle.unix !== second[i]?.unix)
  if (first.length !== second.length || differs >= 0) {
    throw new PlimsollError(
      `${names[0]} and ${names[1]} do not have the same hours${differs >= 0 ? `: bar ${differs + 1} differs` : ''}.`,
    )
  }
  return first.flatMap((candle, i) => {
    const other = barPath(second[i]!)
    return barPath(candle).map((price, p): [bigint, bigint] => [price, other[p]!])
  })
}
