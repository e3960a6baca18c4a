import { CurveGroup, type GroupName } from './curve.ts'
import { INVERSION_SCRATCH } from './field-kernels.ts'
import { STEP_BYTES, STEP_MULTIPLE } from './group-kernels.ts'
import type { Machine } from './machine.ts'

// Steps that share a field inversion: enough to make it cheap, few enough for their points to stay in a core's cache.
const BATCH = 1024

/** Additions of one turn of the kernels' loops; a turn that is not full makes sums that nobody asked for. */
const PAIRS_A_TURN = 2 * STEP_MULTIPLE

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
  return layout(machine, group).sums + (points + PAIRS_A_TURN) * machine.pointBytes(group)
}

function layout(machine: Machine, group: GroupName) {
  const slotBytes = machine.pointBytes(group)
  const steps = 0
  const prefixes = steps + BATCH * STEP_BYTES
  const product = prefixes + BATCH * slotBytes
  const scratch = product + 3 * slotBytes
  const spare = scratch + INVERSION_SCRATCH
  const sums = spare + 2 * machine.pointBytes(group)
  return { steps, prefixes, product, scratch, spare, sums }
}

/** Adds up lists of points pairwise, all lists at once, so that many affine additions share one inversion. */
export class ListSummer {
  readonly #machine: Machine
  readonly #group: GroupName
  readonly #at: ReturnType<typeof layout>
  readonly #pointBytes: number
  readonly #limit: number
  #next: number

  /** `workspace` is the address of `summerBytes` bytes. */
  constructor(machine: Machine, group: GroupName, workspace: number, points: number) {
    this.#machine = machine
    this.#group = group
    this.#pointBytes = machine.pointBytes(group)
    const relative = layout(machine, group)
    this.#at = Object.fromEntries(
      Object.entries(relative).map(([name, offset]) => [name, workspace + offset]),
    ) as ReturnType<typeof layout>
    this.#limit = this.#at.sums + (points + PAIRS_A_TURN) * this.#pointBytes
    this.#next = this.#at.sums
    // Two different points, to fill up a step that has only one addition to make.
    const curve = new CurveGroup(group)
    machine.writePoint(this.#at.spare, curve.generator)
    machine.writePoint(this.#at.spare + this.#pointBytes, curve.multiply(curve.generator, 2n)!)
  }

  /** Forgets all sums. */
  reset(): void {
    this.#next = this.#at.sums
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
    const steps = this.#machine.words(this.#at.steps, BATCH * (STEP_BYTES / 4))
    let [filled, sum, write, start, longest] = [0, this.#next, 0, starts[0]!, 0]
    let infinities = false
    starts[0] = 0
    for (let list = 0; list < lists; list++) {
      const end = starts[list + 1]!
      for (; start + 1 < end; start += 2) {
        steps[filled++] = entries[start]!
        steps[filled++] = entries[start + 1]!
        entries[write++] = sum
        sum += this.#pointBytes
        if (filled === steps.length) {
          infinities = this.#add(filled) || infinities
          filled = 0
        }
      }
      if (start < end) entries[write++] = entries[start++]!
      longest = Math.max(longest, write - starts[list]!)
      starts[list + 1] = write
    }
    if (filled > 0) infinities = this.#add(filled) || infinities
    if (infinities) longest = this.#dropInfinities(entries, starts, lists)
    return longest > 1
  }

  /** Carries out the additions in the first `filled` words of the steps; whether a sum is at infinity. */
  #add(filled: number): boolean {
    const { call } = this.#machine
    const { steps, prefixes, product, scratch, spare } = this.#at
    const pairs = filled / 2
    const count = Math.ceil(pairs / PAIRS_A_TURN)
    const words = this.#machine.words(steps, count * 2 * PAIRS_A_TURN)
    for (let i = filled; i < words.length; i += 2) words.set([spare, spare + this.#pointBytes], i)
    const sums = this.#next
    this.#next += pairs * this.#pointBytes
    if (this.#next > this.#limit) throw new RangeError('The lists are longer than the memory for their sums.')
    const coincident = call[`${this.#group}_forward`]!(steps, count, prefixes, product)
    if (coincident !== 0) call[`${this.#group}_forwardChecked`]!(steps, count, prefixes, product)
    call[`${this.#group}_invert`]!(product, scratch)
    call[`${this.#group}_backward${coincident === 0 ? '' : 'Checked'}`]!(steps, count, prefixes, product, sums)
    if (coincident === 0) return false
    for (let i = 0; i < pairs; i++) if (this.#isInfinity(sums + i * this.#pointBytes)) return true
    return false
  }

  #isInfinity(pointer: number): boolean {
    return this.#machine.words(pointer, this.#pointBytes / 4).every((word) => word === 0)
  }

  /** Takes sums at infinity out of the lists; the longest list's length. */
  #dropInfinities(entries: Uint32Array, starts: Uint32Array, lists: number): number {
    let [write, start, longest] = [0, 0, 0]
    for (let list = 0; list < lists; list++) {
      const end = starts[list + 1]!
      const first = write
      for (; start < end; start++) {
        const entry = entries[start]!
        if (entry % 2 === 1 || !this.#isInfinity(entry)) entries[write++] = entry
      }
      starts[list + 1] = write
      longest = Math.max(longest, write - first)
    }
    return longest
  }
}
