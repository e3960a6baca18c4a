import { AdditionBatch } from './addition-batch.ts'
import type { GroupName } from './curve.ts'
import { ADDITION_WORDS } from './group-kernels.ts'
import type { Machine } from './machine.ts'

/** Points to be doubled some times, at most `BATCH_ADDITIONS`, and where the results go; strides in bytes. */
export interface DoublingsTask {
  readonly group: GroupName
  readonly source: number
  readonly sourceStride: number
  readonly target: number
  readonly targetStride: number
  readonly count: number
  readonly doublings: number
}

/** Carries out a task, in a workspace of `batchBytes`. */
export function doubleRepeatedly(machine: Machine, workspace: number, task: DoublingsTask): void {
  const { group, source, sourceStride, target, targetStride, count, doublings } = task
  const batch = new AdditionBatch(machine, group, workspace)
  const words = machine.words(batch.additions, ADDITION_WORDS * count)
  for (let i = 0; i < count; i++) {
    const from = source + i * sourceStride
    words.set([from, from, target + i * targetStride], ADDITION_WORDS * i)
  }
  batch.add(count, true)
  for (let i = 0; i < words.length; i += ADDITION_WORDS) words.fill(words[i + 2]!, i, i + 2)
  for (let left = doublings - 1; left > 0; left--) batch.add(count, true)
}
