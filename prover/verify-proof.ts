import { groth16 } from 'snarkjs'
import type { Proof } from '../protocol/proof.ts'
import { openCurve } from './curve.ts'
import { keyOf, type SomeKeys } from './keys.ts'
import type { CircuitName } from './profiles.ts'

/** Whether a proof, of any origin, is a well-formed proof of the signals under the key of the circuit. */
export async function verifyProof(
  keys: SomeKeys,
  circuit: CircuitName,
  signals: readonly bigint[],
  proof: unknown,
): Promise<boolean> {
  const key = keyOf(keys, circuit).verificationKey
  if (signals.length !== key.nPublic || !isProof(proof)) return false
  const curve = await openCurve()
  if (!proof.pi_a.concat(proof.pi_b.flat(), proof.pi_c).every((word) => BigInt(word) < curve.q)) return false
  const b = curve.G2.fromObject(proof.pi_b.map((row) => row.map(BigInt)))
  // snarkjs only checks that the point is on the curve; the chain's precompile also wants it in the subgroup.
  if (!curve.G2.isZero(curve.G2.timesScalar(b, curve.r))) return false
  return groth16.verify(key, signals.map(String), proof)
}

/** The shape of snarkjs's proofs, with affine points and canonical decimals only. */
function isProof(value: unknown): value is Proof {
  const isWords = (words: unknown, count: number): words is string[] =>
    Array.isArray(words) &&
    words.length === count &&
    words.every((word) => typeof word === 'string' && /^(0|[1-9][0-9]{0,77})$/.test(word))
  const isG1 = (point: unknown): boolean => isWords(point, 3) && point[2] === '1'
  if (typeof value !== 'object' || value === null) return false
  const { pi_a, pi_b, pi_c, protocol, curve } = value as Partial<Proof>
  return (
    protocol === 'groth16' &&
    curve === 'bn128' &&
    isG1(pi_a) &&
    isG1(pi_c) &&
    Array.isArray(pi_b) &&
    pi_b.length === 3 &&
    pi_b.every((row) => isWords(row, 2)) &&
    pi_b[2]!.join() === '1,0'
  )
}
