import { type CustomTransport, custom, type Hex, keccak256, numberToHex } from 'viem'
import { PlimsollError } from '../../protocol/errors.ts'
import { max } from '../../protocol/integer.ts'
import type { LogFilter, RawLog } from './answers.ts'
import { EndpointMember, type Observation } from './endpoint-member.ts'
import { agreedHead, type Head, type PinnedBlock } from './head.ts'
import { orderedLogs } from './ordered-logs.ts'
import { CallFailure, type Question } from './rpc-call.ts'
import { fateUnknown, thrown, Unanswered, unanswered } from './unanswered.ts'

export interface EndpointOptions {
  /** Milliseconds that a question may take in all, failures and pauses included. */
  readonly patience?: number
  /** Milliseconds that it may take where an endpoint says that it is asked too much. */
  readonly limitedPatience?: number
  /** Milliseconds that a first try to read may take; else it depends on what is read. */
  readonly timeout?: number
}

const PATIENCE = 30_000
const LIMITED_PATIENCE = 60_000
/** Milliseconds of a first try; each further one may take twice as long. */
const READ_TIMEOUT = 5_000
const HEAVY_TIMEOUT = 10_000
const SEND_TIMEOUT = 60_000
const MOST_TRIES = 12
/** Nothing listens there: it is not waited for as one is that stumbles. */
const MOST_UNREACHED = 3
const FIRST_PAUSE = 100
const LONGEST_PAUSE = 1_000
/** Longest rest in milliseconds that is granted to an endpoint which says that it is asked too much. */
const LONGEST_REST = 5_000
/** Shorter ranges that are tried where an endpoint does not say that one was too long. */
const MOST_UNCLEAR = 3
/** Number of times that a transaction of unknown fate is looked for. */
const LOOKS = 5
/** Providers cut lists off at such numbers, some without a word. */
const ROUND_NUMBER = 1_000

const HEAVY = ['eth_call', 'eth_estimateGas', 'eth_getLogs', 'eth_getBlockReceipts']
const SENDS = ['eth_sendTransaction', 'eth_sendRawTransaction']
/** Position of the block among the parameters of methods that read the state. */
export const BLOCK_AT: Readonly<Record<string, number>> = {
  eth_call: 1,
  eth_estimateGas: 1,
  eth_getBalance: 1,
  eth_getCode: 1,
  eth_getTransactionCount: 1,
  eth_getStorageAt: 2,
  eth_getBlockByNumber: 0,
}

/**
 * The one place through which a chain is asked. It asks one endpoint, or another where that fails, within a time, and again
 * after a pause; believes no answer that cannot be one; and says in the endpoint's own words what became of a question that
 * nobody answered. A transaction is handed over once: where its fate is unknown it is looked for.
 */
export class ChainEndpoint {
  readonly members: readonly EndpointMember[]
  /** Name of the endpoints in messages. */
  readonly name: string
  readonly #patience: number
  readonly #limitedPatience: number
  readonly #timeout: number | undefined
  readonly #observers = new Set<(observation: Observation) => void>()
  readonly #stop = new AbortController()
  #chainId: number | undefined
  #seen: PinnedBlock | undefined

  /** @throws PlimsollError when a URL is none */
  constructor(urls: string | readonly string[], options: EndpointOptions = {}) {
    const list = [...new Set(typeof urls === 'string' ? [urls] : urls)]
    if (list.length === 0) throw new PlimsollError('No JSON-RPC endpoint is given.', { hint: 'Name one with --rpc.' })
    const observe = (observation: Observation) => {
      for (const observer of this.#observers) observer(observation)
    }
    this.members = list.map((url) => new EndpointMember(url, observe, this.#stop.signal))
    this.name = this.members.map(({ name }) => name).join(', ')
    this.#patience = options.patience ?? PATIENCE
    this.#limitedPatience = options.limitedPatience ?? LIMITED_PATIENCE
    this.#timeout = options.timeout
  }

  /** Has every question to an endpoint told, and what became of it; the function returned ends that. */
  observe(observer: (observation: Observation) => void): () => void {
    this.#observers.add(observer)
    return () => this.#observers.delete(observer)
  }

  /** Ends every wait at once, and answers nothing any more. */
  stop(): void {
    this.#stop.abort()
  }

  /** Whether it was told to stop. */
  get stopped(): boolean {
    return this.#stop.signal.aborted
  }

  /** For clients of viem. They retry nothing themselves. */
  transport(): CustomTransport {
    const request = (question: { method: string; params?: unknown }) =>
      this.request({ method: question.method, params: (question.params as readonly unknown[] | undefined) ?? [] })
    return custom({ request }, { retryCount: 0 })
  }

  /**
   * The chain that the endpoints serve.
   * @throws ChainFailure when none answers; PlimsollError when one that answers serves another chain
   */
  async chainId(): Promise<number> {
    if (this.#chainId !== undefined) return this.#chainId
    const id = Number(await this.request({ method: 'eth_chainId', params: [] }))
    this.#chainId ??= id
    for (const member of this.members) {
      const other = await member.chainId(this.#timeout ?? READ_TIMEOUT).catch(() => id)
      if (other !== id)
        throw new PlimsollError(`The endpoints serve different chains: ${member.name} is chain ${other}, not ${id}.`, {
          hint: 'Check --rpc.',
        })
    }
    return id
  }

  /**
   * The chain's latest block, as the endpoints agree on it.
   * @throws ChainFailure when none answers, or they contradict each other
   */
  async head(): Promise<Head> {
    const head = await agreedHead(this, this.#seen, (question, member) => this.#askOf(member, question))
    this.#seen = head
    return head
  }

  /**
   * Answer of a method.
   * @throws ChainFailure when no endpoint answers with sense; viem's RpcRequestError when a contract reverts
   */
  async request(question: Question): Promise<unknown> {
    const { method, params } = question
    if (SENDS.includes(method)) return this.#send(question)
    if (method === 'eth_getLogs') return this.#logs((params[0] ?? {}) as LogFilter)
    // Whoever asks for the latest block works on what it is: a machine behind the others must not take that back.
    if (method === 'eth_blockNumber') return numberToHex((await this.head()).number)
    if (method === 'eth_getBlockByNumber' && (params[0] ?? 'latest') === 'latest') {
      const { number, answer } = await this.head()
      return params[1] === true ? this.#ask({ method, params: [numberToHex(number), true] }) : answer
    }
    if (method === 'eth_getTransactionCount' && params[1] === 'pending') {
      // An endpoint whose pool lags counts less than what is mined.
      const counts = await Promise.all(
        ['pending', 'latest'].map((tag) => this.#ask({ method, params: [params[0], tag] })),
      )
      const [sent, mined] = counts.map((count) => BigInt(count as string)) as [bigint, bigint]
      return numberToHex(max(sent, mined))
    }
    return this.#ask(question)
  }

  /** The same asked of each endpoint by itself: what it answers, or its failure. */
  async each(question: Question): Promise<PromiseSettledResult<unknown>[]> {
    return Promise.allSettled(this.members.map((member) => this.#askOf(member, question)))
  }

  /** One of several that does not answer is not asked twice: the others are there. */
  async #askOf(member: EndpointMember, question: Question): Promise<unknown> {
    if (this.members.length === 1) return this.#ask(question)
    try {
      await this.#sameChain(member)
      return await member.ask(question, this.#timeoutOf(question.method))
    } catch (error) {
      throw thrown(
        error instanceof CallFailure && error.kind !== 'reverted' ? unanswered(member, error) : error,
        question,
      )
    }
  }

  async #ask(question: Question, among = this.members): Promise<unknown> {
    try {
      return await this.#persist(question, among, (member, timeout) => member.ask(question, timeout))
    } catch (error) {
      throw thrown(error, question)
    }
  }

  /** @throws Unanswered */
  async #persist<T>(
    question: Question,
    among: readonly EndpointMember[],
    ask: (member: EndpointMember, timeout: number) => Promise<T>,
  ): Promise<T> {
    const started = performance.now()
    const failures = new Map<EndpointMember, CallFailure>()
    const hopeless = new Set<EndpointMember>()
    // What changes a development chain is not repeated: it may have been done.
    const repeatable = /^(?:eth|net|web3)_/.test(question.method)
    for (let round = 0, unreached = 0; ; round++) {
      for (const member of this.#inOrder(among, question)) {
        if (hopeless.has(member)) continue
        try {
          await this.#sameChain(member)
          const left = started + this.#patience - performance.now()
          const first = this.#timeoutOf(question.method)
          return await ask(
            member,
            round === 0 ? first : Math.min(first * 2 ** round, Math.max(left, this.#timeout ?? READ_TIMEOUT)),
          )
        } catch (error) {
          if (!(error instanceof CallFailure) || error.kind === 'reverted') throw error
          failures.set(member, error)
          if (error.kind === 'unwilling') hopeless.add(member)
          if (!repeatable && error.kind !== 'unreached') hopeless.add(member)
        }
      }
      const asked = [...failures]
      if (asked.every(([, { kind }]) => kind === 'unreached')) unreached++
      const now = performance.now()
      const limited = asked.some(([, { kind }]) => kind === 'limited')
      const end = started + (limited ? this.#limitedPatience : this.#patience)
      const wait = Math.max(pause(round, limited), earliest(among.filter((member) => !hopeless.has(member))) - now)
      const tries = limited ? Number.POSITIVE_INFINITY : MOST_TRIES
      if (
        this.#stop.signal.aborted ||
        among.every((member) => hopeless.has(member)) ||
        unreached >= MOST_UNREACHED ||
        round + 1 >= tries ||
        now + wait > end
      )
        throw new Unanswered(failures)
      await this.#sleep(wait)
    }
  }

  /** The endpoints to ask, the likeliest first: in the order given, but those that rest or lag come last. */
  #inOrder(among: readonly EndpointMember[], { method, params }: Question): readonly EndpointMember[] {
    if (among.length === 1) return among
    const now = performance.now()
    const tag = params[BLOCK_AT[method] ?? -1]
    const block = typeof tag === 'string' && tag.startsWith('0x') ? BigInt(tag) : -1n
    const rank = ({ restsUntil, limitedUntil, head }: EndpointMember) =>
      (Math.max(restsUntil, limitedUntil) > now ? 2 : 0) + (head >= 0n && head < block ? 1 : 0)
    return [...among].sort((a, b) => rank(a) - rank(b))
  }

  /** @throws CallFailure when an endpoint serves another chain than it did, or than the others do */
  async #sameChain(member: EndpointMember): Promise<void> {
    if (this.#chainId === undefined) return
    const id = await member.chainId(this.#timeout ?? READ_TIMEOUT)
    if (id === this.#chainId) return
    member.forgetChain()
    throw new CallFailure('unwilling', `it serves chain ${id}, not ${this.#chainId}`)
  }

  /** Logs of a range however long, in order, in as many questions as an endpoint needs. */
  async #logs(filter: LogFilter): Promise<RawLog[]> {
    const question = (more: object): Question => ({ method: 'eth_getLogs', params: [{ ...filter, ...more }] })
    if (filter.blockHash !== undefined) return orderedLogs((await this.#ask(question({}))) as RawLog[])
    const numbered = async (tag: string | undefined) =>
      tag?.startsWith('0x') ? BigInt(tag) : tag === 'earliest' ? 0n : (await this.head()).number
    if ([filter.fromBlock, filter.toBlock].some((tag) => tag !== undefined && !/^(?:0x|earliest|latest)/.test(tag)))
      return orderedLogs((await this.#ask(question({}))) as RawLog[])
    const [first, last] = [await numbered(filter.fromBlock), await numbered(filter.toBlock)]
    const list: RawLog[] = []
    for (let from = first; from <= last; ) {
      const { logs, to } = await this.#someLogs(question, from, last)
      for (const log of logs) list.push(log)
      from = to + 1n
    }
    return list
  }

  /** Logs from a block on, as far as an endpoint serves them at a time. */
  async #someLogs(
    question: (more: object) => Question,
    from: bigint,
    last: bigint,
  ): Promise<{ logs: RawLog[]; to: bigint }> {
    let asked = question({ fromBlock: numberToHex(from), toBlock: numberToHex(last) })
    try {
      return await this.#persist(asked, this.members, async (member, timeout) => {
        for (let unclear = 0; ; ) {
          const size = member.range.size < last - from + 1n ? member.range.size : last - from + 1n
          const to = from + size - 1n
          asked = question({ fromBlock: numberToHex(from), toBlock: numberToHex(to) })
          try {
            if (to > member.head)
              await member.ask({ method: 'eth_blockNumber', params: [] }, this.#timeout ?? READ_TIMEOUT)
            if (to > member.head) throw new CallFailure('behind', `its latest block is ${member.head}`)
            const logs = orderedLogs((await member.ask(asked, timeout)) as RawLog[])
            if (size > 1n && logs.length > 0 && logs.length % ROUND_NUMBER === 0)
              throw new CallFailure('refused', `it answered with just ${logs.length} logs`)
            member.range.served(size)
            return { logs, to }
          } catch (error) {
            if (!(error instanceof CallFailure) || size === 1n || !tooMuch(error)) throw error
            if ((error.kind === 'lost' || error.kind === 'malformed') && ++unclear === MOST_UNCLEAR) throw error
            member.range.refused(size, error.message)
          }
        }
      })
    } catch (error) {
      throw thrown(error, asked)
    }
  }

  /**
   * Hands a transaction over, to each endpoint once. Where nobody says what became of one that was signed here, it is looked
   * for before the very same is given to another endpoint: it is mined once at most.
   */
  async #send(question: Question): Promise<unknown> {
    const hash = question.method === 'eth_sendRawTransaction' ? keccak256(question.params[0] as Hex) : undefined
    const started = performance.now()
    const failures = new Map<EndpointMember, CallFailure>()
    for (let round = 0; ; round++) {
      for (const member of this.#inOrder(this.members, question)) {
        if (failures.has(member) && !isUnsent(failures.get(member)!)) continue
        try {
          await this.#sameChain(member)
          const answer = await member.ask(question, SEND_TIMEOUT)
          if (hash === undefined || answer === hash) return answer
          throw new CallFailure('malformed', `it answered with another hash than that of the transaction, ${hash}`)
        } catch (error) {
          if (!(error instanceof CallFailure)) throw error
          failures.set(member, error)
          if (isUnsent(error)) continue
          // Also of a refusal: "already known" and "nonce too low" are said of what an answer was lost of before.
          if (hash !== undefined && (await this.#isKnown(hash, mayHaveArrived(error) ? LOOKS : 1))) return hash
          if (error.kind === 'reverted') throw thrown(error, question)
          if (hash === undefined && mayHaveArrived(error)) throw fateUnknown(failures, question, hash)
        }
      }
      const last = [...failures.values()]
      const wait = Math.max(pause(round), earliest(this.members) - performance.now())
      const end = started + (last.some(({ kind }) => kind === 'limited') ? this.#limitedPatience : this.#patience)
      const again =
        last.every(isUnsent) && (last.some(({ kind }) => kind !== 'unreached') || round + 1 < MOST_UNREACHED)
      if (again && performance.now() + wait < end && !this.#stop.signal.aborted) {
        await this.#sleep(wait)
        continue
      }
      if (last.some(mayHaveArrived)) throw fateUnknown(failures, question, hash)
      throw thrown(new Unanswered(failures), question)
    }
  }

  async #isKnown(hash: Hex, looks: number): Promise<boolean> {
    const question = { method: 'eth_getTransactionByHash', params: [hash] }
    for (let look = 0; look < looks && !this.#stop.signal.aborted; look++) {
      const answers = await this.each(question)
      if (answers.some((answer) => answer.status === 'fulfilled' && answer.value !== null)) return true
      if (look + 1 < looks) await this.#sleep(pause(look + 1))
    }
    return false
  }

  /** Milliseconds that a first try may take. */
  #timeoutOf(method: string): number {
    if (!method.startsWith('eth_') || SENDS.includes(method)) return SEND_TIMEOUT
    return this.#timeout ?? (HEAVY.includes(method) ? HEAVY_TIMEOUT : READ_TIMEOUT)
  }

  async #sleep(milliseconds: number): Promise<void> {
    const { signal } = this.#stop
    await new Promise<void>((resolve) => {
      const end = () => {
        clearTimeout(timer)
        signal.removeEventListener('abort', end)
        resolve()
      }
      const timer = setTimeout(end, milliseconds)
      signal.addEventListener('abort', end)
      if (signal.aborted) end()
    })
  }

  /** Waits as long as between two tries, for those who ask again themselves. */
  pause(round: number): Promise<void> {
    return this.#sleep(pause(round))
  }
}

/** Jittered, so that several who wait do not come back at once. */
function pause(round: number, limited = false): number {
  return Math.min(FIRST_PAUSE * 2 ** round, limited ? LONGEST_REST : LONGEST_PAUSE) * (0.5 + Math.random())
}

/** Time at which the first of some endpoints may be asked again that asked for a rest. */
function earliest(members: readonly EndpointMember[]): number {
  return Math.min(...members.map(({ limitedUntil }) => limitedUntil))
}

/** Whether a shorter range of logs may be served where this one was not; providers have many words for it. */
function tooMuch({ kind, message }: CallFailure): boolean {
  if (kind === 'limited') return /range|result|\blogs?\b|blocks|response size/i.test(message)
  return kind !== 'unreached' && kind !== 'reverted' && kind !== 'behind'
}

/** A transaction that certainly did not get into the endpoint's hands. */
function isUnsent({ kind }: CallFailure): boolean {
  return kind === 'unreached' || kind === 'limited'
}

function mayHaveArrived({ kind }: CallFailure): boolean {
  return kind === 'lost' || kind === 'malformed' || kind === 'refused'
}
