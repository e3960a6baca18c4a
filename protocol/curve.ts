import { babyjubjub } from '@noble/curves/misc'
import { keccak256, stringToBytes } from 'viem'
import { FIELD } from './constants.ts'
import { PlimsollError } from './errors.ts'
import { min } from './integer.ts'

/** Affine point of BabyJubJub in twisted Edwards form, `168700 x^2 + y^2 = 1 + 168696 x^2 y^2`. */
export type Point = readonly [bigint, bigint]

/** The curve's two coefficients. */
export const EDWARDS_A = 168700n
export const EDWARDS_D = 168696n

export const IDENTITY: Point = [0n, 1n]
/** Order of the subgroup that `BASE8` generates; the curve's is eight times as much. */
export const SUBGROUP_ORDER = 2736030358979909402780800718157159386076813972158567259200215660948447373041n
const CURVE_ORDER = 8n * SUBGROUP_ORDER
export const BASE8: Point = [
  5299619240641551281634865583518297030282874472190772894086521144482721001553n,
  16950150798460657717958625567821834550301663161624707787222815936182638968203n,
]

/**
 * Two points of the subgroup whose logarithms, to any base and to each other, nobody knows: where the circuits begin their
 * sums, so that no addition in them is ever one of a point to itself. Made by `hashToSubgroup`, as a test checks.
 */
export const BLINDS: readonly [Point, Point] = [
  [
    11898864546895287295505308314580377956863720597394792149401834499533767928638n,
    3020713237494590638882027766953544874143553582917225487033859587597115551117n,
  ],
  [
    1221375045329945612045842156433912865210694693191982895293293170200195670856n,
    7363454687893072223480230898096898626169667501382718753514675713710217263822n,
  ],
]

/**
 * Point of the subgroup from a seed: eight times the first point of the curve whose x is `keccak256(seed || counter) mod r`,
 * for counter bytes 0, 1, ..., and whose y is the smaller of the two.
 */
export function hashToSubgroup(seed: string): Point {
  for (let counter = 0; counter < 256; counter++) {
    const x = BigInt(keccak256(new Uint8Array([...stringToBytes(seed), counter]))) % FIELD
    const y = ordinate(x)
    if (y !== undefined) return multiply([x, min(y, FIELD - y)], 8n)
  }
  throw new PlimsollError('No point of the curve was found.')
}

/** Both points must be on the curve. */
export function addPoints(p: Point, q: Point): Point {
  return affine(extended(p).add(extended(q)))
}

/** `k` times a point of the curve, `k >= 0`. */
export function multiply(point: Point, k: bigint): Point {
  const scalar = k % CURVE_ORDER
  return scalar === 0n ? IDENTITY : affine(extended(point).multiply(scalar))
}

export function isOnCurve([x, y]: Point): boolean {
  const [xx, yy] = [(x * x) % FIELD, (y * y) % FIELD]
  return (EDWARDS_A * xx + yy - 1n - EDWARDS_D * ((xx * yy) % FIELD)) % FIELD === 0n
}

/** Whether a point of the curve is one of the eight that eight times are the identity. */
export function isSmallOrder(point: Point): boolean {
  return samePoint(multiply(point, 8n), IDENTITY)
}

/** Both coordinates are reduced. */
export function isCanonical([x, y]: Point): boolean {
  return x >= 0n && x < FIELD && y >= 0n && y < FIELD
}

/** Demands of the contract on an owner's key: canonical, on the curve and not of small order. */
export function isOwnerPoint(point: Point): boolean {
  return isCanonical(point) && isOnCurve(point) && !isSmallOrder(point)
}

export function samePoint(p: Point, q: Point): boolean {
  return p[0] === q[0] && p[1] === q[1]
}

/** A y of the points with this x, where there are any. */
function ordinate(x: bigint): bigint | undefined {
  const { Fp } = babyjubjub.CURVE
  const xx = Fp.sqr(x)
  try {
    return Fp.sqrt(Fp.div(Fp.sub(1n, Fp.mul(EDWARDS_A, xx)), Fp.sub(1n, Fp.mul(EDWARDS_D, xx))))
  } catch {
    return undefined
  }
}

// With a table of multiples: signing and verifying both multiply it.
const base = babyjubjub.ExtendedPoint.fromAffine({ x: BASE8[0], y: BASE8[1] })
base._setWindowSize(6)

function extended([x, y]: Point) {
  return x === BASE8[0] && y === BASE8[1] ? base : babyjubjub.ExtendedPoint.fromAffine({ x, y })
}

function affine(point: ReturnType<typeof extended>): Point {
  const { x, y } = point.toAffine()
  return [x, y]
}
