import type { Address, Hex } from 'viem'
import type { PlimsollError } from '../../protocol/errors.ts'
import { INSURANCE_ABI } from '../abi/insurance.ts'
import type { ChainFailure } from '../chain/chain-failure.ts'
import type { SigningClient } from '../chain/client.ts'
import type { ContractRefusal } from '../chain/contract-errors.ts'
import { sendCall } from '../chain/send-call.ts'
import { systemContracts } from '../chain/system-contracts.ts'

export interface CancelInsuranceParameters {
  readonly settlement: Address
}

export interface CancelInsuranceReturnType {
  readonly transaction: Hex
}

export type CancelInsuranceErrorType = PlimsollError | ContractRefusal | ChainFailure

/**
 * Takes back the signer's cash that has not become shares.
 * @throws ContractRefusal where there is none
 * @example
 * import { cancelInsurance } from '../../sdk/actions/cancel-insurance.ts'
 *
 * const { transaction } = await cancelInsurance(signer, { settlement })
 */
export async function cancelInsurance(
  signer: SigningClient,
  { settlement }: CancelInsuranceParameters,
): Promise<CancelInsuranceReturnType> {
  const { insurance } = await systemContracts(signer.read, settlement)
  const { transactionHash } = await sendCall(signer, {
    address: insurance,
    abi: INSURANCE_ABI,
    functionName: 'cancel',
    args: [],
  })
  return { transaction: transactionHash }
}
