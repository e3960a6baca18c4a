import { FACTOR_ONE } from '../../protocol/constants.ts'
import { min } from '../../protocol/integer.ts'
import { liquidatePairs, type PairTrade, pairBonus } from './pairs.ts'
import type { Policy } from './policy.ts'

const WAD = 10n ** 18n
/** Above this health factor half of a debt may be repaid in one call, else all of it. */
const CLOSE_FACTOR_THRESHOLD = (95n * WAD) / 100n
const HALF = FACTOR_ONE / 2n

/** One side of a call: amounts in base units of an asset that has `unit` of them in a whole one, `price` of a whole one in any currency. */
export interface AaveSide {
  readonly balance: bigint
  readonly price: bigint
  readonly unit: bigint
}

/** `value percentage / 10^4`, rounded half up (PercentageMath.percentMul). */
function percentMul(value: bigint, percentage: bigint): bigint {
  return (value * percentage + HALF) / FACTOR_ONE
}

/** `value 10^4 / percentage`, rounded half up (PercentageMath.percentDiv). */
function percentDiv(value: bigint, percentage: bigint): bigint {
  return (value * FACTOR_ONE + percentage / 2n) / percentage
}

/**
 * Aave's health factor in 1/10^18: collateral times its average liquidation threshold over debt (GenericLogic.calculateUserAccountData).
 * @param collateral values and liquidation thresholds in 1/10^4
 * @param debt values, in the same currency; their sum is above 0
 */
export function aaveHealthFactor(
  collateral: readonly (readonly [value: bigint, threshold: bigint])[],
  debt: readonly bigint[],
): bigint {
  const total = collateral.reduce((sum, [value]) => sum + value, 0n)
  const owed = debt.reduce((sum, value) => sum + value, 0n)
  const average =
    total === 0n ? 0n : collateral.reduce((sum, [value, threshold]) => sum + value * threshold, 0n) / total
  return (percentMul(total, average) * WAD + owed / 2n) / owed
}

/**
 * The amounts that one call of Aave v3.0's `liquidationCall` with an unlimited `debtToCover` moves (LiquidationLogic: `_calculateDebt` and
 * `_calculateAvailableCollateralToLiquidate`, without a protocol fee): half of the debt while the health factor is above 0.95, else all
 * of it, at the collateral's bonus, and less where the collateral does not suffice.
 * @param bonus of the collateral in 1/10^4, 10,500 for 5 %
 */
export function aaveV3Call(collateral: AaveSide, debt: AaveSide, healthFactor: bigint, bonus: bigint): PairTrade {
  const cover = percentMul(debt.balance, healthFactor > CLOSE_FACTOR_THRESHOLD ? HALF : FACTOR_ONE)
  const base = (debt.price * cover * collateral.unit) / (collateral.price * debt.unit)
  const seize = percentMul(base, bonus)
  if (seize <= collateral.balance) return { repay: cover, seize }
  const needed = (collateral.price * collateral.balance * debt.unit) / (debt.price * collateral.unit)
  return { repay: percentDiv(needed, bonus), seize: collateral.balance }
}

/**
 * Half close factor, as in Aave v3.0 (aave/aave-v3-core 1.19.3). Its health factor is the weighted collateral over the weighted debt,
 * here at the book's maintenance factors on both sides; its bonus is the collateral's penalty.
 */
export const aaveV3: Policy = {
  name: 'aave-v3',
  source:
    'Aave v3.0, LiquidationLogic.sol: half of a debt above a health factor of 0.95, all of it below, at a fixed bonus',
  liquidate(start, _weights, market) {
    const { marks } = market
    return liquidatePairs(start, market, (balances, pair) => {
      let weighted = 0n
      let owed = 0n
      balances.forEach((balance, a) => {
        if (balance > 0n) weighted += balance * marks[a]!.collateralValue
        else owed -= balance * marks[a]!.liabilityValue
      })
      const side = (a: number): AaveSide => ({
        balance: balances[a]! < 0n ? -balances[a]! : balances[a]!,
        price: marks[a]!.price,
        unit: 1n,
      })
      const { repay, seize } = aaveV3Call(
        side(pair.collateral),
        side(pair.debt),
        (weighted * WAD) / owed,
        FACTOR_ONE + pairBonus(pair, market),
      )
      const owes = -balances[pair.debt]!
      return { repay: min(repay, owes), seize }
    })
  },
}
