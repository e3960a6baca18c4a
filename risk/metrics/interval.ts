import { mean, quantileSorted, sampleStandardDeviation } from 'simple-statistics'
import { Random } from '../random.ts'

/** An estimate with its bounds of 95 % confidence. */
export interface Interval {
  readonly mean: number
  readonly low: number
  readonly high: number
}

/** The 97.5 % quantile of the standard normal. */
const Z = 1.959963984540054

/**
 * The mean of independent values with its bounds of 95 %, `mean +- 1.96 s / sqrt(n)` (central limit theorem); in the unit of the
 * values. One value has no bounds but itself.
 */
export function meanInterval(values: ArrayLike<number>): Interval {
  const list = Array.from(values)
  if (list.length === 0) return { mean: 0, low: 0, high: 0 }
  const center = mean(list)
  const half = list.length < 2 ? 0 : (Z * sampleStandardDeviation(list)) / Math.sqrt(list.length)
  return { mean: center, low: center - half, high: center + half }
}

/**
 * A share of `count` out of `total` independent trials, with the score bounds of 95 % (E. B. Wilson, Probable inference, 1927): they
 * keep their coverage near 0 and 1, where the normal bounds collapse.
 */
export function shareInterval(count: number, total: number): Interval {
  if (total === 0) return { mean: 0, low: 0, high: 1 }
  const share = count / total
  const z2 = Z * Z
  const center = (share + z2 / (2 * total)) / (1 + z2 / total)
  const half = (Z / (1 + z2 / total)) * Math.sqrt((share * (1 - share)) / total + z2 / (4 * total * total))
  return {
    mean: share,
    low: count === 0 ? 0 : Math.max(0, center - half),
    high: count === total ? 1 : Math.min(1, center + half),
  }
}

/**
 * A statistic of independent values with the percentile bounds of the bootstrap (B. Efron, Bootstrap methods, 1979): of `resamples`
 * draws with replacement, the 2.5 and 97.5 % quantiles.
 */
export function bootstrapInterval(
  values: ArrayLike<number>,
  statistic: (sample: Float64Array) => number,
  options: { readonly seed?: number; readonly resamples?: number } = {},
): Interval {
  return blockBootstrapInterval(Float64Array.from(values), 1, statistic, options)
}

/**
 * The same for values that depend on their neighbors: blocks of `block` consecutive values are drawn, wrapping around the end (the
 * circular block bootstrap; D. Politis and J. Romano, 1992).
 */
export function blockBootstrapInterval(
  values: Float64Array,
  block: number,
  statistic: (sample: Float64Array) => number,
  { seed = 1, resamples = 1000 }: { readonly seed?: number; readonly resamples?: number } = {},
): Interval {
  const n = values.length
  const center = statistic(values)
  if (n < 2) return { mean: center, low: center, high: center }
  const random = new Random(seed, n, block)
  const sample = new Float64Array(n)
  const results = new Float64Array(resamples)
  for (let r = 0; r < resamples; r++) {
    for (let filled = 0; filled < n; ) {
      let at = random.integer(n)
      for (let k = 0; k < block && filled < n; k++) {
        sample[filled++] = values[at]!
        if (++at === n) at = 0
      }
    }
    results[r] = statistic(sample)
  }
  const sorted = Array.from(results.sort())
  return { mean: center, low: quantileSorted(sorted, 0.025), high: quantileSorted(sorted, 0.975) }
}

/** The mean of independent draws of one quantity, and the 2.5 and 97.5 % quantiles of the draws: where the next one is to be expected. */
export function drawnInterval(draws: ArrayLike<number>): Interval {
  const sorted = Array.from(draws).sort((a, b) => a - b)
  if (sorted.length === 0) return { mean: 0, low: 0, high: 0 }
  return { mean: mean(sorted), low: quantileSorted(sorted, 0.025), high: quantileSorted(sorted, 0.975) }
}
