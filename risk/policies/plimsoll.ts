import { liquidate } from '../../protocol/liquidation.ts'
import type { Policy } from './policy.ts'

/** This project's rule: the product's own code, whose amounts its circuits prove. */
export const plimsoll: Policy = {
  name: 'plimsoll',
  source: 'protocol/liquidation.ts: the trades of least impact that reach the target, weighted by depth and preference',
  liquidate(balances, weights, { marks, minLiability }) {
    const { traded, after, badDebt, status } = liquidate(balances, weights, marks, minLiability)
    return { traded, paid: after[0]! - balances[0]! - badDebt, after, badDebt, closed: status === 'closed' }
  },
}
