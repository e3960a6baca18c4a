import { FIELD } from './constants.ts'
import { addPoints, BASE8, isCanonical, isOnCurve, multiply, type Point, SUBGROUP_ORDER, samePoint } from './curve.ts'
import { type OwnerKey, signatureNonce } from './keys.ts'
import { poseidon } from './poseidon.ts'

/** An EdDSA-Poseidon signature on BabyJubJub. */
export interface Signature {
  readonly r8: Point
  /** Below `SUBGROUP_ORDER`. */
  readonly s: bigint
}

/** `h`: binds nonce point, key and message. */
export function signatureChallenge(publicKey: Point, message: bigint, r8: Point): bigint {
  return poseidon([...r8, ...publicKey, message])
}

/** Says whether a signature verifies, as `verifySignature` does. */
export type SignatureCheck = (publicKey: Point, message: bigint, signature: Signature) => boolean

/** Signs `M` (see `messageHash`); always the same signature for the same message. */
export function sign(key: OwnerKey, message: bigint): Signature {
  const nonce = signatureNonce(key, message)
  const r8 = multiply(BASE8, nonce)
  const h = signatureChallenge(key.publicKey, message, r8)
  return { r8, s: (nonce + 8n * h * key.secret) % SUBGROUP_ORDER }
}

/**
 * Whether a signature has the form that the forced queue demands: R8 canonical and on the curve, S below the
 * subgroup's order.
 */
export function isSignatureForm({ r8, s }: Signature): boolean {
  return isCanonical(r8) && isOnCurve(r8) && s >= 0n && s < SUBGROUP_ORDER
}

/** Whether `S BASE8 = R8 + h (8 A)`. The key must be one that the contract takes (`isOwnerPoint`). */
export function verifySignature(publicKey: Point, message: bigint, signature: Signature): boolean {
  if (!isSignatureForm(signature) || message < 0n || message >= FIELD) return false
  const h = signatureChallenge(publicKey, message, signature.r8)
  return samePoint(multiply(BASE8, signature.s), addPoints(signature.r8, multiply(multiply(publicKey, 8n), h)))
}
