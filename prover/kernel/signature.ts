import { isCanonical, isOnCurve, type Point } from '../../protocol/curve.ts'
import { verifySignature as verifyUnderKey } from '../../protocol/signature.ts'

/**
 * An EdDSA-Poseidon signature as circomlib's `signPoseidon` makes it, with what it signs and the key that it is to
 * verify under.
 */
export interface Signature {
  readonly message: bigint
  readonly R8: Point
  readonly S: bigint
  readonly A: Point
}

/** Whether `S B8 = R8 + 8 h A`, one signature at a time and slowly; the rules are `BatchHasher`'s. */
export function verifySignature({ message, S, R8, A }: Signature): boolean {
  return isCanonical(A) && isOnCurve(A) && verifyUnderKey(A, message, { r8: R8, s: S })
}
