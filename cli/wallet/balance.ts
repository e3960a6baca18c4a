import {
  chargedHealthDown,
  collateralLimit,
  concentrationChargeUp,
  positionChargeUp,
} from '../../protocol/concentration.ts'
import { SCALE, TARGET_THRESHOLD } from '../../protocol/constants.ts'
import { formatDecimal, formatRatioDown } from '../../protocol/decimal.ts'
import { health, initialHealth, targetHealth } from '../../protocol/health.ts'
import { divUp } from '../../protocol/integer.ts'
import type { AssetMarks } from '../../protocol/marks.ts'
import { meetsInitial } from '../../protocol/operation.ts'
import { boundaryMark, coverage, isAllowed } from '../../protocol/what-if.ts'
import { balance } from '../../sdk/actions/balance.ts'
import type { AssetInfo, RoundInfo } from '../../sdk/schemas.ts'
import { commandLine } from '../invocation.ts'
import { printJson, printText } from '../output.ts'
import { amountsBySymbol, listAmounts, weightsBySymbol } from './amounts.ts'
import { openWallet, type WalletOptions } from './session.ts'
import { priceOfMark, type Scene, suppose } from './what-if.ts'

const RATIO_DECIMALS = 4

/** An account as it stands, for people and for programs. */
interface Standing {
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

interface InitialMargin {
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

interface Limit {
  readonly price: string
  readonly zeroHealth: string
  /** The side on which the account is breached. */
  readonly breached: 'below' | 'above'
}

export async function run(options: WalletOptions & { node: string; whatIf?: string }): Promise<void> {
  const wallet = await openWallet(options)
  const { account, round, marks, assets: risks, withdrawals, traded } = await balance(wallet)
  const { assets } = wallet.deployment
  const scene: Scene = { balances: account.balances, marks }
  const standing = standingOf(assets, risks, scene)
  const whatIf =
    options.whatIf === undefined ? undefined : standingOf(assets, risks, suppose(options.whatIf, assets, scene))
  const readableByFormerKey = await wallet.readableByFormerKey()
  const weights = weightsBySymbol(assets, account.weights)
  const pending = withdrawals.map(({ id, asset, amount, pays, claimable }) => {
    const { symbol, decimals } = assets[asset]!
    return {
      id,
      asset: symbol,
      amount: formatDecimal(amount, decimals),
      claimable,
      ...(claimable && pays < amount && { pays: formatDecimal(pays, decimals) }),
    }
  })
  if (options.json)
    return printJson({
      index: account.index,
      version: Number(account.version),
      ...standing,
      public: !traded,
      weights,
      pending,
      readableByFormerKey,
      ...(whatIf !== undefined && { whatIf }),
    })
  printText(`Account ${account.index}, version ${account.version}: ${listAmounts(standing.balances)}`)
  describe(standing, assets, `at round ${round}`)
  if (!traded)
    printText(
      'Everybody can work out these balances: they follow from deposits, withdrawals and prices until the account first trades with another; see wallet blend',
    )
  if (Object.keys(weights).length > 0)
    printText(
      `Preferences: ${Object.entries(weights)
        .map(([symbol, weight]) => `${symbol} ${weight}`)
        .join(', ')}`,
    )
  const others = (await wallet.indices()).filter((index) => index !== account.index)
  if (others.length > 0) printText(`This key has other accounts, which --index names: ${others.join(', ')}`)
  if (readableByFormerKey.length > 0)
    printText(
      `The sequencer has handed over. Who has its former key can still read, until the sequencer rekeys them: account ${readableByFormerKey.join(', ')}`,
    )
  for (const { id, asset, amount, pays, claimable } of pending) {
    const paid = pays === undefined ? '' : `, of which it pays ${pays}, as the backstop was under water`
    printText(
      `Withdrawal ${id} of ${amount} ${asset}: ${claimable ? `can be claimed${paid}: ${claimLine(id, options)}` : 'waits for the next checkpoint'}`,
    )
  }
  if (whatIf === undefined) return
  printText(`What if ${options.whatIf}: ${listAmounts(whatIf.balances)}`)
  describe(whatIf, assets, 'then')
}

function standingOf(assets: readonly AssetInfo[], risks: RoundInfo['assets'], { balances, marks }: Scene): Standing {
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

function limitOf(marks: AssetMarks, { decimals }: AssetInfo): string | null {
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

function describe(standing: Standing, assets: readonly AssetInfo[], when: string): void {
  const cash = assets[0]!.symbol
  const words = {
    healthy: 'healthy',
    'below target': 'below its target: it may only shrink its positions',
    'below initial margin': 'below the initial margin: it may only shrink its positions',
    'too concentrated': 'below the initial margin by the charge for concentration: it may only shrink its positions',
    breached: 'breached: it is liquidated with the next round',
  }[standing.status]
  printText(
    `Equity ${standing.equity}, health ${standing.health}, target health ${standing.targetHealth}, initial health ${standing.initialHealth} ${cash}${standing.concentration === '0' ? '' : `, ${standing.concentration} charged for concentration,`} ${when}; ${standing.ratio === null ? 'owes nothing' : `health ratio ${standing.ratio}`}; ${words}`,
  )
  for (const [symbol, margin] of Object.entries(standing.initialMargins))
    printText(
      `New risk in ${symbol}: collateral counts ${margin.collateralFactor}, debt ${margin.liabilityFactor}${margin.concentration === '0' ? '' : `, its size costs ${margin.concentration} ${cash}`}${margin.held ? '; its price is held, so there is none now' : margin.quantile === null ? '' : `; six hours may bring a fall of ${(100 * margin.quantile).toFixed(1)} %`}`,
    )
  for (const [symbol, { price, zeroHealth, breached }] of Object.entries(standing.limits))
    printText(`Liquidated with ${symbol} ${breached} ${zeroHealth} ${cash}, all else as it is; it is at ${price}`)
}

/** The command that takes a withdrawal. Where no endpoint is known yet, its place is marked. */
function claimLine(id: number, { rpc }: WalletOptions): string {
  const line = commandLine(['wallet', 'withdraw', '--claim', String(id)], ['rpc', 'node', 'from', 'account', 'index'])
  return rpc === undefined ? `${line} --rpc URL` : line
}
