import { type BatchHash, poseidonBatch } from './poseidon.ts'

export const EMPTY_HEAD = 0n

/** `head' = Poseidon(head, leaf)`; an empty stack has head 0. */
export function pushHead(head: bigint, leaf: bigint, hashBatch: BatchHash = poseidonBatch): bigint {
  return hashBatch([[head, leaf]])[0]!
}

/** Head of a stack onto which `leaves` were pushed in order; `hashBatch` may be a faster one. */
export function stackHead(leaves: readonly bigint[], hashBatch?: BatchHash): bigint {
  return leaves.reduce((head, leaf) => pushHead(head, leaf, hashBatch), EMPTY_HEAD)
}
