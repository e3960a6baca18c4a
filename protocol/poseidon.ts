import { poseidon2, poseidon3, poseidon4, poseidon11, poseidon16 } from 'poseidon-lite'

const BY_ARITY = { 2: poseidon2, 3: poseidon3, 4: poseidon4, 11: poseidon11, 16: poseidon16 } as const

/** Poseidon with circomlib's constants on BN254, for the arities the protocol uses (design, section 6). */
export function poseidon(inputs: bigint[]): bigint {
  const hash = BY_ARITY[inputs.length as keyof typeof BY_ARITY]
  return hash(inputs)
}
