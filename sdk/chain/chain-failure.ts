import type { Hex } from 'viem'
import { PlimsollError } from '../../protocol/errors.ts'

/** An endpoint did not answer, or not with sense; what was asked may have happened all the same. */
export class ChainFailure extends PlimsollError {
  /** The same for others than who chose the endpoints: without their names and words. */
  readonly publicly: string

  constructor(message: string, options: { hint?: string; publicly?: string } = {}) {
    super(message, options)
    this.publicly = options.publicly ?? 'The chain did not serve what was asked.'
  }
}

/** A contract answered with nothing: it is of another kind, or not there as the endpoint has it. */
export class NothingThere extends ChainFailure {}

/** Nobody could say whether a transaction reached the chain: it may still be mined. */
export class OutcomeUnknown extends ChainFailure {
  /** The transaction's hash, where it was signed here. */
  readonly hash: Hex | undefined

  constructor(message: string, hash: Hex | undefined, options: { hint?: string } = {}) {
    super(message, options)
    this.hash = hash
  }
}

/** Whether an error says nothing about the contract that was asked, but only that it could not be asked. */
export function isUnserved(error: unknown): boolean {
  const failure = chainFailureIn(error)
  return failure !== undefined && !(failure instanceof NothingThere)
}

/** The failure of an endpoint behind an error, however often others have wrapped it; undefined where there is none. */
export function chainFailureIn(error: unknown): ChainFailure | undefined {
  for (let cause = error; cause instanceof Error; cause = cause.cause) if (cause instanceof ChainFailure) return cause
  return undefined
}
