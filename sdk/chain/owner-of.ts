import { encodeAbiParameters, type Hex, keccak256 } from 'viem'
import type { Point } from '../../protocol/curve.ts'

const WORDS = [{ type: 'uint256' }, { type: 'uint256' }] as const

/** Answer of the vault's `ownerOf` for an account that was opened for this public key: top-ups and forced requests name it. */
export function ownerOf(publicKey: Point): Hex {
  return keccak256(encodeAbiParameters(WORDS, [...publicKey]))
}
