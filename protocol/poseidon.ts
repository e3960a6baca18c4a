// One by one: the constants of all sixteen arities take a fifth of a second to load.
import { poseidon2 } from 'poseidon-lite/poseidon2'
import { poseidon3 } from 'poseidon-lite/poseidon3'
import { poseidon4 } from 'poseidon-lite/poseidon4'
import { poseidon5 } from 'poseidon-lite/poseidon5'
import { poseidon6 } from 'poseidon-lite/poseidon6'
import { poseidon11 } from 'poseidon-lite/poseidon11'
import { poseidon16 } from 'poseidon-lite/poseidon16'

const BY_ARITY = {
  2: poseidon2,
  3: poseidon3,
  4: poseidon4,
  5: poseidon5,
  6: poseidon6,
  11: poseidon11,
  16: poseidon16,
} as const

/**
 * Poseidon with circomlib's constants on BN254, for the arities the protocol uses (docs/protocol.md#commitments), and
 * the 5 of signatures.
 */
export function poseidon(inputs: bigint[]): bigint {
  return computed(inputs)
}

/** Poseidon as the library computes it, whatever is in use. */
export function libraryPoseidon(inputs: bigint[]): bigint {
  const hash = BY_ARITY[inputs.length as keyof typeof BY_ARITY]
  return hash(inputs)
}

let computed: (inputs: bigint[]) => bigint = libraryPoseidon

/** Has this process compute Poseidon in another way from now on, with the same results: for those who hash much. */
export function computePoseidonBy(hash: (inputs: bigint[]) => bigint): void {
  computed = hash
}

/** Poseidon of many lists of inputs, all of one length. */
export type BatchHash = (lists: readonly bigint[][]) => bigint[]

export const poseidonBatch: BatchHash = (lists) => lists.map(poseidon)
