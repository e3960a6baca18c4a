import { poseidon2, poseidon3, poseidon4, poseidon5, poseidon6, poseidon11, poseidon16 } from 'poseidon-lite'

const BY_ARITY = { 2: poseidon2, 3: poseidon3, 4: poseidon4, 5: poseidon5, 6: poseidon6, 11: poseidon11, 16: poseidon16 } as const

/** Poseidon with circomlib's constants on BN254, for the arities the protocol uses (design, section 6), and the 5 of signatures. */
export function poseidon(inputs: bigint[]): bigint {
  const hash = BY_ARITY[inputs.length as keyof typeof BY_ARITY]
  return hash(inputs)
}

/** Poseidon of many lists of inputs, all of one length. */
export type BatchHash = (lists: readonly bigint[][]) => bigint[]

export const poseidonBatch: BatchHash = (lists) => lists.map(poseidon)
