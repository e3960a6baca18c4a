import type { WorkerRecord } from './job.ts'

/** Beats that a worker may miss before it counts as gone. */
const MISSED = 8
/** Beats after which what a worker said of itself is removed. */
const FORGOTTEN = 60

/** A worker as the node has seen it. */
export interface SeenWorker {
  readonly name: string
  readonly slots: number
  /** Jobs that it is at, with the time at which that was first seen. */
  readonly jobs: ReadonlyMap<string, number>
  /** By the node's own clock, as all times here: those of other machines may differ. */
  readonly seenAt: number
}

/** List of who is there: workers by what they said of themselves of late, and those that were put aside. */
export class Roster {
  readonly #workers = new Map<string, SeenWorker & { readonly beat: number; readonly beating: boolean }>()
  readonly #aside = new Map<string, string>()
  readonly #pulse: number

  /** @param pulse milliseconds between two beats */
  constructor(pulse: number) {
    this.#pulse = pulse
  }

  /**
   * Takes up what all workers say.
   * @param now milliseconds of a clock that does not jump
   * @returns names that can be removed
   */
  update(records: ReadonlyMap<string, WorkerRecord>, now: number): string[] {
    for (const [name, { beat, slots, jobs }] of records) {
      const known = this.#workers.get(name)
      const again = known?.beat !== beat
      this.#workers.set(name, {
        name,
        slots,
        beat,
        // One that was dead before this node came is never seen to beat.
        beating: known !== undefined && (known.beating || again),
        seenAt: known === undefined || again ? now : known.seenAt,
        jobs: new Map(jobs.map((job) => [job, known?.jobs.get(job) ?? now])),
      })
    }
    // One that is missing has only missed a beat: Redis may have lost what it had.
    const gone = [...this.#workers.values()].filter(({ seenAt }) => now - seenAt > FORGOTTEN * this.#pulse)
    for (const { name } of gone) if (!records.has(name)) this.#workers.delete(name)
    return gone.map(({ name }) => name)
  }

  /** Workers that beat, but for those that left or were put aside. */
  live(now: number): SeenWorker[] {
    return [...this.#workers.values()].filter(
      ({ name, slots, beating, seenAt }) =>
        beating && slots > 0 && !this.#aside.has(name) && now - seenAt <= MISSED * this.#pulse,
    )
  }

  isAside(name: string): boolean {
    return this.#aside.has(name)
  }

  /** Names and reasons. */
  get aside(): ReadonlyMap<string, string> {
    return this.#aside
  }

  putAside(name: string, why: string): void {
    this.#aside.set(name, why)
  }
}

/** A worker's word on itself. @throws where it is none */
export function parseRecord(text: string): WorkerRecord {
  const { beat, slots, jobs } = JSON.parse(text) as WorkerRecord
  if (!Number.isSafeInteger(beat) || !Number.isSafeInteger(slots) || slots < 0 || !Array.isArray(jobs))
    throw new TypeError('It is not what a worker says of itself.')
  return { beat, slots: Math.min(slots, 1_024), jobs: jobs.map(String) }
}
