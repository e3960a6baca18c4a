import { Queue, QueueEvents } from 'bullmq'
import type { Redis } from 'ioredis'
import type { CircuitName } from '../prover/profiles.ts'
import type { FleetKey } from './fleet-key.ts'
import { type Control, FLEETS, namesOf, prefixOf, QUEUE, type SealedAnswer, type WorkerRecord } from './job.ts'
import { connect, RedisRefuses, redisClient } from './redis.ts'
import { parseRecord } from './roster.ts'

/** Seconds for which a finished job is remembered: a node that was killed meanwhile finds it. */
const REMEMBERED = 600
/** Finished jobs, and events of jobs, that are remembered at the most. */
const [MOST_JOBS, MOST_EVENTS] = [2_000, 5_000]

/** Seconds for which workers find out by themselves that they were put aside. */
const ASIDE = 86_400

/** Listener of a node for news of its fleet. */
export interface LinkListener {
  /** Redis came or went. */
  connection(connected: boolean): void
  answered(id: string, answer: SealedAnswer): void
  failed(id: string, reason: string): void
  /** Redis knows nothing of a job. */
  lost(id: string): void
}

/** A node's side of the queue: jobs go out, and what becomes of them comes back. It says nothing of what they are about. */
export class FleetLink {
  #connected = false
  readonly #url: string
  readonly #key: FleetKey
  readonly #listener: LinkListener
  readonly #redis: Redis
  readonly #eventsRedis: Redis
  #queue: Queue | undefined
  #events: QueueEvents | undefined
  #closed = false

  constructor(url: string, key: FleetKey, listener: LinkListener) {
    this.#url = url
    this.#key = key
    this.#listener = listener
    this.#redis = redisClient(url, false)
    this.#eventsRedis = redisClient(url, true)
    this.#redis.on('ready', () => this.#set(true))
    this.#redis.on('close', () => this.#set(false))
  }

  get connected(): boolean {
    return this.#connected
  }

  /**
   * Connects for the first time; where nobody answers it goes on trying.
   * @returns why it is not connected; undefined where it is
   * @throws RedisRefuses where it never will be
   */
  async open(): Promise<string | undefined> {
    try {
      await connect(this.#redis, this.#url)
      return undefined
    } catch (error) {
      if (error instanceof RedisRefuses) {
        await this.close()
        throw error
      }
      return (error as Error).message
    }
  }

  /** Hands a job out; one that is there already, be it done, is not handed out again. @throws where Redis is gone */
  async submit(id: string, circuit: CircuitName, sealed: string, priority: number): Promise<void> {
    if (!this.#connected || this.#queue === undefined) throw new Error('Redis is gone.')
    await this.#queue.add(
      circuit,
      { sealed },
      {
        jobId: id,
        priority,
        // Who failed matters, so the node itself asks again.
        attempts: 1,
        removeOnComplete: { age: REMEMBERED, count: MOST_JOBS },
        removeOnFail: true,
        stackTraceLimit: 0,
      },
    )
  }

  /** Has a job told of again: an event may have been missed, or Redis may have forgotten it. */
  async inspect(id: string): Promise<void> {
    const job = await this.#queue?.getJob(id)
    if (!this.#connected) return
    if (job === undefined) this.#listener.lost(id)
    else if (job.finishedOn !== undefined) {
      if (job.failedReason) this.#listener.failed(id, job.failedReason)
      else this.#listener.answered(id, job.returnvalue as SealedAnswer)
    }
  }

  /** Takes a job back: out of the queue, or from the worker that is at it. */
  async cancel(id: string): Promise<void> {
    if (!this.#connected) return
    // A job that somebody is at cannot be removed.
    const removed = await this.#queue?.remove(id).catch(() => 0)
    if (removed !== 1) await this.#tell({ cancel: id })
  }

  /** Has all workers know that one of them is put aside, itself among them, now and whenever they look. */
  async putAside(worker: string, why: string): Promise<void> {
    if (!this.#connected) return
    const { aside } = namesOf(this.#key)
    await this.#redis.hset(aside, worker, why)
    await this.#redis.expire(aside, ASIDE)
    await this.#tell({ aside: worker, why })
  }

  /** Tells which keys there will be jobs for. */
  async announce(sealed: string): Promise<void> {
    if (this.#connected) await this.#redis.set(namesOf(this.#key).keys, sealed)
  }

  /** Says that the fleet has a node. @param now unix milliseconds */
  async beat(now: number): Promise<void> {
    await this.#redis.zadd(FLEETS, now, this.#key.id)
  }

  /** Words of all workers on themselves. */
  async workers(): Promise<Map<string, WorkerRecord>> {
    const said = await this.#redis.hgetall(namesOf(this.#key).workers)
    const records = new Map<string, WorkerRecord>()
    for (const [name, text] of Object.entries(said)) {
      try {
        records.set(name, parseRecord(text))
      } catch {
        // Not a worker's.
      }
    }
    return records
  }

  /** Forgets what workers that are long gone said of themselves. */
  async forget(workers: readonly string[]): Promise<void> {
    if (workers.length > 0) await this.#redis.hdel(namesOf(this.#key).workers, ...workers)
  }

  /** Jobs that wait, and those that somebody is at. */
  async depth(): Promise<{ readonly waiting: number; readonly active: number }> {
    const counts = (await this.#queue?.getJobCounts('waiting', 'prioritized', 'active')) ?? {}
    return { waiting: (counts.waiting ?? 0) + (counts.prioritized ?? 0), active: counts.active ?? 0 }
  }

  /** Makes the connection anew where Redis has stopped answering. */
  reconnect(): void {
    this.#redis.disconnect(true)
  }

  async close(): Promise<void> {
    this.#closed = true
    if (this.#connected) await this.#redis.zrem(FLEETS, this.#key.id).catch(() => {})
    this.#connected = false
    await Promise.allSettled([this.#queue?.close(), this.#events?.close()])
    this.#redis.disconnect()
    this.#eventsRedis.disconnect()
  }

  async #tell(word: Control): Promise<void> {
    await this.#redis.publish(namesOf(this.#key).control, JSON.stringify(word))
  }

  #set(connected: boolean): void {
    if (this.#closed || this.#connected === connected) return
    this.#connected = connected
    if (connected && this.#queue === undefined) this.#start()
    this.#listener.connection(connected)
  }

  #start(): void {
    const prefix = prefixOf(this.#key)
    const queue = new Queue(QUEUE, {
      connection: this.#redis,
      prefix,
      streams: { events: { maxLen: MOST_EVENTS } },
    })
    queue.on('error', () => {})
    this.#queue = queue
    const events = new QueueEvents(QUEUE, { connection: this.#eventsRedis, prefix })
    events.on('error', () => {})
    events.on('completed', ({ jobId, returnvalue }) =>
      this.#listener.answered(jobId, returnvalue as unknown as SealedAnswer),
    )
    events.on('failed', ({ jobId, failedReason }) => this.#listener.failed(jobId, failedReason))
    // It may be done already.
    events.on('duplicated', ({ jobId }) => void this.inspect(jobId).catch(() => {}))
    this.#events = events
  }
}
