import { poseidon5 } from 'poseidon-lite'
import { addPoints, BASE, type EdwardsPoint, isOnCurve, multiplyPoint, SUBGROUP_ORDER } from './babyjubjub.ts'
import { SCALAR_FIELD } from './bigint-field.ts'

/** An EdDSA-Poseidon signature as circomlib's `signPoseidon` makes it, with what it signs and the key that it is to verify under. */
export interface Signature {
  readonly message: bigint
  readonly R8: EdwardsPoint
  readonly S: bigint
  readonly A: EdwardsPoint
}

/** Whether `S B8 = R8 + 8 h A`, one signature at a time and slowly; the rules are `BatchHasher`'s. */
export function verifySignature({ message, S, R8, A }: Signature): boolean {
  const values = [...R8, ...A, message]
  if (values.some((value) => value < 0n || value >= SCALAR_FIELD) || S < 0n || S >= SUBGROUP_ORDER) return false
  if (!isOnCurve(R8) || !isOnCurve(A)) return false
  const left = multiplyPoint(BASE, S)
  const right = addPoints(R8, multiplyPoint(A, 8n * poseidon5(values)))
  return left[0] === right[0] && left[1] === right[1]
}
