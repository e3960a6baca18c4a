import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { PlimsollError } from '../../protocol/errors.ts'

export const HOUR = 3600

/** Findings in a file of candles besides its good rows. */
export interface SeriesReport {
  /** Hours between the first and the last row that no row has. */
  readonly missingHours: number
  /** Rows left out because an earlier one has the same hour and the same prices. */
  readonly duplicates: number
  /** Hours with one price and, where the file has volumes, none of it: outages of the exchange. */
  readonly flatHours: number
  /** Lows and highs that were cut (see `cutWicks`). */
  readonly cutLows: number
  readonly cutHighs: number
}

/** Hourly candles of one asset in columns, oldest first; prices in the quote currency, `unix` the start of the hour in seconds. */
export interface Series {
  readonly symbol: string
  readonly unix: Float64Array
  readonly open: Float64Array
  readonly high: Float64Array
  readonly low: Float64Array
  readonly close: Float64Array
  readonly report: SeriesReport
}

const PRICES = ['open', 'high', 'low', 'close'] as const

function readText(path: string): string {
  let bytes: Buffer
  try {
    bytes = readFileSync(path)
  } catch {
    throw new PlimsollError(`${path}: cannot be read.`)
  }
  if (!path.endsWith('.gz')) return bytes.toString('utf8')
  try {
    return gunzipSync(bytes).toString('utf8')
  } catch {
    throw new PlimsollError(`${path}: not a gzip file, or cut short.`)
  }
}

/**
 * Reads hourly candles from a CSV file, compressed where its name ends in .gz, whose header names at least the columns unix, open,
 * high, low and close; other columns are ignored, but for volume, which tells an outage.
 * @throws PlimsollError naming file and line: a time or price that is none, rows out of order, open or close outside low to high
 */
export function readSeries(path: string, symbol: string): Series {
  const lines = readText(path).split('\n')
  const header = lines[0]!.split(',').map((name) => name.trim())
  const missing = ['unix', ...PRICES].filter((name) => !header.includes(name))
  if (missing.length > 0) throw new PlimsollError(`${path}: the header has no column ${missing.join(', ')}.`)
  const time = header.indexOf('unix')
  const [openAt, highAt, lowAt, closeAt] = PRICES.map((name) => header.indexOf(name)) as [
    number,
    number,
    number,
    number,
  ]
  const volumeAt = header.indexOf('volume')

  const columns = Array.from({ length: 5 }, () => new Float64Array(lines.length))
  const [unix, open, high, low, close] = columns as [
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
  ]
  let count = 0
  let duplicates = 0
  let flatHours = 0
  for (let i = 1; i < lines.length; i++) {
    const line = lines[i]!
    if (line.trim() === '') continue
    const fields = line.split(',')
    const at = Number(fields[time])
    const [o, h, l, c] = [
      Number(fields[openAt]),
      Number(fields[highAt]),
      Number(fields[lowAt]),
      Number(fields[closeAt]),
    ]
    const place = `${path}:${i + 1}`
    if (!(Number.isInteger(at) && at > 0 && at % HOUR === 0))
      throw new PlimsollError(`${place}: "${fields[time]}" is not the start of an hour in seconds.`)
    if (!(o > 0 && h > 0 && l > 0 && c > 0 && h < Infinity))
      throw new PlimsollError(`${place}: a price is missing or not above 0.`)
    if (l > Math.min(o, c) || h < Math.max(o, c))
      throw new PlimsollError(`${place}: open or close is outside low to high.`)
    if (count > 0 && at <= unix[count - 1]!) {
      const same =
        at === unix[count - 1] &&
        o === open[count - 1] &&
        h === high[count - 1] &&
        l === low[count - 1] &&
        c === close[count - 1]
      if (!same) throw new PlimsollError(`${place}: the row is not later than the one before it.`)
      duplicates++
      continue
    }
    if (h === l && (volumeAt < 0 || Number(fields[volumeAt]) === 0)) flatHours++
    unix[count] = at
    open[count] = o
    high[count] = h
    low[count] = l
    close[count++] = c
  }
  if (count === 0) throw new PlimsollError(`${path}: no rows.`)
  const missingHours = (unix[count - 1]! - unix[0]!) / HOUR + 1 - count
  const cut = (column: Float64Array) => column.slice(0, count)
  return {
    symbol,
    unix: cut(unix),
    open: cut(open),
    high: cut(high),
    low: cut(low),
    close: cut(close),
    report: { missingHours, duplicates, flatHours, cutLows: 0, cutHighs: 0 },
  }
}

/**
 * The same candles with every low at least `1 - share` times the lower end of the hour's body, and every high at most `1 / (1 - share)`
 * times its upper end: a wick of one venue's order book that a median of sources would not show. `share` is in (0, 1).
 */
export function cutWicks(series: Series, share: number): Series {
  const low = series.low.slice()
  const high = series.high.slice()
  let cutLows = 0
  let cutHighs = 0
  for (let i = 0; i < low.length; i++) {
    const floor = Math.min(series.open[i]!, series.close[i]!) * (1 - share)
    const ceiling = Math.max(series.open[i]!, series.close[i]!) / (1 - share)
    if (low[i]! < floor) {
      low[i] = floor
      cutLows++
    }
    if (high[i]! > ceiling) {
      high[i] = ceiling
      cutHighs++
    }
  }
  return { ...series, low, high, report: { ...series.report, cutLows, cutHighs } }
}

/** The rows of a series from `from` up to and without `until`, both in seconds. */
export function sliceSeries(series: Series, from: number, until: number): Series {
  const first = lowerBound(series.unix, from)
  const last = lowerBound(series.unix, until)
  const cut = (column: Float64Array) => column.subarray(first, last)
  const { unix, open, high, low, close } = series
  const count = last - first
  const missingHours = count === 0 ? 0 : (unix[last - 1]! - unix[first]!) / HOUR + 1 - count
  return {
    ...series,
    unix: cut(unix),
    open: cut(open),
    high: cut(high),
    low: cut(low),
    close: cut(close),
    report: { ...series.report, missingHours },
  }
}

/** The first index of an ascending column whose value is not below `value`; its length if there is none. */
export function lowerBound(column: Float64Array, value: number): number {
  let low = 0
  let high = column.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (column[middle]! < value) low = middle + 1
    else high = middle
  }
  return low
}
