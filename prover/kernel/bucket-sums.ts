import { BATCH_ADDITIONS } from './addition-batch.ts'
import { DEFERRED_BYTES, FILL_WORDS, type FillWord, RECORD_BYTES } from './bucket-kernels.ts'
import type { GroupName } from './curve.ts'
import type { Machine } from './machine.ts'
import { ListSummer, summerBytes } from './sum-lists.ts'
import { placed } from './workspace.ts'

/** Points, or multiples of points, and the digits that multiply them. */
export interface BucketRow {
  /** Address of the points, `multiples` for each index, one behind the other; none is at infinity. */
  readonly points: number
  readonly multiples: number
  /** Address of a 32-bit index each, by which the digits are found. */
  readonly indices: number
  /** Number of indices. */
  readonly count: number
  /** Address of the first digit of index 0: signed, of 16 bits. */
  readonly digits: number
  /** Bytes from the digits of one index to those of the next, and from the digit of a multiple to that of the next. */
  readonly scalarStride: number
  readonly multipleStride: number
}

const DEFERRED = 1 << 14

function layout(machine: Machine, group: GroupName, bits: number) {
  const pointBytes = machine.pointBytes(group)
  const buckets = 2 ** (bits - 1) + 1
  const job = 0
  const records = 64 * Math.ceil((4 * FILL_WORDS.length) / 64)
  const deferred = records + RECORD_BYTES * buckets
  const points = deferred + DEFERRED_BYTES * DEFERRED
  const summer = points + buckets * pointBytes
  return { job, records, deferred, points, summer }
}

/** Entries of lists that a `BucketSummer`'s summer can take: the buckets twice, or deferred points and their buckets. */
function listedPoints(bits: number): number {
  return Math.max(2 ** bits + 2 ** (bits / 2 + 4), 2 * DEFERRED)
}

/** Bytes of memory that a `BucketSummer` needs. */
export function bucketBytes(machine: Machine, group: GroupName, bits: number): number {
  return layout(machine, group, bits).summer + summerBytes(machine, group, listedPoints(bits))
}

/** Adds points to buckets by their digits, one to each of many buckets at a time. */
export class BucketSummer {
  /** For lists of buckets' sums. */
  readonly lists: ListSummer
  readonly #machine: Machine
  readonly #group: GroupName
  readonly #buckets: number
  readonly #at: ReturnType<typeof layout>
  #stamp = 0

  /** `workspace` is the address of `bucketBytes` bytes. */
  constructor(machine: Machine, group: GroupName, workspace: number, bits: number) {
    this.#machine = machine
    this.#group = group
    this.#buckets = 2 ** (bits - 1) + 1
    this.#at = placed(workspace, layout(machine, group, bits))
    this.lists = new ListSummer(machine, group, this.#at.summer, listedPoints(bits))
    machine.bytes(this.#at.records, RECORD_BYTES * this.#buckets).fill(0)
  }

  /** Adds all points of a row. */
  add(row: BucketRow): void {
    const { records, deferred, points: buckets, job } = this.#at
    const words = this.#machine.words(job, FILL_WORDS.length)
    const pointBytes = this.#machine.pointBytes(this.#group)
    const set = (values: Partial<Record<FillWord, number>>): void => {
      for (const [name, value] of Object.entries(values)) words[FILL_WORDS.indexOf(name as FillWord)] = value
    }
    const get = (name: FillWord): number => words[FILL_WORDS.indexOf(name)]!
    const { points, indices, count, digits, scalarStride, multipleStride, multiples } = row
    set({ points, indices, left: count, digits, scalarStride, multipleStride, multiples, pointBytes, records, buckets })
    set({ additions: this.lists.batch.additions, capacity: BATCH_ADDITIONS })
    set({ deferred, deferredEnd: deferred + DEFERRED_BYTES * DEFERRED })
    while (get('left') > 0) {
      set({ stamp: ++this.#stamp })
      const filled = this.#machine.call.bucket_fill!(job)
      if (filled > 0) this.#empty(this.lists.batch.add(filled))
      // Also where too few additions make a batch: then most points go to few buckets.
      if (get('left') === 0 || get('deferred') + DEFERRED_BYTES * multiples > get('deferredEnd')) {
        this.#addDeferred((get('deferred') - deferred) / DEFERRED_BYTES)
        set({ deferred })
      }
    }
  }

  /** Each bucket's sum as an entry, by the bucket's number; 0 where it is at infinity. */
  entries(): Uint32Array {
    const records = this.#machine.words(this.#at.records, 2 * this.#buckets)
    const entries = new Uint32Array(this.#buckets)
    for (let bucket = 0; bucket < this.#buckets; bucket++) entries[bucket] = records[2 * bucket]!
    return entries
  }

  #empty(sums: readonly number[]): void {
    const records = this.#machine.words(this.#at.records, 2 * this.#buckets)
    const pointBytes = this.#machine.pointBytes(this.#group)
    for (const sum of sums) records[(2 * (sum - this.#at.points)) / pointBytes] = 0
  }

  /** Adds the deferred points, and their buckets' sums so far, as lists. */
  #addDeferred(count: number): void {
    if (count === 0) return
    const { records: recordsAt, deferred: deferredAt, points } = this.#at
    const records = this.#machine.words(recordsAt, 2 * this.#buckets)
    const deferred = this.#machine.words(deferredAt, 2 * count)
    const lengths = new Uint32Array(this.#buckets)
    for (let i = 0; i < deferred.length; i += 2) lengths[deferred[i]!]!++
    const next = new Uint32Array(this.#buckets)
    const starts = [0]
    const numbers: number[] = []
    const entries = new Uint32Array(2 * count)
    for (let bucket = 0; bucket < this.#buckets; bucket++) {
      if (lengths[bucket] === 0) continue
      let start = starts.at(-1)!
      numbers.push(bucket)
      starts.push(start + lengths[bucket]! + (records[2 * bucket] === 0 ? 0 : 1))
      if (records[2 * bucket] !== 0) entries[start++] = records[2 * bucket]!
      next[bucket] = start
    }
    for (let i = 0; i < deferred.length; i += 2) entries[next[deferred[i]!]!++] = deferred[i + 1]!
    this.lists.reset()
    const sums = this.lists.sum({ entries, starts: Uint32Array.from(starts) })
    const pointBytes = this.#machine.pointBytes(this.#group)
    for (const [i, sum] of sums.entries()) {
      const bucket = numbers[i]!
      const place = points + bucket * pointBytes
      const kept = this.lists.holds(sum)
      if (kept) this.#machine.bytes(place, pointBytes).set(this.#machine.bytes(sum, pointBytes))
      records[2 * bucket] = kept ? place : sum
    }
  }
}
