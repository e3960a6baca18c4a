import { FACTOR_ONE, SCALE, TARGET_THRESHOLD } from '../../protocol/constants.ts'
import { targetHealth } from '../../protocol/health.ts'
import { divUp } from '../../protocol/integer.ts'
import { liquidatePairs, type Pair, pairBonus, tradePair } from './pairs.ts'
import type { Policy, PolicyMarket } from './policy.ts'

/** Shape of the bonus: `least` of the greatest bonus at a health factor of 1, all of it at `full` and below, both in 1/10^4. */
export interface BonusCurve {
  readonly least: bigint
  readonly full: bigint
}

/** 90 % of the greatest bonus at a health factor of 1, all of it from 0.9 down. */
export const AAVE_V4_BONUS: BonusCurve = { least: 9_000n, full: 9_000n }

/**
 * The bonus at a health factor, in 1/10^4: linear between its least at 1 and its greatest at `full` (aave-v4, LiquidationLogic.sol,
 * `calculateLiquidationBonus`), rounded down.
 * @param healthFactor in 1/10^4
 */
export function aaveV4Bonus(greatest: bigint, healthFactor: bigint, { least, full }: BonusCurve): bigint {
  if (healthFactor <= full) return greatest
  const smallest = (greatest * least) / FACTOR_ONE
  return smallest + ((greatest - smallest) * (FACTOR_ONE - healthFactor)) / (FACTOR_ONE - full)
}

/**
 * The debt of a pair, in base units and rounded up, whose repayment brings the target health to one unit of cash: the closed form of
 * aave-v4's `_calculateDebtToTargetHealthFactor`, `total debt (HF* - HF) / (HF* - CF (1 + bonus))`, written with the book's target
 * marks. Where no amount does, as the bonus eats what repaying wins, all of the debt.
 */
export function debtToTarget(
  balances: readonly bigint[],
  { collateral, debt }: Pair,
  bonus: bigint,
  { marks }: PolicyMarket,
): bigint {
  const missing = TARGET_THRESHOLD - targetHealth(balances, marks)
  const won =
    marks[debt]!.targetLiabilityValue * FACTOR_ONE * marks[collateral]!.price -
    marks[debt]!.price * (FACTOR_ONE + bonus) * marks[collateral]!.targetCollateralValue
  if (missing <= 0n) return 0n
  return won <= 0n ? -balances[debt]! : divUp(missing * FACTOR_ONE * marks[collateral]!.price, won)
}

/** A policy of target health whose bonus follows `curve`; debts or collateral below the dust threshold are not left behind. */
export function targetHealthPolicy(name: string, curve: BonusCurve): Policy {
  return {
    name,
    source:
      'Aave v4, LiquidationLogic.sol: repay what restores the target health, at a bonus that grows linearly as health falls',
    liquidate(start, _weights, market) {
      const { marks, minLiability } = market
      const dust = minLiability * SCALE
      return liquidatePairs(start, market, (balances, pair) => {
        let weighted = 0n
        let owed = 0n
        balances.forEach((balance, a) => {
          if (balance > 0n) weighted += balance * marks[a]!.collateralValue
          else owed -= balance * marks[a]!.liabilityValue
        })
        const bonus = aaveV4Bonus(pairBonus(pair, market), (weighted * FACTOR_ONE) / owed, curve)
        const owes = -balances[pair.debt]!
        let repay = debtToTarget(balances, pair, bonus, market)
        if ((owes - repay) * marks[pair.debt]!.price < dust) repay = owes
        const trade = tradePair(balances, pair, repay, bonus, market)
        const left = balances[pair.collateral]! - trade.seize
        // Collateral that would be left as dust goes too, as far as there is debt to repay for it.
        if (left > 0n && left * marks[pair.collateral]!.price < dust && trade.repay < owes)
          return tradePair(balances, pair, owes, bonus, market)
        return trade
      })
    },
  }
}

export const aaveV4 = targetHealthPolicy('aave-v4', AAVE_V4_BONUS)
