import { SCALE } from '../../protocol/constants.ts'
import { abs, divDown } from '../../protocol/integer.ts'
import type { Policy } from './policy.ts'

/**
 * Full absorption, as in Compound III: the protocol takes all collateral at `price (1 - penalty)` and pays all debt; what is left over
 * is credited in the base token, and what is missing is the protocol's loss (compound-finance/comet, contracts/Comet.sol,
 * `absorbInternal`: `deltaValue += mulFactor(value, liquidationFactor)` over all collateral, `newBalance = max(0, oldBalance + deltaBalance)`).
 * Comet lends its base token alone; debts in other assets are bought back at `price (1 + penalty)` here.
 */
export const comet: Policy = {
  name: 'comet',
  source: 'Compound III, Comet.sol, absorbInternal: all collateral at the liquidation factor, all debt',
  liquidate(balances, _weights, { marks }) {
    let proceeds = 0n
    for (let a = 1; a < balances.length; a++)
      proceeds += balances[a]! * (balances[a]! > 0n ? marks[a]!.sell : marks[a]!.buy)
    const paid = divDown(proceeds, SCALE)
    const cash = balances[0]! + paid
    return {
      traded: balances.map((balance, a) => (a === 0 ? 0n : abs(balance))),
      paid,
      after: balances.map((_, a) => (a === 0 && cash > 0n ? cash : 0n)),
      badDebt: cash < 0n ? -cash : 0n,
      closed: true,
    }
  },
}
