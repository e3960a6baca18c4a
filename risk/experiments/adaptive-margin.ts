import { type HistorySymbol, loadCutHistory } from '../data/history.ts'
import type { JointSeries } from '../data/joint.ts'
import { HOUR } from '../data/series.ts'
import { FROZEN } from '../evaluation/samples.ts'
import { formulaQuantiles, scales } from '../volatility/formula.ts'
import { hourly } from '../volatility/hourly.ts'

/** The six-hour quantile at which the rule gives its base gap: its median on the sampling grid. */
const MEDIAN_QUANTILE = 0.0773
/** The gap is at most so many points, and falls only where it is this many points away. */
const MOST = 40
const HYSTERESIS = 3

/** The base gap of an asset, in points. */
function baseGap(symbol: HistorySymbol): number {
  return symbol === 'ETH' || symbol === 'BTC' ? 10 : 15
}

/**
 * The rule's gap between maintenance and initial margin at the start of each hour of a window, in shares: `clip(ceil(base q / 7.73 %),
 * ceil(max(2, 3 base / 4)), 40)` points, where `q` is the fall of six hours that is exceeded once in a hundred, by the closes of the hours
 * before; it rises at once and falls by three points or more. The averages run from the beginning of the history.
 */
export function adaptiveGaps(symbol: HistorySymbol, { unix }: JointSeries, base = baseGap(symbol)): Float64Array {
  const hours = hourly(loadCutHistory(symbol))
  const quantiles = formulaQuantiles(scales(hours), FROZEN[6]!)
  const least = Math.ceil(Math.max(2, (3 * base) / 4))
  const gaps = new Float64Array(unix.length)
  let at = 0
  let gap = base
  for (let h = 0; h < unix.length; h++) {
    // The last hour that has closed.
    while (at + 1 < hours.time.length && hours.time[at + 1]! <= unix[h]!) at++
    const known = hours.time[at]! <= unix[h]! + HOUR / 2 ? quantiles[at]! : MEDIAN_QUANTILE
    const raw = Math.min(MOST, Math.max(least, Math.ceil((base * known) / MEDIAN_QUANTILE)))
    if (raw > gap || raw <= gap - HYSTERESIS) gap = raw
    gaps[h] = gap / 100
  }
  return gaps
}

/** The constant gap that offers the same leverage, the mean of `1 / (maintenance + gap)`. */
export function gapOfEqualLeverage(gaps: Float64Array, maintenance: number): number {
  let sum = 0
  for (const gap of gaps) sum += 1 / (maintenance + gap)
  return gaps.length / sum - maintenance
}

/** The greatest rise of a margin within `hours`. */
export function worstRise(margins: Float64Array, hours: number): number {
  let worst = 0
  for (let h = 0; h < margins.length; h++) {
    for (let back = Math.max(0, h - hours); back < h; back++) worst = Math.max(worst, margins[h]! - margins[back]!)
  }
  return worst
}

/** The greatest margin over the least. */
export function peakToTrough(margins: Float64Array): number {
  return margins.reduce((most, x) => Math.max(most, x), 0) / margins.reduce((least, x) => Math.min(least, x), Infinity)
}
