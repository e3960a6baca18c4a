import { TARGET_THRESHOLD } from '../../protocol/constants.ts'
import { targetHealth } from '../../protocol/health.ts'
import type { Marks } from '../../protocol/marks.ts'

/**
 * The least value at mark prices, in 2^-32 base units of cash, whose trading brings the target health of an account to one unit of cash;
 * all that it holds where nothing does. What reaches a linear target by the least value trades what wins most for its value first
 * (the fractional knapsack; G. Dantzig, 1957).
 */
export function leastTraded(balances: readonly bigint[], marks: Marks): number {
  let missing = Number(TARGET_THRESHOLD - targetHealth(balances, marks))
  const positions: { readonly value: number; readonly yields: number }[] = []
  for (let a = 1; a < balances.length; a++) {
    const balance = Number(balances[a]!)
    if (balance === 0) continue
    const { price, sell, targetCollateralValue, targetLiabilityValue, buy } = marks[a]!
    positions.push({
      value: Math.abs(balance) * Number(price),
      yields: Number(balance > 0 ? sell - targetCollateralValue : targetLiabilityValue - buy) / Number(price),
    })
  }
  positions.sort((x, y) => y.yields - x.yields)
  let least = 0
  for (const { value, yields } of positions) {
    if (missing <= 0) break
    const part = yields <= 0 ? value : Math.min(value, missing / yields)
    least += part
    missing -= part * yields
  }
  return least
}
