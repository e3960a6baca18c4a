import { type Hex, RpcRequestError } from 'viem'
import type { LogFilter } from './answers.ts'
import { ChainFailure, OutcomeUnknown } from './chain-failure.ts'
import type { EndpointMember } from './endpoint-member.ts'
import { CallFailure, type Question } from './rpc-call.ts'

/** Nobody answered; each endpoint's last failure. */
export class Unanswered extends Error {
  readonly failures: ReadonlyMap<EndpointMember, CallFailure>

  constructor(failures: ReadonlyMap<EndpointMember, CallFailure>) {
    super('unanswered')
    this.failures = failures
  }
}

export function unanswered(member: EndpointMember, failure: CallFailure): Unanswered {
  return new Unanswered(new Map([[member, failure]]))
}

/** Message to a transaction's sender when nobody says whether it arrived. */
export function fateUnknown(
  failures: ReadonlyMap<EndpointMember, CallFailure>,
  question: Question,
  hash: Hex | undefined,
): Error {
  const which = hash === undefined ? 'the transaction' : `the transaction ${hash}`
  return new OutcomeUnknown(`${sentence(failures, question)} Whether ${which} reached the chain is not known.`, hash)
}

/** Failure as callers get it: they know no endpoints. */
export function thrown(error: unknown, question: Question): unknown {
  if (error instanceof Unanswered)
    return new ChainFailure(sentence(error.failures, question), {
      publicly: `The chain did not serve ${describe(question)}.`,
    })
  if (error instanceof CallFailure && error.kind === 'reverted')
    return new RpcRequestError({
      body: { method: question.method },
      // Whatever number a client gives a revert: others of them mean an endpoint that is out of order.
      error: { code: 3, message: error.message, ...(error.data !== undefined && { data: error.data }) },
      url: '',
    })
  return error
}

function sentence(failures: ReadonlyMap<EndpointMember, CallFailure>, question: Question): string {
  const words = [...failures].map(([{ name }, { message }]) => `${name}: ${message}`).join('; ')
  return `The chain did not serve ${describe(question)}: ${ended(words)}`
}

function ended(text: string): string {
  return /[.!?…]$/.test(text) ? text : `${text}.`
}

/** The question, in words for people. */
function describe({ method, params }: Question): string {
  const [first, second] = params
  const block = (tag: unknown) =>
    typeof tag === 'string' && tag.startsWith('0x') ? `block ${BigInt(tag)}` : `block ${tag}`
  if (method === 'eth_getLogs') {
    const { fromBlock, toBlock, blockHash } = first as LogFilter
    return `eth_getLogs of ${blockHash === undefined ? `blocks ${block(fromBlock).slice(6)} to ${block(toBlock).slice(6)}` : `block ${blockHash}`}`
  }
  if (method === 'eth_call' || method === 'eth_estimateGas') {
    const { to, data } = (first ?? {}) as { to?: string; data?: string }
    return `${method} of ${to ?? 'a deployment'}${to !== undefined && data !== undefined ? `, ${data.slice(0, 10)}` : ''}${second === undefined ? '' : `, at ${block(second)}`}`
  }
  if (method === 'eth_getBlockByNumber') return `${method} of ${block(first)}`
  if (method !== 'eth_sendRawTransaction' && typeof first === 'string' && first.length <= 66)
    return `${method} of ${first}`
  return method
}
