import { HOUR, type Series } from '../data/series.ts'

/** The data that forecasts are made from: one entry an hour, known when that hour closes. */
export interface Hourly {
  readonly symbol: string
  /** End of the hour, in seconds: the moment at which the forecast is made. */
  readonly time: Float64Array
  readonly close: Float64Array
  readonly low: Float64Array
  /** Simple return `p / p0 - 1` since the close before, 0 for the first. */
  readonly simple: Float64Array
  /** Logarithmic return since the close before, 0 for the first. */
  readonly log: Float64Array
  /** Hours since the close before: 1, more after a gap. */
  readonly step: Float64Array
}

export function hourly(series: Series): Hourly {
  const { unix, close, low, symbol } = series
  const n = unix.length
  const simple = new Float64Array(n)
  const log = new Float64Array(n)
  const step = new Float64Array(n).fill(1)
  for (let i = 1; i < n; i++) {
    simple[i] = close[i]! / close[i - 1]! - 1
    log[i] = Math.log(close[i]! / close[i - 1]!)
    step[i] = (unix[i]! - unix[i - 1]!) / HOUR
  }
  return { symbol, time: unix.map((at) => at + HOUR), close, low, simple, log, step }
}

/**
 * Drops of the next `horizon` hours, `max(0, 1 - least low / close)`, a share of the price at which the forecast is made; NaN where
 * one of those hours is missing.
 */
export function drops({ close, low, step }: Hourly, horizon: number): Float64Array {
  const n = close.length
  const result = new Float64Array(n).fill(Number.NaN)
  for (let i = 0; i + horizon < n; i++) {
    let least = Infinity
    let whole = true
    for (let k = i + 1; k <= i + horizon; k++) {
      if (low[k]! < least) least = low[k]!
      if (step[k] !== 1) whole = false
    }
    if (whole) result[i] = Math.max(0, 1 - least / close[i]!)
  }
  return result
}

/** Sums of squared log returns of the next `horizon` hours: the realized variance that variance forecasts are held to; NaN across gaps. */
export function realizedVariances({ log, step }: Hourly, horizon: number): Float64Array {
  const n = log.length
  const result = new Float64Array(n).fill(Number.NaN)
  for (let i = 0; i + horizon < n; i++) {
    let sum = 0
    let whole = true
    for (let k = i + 1; k <= i + horizon; k++) {
      sum += log[k]! ** 2
      if (step[k] !== 1) whole = false
    }
    if (whole) result[i] = sum
  }
  return result
}
