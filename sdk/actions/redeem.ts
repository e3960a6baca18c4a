import type { Address, Hex } from 'viem'
import { PlimsollError } from '../../protocol/errors.ts'
import { INSURANCE_ABI } from '../abi/insurance.ts'
import type { ChainFailure } from '../chain/chain-failure.ts'
import type { SigningClient } from '../chain/client.ts'
import type { ContractRefusal } from '../chain/contract-errors.ts'
import { sendCall } from '../chain/send-call.ts'
import { systemContracts } from '../chain/system-contracts.ts'
import { insurancePosition } from './insurance-position.ts'

export interface RedeemParameters {
  readonly settlement: Address
  /** Shares to offer, all that are not offered yet where it is left out. */
  readonly shares?: bigint | undefined
}

export interface RedeemReturnType {
  readonly shares: bigint
  readonly transaction: Hex
}

export type RedeemErrorType = PlimsollError | ContractRefusal | ChainFailure

/**
 * Offers shares of the signer for redemption at checkpoints; `collect` takes the cash.
 * @throws PlimsollError where the signer does not have as many, ContractRefusal where the contract refuses
 * @example
 * import { redeem } from '../../sdk/actions/redeem.ts'
 *
 * const { shares } = await redeem(signer, { settlement })
 */
export async function redeem(
  signer: SigningClient,
  { settlement, shares }: RedeemParameters,
): Promise<RedeemReturnType> {
  const position = await insurancePosition(signer, { settlement, insurer: signer.sender })
  const left = position.shares - position.offered
  const wanted = shares ?? left
  if (wanted === 0n || wanted > left) throw new PlimsollError(`${signer.sender} has ${left} shares to redeem.`)
  const { insurance } = await systemContracts(signer.read, settlement)
  const { transactionHash } = await sendCall(signer, {
    address: insurance,
    abi: INSURANCE_ABI,
    functionName: 'redeem',
    args: [wanted],
  })
  return { shares: wanted, transaction: transactionHash }
}
