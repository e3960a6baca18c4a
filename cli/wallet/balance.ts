import { SCALE } from '../../protocol/constants.ts'
import { formatDecimal, formatRatioDown } from '../../protocol/decimal.ts'
import { balance } from '../../sdk/actions/balance.ts'
import { printJson, printText } from '../output.ts'
import { amountsBySymbol, listAmounts, weightsBySymbol } from './amounts.ts'
import { openWallet, type WalletOptions } from './session.ts'

export async function run(options: WalletOptions & { node: string }): Promise<void> {
  const wallet = await openWallet(options)
  const { account, round, withdrawals, equity, ...state } = await balance(wallet)
  const { assets } = wallet.deployment
  const cash = assets[0]!
  const inCash = (value: bigint) => formatRatioDown(value, SCALE, cash.decimals)
  const balances = amountsBySymbol(assets, account.balances)
  const weights = weightsBySymbol(assets, account.weights)
  const worth = {
    health: inCash(state.health),
    targetHealth: inCash(state.targetHealth),
    equity: inCash(equity),
  }
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
    return printJson({ index: account.index, version: Number(account.version), balances, weights, ...worth, pending })
  printText(`Account ${account.index}, version ${account.version}: ${listAmounts(balances)}`)
  printText(
    `Equity ${worth.equity}, health ${worth.health}, target health ${worth.targetHealth} ${cash.symbol} at round ${round}`,
  )
  if (Object.keys(weights).length > 0)
    printText(
      `Preferences: ${Object.entries(weights)
        .map(([symbol, weight]) => `${symbol} ${weight}`)
        .join(', ')}`,
    )
  const others = (await wallet.indices()).filter((index) => index !== account.index)
  if (others.length > 0) printText(`This key has other accounts, which --index names: ${others.join(', ')}`)
  for (const { id, asset, amount, pays, claimable } of pending) {
    const paid = pays === undefined ? '' : `, of which it pays ${pays}, as the backstop was under water`
    printText(
      `Withdrawal ${id} of ${amount} ${asset}: ${claimable ? `plimsoll wallet withdraw --claim ${id} takes it${paid}` : 'waits for the next checkpoint'}`,
    )
  }
}
