import {
  BaseError,
  ContractFunctionRevertedError,
  ContractFunctionZeroDataError,
  decodeErrorResult,
  type Hex,
} from 'viem'
import { PlimsollError } from '../../protocol/errors.ts'
import { ERRORS_ABI } from '../abi/errors.ts'
import { ChainFailure, chainFailureIn, NothingThere } from './chain-failure.ts'

/** Hints for somebody who meets a refusal, by its name. */
const HINTS: Readonly<Record<string, string>> = {
  AlreadyClaimed: 'It has been paid.',
  AnswerStale: 'The feed of that asset has not been updated for longer than its heartbeat.',
  CapExceeded: 'The vault takes no more of this asset now.',
  ERC20InsufficientAllowance: 'Something else changed the allowance meanwhile: try again, one deposit at a time.',
  Frozen: 'The system is frozen for good: plimsoll wallet exit leaves it.',
  NotEntitled:
    'The holder of a role nominates its next one, and the admin that of operator and guardian; what the admin nominated, only the admin can replace.',
  NotCheckpointed: 'It waits for the next checkpoint.',
  NothingToCollect: 'No redeemed shares have been paid yet.',
  UnderWater:
    'The backstop is under water: what comes in would be cut when it is withdrawn. --even-under-water deposits all the same.',
  WrongOwner: 'The account is another owner’s by now, after a reorganization of the chain: nothing was sent.',
}

/** A contract's refusal as one sentence with the name of its error, or a failure of the chain to answer. */
export function refusal(error: unknown, what: string): Error {
  const failure = chainFailureIn(error)
  if (failure !== undefined) return failure
  if (!(error instanceof BaseError)) return error as Error
  const reverted = error.walk((cause) => cause instanceof ContractFunctionRevertedError)
  if (reverted instanceof ContractFunctionRevertedError) {
    const { errorName, args } = reverted.data ?? errorOf(reverted.raw) ?? {}
    return new ContractRefusal(what, errorName ?? reverted.reason ?? 'no reason', args ?? [])
  }
  const known = knownError(error)
  if (known !== undefined) return new ContractRefusal(what, known.errorName, known.args ?? [])
  if (error.walk((cause) => cause instanceof ContractFunctionZeroDataError) !== null)
    return new NothingThere(
      `The chain did not serve ${what}: there is no contract of this version there, as the endpoint has it.`,
      { hint: 'The endpoint may be behind; else check --settlement and --rpc.' },
    )
  return new ChainFailure(`The chain did not serve ${what}: ${(error.details || error.shortMessage).split('\n')[0]}`)
}

interface KnownError {
  readonly errorName: string
  readonly args?: readonly unknown[] | undefined
}

/** Hardhat's chain hides an error that comes from a contract behind the one that was called. */
function knownError(error: BaseError): KnownError | undefined {
  const { data } = (error.walk((cause) => (cause as { data?: unknown }).data !== undefined) ?? {}) as {
    data?: Hex | { data?: Hex }
  }
  return errorOf(typeof data === 'object' ? data.data : data)
}

/** The error that a contract reverted with, be it another than the one that was called. */
function errorOf(data: Hex | undefined): KnownError | undefined {
  if (data === undefined) return undefined
  try {
    return decodeErrorResult({ abi: ERRORS_ABI, data })
  } catch {
    return undefined
  }
}

/** The contract reverted. */
export class ContractRefusal extends PlimsollError {
  readonly errorName: string

  constructor(what: string, errorName: string, args: readonly unknown[]) {
    super(
      `The contract refused ${what}: ${errorName}(${args.join(', ')}).`,
      HINTS[errorName] === undefined ? {} : { hint: HINTS[errorName] },
    )
    this.errorName = errorName
  }
}
