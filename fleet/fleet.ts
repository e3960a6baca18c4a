import { PlimsollError } from '../protocol/errors.ts'
import { circuitsOf, manifestOf } from '../prover/key-files.ts'
import { keyOf, type SomeKeys } from '../prover/keys.ts'
import type { CircuitName } from '../prover/profiles.ts'
import { DEFAULT_WIDTH, type ProofSource, type Proven, type ProveOptions } from '../prover/proof-service.ts'
import type { CircuitInput } from '../prover/witness.ts'
import type { FleetKey } from './fleet-key.ts'
import { FleetLink } from './fleet-link.ts'
import { type FleetLog, QUIET } from './fleet-log.ts'
import { digestIn, jobId, openAnswer, priorityOf, type SealedAnswer, sealAnnouncement, sealRequest } from './job.ts'
import { ProofTimes } from './proof-times.ts'
import { publicUrl } from './redis.ts'
import { Roster } from './roster.ts'
import { expects, Task } from './task.ts'

/** Times that a proof is asked of the fleet before the node makes it by itself. */
const MOST_FAILURES = 3
/** Failures in a row, without an answer between them, after which a worker is put aside. */
const MOST_FAULTS = 3
/** Jobs on their way to Redis at a time: inputs are long, and what comes late counts as lost. */
const MOST_SUBMISSIONS = 8
/** Proofs that are wanted in flight for each that the workers make at a time: so nobody waits for the node. */
const AHEAD = 2
const MOST_IN_FLIGHT = 256
/** Beats after which a job of which nothing was heard is asked about. */
const SILENT_BEATS = 2
/** Beats between two words that the fleet has a node. */
const NODE_BEATS = 10

export interface FleetOptions {
  /** URL of Redis. */
  readonly redis: string
  readonly key: FleetKey
  /** Makes proofs where the fleet cannot, and verifies what the fleet answers. */
  readonly local: ProofSource & Required<Pick<ProofSource, 'verify'>>
  readonly log?: FleetLog
  /** Milliseconds between two beats of workers and node; a second where it is left out. */
  readonly pulse?: number
  /** Milliseconds that a worker may take for a proof of which nothing is known yet; two minutes where it is left out. */
  readonly patience?: number
}

/** A proof that a worker made, once it was verified. */
export interface FleetProof {
  readonly circuit: CircuitName
  readonly worker: string
  /** That the worker took, by its own word. */
  readonly seconds: number
  /** From the moment it was asked for to that at which it was verified. */
  readonly total: number
}

/**
 * Proofs by any number of machines, over a queue in Redis. Each answer is verified before it is used; a worker that lies, fails
 * again and again or never answers is put aside, and asked no more. Where Redis or all workers are gone the node proves by
 * itself, and takes the fleet up again as soon as it is back.
 */
export class Fleet implements ProofSource {
  /** Proofs and mishaps since the start. */
  readonly counts = { fleet: 0, local: 0, false: 0, stalled: 0, faults: 0, again: 0, canceled: 0 }
  /** Hears of each proof that a worker made. */
  onProof: ((proof: FleetProof) => void) | undefined
  readonly #options: FleetOptions
  readonly #log: FleetLog
  readonly #pulse: number
  readonly #link: FleetLink
  readonly #roster: Roster
  readonly #times: ProofTimes
  readonly #tasks = new Set<Task>()
  readonly #byId = new Map<string, Task>()
  readonly #faults = new Map<string, number>()
  #announcement: string | undefined
  #localWork = 0
  #submissions = 0
  #beats = 0
  #beating = false
  #present = 0
  #timer: NodeJS.Timeout | undefined
  #closed = false

  private constructor(options: FleetOptions) {
    this.#options = options
    this.#log = options.log ?? QUIET
    this.#pulse = options.pulse ?? 1_000
    this.#roster = new Roster(this.#pulse)
    this.#times = new ProofTimes(options.patience ?? 120_000, 10 * this.#pulse)
    this.#link = new FleetLink(options.redis, options.key, {
      connection: (connected) => this.#connection(connected),
      answered: (id, answer) => void this.#answered(id, answer),
      failed: (id, reason) => this.#failed(id, reason),
      lost: (id) => this.#lost(id),
    })
  }

  /** @throws PlimsollError where Redis refuses the password; where it does not answer, the node proves by itself */
  static async open(options: FleetOptions): Promise<Fleet> {
    const fleet = new Fleet(options)
    const why = await fleet.#link.open()
    if (why !== undefined) fleet.#log.warn({ event: 'fleet' }, `${why} The node proves by itself until Redis is there.`)
    fleet.#timer = setInterval(() => void fleet.#beat(), fleet.#pulse)
    return fleet
  }

  get width(): number {
    const slots = this.#live().reduce((sum, worker) => sum + worker.slots, 0)
    if (slots === 0) return this.#localWidth
    return Math.min(MOST_IN_FLIGHT, Math.max(2, AHEAD * slots))
  }

  /** Proofs that the node makes by itself at a time. */
  get #localWidth(): number {
    return this.#options.local.width ?? DEFAULT_WIDTH
  }

  /** Figures that an operator watches. */
  get figures(): {
    readonly connected: boolean
    readonly workers: number
    readonly slots: number
    readonly aside: number
    readonly tasks: { readonly waiting: number; readonly fleet: number; readonly local: number }
  } {
    const live = this.#live()
    const tasks = { waiting: 0, fleet: 0, local: 0 }
    for (const { place } of this.#tasks) tasks[place]++
    return {
      connected: this.#link.connected,
      workers: live.length,
      slots: live.reduce((sum, worker) => sum + worker.slots, 0),
      aside: this.#roster.aside.size,
      tasks,
    }
  }

  /** Jobs in Redis. */
  depth(): Promise<{ readonly waiting: number; readonly active: number }> {
    return this.#link.connected ? this.#link.depth() : Promise.resolve({ waiting: 0, active: 0 })
  }

  /** Tells the workers which keys they will need, so that they fetch them before the first job. */
  async announce(keys: SomeKeys): Promise<void> {
    const circuits = await Promise.all(circuitsOf(keys).map((circuit) => manifestOf(keyOf(keys, circuit))))
    this.#announcement = sealAnnouncement(this.#options.key, { profile: keys.profile.name, circuits })
    await this.#link.announce(this.#announcement).catch(() => {})
  }

  prove(keys: SomeKeys, circuit: CircuitName, input: CircuitInput, options: ProveOptions = {}): Promise<Proven> {
    const { signal } = options
    if (signal?.aborted) return Promise.reject(signal.reason)
    const task = new Task(keys, circuit, input, options)
    signal?.addEventListener(
      'abort',
      () => {
        if (!this.#tasks.has(task)) return
        this.counts.canceled++
        this.#end(task)
        task.reject(signal.reason)
      },
      { once: true },
    )
    this.#tasks.add(task)
    this.#pump()
    return task.proven
  }

  verify(keys: SomeKeys, circuit: CircuitName, proven: Proven): Promise<boolean> {
    return this.#options.local.verify(keys, circuit, proven)
  }

  /** Lets go of Redis; what is still asked for is rejected. The local prover stays open. */
  async close(): Promise<void> {
    this.#closed = true
    clearInterval(this.#timer)
    for (const task of [...this.#tasks]) {
      this.#end(task)
      task.reject(new PlimsollError('The fleet was closed.'))
    }
    await this.#link.close()
  }

  #live() {
    return this.#link.connected ? this.#roster.live(performance.now()) : []
  }

  /** Gives everything that waits to the fleet, where there is one, and else to the local prover, as much as it takes. */
  #pump(): void {
    if (this.#closed) return
    const present = this.#live().length > 0
    const waiting = [...this.#tasks].filter(({ place }) => place === 'waiting')
    waiting.sort((a, b) => a.rank - b.rank || a.number - b.number)
    for (const task of waiting) {
      if (present && !task.locally) {
        if (this.#submissions < MOST_SUBMISSIONS) void this.#submit(task)
      } else if (this.#localWork < this.#localWidth) void this.#proveLocally(task)
    }
  }

  async #submit(task: Task): Promise<void> {
    const { keys, circuit, input } = task
    task.place = 'fleet'
    this.#submissions++
    task.heardAt = performance.now()
    try {
      task.sealed ??= sealRequest(this.#options.key, {
        profile: keys.profile.name,
        keys: await manifestOf(keyOf(keys, circuit)),
        input,
      })
      // The same may be asked for twice at a time.
      let id = jobId(task.sealed.digest, task.attempt)
      while ((this.#byId.get(id) ?? task) !== task) id = jobId(task.sealed.digest, ++task.attempt)
      this.#byId.set(id, task)
      task.ids.add(id)
      if (!this.#tasks.has(task)) return this.#forget(task)
      await this.#link.submit(id, circuit, task.sealed.sealed, priorityOf(task.urgency, task.failures > 0))
      // Taken back while it was on its way.
      if (!this.#tasks.has(task)) await this.#link.cancel(id)
    } catch {
      if (task.place !== 'fleet' || !this.#tasks.has(task)) return
      task.place = 'waiting'
      // Where Redis is there and takes nothing, that may pass or not.
      if (this.#link.connected && ++task.failures >= MOST_FAILURES) task.locally = true
    } finally {
      this.#submissions--
      this.#pump()
    }
  }

  async #proveLocally(task: Task): Promise<void> {
    task.place = 'local'
    this.#localWork++
    for (const id of task.ids) void this.#link.cancel(id).catch(() => {})
    try {
      const { keys, circuit, input, options } = task
      const signal = AbortSignal.any([task.stop.signal, ...(options.signal === undefined ? [] : [options.signal])])
      const proven = await this.#options.local.prove(keys, circuit, input, { ...options, signal })
      if (task.accused !== undefined) this.#putAside(task.accused, 'refused an input that the circuit takes', 'false')
      if (!this.#tasks.has(task)) return
      this.counts.local++
      this.#end(task)
      task.resolve(proven)
    } catch (error) {
      if (!this.#tasks.has(task)) return
      this.#end(task)
      task.reject(error)
    } finally {
      this.#localWork--
      this.#pump()
    }
  }

  async #answered(id: string, answer: SealedAnswer): Promise<void> {
    const task = this.#byId.get(id)
    if (task === undefined || task.judging.has(id)) return
    task.judging.add(id)
    const { keys, circuit, input } = task
    const worker = String(answer?.worker)
    try {
      const said = openAnswer(this.#options.key, digestIn(id), answer)
      if ('refused' in said) {
        task.accused = worker
        task.locally = true
        return this.#again(task, id)
      }
      const { proven, seconds } = said
      const good =
        expects(circuit, input, proven.signals) &&
        (await this.#options.local.verify(keys, circuit, proven).catch(() => false))
      if (!this.#tasks.has(task)) return
      if (!good) throw new PlimsollError('The proof is false.')
      this.counts.fleet++
      this.#faults.delete(worker)
      this.#times.record(circuit, 1_000 * seconds)
      this.onProof?.({ circuit, worker, seconds, total: (performance.now() - task.askedAt) / 1_000 })
      task.ids.delete(id)
      this.#byId.delete(id)
      this.#end(task)
      task.resolve(proven)
    } catch {
      if (!this.#tasks.has(task)) return
      this.#putAside(worker, 'answered with a false proof', 'false')
      this.#again(task, id)
    }
  }

  #failed(id: string, reason: string): void {
    const task = this.#byId.get(id)
    if (task === undefined) return
    const worker = /^worker (\S+) /.exec(reason)?.[1]
    if (worker !== undefined) {
      this.counts.faults++
      const faults = (this.#faults.get(worker) ?? 0) + 1
      this.#faults.set(worker, faults)
      if (faults >= MOST_FAULTS) this.#putAside(worker, `failed ${faults} times in a row`)
    }
    this.#again(task, id)
  }

  /** Hands out again what Redis has forgotten; what was only late to get there is not there twice. */
  #lost(id: string): void {
    const task = this.#byId.get(id)
    if (task?.place !== 'fleet') return
    task.place = 'waiting'
    this.#pump()
  }

  /** Asks once more for what an attempt has not brought. */
  #again(task: Task, id: string): void {
    this.#byId.delete(id)
    task.ids.delete(id)
    void this.#link.cancel(id).catch(() => {})
    if (task.place !== 'fleet') return
    this.counts.again++
    task.attempt++
    if (++task.failures >= MOST_FAILURES) task.locally = true
    task.place = 'waiting'
    this.#pump()
  }

  #putAside(worker: string, why: string, count?: 'false' | 'stalled'): void {
    if (count !== undefined) this.counts[count]++
    if (this.#roster.isAside(worker)) return
    this.#roster.putAside(worker, why)
    this.#log.warn({ event: 'fleet', worker }, `the prover ${worker} is put aside: it ${why}`)
    void this.#link.putAside(worker, why).catch(() => {})
  }

  /** Done with a task: nobody needs to work at it any more. */
  #end(task: Task): void {
    this.#tasks.delete(task)
    task.stop.abort()
    for (const id of task.ids) void this.#link.cancel(id).catch(() => {})
    this.#forget(task)
  }

  #forget(task: Task): void {
    for (const id of task.ids) this.#byId.delete(id)
  }

  #connection(connected: boolean): void {
    const where = publicUrl(this.#options.redis)
    if (connected) {
      this.#log.info({ event: 'fleet' }, `Redis is there: ${where}`)
      if (this.#announcement !== undefined) void this.#link.announce(this.#announcement).catch(() => {})
      for (const [worker, why] of this.#roster.aside) void this.#link.putAside(worker, why).catch(() => {})
      void this.#beat()
    } else {
      this.#log.warn({ event: 'fleet' }, `Redis is gone: ${where}; the node proves by itself until it is back`)
      this.#recall()
    }
  }

  /** Takes back all that the fleet has: the local prover makes it, unless the fleet comes back first, or has made it by then. */
  #recall(): void {
    for (const task of this.#tasks) if (task.place === 'fleet') task.place = 'waiting'
    this.#pump()
  }

  async #beat(): Promise<void> {
    if (!this.#link.connected || this.#beating) return
    this.#beating = true
    try {
      if (this.#beats++ % NODE_BEATS === 0) await this.#link.beat(Date.now())
      const now = performance.now()
      await this.#link.forget(this.#roster.update(await this.#link.workers(), now))
    } catch {
      // It holds the connection and says nothing.
      if (this.#link.connected) this.#link.reconnect()
      return
    } finally {
      this.#beating = false
    }
    this.#tellPresence()
    this.#requireAnswers()
    const now = performance.now()
    for (const task of this.#tasks) {
      if (task.place !== 'fleet' || now - task.heardAt < SILENT_BEATS * this.#pulse) continue
      task.heardAt = now
      for (const id of task.ids) void this.#link.inspect(id).catch(() => {})
    }
    this.#pump()
  }

  /** Puts those aside that have been at a job for too long. */
  #requireAnswers(): void {
    const now = performance.now()
    for (const { name, jobs } of this.#live())
      for (const [id, since] of jobs) {
        const task = this.#byId.get(id)
        if (task === undefined || now - since <= this.#times.limit(task.circuit)) continue
        this.#putAside(name, `has not answered for ${Math.round((now - since) / 1_000)} seconds`, 'stalled')
        this.#again(task, id)
      }
  }

  #tellPresence(): void {
    const present = this.#live().length
    if (present === this.#present) return
    this.#log.info({ event: 'fleet', workers: present }, `provers in the fleet: ${present}`)
    if (present === 0) {
      this.#log.warn({ event: 'fleet' }, 'the fleet has no prover left: the node proves by itself')
      this.#recall()
    }
    this.#present = present
  }
}
