import { quantileSorted } from 'simple-statistics'
import { Random } from '../random.ts'
import type { Interval } from './interval.ts'

/** The 97.5 % quantile of the standard normal. */
const Z = 1.959963984540054

/** The index of the value-at-risk at `level` among `count` sorted losses: the least loss that at least that share does not exceed. */
function rank(count: number, level: number): number {
  return Math.min(count - 1, Math.max(0, Math.ceil(count * level - 1e-9) - 1))
}

/** Value-at-risk of losses sorted upwards, in their unit: the empirical quantile `inf {x: F(x) >= level}` (P. Artzner et al., 1999). */
export function valueAtRisk(sorted: Float64Array, level: number): number {
  return sorted.length === 0 ? 0 : sorted[rank(sorted.length, level)]!
}

/**
 * Expected shortfall of losses sorted upwards, in their unit: the mean of the worst `1 - level`, the loss at the boundary counted in
 * part (C. Acerbi and D. Tasche, On the coherence of expected shortfall, 2002, estimator 4.12), so that it is coherent.
 */
export function expectedShortfall(sorted: Float64Array, level: number): number {
  const n = sorted.length
  if (n === 0) return 0
  const weight = n * (1 - level)
  const boundary = rank(n, level)
  let sum = 0
  for (let i = boundary + 1; i < n; i++) sum += sorted[i]!
  return (sum + (weight - (n - 1 - boundary)) * sorted[boundary]!) / weight
}

/**
 * Value-at-risk with bounds of 95 % that need no assumption on the losses: order statistics around the quantile, whose ranks are
 * binomial (normal approximation of the binomial; see W. Conover, Practical nonparametric statistics, 3.2).
 */
export function valueAtRiskInterval(losses: ArrayLike<number>, level: number): Interval {
  const sorted = Float64Array.from(losses).sort()
  const n = sorted.length
  if (n === 0) return { mean: 0, low: 0, high: 0 }
  const half = Z * Math.sqrt(n * level * (1 - level))
  const at = (rank: number) => sorted[Math.min(n - 1, Math.max(0, rank))]!
  return {
    mean: valueAtRisk(sorted, level),
    low: at(Math.floor(n * level - half) - 1),
    high: at(Math.ceil(n * level + half)),
  }
}

/**
 * Expected shortfall with percentile bounds of 95 % from the bootstrap. A resample is how often each sorted loss was drawn, so that
 * none has to be sorted again.
 */
export function expectedShortfallInterval(
  losses: ArrayLike<number>,
  level: number,
  { seed = 1, resamples = 400 }: { readonly seed?: number; readonly resamples?: number } = {},
): Interval {
  const sorted = Float64Array.from(losses).sort()
  const n = sorted.length
  const center = expectedShortfall(sorted, level)
  if (n < 2) return { mean: center, low: center, high: center }
  const random = new Random(seed, n)
  const drawn = new Uint32Array(n)
  const results = Array.from({ length: resamples }, () => {
    drawn.fill(0)
    for (let i = 0; i < n; i++) drawn[random.integer(n)]!++
    const weight = n * (1 - level)
    let [sum, left] = [0, weight]
    for (let i = n - 1; left > 0 && i >= 0; i--) {
      const taken = Math.min(left, drawn[i]!)
      sum += taken * sorted[i]!
      left -= taken
    }
    return sum / weight
  }).sort((a, b) => a - b)
  return { mean: center, low: quantileSorted(results, 0.025), high: quantileSorted(results, 0.975) }
}
