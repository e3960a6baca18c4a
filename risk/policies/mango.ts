import { TARGET_THRESHOLD } from '../../protocol/constants.ts'
import { targetHealth } from '../../protocol/health.ts'
import { debtToTarget } from './aave-v4.ts'
import { liquidatePairs, tradePair } from './pairs.ts'
import type { Policy } from './policy.ts'

/**
 * Liquidation-end health, as in Mango v4 (programs/mango-v4, token_liq_with_token.rs): from maintenance health below 0 until initial
 * health is restored, a liability for an asset at a time, `x = -health / (price (liability weight - asset weight fee factor))`, where
 * the fee factor is 1 plus the liquidation fees of both tokens. The initial weights are the book's target factors, the fees its
 * penalties.
 */
export const mango: Policy = {
  name: 'mango',
  source:
    'Mango v4, token_liq_with_token.rs: trade the greatest pair until initial health is restored, at the fees of both sides',
  liquidate(start, _weights, market) {
    return liquidatePairs(
      start,
      market,
      (balances, pair) => {
        const fees = market.penalties[pair.collateral]! + market.penalties[pair.debt]!
        return tradePair(balances, pair, debtToTarget(balances, pair, fees, market), fees, market)
      },
      (balances) => targetHealth(balances, market.marks) < TARGET_THRESHOLD,
    )
  },
}
