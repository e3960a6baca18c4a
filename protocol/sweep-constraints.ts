import type { SweepRung } from './batch.ts'

/** Elements of the public vector that one hash of its digest takes in. */
const DIGEST_WIDTH = 15
/** Constraints of a hash of the digest. */
const DIGEST_HASH = 564
/** Constraints of a slot of the window: its part of the public vector's value at z. */
const SLOT = 69
/** Constraints of a step but for what it takes for each slot. */
const STEP = 1_103
const STEP_SLOT = 22

/** Constraints of a sweep circuit, to the last one (`test/circuits/constraints.test.ts`): what a planner counts as its cost. */
export function sweepConstraints({ steps, window }: SweepRung): number {
  const vector = 1 + 17 * window
  return steps * (STEP + STEP_SLOT * window) + DIGEST_HASH * Math.ceil(vector / DIGEST_WIDTH) + SLOT * window - 1
}
