import type { Address, Hex } from 'viem'
import type { PlimsollError } from '../../protocol/errors.ts'
import { INSURANCE_ABI } from '../abi/insurance.ts'
import { approve } from '../chain/approve.ts'
import { chainAsset } from '../chain/assets.ts'
import type { ChainFailure } from '../chain/chain-failure.ts'
import type { SigningClient } from '../chain/client.ts'
import type { ContractRefusal } from '../chain/contract-errors.ts'
import { sendCall } from '../chain/send-call.ts'
import { systemContracts } from '../chain/system-contracts.ts'
import { toTokenUnits } from '../token-units.ts'

export interface InsureParameters {
  readonly settlement: Address
  /** Base units of cash. */
  readonly amount: bigint
}

export interface InsureReturnType {
  readonly transaction: Hex
}

export type InsureErrorType = PlimsollError | ContractRefusal | ChainFailure

/**
 * Puts cash of the signer behind the backstop, after approving it; it becomes shares at a checkpoint.
 * @throws PlimsollError where the signer's cash does not suffice, ContractRefusal where the contract refuses
 * @example
 * import { insure } from '../../sdk/actions/insure.ts'
 *
 * const { transaction } = await insure(signer, { settlement, amount: 100_000_000n })
 */
export async function insure(
  signer: SigningClient,
  { settlement, amount }: InsureParameters,
): Promise<InsureReturnType> {
  const { vault, insurance } = await systemContracts(signer.read, settlement)
  const cash = await chainAsset(signer.read, vault, 0)
  const tokenAmount = toTokenUnits(amount, cash)
  await approve(signer, cash.token!, vault, tokenAmount)
  const { transactionHash } = await sendCall(signer, {
    address: insurance,
    abi: INSURANCE_ABI,
    functionName: 'insure',
    args: [tokenAmount],
  })
  return { transaction: transactionHash }
}
