import { inverse, modulo, BASE_FIELD as P } from './bigint-field.ts'

/** A coordinate: an integer modulo the base field (G1), or a pair `[a, b]` for `a + b u` (G2). */
export type CoordinateValue = readonly bigint[]

/** An affine point; undefined is the point at infinity. */
export type Point = { readonly x: CoordinateValue; readonly y: CoordinateValue } | undefined

export type GroupName = 'g1' | 'g2'

interface Jacobian {
  readonly x: CoordinateValue
  readonly y: CoordinateValue
  readonly z: CoordinateValue
}

/** BN254's groups over plain integers, for what is done once a proof or once a table. Slow, and short. */
export class CurveGroup {
  readonly name: GroupName
  readonly generator: NonNullable<Point>
  /** The constant of `y^2 = x^3 + constant`. */
  readonly constant: CoordinateValue

  constructor(name: GroupName) {
    this.name = name
    if (name === 'g1') {
      this.generator = { x: [1n], y: [2n] }
      this.constant = [3n]
    } else {
      this.generator = {
        x: [
          10857046999023057135944570762232829481370756359578518086990519993285655852781n,
          11559732032986387107991004021392285783925812861821192530917403151452391805634n,
        ],
        y: [
          8495653923123431417604973247489272438418190587263600148770280649306958101930n,
          4082367875863433681332203403145435568316851327593401208105741076214120093531n,
        ],
      }
      this.constant = multiply([3n], invert([9n, 1n])) // 3 / (9 + u)
    }
  }

  /** Whether `y^2 = x^3 + constant`. */
  contains({ x, y }: NonNullable<Point>): boolean {
    const right = add(multiply(square(x), x), this.constant)
    return subtract(square(y), right).every((part) => part === 0n)
  }

  add(a: Point, b: Point): Point {
    return affine(addJacobian(jacobian(a), jacobian(b)))
  }

  negate(a: Point): Point {
    return a && { x: a.x, y: a.y.map((part) => modulo(-part, P)) }
  }

  multiply(a: Point, scalar: bigint): Point {
    return this.sumOfMultiples([[a, scalar]])
  }

  /** The sum of points times scalars of 0 or more. */
  sumOfMultiples(terms: readonly (readonly [Point, bigint])[]): Point {
    const bits = Math.max(...terms.map(([, scalar]) => scalar.toString(2).length))
    let sum = infinity
    for (let bit = BigInt(bits) - 1n; bit >= 0n; bit--) {
      sum = double(sum)
      for (const [point, scalar] of terms) if ((scalar >> bit) & 1n) sum = addJacobian(sum, jacobian(point))
    }
    return affine(sum)
  }

  /** The sum of `2^i` times all of `points[i]`. */
  combine(points: readonly (readonly Point[])[]): Point {
    const sum = points.reduceRight<Jacobian>(
      (total, some) => some.reduce<Jacobian>((sum, point) => addJacobian(sum, jacobian(point)), double(total)),
      infinity,
    )
    return affine(sum)
  }
}

const infinity: Jacobian = { x: [1n], y: [1n], z: [0n] }

function jacobian(point: Point): Jacobian {
  return point === undefined ? infinity : { ...point, z: [1n] }
}

function affine({ x, y, z }: Jacobian): Point {
  if (isZero(z)) return undefined
  const inverted = invert(z)
  const squared = square(inverted)
  return { x: multiply(x, squared), y: multiply(y, multiply(squared, inverted)) }
}

function double({ x, y, z }: Jacobian): Jacobian {
  const a = square(x)
  const b = square(y)
  const d = scale(subtract(subtract(square(add(x, b)), a), square(b)), 2n)
  const e = scale(a, 3n)
  const x3 = subtract(square(e), scale(d, 2n))
  return { x: x3, y: subtract(multiply(e, subtract(d, x3)), scale(square(b), 8n)), z: scale(multiply(y, z), 2n) }
}

function addJacobian(p: Jacobian, q: Jacobian): Jacobian {
  if (isZero(p.z)) return q
  if (isZero(q.z)) return p
  const [zp, zq] = [square(p.z), square(q.z)]
  const [u, v] = [multiply(p.x, zq), multiply(q.x, zp)]
  const [s, t] = [multiply(p.y, multiply(zq, q.z)), multiply(q.y, multiply(zp, p.z))]
  const [h, r] = [subtract(v, u), subtract(t, s)]
  if (isZero(h)) return isZero(r) ? double(p) : infinity
  const hh = square(h)
  const hhh = multiply(hh, h)
  const w = multiply(u, hh)
  const x = subtract(subtract(square(r), hhh), scale(w, 2n))
  return { x, y: subtract(multiply(r, subtract(w, x)), multiply(s, hhh)), z: multiply(multiply(p.z, q.z), h) }
}

// ── Coordinates: of one part, or two with u^2 = -1. A part that is missing is 0. ──────────────────────────────────────────

function isZero(a: CoordinateValue): boolean {
  return a.every((part) => part === 0n)
}

function partwise(a: CoordinateValue, b: CoordinateValue, combine: (x: bigint, y: bigint) => bigint): CoordinateValue {
  const length = Math.max(a.length, b.length)
  return Array.from({ length }, (_, i) => modulo(combine(a[i] ?? 0n, b[i] ?? 0n), P))
}

function add(a: CoordinateValue, b: CoordinateValue): CoordinateValue {
  return partwise(a, b, (x, y) => x + y)
}

function subtract(a: CoordinateValue, b: CoordinateValue): CoordinateValue {
  return partwise(a, b, (x, y) => x - y)
}

function scale(a: CoordinateValue, factor: bigint): CoordinateValue {
  return a.map((part) => (part * factor) % P)
}

function multiply(a: CoordinateValue, b: CoordinateValue): CoordinateValue {
  if (b.length === 1) return scale(a, b[0]!)
  if (a.length === 1) return scale(b, a[0]!)
  const [a0, a1, b0, b1] = [a[0]!, a[1]!, b[0]!, b[1]!]
  return [modulo(a0 * b0 - a1 * b1, P), (a0 * b1 + a1 * b0) % P]
}

function square(a: CoordinateValue): CoordinateValue {
  return multiply(a, a)
}

function invert(a: CoordinateValue): CoordinateValue {
  if (a.length === 1) return [inverse(a[0]!, P)]
  const [x, y] = [a[0]!, a[1]!]
  const norm = inverse(x * x + y * y, P)
  return [(x * norm) % P, modulo(-y * norm, P)]
}
