import { type BucketRow, bucketBytes } from './bucket-sums.ts'
import { CurveGroup, type GroupName, type Point } from './curve.ts'
import { signedDigits } from './digits.ts'
import { type DoublingsTask, doubleRepeatedly } from './doublings.ts'
import { type MultiplesTask, multiplyGenerator } from './fixed-base.ts'
import { fillMultiples } from './generator-table.ts'
import type { Machine } from './machine.ts'
import { sumBuckets } from './msm-buckets.ts'
import { type TransformArray, transformColumns, transformRows, transformSplit } from './transform.ts'

/** Memory that belongs to one thread. */
export interface Workspace {
  readonly pointer: number
  readonly bytes: number
}

/** Tasks of the threads: each works on memory that no other task touches at the time. */
export const TASKS = {
  /** Field elements from 32-byte words; whether all were canonical. `count` is even. */
  importElements(
    machine: Machine,
    _: Workspace,
    task: { field: 'fp' | 'fr'; words: number; elements: number; count: number; factor: number },
  ): boolean {
    machine.call[`${task.field}_import`]!(task.words, task.elements, task.count / 2, task.factor)
    return isCanonical(machine, task.words, task.count, machine[task.field === 'fp' ? 'base' : 'scalar'].modulus)
  },

  /** Whether all points are on their curve; `count` is even. */
  checkPoints(
    machine: Machine,
    _: Workspace,
    task: { group: GroupName; points: number; count: number; constant: number },
  ): boolean {
    return machine.call[`${task.group}_offCurve`]!(task.points, task.count / 2, task.constant) === 0
  },

  digits(
    machine: Machine,
    _: Workspace,
    task: { scalars: number; digits: number; count: number; windows: number; bits: number; first: number; end: number },
  ): void {
    const scalars = machine.words(task.scalars, 8 * task.end)
    signedDigits(
      scalars,
      machine.halfWords(task.digits, task.count * task.windows),
      task.count,
      task.bits,
      task.first,
      task.end,
    )
  },

  /** Adds up one set of buckets: points `p_j` with the sum of `2^j p_j`. */
  buckets(
    machine: Machine,
    workspace: Workspace,
    task: { group: GroupName; rows: readonly BucketRow[]; bits: number },
  ): Point[] {
    if (bucketBytes(machine, task.group, task.bits) > workspace.bytes)
      throw new RangeError('The workspace is too small for the buckets.')
    return sumBuckets(machine, task.group, workspace.pointer, task.rows, task.bits)
  },

  /** The sum of `2^i` times all points of the i-th list. */
  combine(_machine: Machine, _: Workspace, task: { group: GroupName; points: readonly (readonly Point[])[] }): Point {
    return new CurveGroup(task.group).combine(task.points)
  },

  multiple(_machine: Machine, _: Workspace, task: { group: GroupName; point: Point; scalar: bigint }): Point {
    return new CurveGroup(task.group).multiply(task.point, task.scalar)
  },

  /** Some multiples of tables. */
  doublings(machine: Machine, workspace: Workspace, task: DoublingsTask): void {
    doubleRepeatedly(machine, workspace.pointer, task)
  },

  multiples(
    machine: Machine,
    workspace: Workspace,
    task: { group: GroupName; multiples: number; count: number },
  ): void {
    fillMultiples(machine, task.group, workspace.pointer, task.multiples, task.count)
  },

  generatorMultiples(machine: Machine, workspace: Workspace, task: MultiplesTask): void {
    multiplyGenerator(machine, workspace.pointer, task)
  },

  rows(machine: Machine, _: Workspace, task: { terms: number; counts: number; ab: number; rows: number }): void {
    machine.call.quotient_rows!(task.terms, task.counts, task.ab, task.rows)
  },

  /** C = A B on the domain, then the first level of its transform. */
  products(
    machine: Machine,
    _: Workspace,
    { ab, c, first, end }: { ab: number; c: TransformArray; first: number; end: number },
  ): void {
    const slotBytes = 2 * machine.elementBytes
    const half = 2 ** c.log
    machine.call.quotient_products!(
      ab + first * slotBytes,
      ab + (half + first) * slotBytes,
      c.data + first * slotBytes,
      end - first,
    )
    transformSplit(machine, c, true, first, end)
  },

  columns(
    machine: Machine,
    _: Workspace,
    task: { array: TransformArray; inverse: boolean; first: number; end: number },
  ): void {
    transformColumns(machine, task.array, task.inverse, task.first, task.end)
  },

  /** Through the coefficients: the last levels to them, their factors for the coset, and the first levels back. */
  rowsThroughCoset(
    machine: Machine,
    _: Workspace,
    task: { array: TransformArray; row: number; factors: number; split: boolean; first: number; end: number },
  ): void {
    const { array, row, factors, split, first, end } = task
    transformRows(machine, array, true, first, end)
    const [from, count] = [first * row, (end - first) * row]
    const slots = array.data + from * 2 * machine.elementBytes
    const factor = factors + from * machine.elementBytes
    if (split) machine.call.quotient_scalePairs!(slots, factor, factor + 2 ** array.log * machine.elementBytes, count)
    else machine.call.quotient_scale!(slots, factor, count)
    transformRows(machine, array, false, first, end)
  },

  /** The last level of C's transform, then A B - C as scalars. */
  finish(
    machine: Machine,
    _: Workspace,
    { ab, c, words, first, end }: { ab: number; c: TransformArray; words: number; first: number; end: number },
  ): void {
    transformSplit(machine, c, false, first, end)
    const slotBytes = 2 * machine.elementBytes
    const half = 2 ** c.log
    const [near, far] = [ab + first * slotBytes, ab + (half + first) * slotBytes]
    machine.call.quotient_finish!(
      near,
      far,
      c.data + first * slotBytes,
      words + first * 32,
      words + (half + first) * 32,
      end - first,
    )
  },
} as const

export type TaskName = keyof typeof TASKS
export type TaskInput<T extends TaskName> = Parameters<(typeof TASKS)[T]>[2]
export type TaskResult<T extends TaskName> = ReturnType<(typeof TASKS)[T]>

/** Whether `count` 32-byte little-endian words are all below a modulus. */
export function isCanonical(machine: Machine, pointer: number, count: number, modulus: bigint): boolean {
  const words = machine.words(pointer, 8 * count)
  const limits = Array.from({ length: 8 }, (_, i) => Number((modulus >> BigInt(32 * i)) & 0xffffffffn))
  for (let start = 0; start < words.length; start += 8) {
    let i = 7
    while (i >= 0 && words[start + i] === limits[i]) i--
    if (i < 0 || words[start + i]! > limits[i]!) return false
  }
  return true
}
