import { encodePacked, keccak256 } from 'viem'
import { FIELD } from './constants.ts'
import { poseidon } from './poseidon.ts'

/** The three public signals of every circuit, in the circuits' order (docs/protocol.md#public-vectors-and-signals). */
export interface Signals {
  /** Chained Poseidon(16) over the vector. */
  readonly digest: bigint
  /**
   * `keccak256(D, digest, era) mod r`, in an exit without the era: a challenge no prover knew when it fixed the digest.
   */
  readonly z: bigint
  /** `sum D_i z^i`. */
  readonly y: bigint
}

const RATE = 15

/** Elements are zero-padded to a multiple of 15. */
export function vectorDigest(vector: readonly bigint[]): bigint {
  let digest = 0n
  for (let i = 0; i < vector.length; i += RATE) {
    const chunk = vector.slice(i, i + RATE)
    digest = poseidon([digest, ...chunk, ...Array<bigint>(RATE - chunk.length).fill(0n)])
  }
  return digest
}

/** @param era the ledger's; undefined for what no handover voids */
export function vectorChallenge(vector: readonly bigint[], digest: bigint, era?: number): bigint {
  const words = [...vector, digest, ...(era === undefined ? [] : [BigInt(era)])]
  return (
    BigInt(
      keccak256(
        encodePacked(
          words.map(() => 'uint256'),
          words,
        ),
      ),
    ) % FIELD
  )
}

/** Horner's rule from the last element down. */
export function vectorEvaluation(vector: readonly bigint[], z: bigint): bigint {
  return vector.reduceRight((sum, element) => (sum * z + element) % FIELD, 0n)
}

/** @param era as in `vectorChallenge` */
export function vectorSignals(vector: readonly bigint[], era?: number): Signals {
  const digest = vectorDigest(vector)
  const z = vectorChallenge(vector, digest, era)
  return { digest, z, y: vectorEvaluation(vector, z) }
}

/** Field element of a signed integer, as `D` carries it. */
export function toField(value: bigint): bigint {
  return value < 0n ? value + FIELD : value
}

/** The signed integer of smallest magnitude behind a field element. */
export function fromField(element: bigint): bigint {
  return element > FIELD / 2n ? element - FIELD : element
}
