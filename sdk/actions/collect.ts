import type { Address, Hex } from 'viem'
import type { PlimsollError } from '../../protocol/errors.ts'
import { INSURANCE_ABI } from '../abi/insurance.ts'
import type { ChainFailure } from '../chain/chain-failure.ts'
import type { SigningClient } from '../chain/client.ts'
import type { ContractRefusal } from '../chain/contract-errors.ts'
import { sendCall } from '../chain/send-call.ts'
import { systemContracts } from '../chain/system-contracts.ts'

export interface CollectParameters {
  readonly settlement: Address
}

export interface CollectReturnType {
  readonly transaction: Hex
}

export type CollectErrorType = PlimsollError | ContractRefusal | ChainFailure

/**
 * Takes the cash of the signer's redeemed shares.
 * @throws ContractRefusal where there is none
 * @example
 * import { collect } from '../../sdk/actions/collect.ts'
 *
 * const { transaction } = await collect(signer, { settlement })
 */
export async function collect(signer: SigningClient, { settlement }: CollectParameters): Promise<CollectReturnType> {
  const { insurance } = await systemContracts(signer.read, settlement)
  const { transactionHash } = await sendCall(signer, {
    address: insurance,
    abi: INSURANCE_ABI,
    functionName: 'collect',
    args: [],
  })
  return { transaction: transactionHash }
}
