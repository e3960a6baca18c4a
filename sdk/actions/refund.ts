import { type Address, type Hex, parseEventLogs } from 'viem'
import type { PlimsollError } from '../../protocol/errors.ts'
import { FORCED_ABI } from '../abi/forced.ts'
import { VAULT_ABI } from '../abi/vault.ts'
import type { ChainFailure } from '../chain/chain-failure.ts'
import type { SigningClient } from '../chain/client.ts'
import { type ContractRefusal, refusal } from '../chain/contract-errors.ts'
import { sendCall } from '../chain/send-call.ts'
import { refundable } from './refundable.ts'

export interface RefundParameters {
  readonly settlement: Address
}

export interface RefundReturnType {
  readonly deposits: readonly {
    readonly depositId: bigint
    readonly asset: number
    /** Amount that was paid, in units of the token. */
    readonly tokenAmount: bigint
    readonly transaction: Hex
  }[]
  /** Forced requests that were closed for their bonds. */
  readonly requests: readonly bigint[]
  /** Wei of bonds that were paid. */
  readonly bonds: bigint
}

export type RefundErrorType = PlimsollError | ContractRefusal | ChainFailure

/**
 * Takes back all that the contracts hold for the signer besides accounts and withdrawals: deposits that bounced or that a
 * freeze voided, and the bonds of forced requests.
 * @throws ContractRefusal where a contract refuses
 * @example
 * import { refund } from '../../sdk/actions/refund.ts'
 *
 * const { deposits, bonds } = await refund(signer, { settlement })
 */
export async function refund(signer: SigningClient, { settlement }: RefundParameters): Promise<RefundReturnType> {
  const dues = await refundable(signer, { settlement, owner: signer.sender }).catch((error: unknown) => {
    throw refusal(error, 'the deposits and requests')
  })
  const vault = { address: dues.vault, abi: VAULT_ABI } as const
  const forced = { address: dues.forced, abi: FORCED_ABI } as const
  const deposits: RefundReturnType['deposits'][number][] = []
  for (const { id, asset } of dues.deposits) {
    const { logs, transactionHash } = await sendCall(signer, { ...vault, functionName: 'refund', args: [id] })
    const { tokenAmount } = parseEventLogs({ abi: VAULT_ABI, eventName: 'Refunded', logs })[0]!.args
    deposits.push({ depositId: id, asset, tokenAmount, transaction: transactionHash })
  }
  for (const { number, call } of dues.requests)
    await sendCall(signer, { ...forced, functionName: call, args: [number] })
  const bonds = await signer.read.readContract({ ...forced, functionName: 'nativeCredits', args: [signer.sender] })
  if (bonds > 0n) await sendCall(signer, { ...forced, functionName: 'withdrawNativeCredits', args: [signer.sender] })
  return { deposits, requests: dues.requests.map(({ number }) => number), bonds }
}
