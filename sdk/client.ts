import type { z } from 'zod'
import type { Point } from '../protocol/curve.ts'
import { PlimsollError } from '../protocol/errors.ts'
import type { StallClocks } from './chain/stall.ts'
import { type EventHandlers, readEvents } from './event-stream.ts'
import {
  type Accepted,
  type AccountInfo,
  type AuctionsInfo,
  acceptedSchema,
  accountSchema,
  accountsSchema,
  auctionsSchema,
  type Canceled,
  canceledSchema,
  clocksSchema,
  type DeploymentInfo,
  deploymentSchema,
  encodeJson,
  errorSchema,
  type OperationRequest,
  type OperationState,
  type OwnOperation,
  operationStatusSchema,
  ownOperationsSchema,
  type RoundInfo,
  type RoundsInfo,
  roundSchema,
  roundsSchema,
  type WithdrawalInfo,
  withdrawalsSchema,
} from './schemas.ts'

/** The node said no: `code` is stable, the message is for people. */
export class NodeRefusal extends PlimsollError {
  readonly code: string
  readonly status: number

  constructor(code: string, message: string, status: number) {
    super(message)
    this.code = code
    this.status = status
  }
}

/** The node did not answer; what was asked of it may have been done all the same. */
export class NodeUnanswered extends PlimsollError {}

/** Nobody could say what became of an operation that was signed: it may have been accepted, and may still be settled. */
export class OperationUnknown extends PlimsollError {
  readonly id: string

  constructor(id: string, message: string, options: { hint?: string } = {}) {
    super(message, options)
    this.id = id
  }
}

/** Milliseconds for which something is waited for, and between two questions. */
export interface Wait {
  readonly timeout?: number
  readonly interval?: number
}

/** Retries of a question that was not answered, and the pauses between. */
const PAUSES = [200, 600, 1_500]

export interface ClientOptions {
  /** Base URL of the node. */
  readonly node: string
  /** Milliseconds that a request may take. */
  readonly timeout?: number
}

/** The node's API, typed. It needs nothing but `fetch`, so it runs in a browser too. */
export class PlimsollClient {
  readonly #base: string
  readonly #timeout: number

  /** @throws PlimsollError when the URL is none */
  constructor({ node, timeout = 30_000 }: ClientOptions) {
    if (!URL.canParse(node) || !/^https?:$/.test(new URL(node).protocol))
      throw new PlimsollError(`The node's address ${node} is not an http or https URL.`)
    this.#base = node.replace(/\/+$/, '')
    this.#timeout = timeout
  }

  deployment(): Promise<DeploymentInfo> {
    return this.#get('/v1/deployment', deploymentSchema)
  }

  round(): Promise<RoundInfo> {
    return this.#get('/v1/round', roundSchema)
  }

  /** Rounds below a number, or the latest ones, the latest first; as many as the node lists at a time. */
  rounds(before?: number): Promise<RoundsInfo> {
    return this.#get(`/v1/rounds${before === undefined ? '' : `?before=${before}`}`, roundsSchema)
  }

  /** Clocks of checkpoint and stall. */
  clocks(): Promise<StallClocks> {
    return this.#get('/v1/clocks', clocksSchema)
  }

  /**
   * Follows the node: rounds, lots, and the operations that are named. Ends when the signal does; a connection that breaks off is
   * made anew.
   * @param operations ids, 64 at the most
   */
  follow(handlers: EventHandlers, signal: AbortSignal, operations: readonly string[] = []): Promise<void> {
    const query = new URLSearchParams(operations.map((id) => ['operation', id]))
    return readEvents(`${this.#base}/v1/events?${query}`, handlers, signal)
  }

  /** Lots of the liquidation market, and what became of earlier ones. */
  auctions(): Promise<AuctionsInfo> {
    return this.#get('/v1/auctions', auctionsSchema)
  }

  /** Indices of the accounts that deposits opened for a public key. */
  async accounts([x, y]: Point): Promise<number[]> {
    return (await this.#get(`/v1/accounts?owner=${x},${y}`, accountsSchema)).accounts
  }

  account(index: number): Promise<AccountInfo> {
    return this.#get(`/v1/accounts/${index}`, accountSchema)
  }

  /** Withdrawals of an account that are settled and not claimed yet. */
  async withdrawals(index: number): Promise<WithdrawalInfo[]> {
    return (await this.#get(`/v1/withdrawals?index=${index}`, withdrawalsSchema)).withdrawals
  }

  /** Hands in a signed operation. Once this returns, the node has it on its disk. @throws NodeRefusal */
  submit(operation: OperationRequest): Promise<Accepted> {
    return this.#request('/v1/operations', acceptedSchema, {
      method: 'POST',
      body: encodeJson(operation),
      headers: { 'content-type': 'application/json' },
    })
  }

  operation(id: string): Promise<OperationState> {
    return this.#get(`/v1/operations/${id}`, operationStatusSchema)
  }

  /**
   * Operations of an account with their terms, newest first, for its owner only.
   * @param authorization of a list: see `OwnerWallet.authorize`
   */
  async operations(index: number, authorization: string): Promise<OwnOperation[]> {
    const path = `/v1/operations?index=${index}`
    return (await this.#request(path, ownOperationsSchema, { headers: { authorization } })).operations
  }

  /**
   * Has the node forget half a trade that waits.
   * @param authorization of this cancellation: see `OwnerWallet.authorize`
   * @throws NodeRefusal with `NOT_WAITING` when it is something else, or its other half has come
   */
  cancel(id: string, authorization: string): Promise<Canceled> {
    return this.#request(`/v1/operations/${id}`, canceledSchema, { method: 'DELETE', headers: { authorization } })
  }

  /**
   * Waits until an operation is settled or has failed, or for `timeout` milliseconds: then it may still be either. A node that
   * does not answer for a while is waited for.
   * @throws OperationUnknown where it does not answer at the end either, or does not know the operation
   */
  async settled(id: string, { timeout = 600_000, interval = 500 }: Wait = {}): Promise<OperationState> {
    for (const end = Date.now() + timeout; ; await pause(interval)) {
      try {
        const state = await this.operation(id)
        if (state.status === 'settled' || state.status === 'failed' || Date.now() > end) return state
      } catch (error) {
        const unknown = error instanceof NodeRefusal && error.code === 'NOT_FOUND'
        const silent = error instanceof NodeUnanswered || (error instanceof NodeRefusal && error.status >= 500)
        if (!unknown && !silent) throw error
        if (unknown || Date.now() > end)
          throw new OperationUnknown(id, `What became of operation ${id} is not known: ${error.message}`)
      }
    }
  }

  #get<S extends z.ZodTypeAny>(path: string, schema: S): Promise<z.output<S>> {
    return this.#request(path, schema, {})
  }

  /** The node's answer; questions are asked again where there is none, and nothing else is. */
  async #answer(path: string, init: RequestInit): Promise<{ response: Response; body: unknown }> {
    for (let tries = 0; ; tries++) {
      try {
        const response = await fetch(`${this.#base}${path}`, { ...init, signal: AbortSignal.timeout(this.#timeout) })
        return { response, body: await response.json() }
      } catch (error) {
        const refused = JSON.stringify((error as { cause?: unknown }).cause ?? '').includes('ECONNREFUSED')
        const again = init.method === undefined && tries < PAUSES.length && !(refused && tries > 0)
        if (!again) throw new NodeUnanswered(`No node answers at ${this.#base}.`, { hint: 'Check --node.' })
        await pause(PAUSES[tries]!)
      }
    }
  }

  async #request<S extends z.ZodTypeAny>(path: string, schema: S, init: RequestInit): Promise<z.output<S>> {
    const { response, body } = await this.#answer(path, init)
    if (!response.ok) {
      const refused = errorSchema.safeParse(body)
      if (!refused.success)
        throw new PlimsollError(
          `What answers at ${this.#base} is not a node of Plimsoll: status ${response.status} at ${path}.`,
        )
      const { code, message } = refused.data.error
      throw new NodeRefusal(code, message, response.status)
    }
    const parsed = schema.safeParse(body)
    if (!parsed.success)
      throw new PlimsollError(
        `What answers at ${this.#base} is not a node of this version: its answer at ${path} makes no sense.`,
      )
    return parsed.data as z.output<S>
  }
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}
