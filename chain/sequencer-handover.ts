import { type Address, isAddressEqual, type PublicClient, zeroAddress } from 'viem'
import type { Point } from '../protocol/curve.ts'
import { PlimsollError } from '../protocol/errors.ts'
import { GOVERNANCE_ABI } from '../sdk/abi/governance.ts'
import { SETTLEMENT_ABI } from '../sdk/abi/settlement.ts'
import type { SigningClient } from '../sdk/chain/client.ts'
import { sendCall } from '../sdk/chain/send-call.ts'
import { systemContracts } from '../sdk/chain/system-contracts.ts'

/** Number of the operator's role. */
const OPERATOR = 0

/** The sequencer's operator and keys, and the ones that are to be. */
export interface SequencerRoles {
  readonly governance: Address
  readonly operator: Address
  /** Its keys since the deployment, the one in force last. */
  readonly keys: readonly Point[]
  /** Seconds from a nomination to the first moment at which it may be accepted. */
  readonly handoverDelay: number
  readonly nomination?: {
    readonly who: Address
    /** Undefined where the operator alone is to change. */
    readonly key: Point | undefined
    /** Unix seconds of the first moment at which it may be accepted, and of the chain now. */
    readonly readyAt: number
    readonly now: number
    readonly byAdmin: boolean
  }
}

/** Reads them at the latest block. @throws PlimsollError when there is no settlement there, or the chain does not answer */
export async function sequencerRoles(read: PublicClient, settlement: Address): Promise<SequencerRoles> {
  const { governance } = await systemContracts(read, settlement)
  const contract = { address: governance, abi: GOVERNANCE_ABI } as const
  const [operator, delay, keys, { who, readyAt, byAdmin }, [x, y], { timestamp }] = await Promise.all([
    read.readContract({ ...contract, functionName: 'operator' }),
    read.readContract({ ...contract, functionName: 'handoverDelay' }),
    read.readContract({ address: settlement, abi: SETTLEMENT_ABI, functionName: 'sequencerKeys' }),
    read.readContract({ ...contract, functionName: 'nomination', args: [OPERATOR] }),
    read.readContract({ ...contract, functionName: 'nominatedKey' }),
    read.getBlock(),
  ])
  const roles = { governance, operator, keys, handoverDelay: Number(delay) }
  if (who === zeroAddress) return roles
  const key: Point | undefined = x === 0n ? undefined : [x, y]
  return { ...roles, nomination: { who, key, readyAt, now: Number(timestamp), byAdmin } }
}

/** Nominates the next operator with the sequencer's next key. @returns the transaction's receipt */
export function nominateSequencer(signer: SigningClient, governance: Address, who: Address, key: Point) {
  const args = [who, [...key]] as const
  return sendCall(signer, { address: governance, abi: GOVERNANCE_ABI, functionName: 'nominateSequencer', args })
}

/**
 * The key that this signer may accept now.
 * @throws PlimsollError saying who may, or when, where it may not
 */
export function acceptableKey({ nomination }: SequencerRoles, settlement: Address, sender: Address): Point {
  if (nomination?.key === undefined)
    throw new PlimsollError(
      nomination === undefined
        ? `Nobody is nominated as the sequencer of ${settlement}.`
        : `${nomination.who} is nominated as the operator of ${settlement} without a key: its key stays as it is.`,
      { hint: 'plimsoll sequencer nominate does it, by the operator or the admin.' },
    )
  const { who, key, readyAt, now } = nomination
  if (!isAddressEqual(who, sender)) throw new PlimsollError(`The nominee is ${who}, and ${sender} is not.`)
  if (now < readyAt)
    throw new PlimsollError(
      `The nomination can be accepted from ${new Date(1_000 * readyAt).toISOString()} on: in ${readyAt - now} seconds, by the clock of the chain.`,
    )
  return key
}

/** Takes over the operator's role and puts the key in force. @returns the transaction's receipt */
export function acceptSequencer(signer: SigningClient, governance: Address, key: Point) {
  const args = [[...key]] as const
  return sendCall(signer, { address: governance, abi: GOVERNANCE_ABI, functionName: 'acceptSequencer', args })
}
