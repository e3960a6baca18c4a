import { readFileSync, statSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { setImmediate as turn } from 'node:timers/promises'
import type { Marks } from '../protocol/marks.ts'
import type { System } from '../protocol/system.ts'
import { hashByKernel } from '../prover/kernel/hashing.ts'
import { circuitOf } from '../prover/profiles.ts'
import { completeRound, type Work } from '../sequencer/planner/complete-round.ts'
import { type NodeState, Store } from '../sequencer/state/store.ts'

/** Batches of one transaction at the most, as the node has it. */
const MAX_BATCHES = 12
const QUIET = 15

/** Cost of a tick without its proofs; milliseconds, bytes. */
export interface TickCost {
  readonly moved: number
  readonly resolved: number
  readonly batches: Readonly<Record<string, number>>
  readonly settlements: number
  /** Choosing where accounts go, and reading them. */
  readonly plan: number
  /** The reference machine and the inputs of the circuits. */
  readonly transitions: number
  /** Saving: what changed is on the disk before it would be sent. */
  readonly save: number
  /** Taking up the state that was saved, and dropping old versions. */
  readonly follow: number
  readonly total: number
  /** Time of the processor: what the same would take on a machine that has nothing else to do, waits for the disk apart. */
  readonly cpu: number
  /** Handed to the file system. */
  readonly written: number
}

/** Opens a store as a node does, in a fresh process, and has ticks go over it. */
export class ScaleRun {
  readonly start: number
  /** Time of the processor from the start of the process, its modules included. */
  readonly startCpu: number
  readonly resident: number
  readonly #store: Store
  #state: NodeState

  private constructor(store: Store, state: NodeState, start: number) {
    this.#store = store
    this.#state = state
    this.start = start
    this.startCpu = process.cpuUsage().user / 1_000
    this.resident = process.memoryUsage().rss
  }

  static async open(directory: string): Promise<ScaleRun> {
    hashByKernel()
    const started = performance.now()
    const store = await Store.open(directory)
    const state = await store.latest()
    return new ScaleRun(store, state, performance.now() - started)
  }

  /** Milliseconds of a look that has nothing to do, at these marks: the median. */
  async quiet(marks: Marks): Promise<number> {
    const times: number[] = []
    for (let i = 0; i < QUIET; i++) {
      await turn()
      const started = performance.now()
      const system = this.#at(marks)
      for (const _ of completeRound(system)) throw new Error('There is something to do at a quiet tick.')
      times.push(performance.now() - started)
    }
    return times.sort((a, b) => a - b)[QUIET >> 1]!
  }

  /** Carries a tick out, twelve batches a settlement. @param seen gets each batch with milliseconds of the processor since the tick began */
  async tick(marks: Marks, seen: (work: Work, at: number) => void = () => {}): Promise<TickCost> {
    const written = bytesWritten()
    const began = performance.now()
    const used = process.cpuUsage()
    const cost = { moved: 0, resolved: 0, settlements: 0, plan: 0, transitions: 0, save: 0, follow: 0 }
    const batches: Record<string, number> = {}
    const timed = <T>(part: 'plan' | 'transitions' | 'save' | 'follow', started: number, result: T): T => {
      cost[part] += performance.now() - started
      return result
    }
    const system = this.#at(marks)
    const probe = timeTransitions(system)
    const settle = async (after: System) => {
      let started = performance.now()
      const next = { ...this.#state, system: after, settlements: this.#state.settlements + 1 }
      await this.#store.save(next, this.#state)
      timed('save', started, undefined)
      started = performance.now()
      this.#state = await this.#store.find(after.ledger.root, after.ledger.heads)
      await this.#store.prune(next.settlements)
      timed('follow', started, undefined)
      cost.settlements++
    }
    let waiting = 0
    const works = completeRound(system)
    for (;;) {
      const started = performance.now()
      const before = probe.spent
      const { value: work, done } = works.next()
      cost.transitions += probe.spent - before
      cost.plan += performance.now() - started - (probe.spent - before)
      if (done) break
      const { user, system: kernel } = process.cpuUsage(used)
      seen(work, (user + kernel) / 1_000)
      const circuit = circuitOf(work.transition.batch)
      batches[circuit] = (batches[circuit] ?? 0) + 1
      cost.moved += work.moves.length
      cost.resolved += work.resolutions.length
      if (++waiting < MAX_BATCHES) continue
      await settle(system.clone())
      waiting = 0
    }
    if (waiting > 0) await settle(system.clone())
    const { user, system: kernel } = process.cpuUsage(used)
    return {
      ...cost,
      batches,
      total: performance.now() - began,
      cpu: (user + kernel) / 1_000,
      written: bytesWritten() - written,
    }
  }

  close(): void {
    this.#store.close()
  }

  #at(marks: Marks): System {
    const system = this.#state.system.clone()
    system.setMarks(marks)
    return system
  }
}

/** Has a system add up the time that its transitions take. */
function timeTransitions(system: System): { spent: number } {
  const probe = { spent: 0 }
  for (const name of ['sweep', 'resolve'] as const) {
    const method = system[name].bind(system) as (...args: unknown[]) => unknown
    Object.assign(system, {
      [name]: (...args: unknown[]) => {
        const started = performance.now()
        try {
          return method(...args)
        } finally {
          probe.spent += performance.now() - started
        }
      },
    })
  }
  return probe
}

/** Bytes that this process has handed to the file system; Linux only, 0 elsewhere. */
function bytesWritten(): number {
  try {
    return Number(/wchar: (\d+)/.exec(readFileSync('/proc/self/io', 'utf8'))?.[1] ?? 0)
  } catch {
    return 0
  }
}

/** Resident bytes at the peak; Linux only, 0 elsewhere. */
export function peakMemory(): number {
  return process.resourceUsage().maxRSS * 1_024
}

/** Writes a state as a deployment does. @returns milliseconds and bytes */
export async function writeState(
  directory: string,
  deployment: Parameters<typeof Store.create>[1],
  state: NodeState,
  secret: bigint,
): Promise<{ readonly create: number; readonly bytes: number }> {
  await rm(directory, { recursive: true, force: true })
  const started = performance.now()
  const store = await Store.create(directory, deployment, state, secret)
  store.close()
  return { create: performance.now() - started, bytes: statSync(`${directory}/state.db`).size }
}
