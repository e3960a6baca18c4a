import { CurveGroup, type GroupName } from './curve.ts'
import { ADDITION_WORDS, STEP_MULTIPLE } from './group-kernels.ts'
import { INVERSION_SCRATCH } from './inversion-kernels.ts'
import type { Machine } from './machine.ts'
import { placed } from './workspace.ts'

/** Additions that share a field inversion: enough to make it cheap, few enough for their points to stay in a core's cache. */
export const BATCH_ADDITIONS = 1024

/** Time of an addition in a group, in those of G1. */
export const ADDITION_COST: Readonly<Record<GroupName, number>> = { g1: 1, g2: 2.6 }

/** Additions of one turn of the kernels' loops; a turn that is not full makes sums that nobody asked for. */
const TURN = 2 * STEP_MULTIPLE

/** Bytes of memory that an `AdditionBatch` needs. */
export function batchBytes(machine: Machine, group: GroupName): number {
  return layout(machine, group).end
}

function layout(machine: Machine, group: GroupName) {
  const pointBytes = machine.pointBytes(group)
  const additions = 0
  const prefixes = additions + 4 * ADDITION_WORDS * BATCH_ADDITIONS
  const product = prefixes + (BATCH_ADDITIONS / 2) * pointBytes
  const scratch = product + 3 * pointBytes
  const spare = scratch + INVERSION_SCRATCH
  const end = spare + 3 * pointBytes
  return { additions, prefixes, product, scratch, spare, end }
}

/** Affine additions of points that share one inversion. */
export class AdditionBatch {
  /** Address of the additions, `ADDITION_WORDS` words each: an entry each for the summands, and the address of the sum. */
  readonly additions: number
  readonly #machine: Machine
  readonly #group: GroupName
  readonly #at: ReturnType<typeof layout>
  readonly #pointBytes: number

  /** `workspace` is the address of `batchBytes` bytes. */
  constructor(machine: Machine, group: GroupName, workspace: number) {
    this.#machine = machine
    this.#group = group
    this.#pointBytes = machine.pointBytes(group)
    this.#at = placed(workspace, layout(machine, group))
    this.additions = this.#at.additions
    // Two different points, to fill up a turn.
    const curve = new CurveGroup(group)
    machine.writePoint(this.#at.spare, curve.generator)
    machine.writePoint(this.#at.spare + this.#pointBytes, curve.multiply(curve.generator, 2n)!)
  }

  /**
   * Carries out the first `count` additions; the addresses of those sums that are at infinity, which are all zeros. `doublings`
   * says that some are of a point to itself, which is found out otherwise.
   */
  add(count: number, doublings = false): readonly number[] {
    const { call } = this.#machine
    const { additions, prefixes, product, scratch, spare } = this.#at
    const turns = Math.ceil(count / TURN)
    const words = this.#machine.words(additions, turns * TURN * ADDITION_WORDS)
    for (let i = count * ADDITION_WORDS; i < words.length; i += ADDITION_WORDS)
      words.set([spare, spare + this.#pointBytes, spare + 2 * this.#pointBytes], i)
    const checked = doublings || call[`${this.#group}_forward`]!(additions, turns, prefixes, product) !== 0
    const kernels = checked ? this.#machine.checked : call
    if (checked) kernels[`${this.#group}_forward`]!(additions, turns, prefixes, product)
    call[`${this.#group}_invert`]!(product, scratch)
    kernels[`${this.#group}_backward`]!(additions, turns, prefixes, product)
    if (!checked) return []
    const sums = Array.from({ length: count }, (_, i) => words[i * ADDITION_WORDS + 2]!)
    return sums.filter((sum) => isInfinity(this.#machine, this.#group, sum))
  }
}

/** Whether a sum of a batch is at infinity. */
export function isInfinity(machine: Machine, group: GroupName, point: number): boolean {
  return machine.words(point, machine.pointBytes(group) / 4).every((word) => word === 0)
}
