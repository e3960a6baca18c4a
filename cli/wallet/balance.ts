import { formatDecimal } from '../../protocol/decimal.ts'
import { balance } from '../../sdk/actions/balance.ts'
import { listAmounts, weightsBySymbol } from '../../sdk/amounts.ts'
import type { AssetInfo } from '../../sdk/schemas.ts'
import { STATUS_WORDS, type Standing, standingOf } from '../../sdk/standing.ts'
import { type Scene, suppose } from '../../sdk/what-if.ts'
import { commandLine } from '../invocation.ts'
import { printJson, printText } from '../output.ts'
import { openWallet, type WalletOptions } from './session.ts'

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

function describe(standing: Standing, assets: readonly AssetInfo[], when: string): void {
  const cash = assets[0]!.symbol
  const words = STATUS_WORDS[standing.status]
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
