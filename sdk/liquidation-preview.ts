import { PRICE_MIN } from '../protocol/constants.ts'
import { health } from '../protocol/health.ts'
import { type Liquidation, liquidate } from '../protocol/liquidation.ts'
import { withPrice } from '../protocol/what-if.ts'
import type { Scene } from './what-if.ts'

/** Steps of prices that are tried: of one percent each. */
const STEPS = 95

/** The scene with every price moved against the account by so many percent: what it holds falls, what it owes rises. */
function moved({ balances, marks }: Scene, percent: number): Scene {
  const change = BigInt(Math.round(percent * 100))
  const after = balances.reduce((now, held, a) => {
    if (a === 0 || held === 0n) return now
    const { price } = marks[a]!
    const next = (price * (10_000n + (held > 0n ? -change : change))) / 10_000n
    return next < PRICE_MIN ? now : withPrice(now, a, next, 'The price')
  }, marks)
  return { balances, marks: after }
}

/**
 * The liquidation that an account would have with some preferences, where all prices have moved against it by so many percent of
 * themselves more than it takes to breach it. Undefined where no move of up to 95 % breaches it.
 * @param weights preferences of assets 0 to 7
 * @throws PlimsollError where marks do not tell their factors
 */
export function liquidationAfterFall(
  scene: Scene,
  weights: readonly number[],
  beyond: number,
): Liquidation | undefined {
  for (let percent = 0; percent <= STEPS; percent++) {
    const at = moved(scene, percent)
    if (health(at.balances, at.marks) >= 0n) continue
    const { balances, marks } = moved(scene, Math.min(STEPS, percent + beyond))
    return liquidate(balances, weights, marks, 0n)
  }
  return undefined
}
