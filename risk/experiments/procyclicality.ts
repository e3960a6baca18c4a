import { QUOTE_DECIMALS } from '../../protocol/book.ts'
import { FACTOR_ONE } from '../../protocol/constants.ts'
import { parseDecimal } from '../../protocol/decimal.ts'
import { GAP_MOST } from '../../protocol/margin-rule.ts'
import { priceMarkDown } from '../../protocol/marks.ts'
import type { HistorySymbol } from '../data/history.ts'
import { HOUR, type Series } from '../data/series.ts'
import { marginPath, type PriceRow } from '../rule/margin-path.ts'

/** Hours of a window in which rises are measured. */
const DAY = 24

/** A rise of the initial margin between two hours that are at most a day apart. */
export interface Rise {
  /** Unix seconds of its end. */
  readonly unix: number
  /** Initial margins at its beginning and at its end, as shares of a position. */
  readonly from: number
  readonly to: number
}

/** Rises and falls of an asset's initial margin with the market, over all of its history. */
export interface Procyclicality {
  readonly symbol: HistorySymbol
  readonly hours: number
  /** Calm gap of the rule, in 1/10^4. */
  readonly g: bigint
  /** Least, median and greatest initial margin, with the hours (unix seconds) of the extremes. */
  readonly trough: number
  readonly troughAt: number
  readonly median: number
  readonly peak: number
  readonly peakAt: number
  /** Share of hours at the ceiling of the gap. */
  readonly atCeiling: number
  /** Changes of the stored gap, a day. */
  readonly changesPerDay: number
  /** Greatest rises within a day, worst first, at most one a calendar day and its neighbors. */
  readonly rises: readonly Rise[]
}

/** Cash and the asset of an exact path are of so many decimals: they move no gap. */
const [CASH_DECIMALS, DECIMALS] = [6, 8]
const WHOLE = { collateralFactor: FACTOR_ONE, liabilityFactor: FACTOR_ONE }

/** Gap of the exact integer rule at the close of each hour, in 1/10^4. */
export function hourlyGaps({ unix, close, symbol }: Series, g: bigint): Float64Array {
  const rows = Array.from(close, (price, i): PriceRow => {
    const quote = parseDecimal(String(price), QUOTE_DECIMALS, symbol)
    return { unix: BigInt(unix[i]! + HOUR), mark: priceMarkDown(quote, QUOTE_DECIMALS, CASH_DECIMALS, DECIMALS) }
  })
  return Float64Array.from(marginPath(rows, { maintenance: WHOLE, g }), ({ gapBp }) => Number(gapBp))
}

/**
 * Measures the rule's procyclicality on an asset's hours.
 * @param maintenance margin of maintenance, a share: the initial margin is that and the gap
 * @param rises how many of the worst days to return
 */
export function procyclicality(series: Series, g: bigint, maintenance: number, rises: number): Procyclicality {
  const gaps = hourlyGaps(series, g)
  const basis = Math.round(1e4 * maintenance)
  const margin = (i: number) => (basis + gaps[i]!) / 1e4
  const time = (i: number) => series.unix[i]! + HOUR
  let [least, most, ceiling, changes] = [0, 0, 0, 0]
  const worst: Rise[] = []
  for (let i = 0; i < gaps.length; i++) {
    if (gaps[i]! < gaps[least]!) least = i
    if (gaps[i]! > gaps[most]!) most = i
    if (gaps[i] === Number(GAP_MOST)) ceiling++
    if (i > 0 && gaps[i] !== gaps[i - 1]) changes++
    let from = i
    for (let j = i - 1; j >= 0 && time(i) - time(j) <= DAY * HOUR; j--) if (gaps[j]! < gaps[from]!) from = j
    if (gaps[from]! < gaps[i]!) worst.push({ unix: time(i), from: margin(from), to: margin(i) })
  }
  worst.sort((a, b) => b.to - b.from - (a.to - a.from) || a.unix - b.unix)
  const apart: Rise[] = []
  for (const rise of worst) {
    if (apart.length === rises) break
    if (apart.every(({ unix }) => Math.abs(unix - rise.unix) > DAY * HOUR)) apart.push(rise)
  }
  return {
    symbol: series.symbol as HistorySymbol,
    hours: gaps.length,
    g,
    trough: margin(least),
    troughAt: time(least),
    median: (basis + gaps.toSorted()[gaps.length >> 1]!) / 1e4,
    peak: margin(most),
    peakAt: time(most),
    atCeiling: ceiling / gaps.length,
    changesPerDay: (DAY * changes) / gaps.length,
    rises: apart,
  }
}
