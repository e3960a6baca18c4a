import { minimize } from '../minimize.ts'
import type { Hourly } from './hourly.ts'

/** Constants of the three-scale formula `q = sqrt(C0 + C1 fast + C2 middle + C3 slow)`, plain numbers. */
export interface FormulaConstants {
  readonly C0: number
  readonly C1: number
  readonly C2: number
  readonly C3: number
}

/** The squares that the averages take, and how fast they forget. */
export interface FormulaForm {
  /** Each hour an average moves by `2^-n` of its distance to the new square. */
  readonly shifts: readonly [number, number, number]
  /** Weight of the square of a rise; that of a fall weighs 1. */
  readonly rise: number
}

/** The form of the margin rule: averages s2, s5 and s8 of all squares, with half-lives of 2.4, 21.8 and 177 hours. */
export const SYMMETRIC: FormulaForm = { shifts: [2, 5, 8], rise: 1 }
/**
 * A form of the same cost that forecasts better: rises weigh a quarter, and the averages are faster (half-lives of 1, 10.7 and 88 hours).
 * Of the forms tried it had the least loss on ETH and BTC up to 2021; see docs/risk.md.
 */
export const DOWNSIDE: FormulaForm = { shifts: [1, 4, 7], rise: 0.25 }

/** Moving averages of squared simple returns of an hour, the fastest first. */
export type Scales = readonly [Float64Array, Float64Array, Float64Array]

/** The start of every average: 16834000000 / 2^48, the value at which the six-hour form gives 7.73 %. */
export const START = 16_834_000_000 / 2 ** 48

/** The averages after each hour; over a gap of k hours the square counts `1 / k` an hour, k times. */
export function scales({ simple, step }: Pick<Hourly, 'simple' | 'step'>, { shifts, rise } = SYMMETRIC): Scales {
  const average = (n: number) => {
    const result = new Float64Array(simple.length)
    let s = START
    for (let i = 0; i < result.length; i++) {
      const r = simple[i]!
      const keep = step[i] === 1 ? 1 - 2 ** -n : (1 - 2 ** -n) ** step[i]!
      if (i > 0) s = s * keep + (((r > 0 ? rise : 1) * r * r) / step[i]!) * (1 - keep)
      result[i] = s
    }
    return result
  }
  return [average(shifts[0]), average(shifts[1]), average(shifts[2])]
}

/** The quantile of the next drop, a share of the price, after each hour. */
export function formulaQuantiles([fast, middle, slow]: Scales, constants: FormulaConstants): Float64Array {
  return fast.map((s, i) => formulaQuantile(s, middle[i]!, slow[i]!, constants))
}

/** The quantile of the next drop at one set of averages. */
export function formulaQuantile(
  fast: number,
  middle: number,
  slow: number,
  { C0, C1, C2, C3 }: FormulaConstants,
): number {
  return Math.sqrt(C0 + C1 * fast + C2 * middle + C3 * slow)
}

/** Hours of one asset that a fit uses: the averages and the drop that followed. */
export interface Sample {
  readonly scales: Scales
  readonly drops: Float64Array
}

export interface FormulaFit extends FormulaConstants {
  /** Mean pinball loss over the assets, each weighing the same; a share of the price. */
  readonly pinball: number
}

/**
 * Fits the constants by pinball loss (quantile regression, R. Koenker and G. Bassett, 1978) at the quantile `share` of the upper tail:
 * the simplex over their square roots, so that they are not below 0, from several starts.
 */
export function fitFormula(samples: readonly Sample[], share: number): FormulaFit {
  const loss = (roots: readonly number[]) => {
    const [c0, c1, c2, c3] = roots.map((root) => root * root) as [number, number, number, number]
    let total = 0
    for (const {
      scales: [s2, s5, s8],
      drops,
    } of samples) {
      let sum = 0
      for (let i = 0; i < drops.length; i++) {
        const over = drops[i]! - Math.sqrt(c0 * UNIT + c1 * s2[i]! + c2 * s5[i]! + c3 * s8[i]!)
        sum += over > 0 ? over * (1 - share) : -over * share
      }
      total += sum / drops.length
    }
    return total / samples.length
  }
  // The level that a constant multiple of the day's variance would need, as a scale for the starts.
  const level = Math.sqrt(scaleOf(samples, share) / 3)
  const starts = [
    [level, level, level, level],
    [level, level * 1.5, level, 0.2 * level],
    [level / 2, level / 2, level, level],
    [2 * level, level, level / 3, level / 3],
  ]
  // A short look from each start, then the best to the end.
  const looks = starts.map((start) =>
    minimize(loss, start, { step: level / 3, tolerance: 1e-7, limit: 250, restarts: 0 }),
  )
  const look = looks.reduce((a, b) => (b.value < a.value ? b : a))
  const best = minimize(loss, look.point, { step: level / 10, tolerance: 1e-10, limit: 1200, restarts: 3 })
  const [c0, C1, C2, C3] = best.point.map((root) => root * root) as [number, number, number, number]
  return { C0: c0 * UNIT, C1, C2, C3, pinball: best.value }
}

/** Scale of C0, so that the simplex sees parameters of one size: the variance of a quiet hour. */
const UNIT = 5e-5

function scaleOf(samples: readonly Sample[], share: number): number {
  const ratios = samples.flatMap(({ scales: [, s5], drops }) =>
    Array.from(drops, (drop, i) => (drop * drop) / (s5[i]! + UNIT)),
  )
  ratios.sort((a, b) => a - b)
  return ratios[Math.floor(ratios.length * (1 - share))]!
}
