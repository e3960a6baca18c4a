import { max, min } from './integer.ts'

/** Bounds of the penalty, and its greatest step in a day, in 1/10^4. */
const PENALTY_LEAST = 100n
const PENALTY_MOST = 300n
const STEP_MOST = 10n

/**
 * The penalty of the next day, in 1/10^4 (docs/market.md#penalty): it moves towards what clearing cost and a margin, by 10 basis points at
 * most, within 1 to 3 points. A day without fills leaves it as it is.
 * @param discount clearing discount of the day's fills as a share of the mark, weighted by value, in 1/10^4; below 0 above the mark
 * @param margin distance to keep above it, in 1/10^4
 */
export function nextPenalty(penalty: bigint, discount: bigint | undefined, margin: bigint): bigint {
  if (discount === undefined) return penalty
  const wanted = max(PENALTY_LEAST, min(PENALTY_MOST, discount + margin))
  return max(penalty - STEP_MOST, min(penalty + STEP_MOST, wanted))
}
