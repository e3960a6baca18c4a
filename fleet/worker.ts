import { type Job, UnrecoverableError, Worker } from 'bullmq'
import type { Redis } from 'ioredis'
import { PlimsollError } from '../protocol/errors.ts'
import type { ProofService, ProofSource } from '../prover/proof-service.ts'
import { type FleetKey, SealBroken } from './fleet-key.ts'
import { type FleetLog, QUIET } from './fleet-log.ts'
import {
  type Announcement,
  type Answer,
  type Control,
  digestIn,
  FLEETS,
  namesOf,
  openAnnouncement,
  openRequest,
  prefixOf,
  QUEUE,
  type Request,
  type SealedAnswer,
  sealAnswer,
  type WorkerRecord,
} from './job.ts'
import type { KeyStore } from './key-store.ts'
import { connect, publicUrl, redisClient } from './redis.ts'

/** Beats for which a job stays a worker's that says nothing, between two looks for such jobs, and a rest after a failure. */
const [LOCK, STALLED_CHECK, REST] = [10, 3, 2]
/** Beats that the longest rest has: each failure in a row doubles it. */
const LONGEST_REST = 60
/** Seconds after which a fleet whose node says nothing counts as one without a node. */
const NODE_SILENCE = 60

export interface WorkerOptions {
  /** URL of Redis. */
  readonly redis: string
  readonly key: FleetKey
  readonly keys: KeyStore
  readonly proofs: ProofSource & Partial<Pick<ProofService, 'prepare'>>
  /** Name among all workers, of letters, digits, dots and hyphens. */
  readonly name: string
  /** Proofs at a time. */
  readonly slots: number
  readonly log?: FleetLog
  /** Milliseconds between two beats; a second where it is left out. */
  readonly pulse?: number
}

/** Makes proofs for whatever node has the same key. */
export class FleetWorker {
  /** Proofs that it made. */
  made = 0
  /** Reason for which a node put it aside. */
  aside: string | undefined
  /** Ends when it has been closed or put aside. */
  readonly ended: Promise<void>
  readonly #options: WorkerOptions
  readonly #log: FleetLog
  readonly #pulse: number
  readonly #redis: Redis
  readonly #control: Redis
  readonly #jobs = new Set<string>()
  #worker: Worker<{ sealed: string }, SealedAnswer> | undefined
  #timer: NodeJS.Timeout | undefined
  #beats = Date.now()
  #failures = 0
  #closing: Promise<void> | undefined
  #end!: () => void

  private constructor(options: WorkerOptions) {
    this.#options = options
    this.#log = options.log ?? QUIET
    this.#pulse = options.pulse ?? 1_000
    this.#redis = redisClient(options.redis, true)
    this.#control = redisClient(options.redis, true)
    this.ended = new Promise((resolve) => {
      this.#end = resolve
    })
  }

  /**
   * Connects, fetches the keys that a node has announced, and begins.
   * @throws PlimsollError where Redis cannot be reached, a key cannot be had, or the fleets in Redis have another key
   */
  static async open(options: WorkerOptions): Promise<FleetWorker> {
    const worker = new FleetWorker(options)
    try {
      await connect(worker.#redis, options.redis)
      await worker.#requireFleet()
      const announced = await worker.#announcement()
      if (announced !== undefined) await worker.#prepare(announced)
      await worker.#start()
    } catch (error) {
      await worker.close()
      throw error
    }
    return worker
  }

  /** Ends what it is at, and takes nothing more. @param now whether to give up what it is at */
  close(now = false): Promise<void> {
    if (now) this.#worker?.cancelAllJobs('closed')
    this.#closing ??= this.#close(now)
    return this.#closing
  }

  async #close(now: boolean): Promise<void> {
    clearInterval(this.#timer)
    // Redis may be gone: then nobody waits for the job either.
    if (this.#redis.status !== 'ready') void this.#worker?.close(true).catch(() => {})
    else if (this.#worker !== undefined) {
      await this.#worker.close(now).catch(() => {})
      await this.#tell(0).catch(() => {})
    }
    this.#redis.disconnect()
    this.#control.disconnect()
    this.#end()
  }

  /** @throws PlimsollError where there are nodes, and none has this key: it would wait for ever */
  async #requireFleet(): Promise<void> {
    const { key, redis } = this.#options
    const ids = await this.#redis.zrangebyscore(FLEETS, Date.now() - 1_000 * NODE_SILENCE, '+inf')
    if (ids.length > 0 && !ids.includes(key.id))
      throw new PlimsollError(`No node at ${publicUrl(redis)} has this fleet's key: theirs are of other fleets.`, {
        hint: 'Take the file that the node was started with.',
      })
  }

  async #announcement(): Promise<Announcement | undefined> {
    const { key } = this.#options
    const sealed = await this.#redis.get(namesOf(key).keys)
    return sealed === null ? undefined : openAnnouncement(key, sealed)
  }

  async #prepare({ profile, circuits }: Announcement): Promise<void> {
    this.#log.info({ event: 'keys' }, `fetching the keys of profile ${profile}`)
    for (const manifest of circuits) {
      const keys = await this.#options.keys.keys(profile, manifest)
      await this.#options.proofs.prepare?.(keys, [manifest.circuit])
    }
  }

  async #start(): Promise<void> {
    const { key, name, slots } = this.#options
    const names = namesOf(key)
    this.#control.on('message', (_, text) => this.#hear(text))
    // Subscribed anew by the client whenever the connection is.
    void this.#control.subscribe(names.control).catch(() => {})
    const worker = new Worker<{ sealed: string }, SealedAnswer>(
      QUEUE,
      (job, _token, signal) => this.#work(job, signal),
      {
        connection: this.#redis,
        prefix: prefixOf(key),
        name,
        concurrency: slots,
        lockDuration: LOCK * this.#pulse,
        stalledInterval: STALLED_CHECK * this.#pulse,
        runRetryDelay: this.#pulse,
        // The node decides how often is often enough.
        maxStalledCount: 1_000,
      },
    )
    worker.on('error', () => {})
    this.#worker = worker
    await worker.waitUntilReady()
    let there = true
    this.#redis.on('close', () => {
      if (there && this.#closing === undefined) this.#log.warn({ event: 'redis' }, 'Redis is gone: waiting for it')
      there = false
    })
    this.#redis.on('ready', () => {
      if (!there) this.#log.info({ event: 'redis' }, 'Redis is back')
      there = true
    })
    this.#timer = setInterval(() => void this.#beat(), this.#pulse)
    await this.#beat()
    this.#log.info({ event: 'ready', worker: name }, `${name} takes jobs, ${slots} at a time`)
  }

  async #work(job: Job<{ sealed: string }, SealedAnswer>, signal?: AbortSignal): Promise<SealedAnswer> {
    const id = job.id!
    const { key, keys, proofs, name } = this.#options
    const digest = digestIn(id)
    this.#jobs.add(id)
    void this.#beat()
    try {
      const request: Request = openRequest(key, digest, job.data.sealed)
      const circuit = request.keys.circuit
      const own = await keys.keys(request.profile, request.keys)
      signal?.throwIfAborted()
      const started = performance.now()
      let answer: Answer
      try {
        const proven = await proofs.prove(own, circuit, request.input, { signal })
        answer = { proven, seconds: (performance.now() - started) / 1_000 }
      } catch (error) {
        // The node finds out whether that is so.
        if (!(error instanceof PlimsollError)) throw error
        answer = { refused: error.message, hint: error.hint }
      }
      this.made++
      this.#failures = 0
      this.#log.info(
        { event: 'proof', circuit },
        `${circuit} in ${((performance.now() - started) / 1_000).toFixed(2)} s`,
      )
      return sealAnswer(key, digest, name, answer)
    } catch (error) {
      // What failed is nobody's business but the operator's: Redis would keep it in the clear.
      if (signal?.aborted) throw new UnrecoverableError('canceled')
      this.#rest(error)
      throw new UnrecoverableError(`worker ${name} failed`)
    } finally {
      this.#jobs.delete(id)
      void this.#beat()
    }
  }

  /** Leaves the jobs to others for a while: whatever failed, a lack of keys or a fault of the machine, may pass. */
  #rest(error: unknown): void {
    const beats = Math.min(LONGEST_REST, REST * 2 ** this.#failures++)
    const text =
      error instanceof SealBroken
        ? 'a job was not sealed by this fleet: somebody has written to Redis'
        : error instanceof Error
          ? error.message
          : String(error)
    this.#log.warn({ event: 'failure' }, `${text} Next job in ${(beats * this.#pulse) / 1_000} s.`)
    const worker = this.#worker!
    void worker.pause(true).catch(() => {})
    setTimeout(() => this.#closing === undefined && worker.resume(), beats * this.#pulse)
  }

  #hear(text: string): void {
    let word: Control
    try {
      word = JSON.parse(text) as Control
    } catch {
      return
    }
    if ('cancel' in word) this.#worker?.cancelJob(word.cancel, 'canceled')
    else if (word.aside === this.#options.name) this.#putAside(word.why)
  }

  #putAside(why: string): void {
    this.aside ??= why
    void this.close(true)
  }

  async #beat(): Promise<void> {
    if (this.#closing !== undefined || this.#redis.status !== 'ready') return
    const { key, name, slots } = this.#options
    try {
      await this.#tell(slots)
      const why = await this.#redis.hget(namesOf(key).aside, name)
      if (why !== null) this.#putAside(why)
    } catch {
      // The next beat comes soon.
    }
  }

  /** Says of itself what all nodes read. */
  async #tell(slots: number): Promise<void> {
    const { key, name } = this.#options
    const record: WorkerRecord = { beat: this.#beats++, slots, jobs: [...this.#jobs] }
    await this.#redis.hset(namesOf(key).workers, name, JSON.stringify(record))
  }
}
