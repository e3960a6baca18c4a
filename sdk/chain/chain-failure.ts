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

/** Nobody could say whether a transaction reached the chain: it may still be mined. */
export class OutcomeUnknown extends ChainFailure {
  /** The transaction's hash, where it was signed here. */
  readonly hash: Hex | undefined

  constructor(message: string, hash: Hex | undefined, options: { hint?: string } = {}) {
    super(message, options)
    this.name = 'OutcomeUnknown'
    this.hash = hash
  }
}

/** The failure of an endpoint behind an error, however often others have wrapped it; undefined where there is none. */
export function chainFailureIn(error: unknown): ChainFailure | undefined {
  for (let cause = error; cause instanceof Error; cause = cause.cause) if (cause instanceof ChainFailure) return cause
  return undefined
}
