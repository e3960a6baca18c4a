import type { Interval } from '../metrics/interval.ts'
import { formatDate } from './calendar.ts'
import { pinball, upperQuantile } from './coverage.ts'
import { ratioInterval } from './score.ts'

/** A margin hour by hour, a share of the price, and what is known of each hour. */
export interface MarginStudy {
  /** The start of each hour, in seconds. */
  readonly times: Float64Array
  /** The fall of the hour that follows. */
  readonly drops: Float64Array
}

/** The values of `age` hours before; the first ones stand for what was before them. */
export function aged(values: Float64Array, age: number): Float64Array {
  return values.map((_, i) => values[Math.max(0, i - age)]!)
}

/** A margin that follows the values but rises and falls by at most `step` an hour. */
export function ramped(values: Float64Array, step: number): Float64Array {
  let last = values[0]!
  return values.map((value) => (last += Math.max(-step, Math.min(step, value - last))))
}

/** The same margin scaled so that its mean is `mean`: margins are compared at equal leverage. */
export function withMean(values: Float64Array, mean: number): Float64Array {
  const scale = (mean * values.length) / values.reduce((sum, x) => sum + x, 0)
  return values.map((x) => x * scale)
}

/** Falls beyond a margin, hour by hour: what a lender at the edge of it loses, a share of the price. */
export function lossBeyond({ drops }: MarginStudy, margin: Float64Array): Float64Array {
  return margin.map((m, i) => Math.max(0, drops[i]! - m))
}

/** Loss beyond a margin over that beyond a constant of the same mean, with bounds from a bootstrap of weeks. */
export function againstConstant(study: MarginStudy, margin: Float64Array, mean: number): Interval {
  const constant = lossBeyond(study, new Float64Array(margin.length).fill(mean))
  return ratioInterval(lossBeyond(study, withMean(margin, mean)), constant)
}

export interface LossDay {
  readonly date: string
  /** Share of all losses. */
  readonly share: number
}

/** The days on which most was lost, the worst first. */
export function worstDays({ times }: MarginStudy, losses: Float64Array, count: number): LossDay[] {
  const days = new Map<string, number>()
  let total = 0
  losses.forEach((loss, i) => {
    if (loss === 0) return
    total += loss
    const date = formatDate(times[i]!)
    days.set(date, (days.get(date) ?? 0) + loss)
  })
  return [...days]
    .sort(([, a], [, b]) => b - a)
    .slice(0, count)
    .map(([date, loss]) => ({ date, share: loss / total }))
}

/** Discounts at which inventory would have cleared after hours of crashes, as shares of the mark. */
export interface Clearing {
  readonly events: number
  /** Mean discount at which a descending auction clears. */
  readonly auction: number
  /** The constant discount that covers all but `share` of the events. */
  readonly constant: number
  /** Pinball loss of a forecast multiple of q over that of the constant that is right in hindsight. */
  readonly forecastRatio: number
}

/**
 * The discount that a taker of inventory needs after an hour in which the price fell by more than `threshold`: the fall of the next hour, over which the mark
 * is stale, and an `edge`. A descending auction finds that discount, event by event; a constant has to cover all but `share` of them; a
 * forecast is a multiple of `quantiles`; constant and multiple are those that are right in hindsight.
 */
export function clearing(
  { drops }: MarginStudy,
  quantiles: Float64Array,
  { threshold, edge, share }: { readonly threshold: number; readonly edge: number; readonly share: number },
): Clearing {
  // The hour before entry i fell by drops[i - 1].
  const events = Array.from(drops.keys()).filter((i) => i > 0 && drops[i - 1]! > threshold)
  const needed = Float64Array.from(events, (i) => drops[i]! + edge)
  const constant = upperQuantile(needed.slice(), share)
  const multiple = upperQuantile(
    Float64Array.from(events, (i) => (drops[i]! + edge) / quantiles[i]!),
    share,
  )
  const loss = (of: (event: number) => number) =>
    events.reduce((sum, i, e) => sum + pinball(needed[e]!, of(i), share), 0)
  return {
    events: events.length,
    auction: needed.reduce((sum, x) => sum + x, 0) / needed.length,
    constant,
    forecastRatio: loss((i) => multiple * quantiles[i]!) / loss(() => constant),
  }
}
