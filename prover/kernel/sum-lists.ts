import { AdditionBatch, BATCH_ADDITIONS, batchBytes, isInfinity } from './addition-batch.ts'
import type { GroupName } from './curve.ts'
import { ADDITION_WORDS } from './group-kernels.ts'
import type { Machine } from './machine.ts'

/**
 * Lists of points to be added up, one behind the other: list `l` is `entries[starts[l]]` to before `entries[starts[l + 1]]`. An
 * entry is a point's address in memory, plus 1 for its negative.
 */
export interface PointLists {
  readonly entries: Uint32Array
  readonly starts: Uint32Array
}

/** Bytes of memory that a `ListSummer` needs for lists of `points` entries in all. */
export function summerBytes(machine: Machine, group: GroupName, points: number): number {
  return batchBytes(machine, group) + points * machine.pointBytes(group)
}

/** Adds up lists of points pairwise, all lists at once, so that many affine additions share one inversion. */
export class ListSummer {
  readonly batch: AdditionBatch
  readonly #machine: Machine
  readonly #group: GroupName
  readonly #pointBytes: number
  readonly #sums: number
  readonly #limit: number
  #next: number

  /** `workspace` is the address of `summerBytes` bytes. */
  constructor(machine: Machine, group: GroupName, workspace: number, points: number) {
    this.#machine = machine
    this.#group = group
    this.#pointBytes = machine.pointBytes(group)
    this.batch = new AdditionBatch(machine, group, workspace)
    this.#sums = workspace + batchBytes(machine, group)
    this.#limit = this.#sums + points * this.#pointBytes
    this.#next = this.#sums
  }

  /** Forgets all sums. */
  reset(): void {
    this.#next = this.#sums
  }

  /** Whether an entry is a sum of this summer's, which it forgets. */
  holds(entry: number): boolean {
    return entry >= this.#sums && entry < this.#limit
  }

  /** Each list's sum as an entry, or 0 where it is at infinity. Uses up the lists. */
  sum({ entries, starts }: PointLists): Uint32Array {
    const lists = starts.length - 1
    for (let more = true; more; ) more = this.#halve(entries, starts, lists)
    const sums = new Uint32Array(lists)
    for (let list = 0; list < lists; list++) if (starts[list] !== starts[list + 1]) sums[list] = entries[starts[list]!]!
    return sums
  }

  /** Replaces neighbors by their sum; whether a list is still longer than one. */
  #halve(entries: Uint32Array, starts: Uint32Array, lists: number): boolean {
    const additions = this.#machine.words(this.batch.additions, ADDITION_WORDS * BATCH_ADDITIONS)
    let [filled, sum, write, start, longest] = [0, this.#next, 0, starts[0]!, 0]
    let infinities = false
    const add = (): void => {
      if (sum > this.#limit) throw new RangeError('The lists are longer than the memory for their sums.')
      infinities = this.batch.add(filled / ADDITION_WORDS).length > 0 || infinities
      filled = 0
    }
    starts[0] = 0
    for (let list = 0; list < lists; list++) {
      const end = starts[list + 1]!
      for (; start + 1 < end; start += 2) {
        additions[filled++] = entries[start]!
        additions[filled++] = entries[start + 1]!
        additions[filled++] = sum
        entries[write++] = sum
        sum += this.#pointBytes
        if (filled === additions.length) add()
      }
      if (start < end) entries[write++] = entries[start++]!
      longest = Math.max(longest, write - starts[list]!)
      starts[list + 1] = write
    }
    if (filled > 0) add()
    this.#next = sum
    if (infinities) longest = this.#dropInfinities(entries, starts, lists)
    return longest > 1
  }

  /** Takes sums at infinity out of the lists; the longest list's length. */
  #dropInfinities(entries: Uint32Array, starts: Uint32Array, lists: number): number {
    let [write, start, longest] = [0, 0, 0]
    for (let list = 0; list < lists; list++) {
      const end = starts[list + 1]!
      const first = write
      for (; start < end; start++) {
        const entry = entries[start]!
        if (entry % 2 === 1 || !isInfinity(this.#machine, this.#group, entry)) entries[write++] = entry
      }
      starts[list + 1] = write
      longest = Math.max(longest, write - first)
    }
    return longest
  }
}
