import type { Hourly } from './hourly.ts'

/** Decay an hour that is 0.94 a day, the constant of RiskMetrics (J.P. Morgan, 1996, technical document, table 5.9). */
export const DAILY_DECAY = 0.94 ** (1 / 24)

/**
 * Exponentially weighted variance of an hour after each hour, `v = decay v + (1 - decay) r^2`, from squared simple returns, in squared
 * return per hour; it starts at the mean of the first day. The variance of the next h hours is h times as much.
 */
export function ewma({ simple, step }: Pick<Hourly, 'simple' | 'step'>, decay = DAILY_DECAY): Float64Array {
  const result = new Float64Array(simple.length)
  const day = simple.subarray(1, 25)
  let v = day.reduce((sum, r) => sum + r * r, 0) / Math.max(1, day.length)
  for (let i = 0; i < result.length; i++) {
    const keep = step[i] === 1 ? decay : decay ** step[i]!
    if (i > 0) v = v * keep + (simple[i]! ** 2 / step[i]!) * (1 - keep)
    result[i] = v
  }
  return result
}
