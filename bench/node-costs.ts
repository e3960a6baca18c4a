import { sweepConstraints } from '../protocol/sweep-constraints.ts'
import { PROFILES } from '../prover/profiles.ts'

/**
 * Size of a sweep of nodes (`node_sweep.circom`): places for nodes taken off, for nodes put on free slots, whose leaves nobody has to
 * open, and for nodes put on any slot, whose leaves are opened and checked.
 */
export interface NodeRung {
  readonly pops: number
  readonly frees: number
  readonly pushes: number
  readonly window: number
}

/** Poseidon of one element more than the index. */
const HASH = [0, 0, 264, 300, 324, 357, 384, 405] as const
/** A leaf that is put on and checked, but for the hash of its node. */
const CHECKED_LEAF = 625

/** Constraints of `NodeSweep(pops, frees, pushes, leaves, window)`, to the last one (`npm run bench:nodes -- --compile`). */
export function nodeSweepConstraints({ pops, frees, pushes, window }: NodeRung, leaves: number): number {
  const node = nodeHash(leaves)
  return (
    sweepConstraints({ steps: 0, window }) -
    1 +
    pops * (node + 2 * leaves - 2 + 3 * window) +
    frees * (node + 2 * leaves - 2 + 4 * window) +
    pushes * (node - 2 + CHECKED_LEAF * leaves + 18 * window) +
    leaves * Math.abs(pops - frees - pushes)
  )
}

/** Constraints of a resolve of `large` with leaves one by one (docs/constraints.json has those that are compiled). */
export const RESOLVE_CONSTRAINTS = 124_303
/** Constraints of a step at the depth of `large`, its third of a hash of `D` included. */
export const RESOLVE_STEP = 11_982
/** Two hashes of a stack and three selections of heads. */
const RESOLVE_STEP_STACKS = 2 * 243 + 3

/**
 * Constraints of a resolve at the depth of `large` that takes up to `pops` nodes off distress and puts nodes on the inbox, by calculation:
 * hashes, selections and the product of the leaves.
 */
export function nodeResolveConstraints({ steps, pops }: NodeResolve, leaves: number): number {
  const node = nodeHash(leaves)
  return (
    RESOLVE_CONSTRAINTS -
    (PROFILES.large.resolve.steps - steps) * RESOLVE_STEP -
    steps * RESOLVE_STEP_STACKS +
    pops * (node + 2 * leaves + 2) +
    Math.ceil(steps / leaves) * (node + leaves + 3) +
    2 * steps
  )
}

/** Accounts that a resolve takes at the most, and nodes of distress. */
export interface NodeResolve {
  readonly steps: number
  readonly pops: number
}

function nodeHash(leaves: number): number {
  const hash = HASH[leaves]
  if (hash === undefined || hash === 0) throw new Error(`Nodes of ${leaves} leaves were not measured.`)
  return hash
}
