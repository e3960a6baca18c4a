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

export interface PullInsuranceParameters {
  readonly settlement: Address
}

/** Units of the tokens that were paid, by asset. */
export type PullInsuranceReturnType = readonly bigint[]

export type PullInsuranceErrorType = PlimsollError | ContractRefusal | ChainFailure

/**
 * Pays an insurer, who signs, its part of every token that it has not had yet.
 * @throws PlimsollError while the system runs, ContractRefusal where the contract refuses
 * @example
 * import { pullInsurance } from '../../sdk/actions/pull-insurance.ts'
 *
 * const tokenAmounts = await pullInsurance(signer, { settlement })
 */
export async function pullInsurance(
  signer: SigningClient,
  { settlement }: PullInsuranceParameters,
): Promise<PullInsuranceReturnType> {
  await requireFrozen(signer, { settlement })
  const { escape: address } = await systemContracts(signer.read, settlement)
  return pullEach(signer, address, async (asset) => {
    const { logs } = await sendCall(signer, { address, abi: ESCAPE_ABI, functionName: 'pullShares', args: [asset] })
    return parseEventLogs({ abi: ESCAPE_ABI, eventName: 'SharesPulled', logs })[0]!.args.tokenAmount
  })
}
