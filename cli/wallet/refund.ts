import { formatDecimal } from '../../protocol/decimal.ts'
import { refund } from '../../sdk/actions/refund.ts'
import { chainAssets } from '../../sdk/chain/assets.ts'
import { printJson, printText } from '../output.ts'
import type { ChainOptions } from './own-account.ts'
import { chainSigner } from './session.ts'

/** Decimals of a chain's coin. */
const COIN_DECIMALS = 18

/** Takes back deposits that bounced or that a freeze voided, and the bonds of forced requests. */
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
  if (options.json) return printJson({ refunds, bonds })
  for (const { depositId, asset, paid, transaction } of refunds)
    printText(`Deposit ${depositId} refunded: ${paid} ${asset}, transaction ${transaction}`)
  if (bonds !== '0') printText(`Bonds returned: ${bonds} of the chain's coin.`)
  if (refunds.length === 0 && bonds === '0') printText(`There is nothing to take back for ${signer.sender}.`)
}
