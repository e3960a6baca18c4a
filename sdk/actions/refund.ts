import { type Address, type Hex, parseEventLogs } from 'viem'
import type { PlimsollError } from '../../protocol/errors.ts'
import { FORCED_ABI } from '../abi/forced.ts'
import { INSURANCE_ABI } from '../abi/insurance.ts'
import { VAULT_ABI } from '../abi/vault.ts'
import type { ChainFailure } from '../chain/chain-failure.ts'
import type { SigningClient } from '../chain/client.ts'
import { type ContractRefusal, refusal } from '../chain/contract-errors.ts'
import { sendCall } from '../chain/send-call.ts'
import { pullOwed } from './pull-owed.ts'
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
  /** Base units of cash that were paid of what is owed for withdrawals that a checkpoint cut. */
  readonly owed: readonly { readonly withdrawalId: bigint; readonly amount: bigint; readonly transaction: Hex }[]
  /** After a freeze: units of every token that were paid for what was owed still. */
  readonly shares: readonly { readonly withdrawalId: bigint; readonly tokenAmounts: readonly bigint[] }[]
}

export type RefundErrorType = PlimsollError | ContractRefusal | ChainFailure

/**
 * Takes back all that the contracts hold for the signer besides accounts and withdrawals: deposits that bounced, that a freeze
 * voided or that wait beyond their time, the bonds of forced requests, and what is due of the cash that checkpoints cut from
 * withdrawals.
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
  for (const { id, asset, call } of dues.deposits) {
    const { logs, transactionHash } = await sendCall(signer, { ...vault, functionName: call, args: [id] })
    const [event] = parseEventLogs({ abi: VAULT_ABI, eventName: ['Refunded', 'TakenBack'], logs })
    deposits.push({ depositId: id, asset, tokenAmount: event!.args.tokenAmount, transaction: transactionHash })
  }
  for (const { number, call } of dues.requests)
    await sendCall(signer, { ...forced, functionName: call, args: [number] })
  const bonds = await signer.read.readContract({ ...forced, functionName: 'nativeCredits', args: [signer.sender] })
  if (bonds > 0n) await sendCall(signer, { ...forced, functionName: 'withdrawNativeCredits', args: [signer.sender] })
  const owed: RefundReturnType['owed'][number][] = []
  for (const { withdrawalId } of dues.owed) {
    const { logs, transactionHash } = await sendCall(signer, {
      address: dues.insurance,
      abi: INSURANCE_ABI,
      functionName: 'collectOwed',
      args: [withdrawalId],
    })
    const [event] = parseEventLogs({ abi: INSURANCE_ABI, eventName: 'OwedCollected', logs })
    owed.push({ withdrawalId, amount: event!.args.amount, transaction: transactionHash })
  }
  const shares: RefundReturnType['shares'][number][] = []
  for (const withdrawalId of dues.shares) {
    const tokenAmounts = await pullOwed(signer, { settlement, withdrawalId })
    if (tokenAmounts.some((amount) => amount > 0n)) shares.push({ withdrawalId, tokenAmounts })
  }
  return { deposits, requests: dues.requests.map(({ number }) => number), bonds, owed, shares }
}
