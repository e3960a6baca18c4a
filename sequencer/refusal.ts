import { BaseError, ContractFunctionRevertedError } from 'viem'
import { PlimsollError } from '../protocol/errors.ts'

/** A contract's refusal as one sentence with the name of its error, or a failure of the chain to answer. */
export function refusal(error: unknown, what: string): Error {
  if (!(error instanceof BaseError)) return error as Error
  const reverted = error.walk((cause) => cause instanceof ContractFunctionRevertedError)
  if (reverted instanceof ContractFunctionRevertedError) {
    const { errorName, args } = reverted.data ?? {}
    return new ContractRefusal(what, errorName ?? reverted.reason ?? 'no reason', args ?? [])
  }
  return new ChainFailure(`The chain did not serve ${what}: ${error.shortMessage.split('\n')[0]}`)
}

/** The endpoint did not answer, or not with sense; what was asked may have happened all the same. */
export class ChainFailure extends PlimsollError {}

/** The contract reverted. */
export class ContractRefusal extends PlimsollError {
  readonly errorName: string

  constructor(what: string, errorName: string, args: readonly unknown[]) {
    super(`The contract refused ${what}: ${errorName}(${args.join(', ')}).`)
    this.errorName = errorName
  }
}
