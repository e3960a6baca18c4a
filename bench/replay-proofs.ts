import type { CircuitName } from '../prover/profiles.ts'

/** A proof that a tick needs, and the second of the processor's, since the tick began, from which on it can be made. */
export interface DueProof {
  readonly circuit: CircuitName
  readonly at: number
}

/**
 * Seconds until all proofs of a tick are there, were they made by so many provers side by side, each of which takes what one proof
 * took alone: whoever is free takes the next in order.
 */
export function replayProofs(
  proofs: readonly DueProof[],
  seconds: ReadonlyMap<CircuitName, number>,
  provers: number,
): number {
  const free = Array<number>(provers).fill(0)
  let last = 0
  for (const { circuit, at } of proofs) {
    const next = free.indexOf(Math.min(...free))
    free[next] = Math.max(at, free[next]!) + seconds.get(circuit)!
    last = Math.max(last, free[next]!)
  }
  return last
}
