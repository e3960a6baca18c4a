import { type Address, parseEventLogs } from 'viem'
import type { PlimsollError } from '../../protocol/errors.ts'
import { ESCAPE_ABI } from '../abi/escape.ts'
import type { ChainFailure } from '../chain/chain-failure.ts'
import type { SigningClient } from '../chain/client.ts'
import type { ContractRefusal } from '../chain/contract-errors.ts'
import { pullEach } from '../chain/pull-each.ts'
import { sendCall } from '../chain/send-call.ts'
import { systemContracts } from '../chain/system-contracts.ts'
import { requireFrozen } from './exit.ts'

export interface PullOwedParameters {
  readonly settlement: Address
  /** A withdrawal that a checkpoint cut before the freeze. */
  readonly withdrawalId: bigint
}

/** Units of the tokens that were paid, by asset. */
export type PullOwedReturnType = readonly bigint[]

export type PullOwedErrorType = PlimsollError | ContractRefusal | ChainFailure

/**
 * Pays the recipient of a withdrawal that a checkpoint cut its part of every token, for what was still owed for it at the freeze.
 * @throws PlimsollError while the system runs, ContractRefusal where the contract refuses
 * @example
 * import { pullOwed } from '../../sdk/actions/pull-owed.ts'
 * import { refundable } from '../../sdk/actions/refundable.ts'
 *
 * const { shares } = await refundable(signer, { settlement, owner: signer.sender })
 * const tokenAmounts = []
 * for (const withdrawalId of shares) tokenAmounts.push(await pullOwed(signer, { settlement, withdrawalId }))
 */
export async function pullOwed(
  signer: SigningClient,
  { settlement, withdrawalId }: PullOwedParameters,
): Promise<PullOwedReturnType> {
  await requireFrozen(signer, { settlement })
  const { escape: address } = await systemContracts(signer.read, settlement)
  return pullEach(signer, address, async (asset) => {
    const call = { address, abi: ESCAPE_ABI, functionName: 'pullOwed', args: [withdrawalId, asset] } as const
    const { logs } = await sendCall(signer, call)
    return parseEventLogs({ abi: ESCAPE_ABI, eventName: 'OwedPulled', logs })[0]!.args.tokenAmount
  })
}
