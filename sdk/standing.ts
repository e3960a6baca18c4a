import {
  chargedHealthDown,
  collateralLimit,
  concentrationChargeUp,
  positionChargeUp,
} from '../protocol/concentration.ts'
import { SCALE, TARGET_THRESHOLD } from '../protocol/constants.ts'
import { formatDecimal, formatRatioDown } from '../protocol/decimal.ts'
import { health, initialHealth, targetHealth } from '../protocol/health.ts'
import { divUp } from '../protocol/integer.ts'
import type { AssetMarks } from '../protocol/marks.ts'
import { meetsInitial } from '../protocol/operation.ts'
import { boundaryMark, coverage, isAllowed } from '../protocol/what-if.ts'
import { amountsBySymbol } from './amounts.ts'
import { priceOfMark } from './price.ts'
import type { AssetInfo, RoundInfo } from './schemas.ts'
import type { Scene } from './what-if.ts'

const RATIO_DECIMALS = 4

type Unit = Pick<AssetInfo, 'symbol' | 'decimals'>

/** An account as it stands, for people and for programs. */
export interface Standing {
  readonly balances: Readonly<Record<string, string>>
  readonly equity: string
  readonly health: string
  readonly targetHealth: string
  /** Health at the initial margin, its charge for concentration taken off, which whatever takes on risk must leave above 0. */
  readonly initialHealth: string
  /** Charge of all positions for concentration, in cash, rounded up. */
  readonly concentration: string
  /** Collateral over liabilities, each at maintenance value; below 1 the account is breached. Null where nothing is owed. */
  readonly ratio: string | null
  /** Whether it is due for liquidation, may not borrow more, or may; between its target and the initial margin it may not, and not where only the charge for concentration takes it below. */
  readonly status: 'breached' | 'below target' | 'below initial margin' | 'too concentrated' | 'healthy'
  /** Factors at which new risk is taken on, of each asset that it has or owes, and whether the asset's price is held. */
  readonly initialMargins: Readonly<Record<string, InitialMargin>>
  /** For each asset on which it hangs: its price now, and the last one at which the account is not breached. */
  readonly limits: Readonly<Record<string, Limit>>
}

export interface InitialMargin {
  readonly collateralFactor: number
  readonly liabilityFactor: number
  /** Drop that the next six hours exceed once in a hundred; null where the factors do not follow the market. */
  readonly quantile: number | null
  readonly held: boolean
  /** Charge of the position for concentration, in cash, rounded up. */
  readonly concentration: string
  /** The position beyond which more of it as collateral lowers initial health; null where there is none. */
  readonly collateralLimit: string | null
}

export interface Limit {
  readonly price: string
  readonly zeroHealth: string
  /** The side on which the account is breached. */
  readonly breached: 'below' | 'above'
}

/** Words of each status for the account's owner. */
export const STATUS_WORDS: Readonly<Record<Standing['status'], string>> = {
  healthy: 'healthy',
  'below target': 'below its target: it may only shrink its positions',
  'below initial margin': 'below the initial margin: it may only shrink its positions',
  'too concentrated': 'below the initial margin by the charge for concentration: it may only shrink its positions',
  breached: 'breached: it is liquidated with the next round',
}

/** An account as it stands at marks: amounts are exact decimals, values rounded down. */
export function standingOf(assets: readonly Unit[], risks: RoundInfo['assets'], { balances, marks }: Scene): Standing {
  const cash = assets[0]!
  const inCash = (value: bigint) => formatRatioDown(value, SCALE, cash.decimals)
  const inCashUp = (value: bigint) => formatDecimal(divUp(value, SCALE), cash.decimals)
  const { collateral, liabilities } = coverage(balances, marks)
  const limits = assets.flatMap((asset, a): [string, Limit][] => {
    const mark = boundaryMark(balances, marks, a)
    if (mark === undefined) return []
    const long = balances[a]! > 0n
    return [
      [
        asset.symbol,
        {
          price: priceOfMark(marks[a]!.price, cash, asset, 'down'),
          zeroHealth: priceOfMark(mark, cash, asset, long ? 'up' : 'down'),
          breached: long ? 'below' : 'above',
        },
      ],
    ]
  })
  return {
    balances: amountsBySymbol(assets, balances),
    equity: inCash(balances.reduce((sum, amount, a) => sum + amount * marks[a]!.price, 0n)),
    health: inCash(health(balances, marks)),
    targetHealth: inCash(targetHealth(balances, marks)),
    initialHealth: inCash(chargedHealthDown(balances, marks)),
    concentration: inCashUp(concentrationChargeUp(balances, marks)),
    ratio:
      liabilities === 0n
        ? null
        : formatRatioDown(collateral * 10n ** BigInt(RATIO_DECIMALS), liabilities, RATIO_DECIMALS),
    status: statusOf({ balances, marks }),
    initialMargins: Object.fromEntries(
      risks.flatMap((risk, i): [string, InitialMargin][] =>
        balances[i + 1] === 0n
          ? []
          : [
              [
                assets[i + 1]!.symbol,
                {
                  collateralFactor: risk.initialCollateralFactor,
                  liabilityFactor: risk.initialLiabilityFactor,
                  quantile: risk.quantile,
                  held: risk.heldSince !== null,
                  concentration: inCashUp(positionChargeUp(balances[i + 1]!, marks[i + 1]!)),
                  collateralLimit: limitOf(marks[i + 1]!, assets[i + 1]!),
                },
              ],
            ],
      ),
    ),
    limits: Object.fromEntries(limits),
  }
}

function limitOf(marks: AssetMarks, { decimals }: Unit): string | null {
  const limit = collateralLimit(marks)
  return limit === undefined ? null : formatDecimal(limit, decimals)
}

function statusOf({ balances, marks }: Scene): Standing['status'] {
  if (health(balances, marks) < 0n) return 'breached'
  if (isAllowed(balances, marks)) return 'healthy'
  if (targetHealth(balances, marks) < TARGET_THRESHOLD) return 'below target'
  const concentrated = !meetsInitial(balances, marks) && initialHealth(balances, marks) >= TARGET_THRESHOLD
  return concentrated ? 'too concentrated' : 'below initial margin'
}
