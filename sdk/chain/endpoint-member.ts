import { type EndpointAddress, endpointAddress } from './endpoint-name.ts'
import { LogRange } from './log-range.ts'
import { CallFailure, callOnce, type Question } from './rpc-call.ts'

/** Outcome of one question to one endpoint, for metrics. */
export interface Observation {
  readonly endpoint: string
  readonly method: string
  readonly milliseconds: number
  readonly outcome: 'ok' | CallFailure['kind']
}

/** After a failure an endpoint is left alone, each time for twice as long, where there are others. */
const FIRST_REST = 250
const LONGEST_REST = 30_000

/** One of the endpoints that serve a chain, and what is known of it. */
export class EndpointMember {
  readonly address: EndpointAddress
  /** Number of blocks of logs that it has been seen to serve at a time. */
  readonly range = new LogRange()
  /** The highest block that it is known to have had. */
  head = -1n
  /** Time of `performance.now()` until which it wants to be left alone. */
  restsUntil = 0
  /** The same, as it said so itself. */
  limitedUntil = 0
  readonly #observe: (observation: Observation) => void
  readonly #stop: AbortSignal
  #rest = FIRST_REST
  #chain: Promise<number> | undefined

  constructor(url: string, observe: (observation: Observation) => void, stop: AbortSignal) {
    this.address = endpointAddress(url)
    this.#observe = observe
    this.#stop = stop
  }

  get name(): string {
    return this.address.name
  }

  /** The chain that it serves; asked again after it could not be reached, since another may answer there now. */
  chainId(timeout: number): Promise<number> {
    this.#chain ??= this.ask({ method: 'eth_chainId', params: [] }, timeout).then(Number, (error: unknown) => {
      this.#chain = undefined
      throw error
    })
    return this.#chain
  }

  /** Has its chain asked for again: it serves another than it should, and may come to its senses. */
  forgetChain(): void {
    this.#chain = undefined
  }

  /** @throws CallFailure */
  async ask(question: Question, timeout: number): Promise<unknown> {
    const started = performance.now()
    const observe = (outcome: Observation['outcome']) =>
      this.#observe({
        endpoint: this.name,
        method: question.method,
        milliseconds: performance.now() - started,
        outcome,
      })
    try {
      const answer = await callOnce(this.address, question, timeout, this.#stop)
      observe('ok')
      this.#rest = FIRST_REST
      this.restsUntil = 0
      this.#note(question, answer)
      return answer
    } catch (error) {
      if (!(error instanceof CallFailure)) throw error
      observe(error.kind)
      if (error.kind !== 'reverted' && error.kind !== 'unwilling') this.#rested(error)
      throw error
    }
  }

  #note({ method, params }: Question, answer: unknown): void {
    // What it says of its head may go down, and then counts.
    if (method === 'eth_blockNumber') this.head = BigInt(answer as string)
    if (method !== 'eth_getBlockByNumber' || params[0] === 'pending') return
    const number = BigInt((answer as { number: string }).number)
    if (params[0] === 'latest' || number > this.head) this.head = number
  }

  #rested({ kind, retryAfter }: CallFailure): void {
    if (kind === 'unreached' || kind === 'lost') this.#chain = undefined
    const now = performance.now()
    this.restsUntil = now + this.#rest
    this.#rest = Math.min(2 * this.#rest, LONGEST_REST)
    if (retryAfter !== undefined) this.limitedUntil = now + retryAfter
  }
}
