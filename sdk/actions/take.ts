import { type Address, type Hex, parseEventLogs } from 'viem'
import { PlimsollError } from '../../protocol/errors.ts'
import { MARKET_ABI } from '../abi/market.ts'
import { approve } from '../chain/approve.ts'
import { chainAsset } from '../chain/assets.ts'
import type { ChainFailure } from '../chain/chain-failure.ts'
import type { SigningClient } from '../chain/client.ts'
import type { ContractRefusal } from '../chain/contract-errors.ts'
import { sendCall } from '../chain/send-call.ts'
import { systemContracts } from '../chain/system-contracts.ts'
import { toTokenUnits } from '../token-units.ts'

export interface TakeParameters {
  readonly settlement: Address
  /** Number of the asset, from 1. */
  readonly asset: number
  /** Base units, all of them or none, of the oldest lots first. */
  readonly units: bigint
  /** Base units of cash: the most that the signer pays, or the least that it is paid where the backstop buys; without it, what is quoted now. */
  readonly limit?: bigint | undefined
  /** Recipient of what the vault pays out; the signer where it is left out. */
  readonly recipient?: Address | undefined
}

export interface TakeReturnType {
  /** Whether the backstop sold the units, or bought them. */
  readonly side: 'sell' | 'buy'
  /** Base units of cash that the signer paid, or was paid. */
  readonly cash: bigint
  readonly transaction: Hex
  /** Wei that the transaction itself cost; an approval before it is not counted. */
  readonly gasPaid: bigint
  readonly block: bigint
}

export type TakeErrorType = PlimsollError | ContractRefusal | ChainFailure

/**
 * Takes units of the liquidation market's oldest lots, after approving what they cost.
 * @throws PlimsollError where the signer has not what they cost, ContractRefusal where the contract refuses
 * @example
 * import { take } from '../../sdk/actions/take.ts'
 *
 * const { side, cash } = await take(signer, { settlement, asset: 1, units: 1_000_000n })
 */
export async function take(
  signer: SigningClient,
  { settlement, asset, units, limit, recipient = signer.sender }: TakeParameters,
): Promise<TakeReturnType> {
  const { vault, market } = await systemContracts(signer.read, settlement)
  const contract = { address: market, abi: MARKET_ABI } as const
  const args = [BigInt(asset), units] as const
  const [sells, , quoted] = await signer.read.readContract({ ...contract, functionName: 'quote', args })
  const most = limit ?? quoted
  const paid = await chainAsset(signer.read, vault, sells ? 0 : asset)
  if (paid.token === null) throw new PlimsollError(`${paid.symbol} has no token: only accounts inside can take it.`)
  // No more is allowed than what is paid now: at a later price there is a later approval.
  await approve(signer, paid.token, vault, toTokenUnits(sells ? (quoted < most ? quoted : most) : units, paid))
  const receipt = await sendCall(signer, {
    ...contract,
    functionName: 'take',
    args: [asset, units, most, recipient, '0x'],
  })
  const [filled] = parseEventLogs({ abi: MARKET_ABI, eventName: 'Filled', logs: receipt.logs })
  return {
    side: sells ? 'sell' : 'buy',
    cash: filled!.args.cash,
    transaction: receipt.transactionHash,
    gasPaid: receipt.gasUsed * receipt.effectiveGasPrice,
    block: receipt.blockNumber,
  }
}
