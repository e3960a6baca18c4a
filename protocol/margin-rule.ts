import { FACTOR_ONE, POINT, PRICE_MIN } from './constants.ts'
import { abs, divUp, max, min, powerDown, squareRootDown } from './integer.ts'
import { WORD_FACTOR } from './marks.ts'

/** Seconds of the sampling clock: whoever chooses the moment of a round does not choose the samples. */
export const GRID_SECONDS = 900n
/** Fixed-point numbers of the rule are integers times 2^48. */
const Q48 = 48n
const ONE = 1n << Q48
/** Variances of an hour stay below this. */
const VARIANCE_END = 1n << 56n
/** Grid steps that one sample may span: a longer silence counts as this many. */
const STEPS_MOST = (1n << 15n) - 1n
/** Grid steps an hour: a sample of k steps is scaled to the variance of an hour. */
const STEPS_AN_HOUR = 4n
/** `(1 - 2^-n)^(1/4)` for n = 2, 5 and 8: what an average keeps over one grid step. */
const DECAYS = [261941981042586n, 279249703554185n, 281199695230552n] as const
/** Variance of an hour that every average starts with: a quantile of 7.73 %. */
export const VARIANCE_START = 16834000000n
/** Quantile formula: the constant, and the weights of the three averages in 1/2^8. */
const C0 = 615590000000n
const C1 = 8233n
const C2 = 7088n
const C3 = 894n
/** Median of the quantile on the grid: 7.73 %. */
const QUANTILE_MEDIAN = 21758015699733n
export const GAP_MOST = 40n * POINT
/** A gap falls only by this much or more. */
const GAP_FALL = 3n * POINT
/** Seconds that the quantile is for. */
export const QUANTILE_SECONDS = 21_600n

/** State of the rule for an asset: 56 + 56 + 56 + 60 + 28 bits, one word. */
export interface MarginState {
  /** Moving averages of the hourly variance, times 2^48, with half-lives of hours, a day and a week. */
  readonly s2: bigint
  readonly s5: bigint
  readonly s8: bigint
  /** Price mark of the last sample. */
  readonly price: bigint
  /** Number of the grid step of the last sample: unix seconds over `GRID_SECONDS`. */
  readonly step: bigint
}

/** Reading of the rule at a round. */
export interface MarginReading {
  /** Averages as of this round: within a grid step, as if the step ended now. */
  readonly s2: bigint
  readonly s5: bigint
  readonly s8: bigint
  /** Drop that the next six hours exceed once in a hundred, times 2^48. */
  readonly quantile: bigint
  /** Initial margin beyond maintenance, in 1/10^4. */
  readonly gap: bigint
  /** State and gap to keep: those of before within a grid step. */
  readonly state: MarginState
  readonly storedGap: bigint
}

/** Factors of initial margin, in 1/10^4. */
export interface InitialFactors {
  readonly collateralFactor: bigint
  readonly liabilityFactor: bigint
}

/**
 * The rule's first reading: every average at its start, the gap at `g`.
 * @param price price mark of the first valid price; below 2^16 it counts as 2^16
 * @param time unix seconds of the round
 * @param g gap in calm markets, in 1/10^4
 */
export function startMargin(price: bigint, time: bigint, g: bigint): MarginReading {
  const averages = { s2: VARIANCE_START, s5: VARIANCE_START, s8: VARIANCE_START }
  const state = { ...averages, price: max(price, PRICE_MIN), step: time / GRID_SECONDS }
  return { ...averages, quantile: quantileDown(averages), gap: g, state, storedGap: g }
}

/**
 * The rule's reading at a later round, exact to the last bit. Rounds down throughout, but for
 * the gap, which rounds up to whole points. Within the grid step of the last sample nothing is stored: the reading is that of a
 * step that ended now, and its gap never below the stored one.
 * @param state state of the last reading
 * @param gap `storedGap` of the last reading, in 1/10^4
 * @param price price mark of the round, not 2^60 or more
 * @param time unix seconds of the round, not before the last sample's
 * @param g gap in calm markets, in 1/10^4
 */
export function stepMargin(state: MarginState, gap: bigint, price: bigint, time: bigint, g: bigint): MarginReading {
  const p = max(price, PRICE_MIN)
  const step = time / GRID_SECONDS
  const passed = min(step - state.step, STEPS_MOST)
  const k = passed === 0n ? 1n : passed
  const r = (abs(p - state.price) << Q48) / state.price
  const sample = min((((r * r) >> Q48) * STEPS_AN_HOUR) / k, VARIANCE_END - 1n)
  const [s2, s5, s8] = DECAYS.map((decay, i) => {
    const kept = powerDown(decay, k, Q48)
    return ([state.s2, state.s5, state.s8][i]! * kept + sample * (ONE - kept)) >> Q48
  }) as [bigint, bigint, bigint]
  const quantile = quantileDown({ s2, s5, s8 })
  const raw = rawGapUp(quantile, g)
  if (passed === 0n) return { s2, s5, s8, quantile, gap: max(raw, gap), state, storedGap: gap }
  const next = raw > gap || raw <= gap - GAP_FALL ? raw : gap
  return { s2, s5, s8, quantile, gap: next, state: { s2, s5, s8, price: p, step }, storedGap: next }
}

/**
 * Initial factors of a gap: collateral down by it, liabilities up by its inverse, neither easier than the target's.
 * @param maintenance factors of maintenance, in 1/10^4; @param target factors of the target, in 1/10^4
 */
export function initialFactors(gap: bigint, maintenance: InitialFactors, target: InitialFactors): InitialFactors {
  const collateral = min(target.collateralFactor, maintenance.collateralFactor - gap)
  const liability = divUp(maintenance.liabilityFactor * FACTOR_ONE, FACTOR_ONE - gap)
  return {
    collateralFactor: max(0n, collateral),
    liabilityFactor: min(WORD_FACTOR, max(target.liabilityFactor, liability)),
  }
}

/** Quantile of a state; its median where none is stored. */
export function quantileOf(state: MarginState | undefined): bigint {
  return state === undefined ? QUANTILE_MEDIAN : quantileDown(state)
}

/** A depth times the median of the quantile over the quantile, where that is above it. */
export function calmDepthDown(depth: bigint, quantile: bigint): bigint {
  return quantile <= QUANTILE_MEDIAN ? depth : (depth * QUANTILE_MEDIAN) / quantile
}

/** Maintenance margin that the slow average asks for, in 1/10^4. @param scale in 1/10^4 */
export function slowMarginDown({ s8 }: Pick<MarginState, 's8'>, scale: bigint): bigint {
  return (scale * squareRootDown((C0 + ((C3 * s8) >> 8n)) << Q48)) >> Q48
}

/**
 * Points by which the marks of a held asset are widened: at most one an hour, 99 in all.
 * @param seconds since patience with it ended
 */
export function widenedDown(quantile: bigint, seconds: bigint): bigint {
  const points = squareRootDown((10_000n * quantile * quantile * seconds) / QUANTILE_SECONDS) >> Q48
  return min(min(points, seconds / 3_600n), 99n)
}

/** The word that the contract packs a state into. */
export function packMargin({ s2, s5, s8, price, step }: MarginState): bigint {
  return (s2 << 200n) | (s5 << 144n) | (s8 << 88n) | (price << 28n) | step
}

function quantileDown({ s2, s5, s8 }: Pick<MarginState, 's2' | 's5' | 's8'>): bigint {
  return squareRootDown((C0 + ((C1 * s2 + C2 * s5 + C3 * s8) >> 8n)) << Q48)
}

/** The gap that a quantile asks for, up to whole points, between a floor that follows `g` and 40 points. */
function rawGapUp(quantile: bigint, g: bigint): bigint {
  const asked = divUp(g * quantile, QUANTILE_MEDIAN * POINT) * POINT
  const floor = divUp(max(3n * g, 8n * POINT), 4n * POINT) * POINT
  return min(max(asked, floor), GAP_MOST)
}
