import type { Groth16VerificationKey } from 'snarkjs'
import type { Hex } from 'viem'
import { keccak256 } from 'viem'
import { PlimsollError } from '../protocol/errors.ts'

export type VerificationKey = Groth16VerificationKey

/**
 * keccak256 of the key's points as 32-byte big-endian words: alpha, beta, gamma, delta, IC. Points of G2 are in Solidity's order,
 * the imaginary part first.
 */
export function keyHash(key: VerificationKey): Hex {
  const g1 = (point: readonly string[]): string[] => [point[0]!, point[1]!]
  const g2 = ([x, y]: readonly string[][]): string[] => [x![1]!, x![0]!, y![1]!, y![0]!]
  const words = [
    ...g1(key.vk_alpha_1),
    ...g2(key.vk_beta_2),
    ...g2(key.vk_gamma_2),
    ...g2(key.vk_delta_2),
    ...key.IC.flatMap(g1),
  ]
  return keccak256(`0x${words.map((word) => BigInt(word).toString(16).padStart(64, '0')).join('')}`)
}

/** @throws PlimsollError for a key under which anyone can forge proofs: one whose gamma and delta are the same point. */
export function requireSoundKey(key: VerificationKey, name: string): void {
  const point = (value: readonly (readonly string[])[]): string => value.flat().map(BigInt).join()
  if (point(key.vk_gamma_2) === point(key.vk_delta_2)) {
    throw new PlimsollError(`The key of ${name} has gamma equal to delta: proofs under it can be forged.`)
  }
}
