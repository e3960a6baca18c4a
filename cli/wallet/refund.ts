import { formatDecimal } from '../../protocol/decimal.ts'
import { refund } from '../../sdk/actions/refund.ts'
import { amountsBySymbol, listAmounts } from '../../sdk/amounts.ts'
import { chainAssets } from '../../sdk/chain/assets.ts'
import { printJson, printText } from '../output.ts'
import type { ChainOptions } from './own-account.ts'
import { chainSigner } from './session.ts'

/** Decimals of a chain's coin. */
const COIN_DECIMALS = 18

/** Takes back deposits that bounced, that a freeze voided or that wait too long, bonds of forced requests, and cash that checkpoints cut. */
export async function run(options: ChainOptions): Promise<void> {
  const signer = await chainSigner(options.rpc, options)
  const { settlement } = options
  const assets = await chainAssets(signer.read, settlement)
  const paid = await refund(signer, { settlement })
  const refunds = paid.deposits.map(({ depositId, asset, tokenAmount, transaction }) => {
    const { symbol, tokenDecimals } = assets[asset]!
    return {
      depositId: Number(depositId),
      asset: symbol,
      paid: formatDecimal(tokenAmount, tokenDecimals),
      transaction,
    }
  })
  const bonds = formatDecimal(paid.bonds, COIN_DECIMALS)
  const [cash] = assets
  const owed = [
    ...paid.owed.map(({ withdrawalId, amount }) => ({
      withdrawal: Number(withdrawalId),
      paid: { [cash!.symbol]: formatDecimal(amount, cash!.decimals) },
    })),
    ...paid.shares.map(({ withdrawalId, tokenAmounts }) => ({
      withdrawal: Number(withdrawalId),
      paid: amountsBySymbol(
        assets.map(({ symbol, tokenDecimals }) => ({ symbol, decimals: tokenDecimals })),
        tokenAmounts,
      ),
    })),
  ]
  if (options.json) return printJson({ refunds, bonds, ...(owed.length > 0 && { owed }) })
  for (const { depositId, asset, paid, transaction } of refunds)
    printText(`Deposit ${depositId} refunded: ${paid} ${asset}, transaction ${transaction}`)
  if (bonds !== '0') printText(`Bonds returned: ${bonds} of the chain's coin.`)
  for (const { withdrawal, paid } of owed)
    printText(`Owed for withdrawal ${withdrawal}, which a checkpoint cut: paid ${listAmounts(paid)}`)
  if (refunds.length === 0 && owed.length === 0 && bonds === '0')
    printText(`There is nothing to take back for ${signer.sender}.`)
}
