import { Matrix, solve } from 'ml-matrix'
import type { Hourly } from './hourly.ts'

/**
 * HAR-RV (F. Corsi, A simple approximate long-memory model of realized volatility, 2009), on hours: the mean squared log return of the
 * next h hours is linear in those of the last 6 hours, day, week and month (of 30 days).
 */
export interface Har {
  readonly intercept: number
  /** Weights of the windows of `HAR_WINDOWS`. */
  readonly weights: readonly number[]
}

export const HAR_WINDOWS = [6, 24, 168, 720] as const

/** Mean squared log returns over the last hours of each window, after each hour; fewer where the history is shorter. */
export function harMeans({ log }: Pick<Hourly, 'log'>): Float64Array[] {
  return HAR_WINDOWS.map((window) => {
    const result = new Float64Array(log.length)
    let sum = 0
    for (let i = 0; i < log.length; i++) {
      sum += log[i]! ** 2
      if (i >= window) sum -= log[i - window]! ** 2
      result[i] = Math.max(0, sum) / Math.min(i + 1, window)
    }
    return result
  })
}

/**
 * Fits by least squares weighted with the inverse square of the week's mean (the errors grow with the level; A. Patton and K. Sheppard,
 * Good volatility, bad volatility, 2015, do so). `rows` are the hours to use, `realized` the mean squared return an hour that followed each.
 */
export function fitHar(
  means: readonly Float64Array[],
  rows: readonly number[],
  realized: (row: number) => number,
): Har {
  const width = means.length + 1
  const square = Matrix.zeros(width, width)
  const right = Matrix.zeros(width, 1)
  const x = new Float64Array(width).fill(1)
  // Scaled so that the normal equations are well conditioned.
  const unit = rows.reduce((sum, row) => sum + means[2]![row]!, 0) / rows.length
  for (const row of rows) {
    for (let k = 0; k < means.length; k++) x[k + 1] = means[k]![row]! / unit
    const weight = 1 / (x[3]! + 0.1) ** 2
    const y = realized(row) / unit
    for (let i = 0; i < width; i++) {
      right.set(i, 0, right.get(i, 0) + weight * x[i]! * y)
      for (let j = 0; j < width; j++) square.set(i, j, square.get(i, j) + weight * x[i]! * x[j]!)
    }
  }
  const [intercept, ...weights] = solve(square, right).to1DArray()
  return { intercept: intercept! * unit, weights }
}

/** Forecast variance an hour after each hour, at least a tenth of the last week's. */
export function harVariances(means: readonly Float64Array[], { intercept, weights }: Har): Float64Array {
  return means[0]!.map((_, i) => {
    const linear = weights.reduce((sum, weight, k) => sum + weight * means[k]![i]!, intercept)
    return Math.max(linear, 0.1 * means[2]![i]!, 1e-12)
  })
}
