import { inverse, modulo, SCALAR_FIELD as R } from './bigint-field.ts'

/** An affine point. */
export type EdwardsPoint = readonly [x: bigint, y: bigint]

// a x^2 + y^2 = 1 + d x^2 y^2
export const EDWARDS_A = 168_700n
export const EDWARDS_D = 168_696n
/** Order of the subgroup that `BASE` generates. */
export const SUBGROUP_ORDER = 2736030358979909402780800718157159386076813972158567259200215660948447373041n
/** circomlib's base point: 8 times its generator. */
export const BASE: EdwardsPoint = [
  5299619240641551281634865583518297030282874472190772894086521144482721001553n,
  16950150798460657717958625567821834550301663161624707787222815936182638968203n,
]

/** BabyJubJub over plain integers, for tables and where there is no kernel. Its addition has no exceptions. */
export function isOnCurve([x, y]: EdwardsPoint): boolean {
  const [xx, yy] = [(x * x) % R, (y * y) % R]
  return modulo(EDWARDS_A * xx + yy - 1n - EDWARDS_D * xx * yy, R) === 0n
}

export function addPoints([x1, y1]: EdwardsPoint, [x2, y2]: EdwardsPoint): EdwardsPoint {
  const [xx, yy] = [(x1 * x2) % R, (y1 * y2) % R]
  const product = (((EDWARDS_D * xx) % R) * yy) % R
  const scale = inverse(1n - product * product, R)
  return [modulo((x1 * y2 + y1 * x2) * ((1n - product) * scale % R), R), modulo((yy - EDWARDS_A * xx) * ((1n + product) * scale % R), R)]
}

export function negatePoint([x, y]: EdwardsPoint): EdwardsPoint {
  return [modulo(-x, R), y]
}

/** A scalar of 0 or more times a point. */
export function multiplyPoint(point: EdwardsPoint, scalar: bigint): EdwardsPoint {
  let sum: EdwardsPoint = [0n, 1n]
  for (const bit of scalar.toString(2)) {
    sum = addPoints(sum, sum)
    if (bit === '1') sum = addPoints(sum, point)
  }
  return sum
}
