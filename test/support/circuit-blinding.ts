import assert from 'node:assert/strict'
import type { CircuitInput } from '../../protocol/circuit-input.ts'
import { blindHead } from '../../protocol/head-salts.ts'
import { poseidon } from '../../protocol/poseidon.ts'
import { type Circuit, mod } from './circuit.ts'
import { withVector } from './circuit-forgery.ts'
import { rejects } from './circuit-rejection.ts'

/** A stack at one end of a batch: the place of its blinded head in the public vector, its own head, and the salt. */
export interface BlindedEnd {
  readonly at: number
  readonly head: bigint
  readonly salt: bigint
}

/** Elements that a public vector may not have in a blinded head's place, by what they are; undefined where that says nothing. */
const LIES = {
  'an unblinded head': ({ head }: BlindedEnd) => (head === 0n ? undefined : head),
  'a foreign head': ({ head, salt }: BlindedEnd) => blindHead(mod(head + 1n), salt),
  'a head under another salt': ({ head, salt }: BlindedEnd) =>
    head === 0n ? undefined : blindHead(head, mod(salt + 1n)),
  'a full stack told as empty': ({ head }: BlindedEnd) => (head === 0n ? undefined : 0n),
  'an empty stack told as full': ({ head, salt }: BlindedEnd) => (head === 0n ? poseidon([0n, salt]) : undefined),
}

export type BlindingLie = keyof typeof LIES

/** Lies that there are where no stack is empty, and where there is one. */
export const FULL_LIES: readonly BlindingLie[] = [
  'an unblinded head',
  'a foreign head',
  'a head under another salt',
  'a full stack told as empty',
]
export const BLINDING_LIES: readonly BlindingLie[] = [...FULL_LIES, 'an empty stack told as full']

/** The circuit refuses the lie at every end where it is one, though the vector is right but for that. */
export async function refusesBlinding(
  circuit: Circuit,
  input: CircuitInput,
  vector: readonly bigint[],
  ends: readonly BlindedEnd[],
  lie: BlindingLie,
): Promise<void> {
  let tried = 0
  for (const end of ends) {
    assert.equal(vector[end.at], blindHead(end.head, end.salt))
    const element = LIES[lie](end)
    if (element === undefined) continue
    tried++
    const told = withVector(input, vector.with(end.at, element))
    await rejects(circuit, told, 'PublicVector', 'digest === link[links - 1].out')
  }
  assert.ok(tried > 0, `${lie}: nowhere to tell it`)
}
