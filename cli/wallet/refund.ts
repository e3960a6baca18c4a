import { type Address, type Hex, parseEventLogs } from 'viem'
import { formatDecimal } from '../../protocol/decimal.ts'
import { FORCED_ABI } from '../../sdk/abi/forced.ts'
import { VAULT_ABI } from '../../sdk/abi/vault.ts'
import { readDues } from '../../sdk/actions/refundable.ts'
import type { SigningClient } from '../../sdk/chain/client.ts'
import { refusal } from '../../sdk/chain/contract-errors.ts'
import { sendCall } from '../../sdk/chain/send-call.ts'
import { printJson, printText } from '../output.ts'
import { chainAssets } from './chain-assets.ts'
import type { ChainOptions } from './own-account.ts'
import { chainSigner } from './session.ts'

/** Decimals of a chain's coin. */
const COIN_DECIMALS = 18

/** Takes back deposits that bounced or that a freeze voided, and the bonds of forced requests. */
export async function run(options: ChainOptions): Promise<void> {
  const signer = await chainSigner(options.rpc, options)
  const assets = await chainAssets(signer.read, options.settlement)
  const { vault, forced, deposits, requests } = await readDues(signer.read, options.settlement, signer.sender).catch(
    (error: unknown) => {
      throw refusal(error, 'the deposits and requests')
    },
  )
  const refunds: { depositId: number; asset: string; paid: string; transaction: Hex }[] = []
  for (const { id, asset } of deposits) {
    const { logs, transactionHash } = await sendCall(signer, {
      address: vault,
      abi: VAULT_ABI,
      functionName: 'refund',
      args: [id],
    })
    const { tokenAmount } = parseEventLogs({ abi: VAULT_ABI, eventName: 'Refunded', logs })[0]!.args
    const { symbol, tokenDecimals } = assets[asset]!
    refunds.push({
      depositId: Number(id),
      asset: symbol,
      paid: formatDecimal(tokenAmount, tokenDecimals),
      transaction: transactionHash,
    })
  }
  for (const { number, call } of requests)
    await sendCall(signer, { address: forced, abi: FORCED_ABI, functionName: call, args: [number] })
  const bonds = await withdrawCredits(signer, forced)
  if (options.json) return printJson({ refunds, bonds })
  for (const { depositId, asset, paid, transaction } of refunds)
    printText(`Deposit ${depositId} refunded: ${paid} ${asset}, transaction ${transaction}`)
  if (bonds !== '0') printText(`Bonds returned: ${bonds} of the chain's coin.`)
  if (refunds.length === 0 && bonds === '0') printText(`There is nothing to take back for ${signer.sender}.`)
}

/** @returns what was paid, as a decimal */
async function withdrawCredits(signer: SigningClient, forced: Address): Promise<string> {
  const contract = { address: forced, abi: FORCED_ABI } as const
  const owner = signer.sender
  const credits = await signer.read.readContract({ ...contract, functionName: 'nativeCredits', args: [owner] })
  if (credits > 0n) await sendCall(signer, { ...contract, functionName: 'withdrawNativeCredits', args: [owner] })
  return formatDecimal(credits, COIN_DECIMALS)
}
