import type { Address } from 'viem'
import type { PlimsollError } from '../../protocol/errors.ts'
import { INSURANCE_ABI } from '../abi/insurance.ts'
import type { ChainFailure } from '../chain/chain-failure.ts'
import type { ReadClient } from '../chain/client.ts'
import { systemContracts } from '../chain/system-contracts.ts'

export interface InsurancePositionParameters {
  readonly settlement: Address
  readonly insurer: Address
  /** Block that it is read at; the latest where it is left out. */
  readonly blockNumber?: bigint | undefined
}

export interface InsurancePositionReturnType {
  readonly shares: bigint
  /** Shares of all insurers. */
  readonly total: bigint
  /** Shares that are offered for redemption. */
  readonly offered: bigint
  /** Base units of cash that have not become shares yet. */
  readonly waiting: bigint
  /** Base units of cash of redeemed shares. */
  readonly collectable: bigint
}

export type InsurancePositionErrorType = PlimsollError | ChainFailure

/**
 * Position of an insurer behind the backstop.
 * @example
 * import { insurancePosition } from '../../sdk/actions/insurance-position.ts'
 *
 * const { shares, total } = await insurancePosition(signer, { settlement, insurer: signer.sender })
 */
export async function insurancePosition(
  { read }: ReadClient,
  { settlement, insurer, blockNumber }: InsurancePositionParameters,
): Promise<InsurancePositionReturnType> {
  const contract = {
    address: (await systemContracts(read, settlement)).insurance,
    abi: INSURANCE_ABI,
    args: [insurer],
    ...(blockNumber !== undefined && { blockNumber }),
  } as const
  const [[shares, total], [waiting, offered, collectable]] = await Promise.all([
    read.readContract({ ...contract, functionName: 'sharesOf' }),
    read.readContract({ ...contract, functionName: 'position' }),
  ])
  return { shares, total, offered, waiting, collectable }
}
