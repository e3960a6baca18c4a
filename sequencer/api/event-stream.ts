import type { ServerResponse } from 'node:http'
import { lotOffers } from '../../chain/custody.ts'
import { Refusal } from '../../protocol/errors.ts'
import { encodeJson, type OperationState } from '../../sdk/schemas.ts'
import type { SequencerNode } from '../node/node.ts'

/** Milliseconds between two looks at the node, and between two signs of life to whoever listens. */
const [LOOK, HEARTBEAT] = [200, 15_000]
/** Those who may listen at a time, and operations that one of them may follow. */
const [MOST_LISTENERS, MOST_FOLLOWED] = [256, 64]
/** Bytes that may wait for a listener who does not read. */
const MOST_UNREAD = 256 * 1024

interface Listener {
  readonly response: ServerResponse
  readonly ids: readonly `0x${string}`[]
  /** Last body that it was told, by event. */
  readonly told: Map<string, string>
}

/** An event's name and its body as text. */
type News = readonly [event: string, body: string]

/**
 * Server-sent events: `round` (a new one, or completeness changed, or something was settled), `lots`, and `operation` of those
 * operations whose ids the listener named. Whoever listens is told at once how things stand, then what changes.
 */
export class EventStream {
  readonly #node: SequencerNode
  readonly #headers: Readonly<Record<string, string>>
  readonly #listeners = new Set<Listener>()
  #timer: NodeJS.Timeout | undefined
  #spokenAt = 0

  constructor(node: SequencerNode, headers: Readonly<Record<string, string>>) {
    this.#node = node
    this.#headers = headers
  }

  /** @throws Refusal where too many listen, or too many operations are named */
  listen(response: ServerResponse, ids: readonly `0x${string}`[]): void {
    if (this.#listeners.size >= MOST_LISTENERS) throw new Refusal('BUSY', 'Too many listen already.')
    if (ids.length > MOST_FOLLOWED)
      throw new Refusal('BAD_REQUEST', `A listener may follow ${MOST_FOLLOWED} operations at the most.`)
    response.writeHead(200, {
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
      ...this.#headers,
    })
    const listener: Listener = { response, ids, told: new Map() }
    this.#listeners.add(listener)
    response.on('close', () => this.#drop(listener))
    response.write('retry: 1000\n\n')
    this.#tell(listener, this.#public())
    this.#timer ??= setInterval(() => this.#look(), LOOK).unref()
  }

  #drop(listener: Listener): void {
    this.#listeners.delete(listener)
    if (this.#listeners.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  #look(): void {
    const news = this.#public()
    const now = performance.now()
    const sign = now - this.#spokenAt > HEARTBEAT
    if (sign) this.#spokenAt = now
    for (const listener of [...this.#listeners]) {
      if (sign) listener.response.write(':\n\n')
      this.#tell(listener, news)
      if (listener.response.writableLength > MOST_UNREAD) listener.response.destroy()
    }
  }

  /** Events that everybody is told of, as they stand. */
  #public(): readonly News[] {
    const { latestRound, complete, custody, snapshot } = this.#node
    if (latestRound.number === 0) return []
    return [
      ['round', encodeJson({ ...latestRound, complete, settlements: snapshot.state.settlements })],
      ['lots', encodeJson({ offers: custody.auctions.map((_, asset) => lotOffers(custody, asset)) })],
    ]
  }

  #tell({ response, ids, told }: Listener, news: readonly News[]): void {
    const own = ids.flatMap((id) => {
      const state = this.#stateOf(id)
      return state === undefined ? [] : [[`operation ${id}`, encodeJson(state)] as const]
    })
    for (const [key, body] of [...news, ...own]) {
      if (told.get(key) === body) continue
      told.set(key, body)
      response.write(`event: ${key.split(' ')[0]}\ndata: ${body}\n\n`)
    }
  }

  /** An operation that the node does not know may yet come. */
  #stateOf(id: `0x${string}`): OperationState | undefined {
    try {
      return this.#node.pool.state(id)
    } catch (error) {
      if (error instanceof Refusal) return undefined
      throw error
    }
  }
}
