import { geometricMean, mean, median } from 'simple-statistics'
import { HISTORY_START, HISTORY_SYMBOLS } from '../data/history.ts'
import { historyWindow, windowPrices } from '../data/windows.ts'

/**
 * Rates at which envelopes expire, as the planner reckons: `oneWay / (distance + near)` where prices threaten it from one side,
 * `bothWays / (distance + near)^2` where they do from both, the greater of the two; of the assets on one side the
 * nearest counts in full and every other `correlated` of its inverse. Distances are of log prices.
 */
export interface ExpiryRates {
  readonly near: number
  readonly oneWay: number
  readonly bothWays: number
  readonly correlated: number
}

/** Ticks that expiries are counted over: four an hour, five days and some hours. */
const STRETCH = 500
/** Distances of the envelopes that are counted: from what a tick covers to what a stretch passes once in five. */
const LEVELS = Array.from({ length: 11 }, (_, i) => 0.005 * 2 ** (i / 2))

/** Log prices, a column an asset. */
type Columns = readonly Float64Array[]

/** Counts at one distance: expiries a stretch, in the mean over stretches and assets. */
export interface Counted {
  readonly level: number
  readonly oneWay: number
  readonly bothWays: number
  /** Share that every further asset on the same side adds. */
  readonly more: number
}

/**
 * Counts expiries over the whole history of all six assets (wicks cut, four ticks an hour): an envelope lies at a distance from
 * the price, ends when a tick passes its bound, and the next one lies at the same distance from that tick.
 */
export function countExpiries(): { readonly overshoot: number; readonly counted: readonly Counted[] } {
  const alone = HISTORY_SYMBOLS.map((symbol) => columns([symbol])[0]!)
  const all = columns([...HISTORY_SYMBOLS])
  const counted = LEVELS.map((level) => {
    const sides = ([column]: Columns) =>
      [expiries([column!], level, true, false), expiries([column!], level, false, true)] as const
    const together = mean([expiries(all, level, true, false), expiries(all, level, false, true)])
    const single = mean(all.flatMap((column) => sides([column])))
    return {
      level,
      oneWay: mean(alone.flatMap((column) => sides([column]))),
      bothWays: mean(alone.map((column) => expiries([column], level, true, true))),
      more: (together / single - 1) / (HISTORY_SYMBOLS.length - 1),
    }
  })
  return { overshoot: mean(alone.map(meanOvershoot)), counted }
}

/**
 * The planner's constants: a bound is passed by the overshoot, which adds to its distance; factors are geometric means over
 * the distances, and what further assets add is the median.
 */
export function fitExpiryRates({ overshoot, counted }: ReturnType<typeof countExpiries>): ExpiryRates {
  // Near by, where an envelope with both sides expires more often than one of either side and one of the other.
  const nearby = counted.filter((one) => one.bothWays > 2 * one.oneWay)
  return {
    near: overshoot,
    oneWay: geometricMean(counted.map(({ level, oneWay }) => oneWay * (level + overshoot))),
    bothWays: geometricMean(nearby.map(({ level, bothWays }) => bothWays * (level + overshoot) ** 2)),
    correlated: median(counted.map(({ more }) => more)),
  }
}

/** Digits kept of each constant. */
const DIGITS = 3

/** The planner's file of these constants, as it is in the repository. */
export function printExpiryRates(rates: ExpiryRates): string {
  const line = (name: keyof ExpiryRates, text: string) =>
    `  /** ${text} */\n  ${name}: ${Number(rates[name].toPrecision(DIGITS))},\n`
  return `/**
 * Expected expiries over about ${STRETCH} ticks, fitted to the shipped history; printed by \`npm run --silent risk:planner\`. A side
 * met by moves in one direction is met again only at a new extreme, so a family of such slots expires in inverse proportion to
 * its distance; with sides in both directions a slot is left as an interval is, in inverse proportion to the product.
 */
export const EXPIRY_RATES = {
${line('near', 'Log-distance by which a tick that passes a bound goes beyond it: nearer sides are no better than this.')}${line('oneWay', 'Times the inverse distance.')}${line('bothWays', 'Times the product of the inverse distances.')}${line('correlated', 'Prices move together: of the sides in one direction the nearest counts in full, the others so much.')}}
`
}

/** Distance by which a tick that passes a bound goes beyond it, in the mean: what renewal theory has for moves of any distribution. */
function meanOvershoot(column: Float64Array): number {
  const moves = Array.from(column.subarray(1), (log, i) => Math.abs(log - column[i]!))
  return mean(moves.map((move) => move ** 2)) / (2 * mean(moves))
}

function columns(symbols: Parameters<typeof historyWindow>[0]): Columns {
  const prices = windowPrices(historyWindow(symbols, HISTORY_START, Infinity))
  const rows = prices.length / symbols.length
  return symbols.map((_, a) => Float64Array.from({ length: rows }, (_, i) => Math.log(prices[i * symbols.length + a]!)))
}

/** Expiries a stretch of one envelope with all columns on the given sides. */
function expiries(assets: Columns, level: number, falls: boolean, rises: boolean): number {
  const rows = assets[0]!.length
  const stretches = Math.floor(rows / STRETCH)
  let count = 0
  const from = new Float64Array(assets.length)
  for (let i = 0; i < stretches * STRETCH; i++) {
    let over = i % STRETCH === 0
    if (!over)
      for (let a = 0; a < from.length; a++) {
        const move = assets[a]![i]! - from[a]!
        if ((falls && move < -level) || (rises && move > level)) over = true
      }
    if (!over) continue
    if (i % STRETCH !== 0) count++
    for (let a = 0; a < from.length; a++) from[a] = assets[a]![i]!
  }
  return count / stretches
}
