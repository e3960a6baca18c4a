import { SCALE, TARGET_THRESHOLD } from '../../protocol/constants.ts'
import { targetHealth } from '../../protocol/health.ts'
import { abs, divDown, divUp, min } from '../../protocol/integer.ts'
import { isDust } from '../../protocol/liquidation.ts'
import type { Policy } from './policy.ts'

/**
 * The same target, penalty and dust rule as this project's, but the position of the greatest value is traded first, then the next:
 * what water-filling by depth is compared with.
 */
export const largestFirst: Policy = {
  name: 'largest-first',
  source: "A yardstick of the laboratory: this project's target and penalty, the greatest position first",
  liquidate(balances, _weights, { marks, minLiability }) {
    let missing = isDust(balances, marks, minLiability) ? undefined : TARGET_THRESHOLD - targetHealth(balances, marks)
    const traded = balances.map(() => 0n)
    const order = balances
      .map((_, a) => a)
      .slice(1)
      .filter((a) => balances[a] !== 0n)
    const value = (a: number) => abs(balances[a]!) * marks[a]!.price
    order.sort((a, b) => (value(a) === value(b) ? a - b : value(a) > value(b) ? -1 : 1))
    let proceeds = 0n
    for (const a of order) {
      const { sell, targetCollateralValue, targetLiabilityValue, buy } = marks[a]!
      const long = balances[a]! > 0n
      const gain = long ? sell - targetCollateralValue : targetLiabilityValue - buy
      const size = abs(balances[a]!)
      const amount = missing === undefined || gain <= 0n ? size : min(size, divUp(missing, gain))
      traded[a] = amount
      proceeds += amount * (long ? sell : -buy)
      if (missing !== undefined) {
        missing -= amount * gain
        if (missing <= 0n) break
      }
    }
    const paid = divDown(proceeds, SCALE)
    const closed = missing === undefined || missing > 0n
    const after = balances.map((balance, a) =>
      a === 0 ? balance + paid : balance > 0n ? balance - traded[a]! : balance + traded[a]!,
    )
    const badDebt = closed && after[0]! < 0n ? -after[0]! : 0n
    after[0]! += badDebt
    return { traded, paid, after, badDebt, closed }
  },
}
