import { babyjubjub } from '@noble/curves/misc'
import { BLINDS, multiply, type Point } from './curve.ts'
import { PlimsollError } from './errors.ts'

/** Bits of a scalar that `ScalarMulAny` doubles for. */
const DOUBLINGS = 253

/**
 * Number of the one among `BLINDS` with which the circuit's multiplication of `8 publicKey` by `scalar` begins: 0, unless an addition on its way
 * would then be one that its formulas cannot do. Only an owner who made the key from that very blind gets there.
 * @throws PlimsollError when neither will do, for which one would have to know the blinds' logarithms
 */
export function chooseBlind(publicKey: Point, scalar: bigint): number {
  const blind = BLINDS.findIndex((point) => isPassable(point, multiply(publicKey, 8n), scalar))
  if (blind < 0) throw new PlimsollError('The public key cannot be multiplied.')
  return blind
}

/** Follows `acc = (acc + s P) + acc`, see circuits/gadgets/scalar_mul_any.circom. */
function isPassable(blind: Point, point: Point, scalar: bigint): boolean {
  const { ExtendedPoint } = babyjubjub
  const p = ExtendedPoint.fromAffine({ x: point[0], y: point[1] })
  const negated = p.negate()
  let sum = ExtendedPoint.fromAffine({ x: blind[0], y: blind[1] }).add(p)
  for (let i = DOUBLINGS; i > 0; i--) {
    if (sum.equals(ExtendedPoint.ZERO) || sum.equals(p) || sum.equals(negated)) return false
    const middle = sum.add((scalar >> BigInt(i)) & 1n ? p : negated)
    // The second addition is of the middle and the sum: the middle must not be the sum's negative.
    if (middle.equals(sum.negate())) return false
    sum = middle.add(sum)
  }
  return !sum.equals(ExtendedPoint.ZERO)
}
