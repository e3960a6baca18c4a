import type { Frame, I32, V128 } from './emit.ts'
import { local } from './wasm.ts'

/** Bounds on magnitudes: of every limb, in halves of a limb's base, and of the value, in moduli. */
export interface Bound {
  readonly limb: number
  readonly value: number
}

/**
 * Two elements of a prime field of 254 bits, one a lane, as code under construction: `limbs` are local variables.
 *
 * Limbs are signed, and nothing is carried or reduced in additions; the bounds say what may have added up. The builder throws
 * where they get too large for an operation, so no kernel that builds can overflow.
 */
export interface Element extends Bound {
  readonly limbs: readonly V128[]
}

/**
 * The bound of a *tight* element: rounded to the nearest multiple of the modulus, with a margin for its estimate. It is 0
 * modulo the modulus only where all its limbs are 0. Elements in memory are tight unless a kernel says otherwise.
 */
export const TIGHT: Bound = { limb: 1, value: 0.51 }

/** Place of an element in memory: base address and constant offset. */
export interface Place {
  readonly pointer: I32
  readonly offset: number
}

/**
 * Emits the arithmetic of one field, on pairs of elements. All results are new local variables, except that operations of
 * addition may share limbs with their operands.
 *
 * Memory holds an element in `elementBytes`, and a *slot*, which is the two lanes interleaved, in twice that. Elements are in
 * Montgomery form, with a factor `radix`.
 */
export interface Field {
  readonly modulus: bigint
  /** The Montgomery factor. */
  readonly radix: bigint
  readonly limbCount: number
  readonly limbBits: number
  readonly elementBytes: number

  /** A constant, in both lanes. */
  constant(frame: Frame, value: bigint): Element
  load(frame: Frame, place: Place, bound?: Bound): Element
  store(place: Place, element: Element): void
  /** One element in both lanes. */
  loadBoth(frame: Frame, place: Place): Element
  /** Two elements from anywhere. */
  gather(frame: Frame, first: Place, second: Place): Element
  scatter(first: Place, second: Place, element: Element): void

  add(frame: Frame, a: Element, b: Element): Element
  sub(frame: Frame, a: Element, b: Element): Element
  neg(frame: Frame, a: Element): Element
  /** Negates the lanes in which the 64-bit mask is all ones. */
  negateWhere(frame: Frame, a: Element, mask: V128): Element
  /** `a` in the lanes in which the 64-bit mask is all ones, else `b`. */
  select(frame: Frame, mask: V128, a: Element, b: Element): Element
  /** The two lanes exchanged. */
  swap(frame: Frame, a: Element): Element
  /** First lane of `a` with first of `b`, and second with second. */
  zip(frame: Frame, a: Element, b: Element): readonly [Element, Element]

  /**
   * The sum of products, plus an addend. Each product of limb bounds is 4 at most, an addend's limb bound 2. The result is tight,
   * or, if `lazy`, up to 2.5 moduli for less work.
   */
  sumOfProducts(
    frame: Frame,
    products: readonly (readonly [Element, Element])[],
    addend?: Element,
    lazy?: boolean,
  ): Element
  /** The square, plus an addend, likewise. */
  square(frame: Frame, a: Element, addend?: Element, lazy?: boolean): Element
  /** The same value, tight. */
  tighten(frame: Frame, a: Element): Element
  /** A mask of all ones in the lanes in which a tight element is 0. */
  isZero(frame: Frame, a: Element): V128

  /** Canonical integers below the modulus from two places of 32 bytes, little-endian, not in Montgomery form. */
  unpack(frame: Frame, first: Place, second: Place): Element
  /** The opposite, for any tight element. */
  pack(frame: Frame, first: Place, second: Place, element: Element): void
}

/** One product, plus an addend. */
export function multiply(
  field: Field,
  frame: Frame,
  a: Element,
  b: Element,
  addend?: Element,
  lazy?: boolean,
): Element {
  return field.sumOfProducts(frame, [[a, b]], addend, lazy)
}

/** The bound of a sum or difference. */
export function sumBound(a: Bound, b: Bound): Bound {
  return { limb: a.limb + b.limb, value: a.value + b.value }
}

/** The bound that covers two. */
export function maxBound(a: Bound, b: Bound): Bound {
  return { limb: Math.max(a.limb, b.limb), value: Math.max(a.value, b.value) }
}

export function isTight({ limb, value }: Bound): boolean {
  return limb <= TIGHT.limb && value <= TIGHT.value
}

/** Gives an element's variables the value of another, whose bounds must not be larger: the invariant of a loop. */
export function assignElement(target: Element, value: Element): void {
  if (value.limb > target.limb || value.value > target.value)
    throw new Error('A value exceeds the bounds of its variable.')
  target.limbs.forEach((limb, i) => local.set(limb, value.limbs[i]!))
}

/** Signed limbs of an integer: all but the top one in [-base/2, base/2). */
export function balancedLimbs(value: bigint, count: number, bits: number): bigint[] {
  const limbs: bigint[] = []
  let rest = value
  for (let i = 0; i < count - 1; i++) {
    const limb = BigInt.asIntN(bits, rest)
    limbs.push(limb)
    rest = (rest - limb) >> BigInt(bits)
  }
  return [...limbs, rest]
}

/** The representative nearest to 0. */
export function centered(value: bigint, modulus: bigint): bigint {
  const rest = ((value % modulus) + modulus) % modulus
  return 2n * rest > modulus ? rest - modulus : rest
}

/**
 * The bound on a sum of products before reduction, in moduli; throws where an operation could leave what a reduction
 * takes back.
 */
export function reducibleValue(
  products: readonly (readonly [Element, Element])[],
  addend: Element | undefined,
  scale: number,
  residue: number,
): number {
  for (const [a, b] of products) {
    if (a.limb * b.limb > 4) throw new Error(`A product of limbs of bounds ${a.limb} and ${b.limb} may overflow.`)
  }
  if (addend !== undefined && addend.limb > 2) throw new Error(`An addend of limb bound ${addend.limb} may overflow.`)
  const value = products.reduce((sum, [a, b]) => sum + scale * a.value * b.value, residue) + (addend?.value ?? 0)
  if (value >= 2.5) throw new Error(`A result may be ${value} times the modulus.`)
  return value
}
