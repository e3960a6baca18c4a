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

export interface PullParameters {
  readonly settlement: Address
  /** The account. */
  readonly index: number
}

/** Units of the tokens that were paid, by asset. */
export type PullReturnType = readonly bigint[]

export type PullErrorType = PlimsollError | ContractRefusal | ChainFailure

/**
 * Pays an account that has left its share of every token that it has not had yet, to the recipient that it named.
 * @throws PlimsollError while the system runs, ContractRefusal where the contract refuses
 * @example
 * import { pull } from '../../sdk/actions/pull.ts'
 *
 * const tokenAmounts = await pull(signer, { settlement, index: await owner.index() })
 */
export async function pull(signer: SigningClient, { settlement, index }: PullParameters): Promise<PullReturnType> {
  await requireFrozen(signer, { settlement })
  const { escape: address } = await systemContracts(signer.read, settlement)
  return pullEach(signer, address, async (asset) => {
    const { logs } = await sendCall(signer, { address, abi: ESCAPE_ABI, functionName: 'pull', args: [index, asset] })
    return parseEventLogs({ abi: ESCAPE_ABI, eventName: 'Pulled', logs })[0]!.args.tokenAmount
  })
}
