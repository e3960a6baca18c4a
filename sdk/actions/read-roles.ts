import { type Address, zeroAddress } from 'viem'
import type { Point } from '../../protocol/curve.ts'
import type { PlimsollError } from '../../protocol/errors.ts'
import { GOVERNANCE_ABI } from '../abi/governance.ts'
import { ROUNDS_ABI } from '../abi/rounds.ts'
import { SETTLEMENT_ABI } from '../abi/settlement.ts'
import type { ChainFailure } from '../chain/chain-failure.ts'
import type { ReadClient } from '../chain/client.ts'
import { refusal } from '../chain/contract-errors.ts'
import { systemContracts } from '../chain/system-contracts.ts'

export interface ReadRolesParameters {
  readonly settlement: Address
}

/** Holder of a role, and who has been named to take it over. */
export interface RoleHolder {
  readonly role: 'admin' | 'operator' | 'guardian'
  readonly holder: Address
  /** Null where nobody is named; the time is the first at which the nominee may accept, unix seconds. */
  readonly nominee: { readonly who: Address; readonly readyAt: number } | null
}

export interface ReadRolesReturnType {
  readonly governance: Address
  readonly roles: readonly RoleHolder[]
  /** Seconds between the naming of a new holder and the handing over. */
  readonly handoverDelay: number
  /** Seconds for which new parameters are announced before they hold. */
  readonly parameterDelay: number
  /** First time at which the terms that are announced may be applied, unix seconds; null: none are. */
  readonly termsReadyAt: number | null
  /** Time until which something is halted, unix seconds; null: nothing is. */
  readonly haltedUntil: number | null
  /** Keys of the sequencer, by which it shares accounts with their owners, since the deployment; the one in force last. */
  readonly sequencerKeys: readonly Point[]
  /** The key that the operator's nominee brings; null: the sequencer's key stays. */
  readonly nominatedKey: Point | null
}

export type ReadRolesErrorType = PlimsollError | ChainFailure

// In the contract's order.
const ROLES = ['operator', 'admin', 'guardian'] as const

/**
 * Reads who may change what of a deployment, from the chain.
 * @throws ChainFailure when the chain does not answer
 * @example
 * import { readRoles } from '../../sdk/actions/read-roles.ts'
 *
 * const { roles, parameterDelay } = await readRoles(signer, { settlement })
 */
export async function readRoles(client: ReadClient, { settlement }: ReadRolesParameters): Promise<ReadRolesReturnType> {
  const { read } = client
  try {
    const { governance, rounds } = await systemContracts(read, settlement)
    const contract = { address: governance, abi: GOVERNANCE_ABI } as const
    const [holders, nominations, handoverDelay, [hash, readyAt], [, until], { parameterDelay }, keys, [x, y]] =
      await Promise.all([
        Promise.all(ROLES.map((_, role) => read.readContract({ ...contract, functionName: 'holder', args: [role] }))),
        Promise.all(
          ROLES.map((_, role) => read.readContract({ ...contract, functionName: 'nomination', args: [role] })),
        ),
        read.readContract({ ...contract, functionName: 'handoverDelay' }),
        read.readContract({ ...contract, functionName: 'proposal' }),
        read.readContract({ ...contract, functionName: 'haltedUntil' }),
        read.readContract({ address: rounds, abi: ROUNDS_ABI, functionName: 'config' }),
        read.readContract({ address: settlement, abi: SETTLEMENT_ABI, functionName: 'sequencerKeys' }),
        read.readContract({ ...contract, functionName: 'nominatedKey' }),
      ])
    return {
      governance,
      roles: ROLES.map((role, i) => {
        const { who, readyAt: from } = nominations[i]!
        return { role, holder: holders[i]!, nominee: who === zeroAddress ? null : { who, readyAt: from } }
      }),
      handoverDelay: Number(handoverDelay),
      parameterDelay,
      termsReadyAt: BigInt(hash) === 0n ? null : Number(readyAt),
      haltedUntil: until === 0n ? null : Number(until),
      sequencerKeys: keys,
      nominatedKey: x === 0n ? null : [x, y],
    }
  } catch (error) {
    throw refusal(error, 'the roles')
  }
}
