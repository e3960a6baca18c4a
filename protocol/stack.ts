import { poseidon } from './poseidon.ts'

export const EMPTY_HEAD = 0n

/** `head' = Poseidon(head, leaf)`; an empty stack has head 0. */
export function pushHead(head: bigint, leaf: bigint): bigint {
  return poseidon([head, leaf])
}

/** Head of a stack onto which `leaves` were pushed in order. */
export function stackHead(leaves: readonly bigint[]): bigint {
  return leaves.reduce(pushHead, EMPTY_HEAD)
}
