import type { Address } from 'viem'
import { PlimsollError } from '../protocol/errors.ts'
import type { SystemEvent, SystemPart } from '../sdk/chain/settlement-history.ts'

export type EventOf<P extends SystemPart> = SystemEvent<P>

/** Requires what an event says to follow from what was said before. @throws PlimsollError naming the event, and `why` it does not */
export function require(event: SystemEvent, holds: boolean, why: string): asserts holds {
  if (!holds) throw new PlimsollError(`${event.eventName} of transaction ${event.transaction}: ${why}.`)
}

/** A refusal of an event of the kind that names its transaction alone. */
export function wrongIn(event: SystemEvent): (what: string) => PlimsollError {
  return (what) => new PlimsollError(`Transaction ${event.transaction} ${what}.`)
}

/** Requires two things to be equal in writing. @throws PlimsollError saying that the contract's `what` differs */
export function requireSame(what: string, replayed: unknown, stored: unknown): void {
  if (written(replayed) !== written(stored))
    throw new PlimsollError(`The contract's ${what} is not what its settlements lead to.`)
}

/** A contract at the block at which it is read. */
export interface At {
  readonly address: Address
  readonly blockNumber: bigint
}

const written = (value: unknown): string =>
  Array.isArray(value)
    ? `[${value.map(written).join()}]`
    : typeof value === 'string'
      ? value.toLowerCase()
      : String(value)
