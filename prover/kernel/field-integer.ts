import { inverse } from './bigint-field.ts'
import { BiasedColumns } from './columns.ts'
import type { ConstantPool, Frame, V128, V128Result } from './emit.ts'
import {
  type Bound,
  balancedLimbs,
  centered,
  type Element,
  type Field,
  isTight,
  maxBound,
  type Place,
  reducibleValue,
  sumBound,
  TIGHT,
} from './field.ts'
import { packWords, unpackWords } from './lanes.ts'
import { i8x16, i32x4, i64x2, local, v128 } from './wasm.ts'

const LIMBS = 9
const BITS = 29
const HALF = 1n << BigInt(BITS - 1)
const MASK = (1n << BigInt(BITS)) - 1n
// What keeps a column positive, so that an unsigned shift carries it: a multiple of the base, taken back one column up.
const BIAS = 1n << 63n
/** Share of the quotient's multiple of the modulus in a reduced product, in moduli. */
const QUOTIENT_SHARE = 0.500_001

/**
 * Field elements as nine limbs of 29 bits, in the two lower 32-bit lanes of a vector: plain integer SIMD, for engines and
 * machines without a fused multiply-add. Multiplication is Montgomery's, limb by limb; a column of signed products of loose
 * elements stays below 2^62.
 */
export class IntegerField implements Field {
  readonly modulus: bigint
  readonly radix = 1n << BigInt(LIMBS * BITS)
  readonly limbCount = LIMBS
  readonly limbBits = BITS
  readonly elementBytes = 4 * LIMBS

  readonly #pool: ConstantPool
  readonly #modulusLimbs: readonly bigint[]
  readonly #negatedInverse: bigint
  /** The modulus over the radix. */
  readonly #scale: number

  constructor(modulus: bigint, pool: ConstantPool) {
    this.modulus = modulus
    this.#pool = pool
    this.#modulusLimbs = balancedLimbs(modulus, LIMBS, BITS)
    this.#negatedInverse = BigInt.asIntN(BITS, -inverse(modulus, 1n << BigInt(BITS)))
    this.#scale = Number(modulus) / Number(this.radix)
  }

  constant(frame: Frame, value: bigint): Element {
    const montgomery = centered(value * this.radix, this.modulus)
    return { ...TIGHT, limbs: balancedLimbs(montgomery, LIMBS, BITS).map((limb) => frame.assign(this.#splat(limb))) }
  }

  load(frame: Frame, { pointer, offset }: Place, bound: Bound = TIGHT): Element {
    return eachLimb(bound, (i) => frame.assign(v128.load64_zero({ offset: offset + 8 * i, align: 4 }, pointer)))
  }

  store({ pointer, offset }: Place, { limbs }: Element): void {
    limbs.forEach((limb, i) => v128.store64_lane({ offset: offset + 8 * i, align: 4 }, 0, pointer, limb))
  }

  loadBoth(frame: Frame, { pointer, offset }: Place): Element {
    return eachLimb(TIGHT, (i) => frame.assign(v128.load32_splat({ offset: offset + 4 * i, align: 4 }, pointer)))
  }

  gather(frame: Frame, first: Place, second: Place): Element {
    return eachLimb(TIGHT, (i) => {
      const limb = frame.assign(v128.load32_zero({ offset: first.offset + 4 * i, align: 4 }, first.pointer))
      local.set(limb, v128.load32_lane({ offset: second.offset + 4 * i, align: 4 }, 1, second.pointer, limb))
      return limb
    })
  }

  scatter(first: Place, second: Place, { limbs }: Element): void {
    for (const [i, limb] of limbs.entries()) {
      v128.store32_lane({ offset: first.offset + 4 * i, align: 4 }, 0, first.pointer, limb)
      v128.store32_lane({ offset: second.offset + 4 * i, align: 4 }, 1, second.pointer, limb)
    }
  }

  add(frame: Frame, a: Element, b: Element): Element {
    return eachLimb(requireLoose(sumBound(a, b)), (i) => frame.assign(i32x4.add(a.limbs[i]!, b.limbs[i]!)))
  }

  sub(frame: Frame, a: Element, b: Element): Element {
    return eachLimb(requireLoose(sumBound(a, b)), (i) => frame.assign(i32x4.sub(a.limbs[i]!, b.limbs[i]!)))
  }

  neg(frame: Frame, a: Element): Element {
    return eachLimb(a, (i) => frame.assign(i32x4.neg(a.limbs[i]!)))
  }

  negateWhere(frame: Frame, a: Element, mask: V128): Element {
    const narrow = frame.assign(evenWords(mask))
    return eachLimb(a, (i) => frame.assign(i32x4.sub(v128.xor(a.limbs[i]!, narrow), narrow)))
  }

  select(frame: Frame, mask: V128, a: Element, b: Element): Element {
    const narrow = frame.assign(evenWords(mask))
    return eachLimb(maxBound(a, b), (i) => frame.assign(v128.bitselect(a.limbs[i]!, b.limbs[i]!, narrow)))
  }

  swap(frame: Frame, a: Element): Element {
    return eachLimb(a, (i) => frame.assign(words(a.limbs[i]!, a.limbs[i]!, 1, 0)))
  }

  zip(frame: Frame, a: Element, b: Element): readonly [Element, Element] {
    return [
      eachLimb(maxBound(a, b), (i) => frame.assign(words(a.limbs[i]!, b.limbs[i]!, 0, 4))),
      eachLimb(maxBound(a, b), (i) => frame.assign(words(a.limbs[i]!, b.limbs[i]!, 1, 5))),
    ]
  }

  sumOfProducts(
    frame: Frame,
    products: readonly (readonly [Element, Element])[],
    addend?: Element,
    lazy = false,
  ): Element {
    const value = reducibleValue(products, addend, this.#scale, QUOTIENT_SHARE)
    // A column has nine products of 2^56 for each unit of the bounds, nine more from the reduction, and carries.
    if (products.reduce((sum, [a, b]) => sum + a.limb * b.limb, 0) > 12)
      throw new Error('A sum of products may overflow.')

    const columns = new Columns(frame, this.#pool)
    for (let column = 0; column < 2 * LIMBS - 1; column++) {
      for (const [a, b] of products) {
        for (let i = Math.max(0, column - LIMBS + 1); i < LIMBS && i <= column; i++)
          columns.product(column, a.limbs[i]!, b.limbs[column - i]!)
      }
    }
    for (let column = 0; column < LIMBS; column++) {
      const quotient = this.#quotient(frame, columns.low(column))
      this.#modulusLimbs.forEach((limb, j) => columns.product(column + j, quotient, () => this.#splat(limb)))
      columns.carry(column)
    }
    const limbs: V128[] = []
    for (let column = LIMBS; column < 2 * LIMBS - 1; column++) {
      columns.carry(column)
      limbs.push(columns.limb(column))
    }
    limbs.push(columns.whole(2 * LIMBS - 1))
    // The radix is so much larger than the modulus that a product, unless of very loose elements, is as good as reduced.
    const product: Element = { limbs, limb: 1, value: reducibleValue(products, undefined, this.#scale, QUOTIENT_SHARE) }
    if (addend === undefined) return lazy || isTight(product) ? product : this.tighten(frame, product)
    const sum = this.tighten(frame, this.add(frame, product, addend))
    return lazy ? { ...sum, value } : sum
  }

  square(frame: Frame, a: Element, addend?: Element, lazy = false): Element {
    return this.sumOfProducts(frame, [[a, a]], addend, lazy)
  }

  /** The multiple of the modulus that makes the lowest limb zero, balanced. */
  #quotient(frame: Frame, low: V128): V128 {
    const product = frame.assign(i32x4.mul(low, this.#splat(this.#negatedInverse)))
    local.set(product, i32x4.shr_s(i32x4.shl(product, 32 - BITS), 32 - BITS))
    return product
  }

  tighten(frame: Frame, a: Element): Element {
    if (a.limb > 4 || a.value >= 2.5) throw new Error('An element is too large to be reduced.')
    const top = a.limbs[LIMBS - 1]!
    const unit = this.modulus >> BigInt(BITS * (LIMBS - 1))
    // Minus the number of odd halves passed above, plus that of those passed below: two are enough below 2.5 moduli.
    const multiple = frame.assign(this.#splat(0n))
    for (const halves of [1n, 3n]) {
      const limit = (unit * halves) / 2n
      local.set(multiple, i32x4.add(multiple, i32x4.gt_s(top, this.#splat(limit))))
      local.set(multiple, i32x4.sub(multiple, i32x4.lt_s(top, this.#splat(-limit))))
    }
    const limbs = a.limbs.map((limb, i) =>
      frame.assign(i32x4.add(limb, i32x4.mul(multiple, this.#splat(this.#modulusLimbs[i]!)))),
    )
    for (let i = 0; i < LIMBS - 1; i++) {
      const carry = frame.assign(i32x4.shr_s(i32x4.add(limbs[i]!, this.#splat(HALF)), BITS))
      local.set(limbs[i]!, i32x4.sub(limbs[i]!, i32x4.shl(carry, BITS)))
      local.set(limbs[i + 1]!, i32x4.add(limbs[i + 1]!, carry))
    }
    return { ...TIGHT, limbs }
  }

  isZero(frame: Frame, a: Element): V128 {
    if (!isTight(a)) throw new Error('Only a tight element can be compared with zero.')
    const any = frame.assign(v128.or(a.limbs[0]!, a.limbs[1]!))
    for (const limb of a.limbs.slice(2)) local.set(any, v128.or(any, limb))
    local.set(any, i32x4.eq(any, this.#splat(0n)))
    local.set(any, i64x2.extend_low_i32x4_s(any))
    return any
  }

  unpack(frame: Frame, first: Place, second: Place): Element {
    const limbs = unpackWords(frame, this.#pool, first, second, LIMBS, BITS)
    return { limbs: limbs.map((limb) => frame.assign(evenWords(limb))), limb: 2, value: 1 }
  }

  pack(frame: Frame, first: Place, second: Place, element: Element): void {
    if (!isTight(element)) throw new Error('Only a tight element can be packed.')
    const wide = element.limbs.map((limb) => frame.assign(i64x2.extend_low_i32x4_s(limb)))
    packWords(frame, this.#pool, first, second, wide, BITS, this.modulus)
  }

  #splat(limb: bigint): V128Result {
    const word = BigInt.asUintN(32, limb)
    return this.#pool.splat((word << 32n) | word)
  }
}

/** Sums of products of limbs. */
class Columns extends BiasedColumns {
  constructor(frame: Frame, pool: ConstantPool) {
    super(frame, pool, BITS, BIAS)
  }

  product(column: number, x: V128, y: V128 | (() => V128Result)): void {
    this.add(column, i64x2.extmul_low_i32x4_s(x, typeof y === 'function' ? y() : y), 0n)
  }

  /** The lower 32 bits. */
  low(column: number): V128 {
    const low = this.frame.assign(evenWords(this.settled(column)))
    local.set(low, i32x4.sub(low, this.pool.splat((HALF << 32n) | HALF)))
    return low
  }

  /** The column's balanced limb. */
  limb(column: number): V128 {
    const limb = this.frame.assign(evenWords(this.frame.assign(v128.and(this.settled(column), this.pool.splat(MASK)))))
    local.set(limb, i32x4.sub(limb, this.pool.splat((HALF << 32n) | HALF)))
    return limb
  }

  /** A whole column, below 2^31 in magnitude. */
  whole(column: number): V128 {
    const value = this.frame.assign(i64x2.sub(this.settled(column), this.pool.splat(BIAS + HALF)))
    return this.frame.assign(evenWords(value))
  }
}

/** The vector whose lower 32-bit words are two chosen ones of `a` (0 to 3) and `b` (4 to 7). */
function words(a: V128, b: V128, first: number, second: number): V128Result {
  const bytes = [first, second, first, second].flatMap((word) => [0, 1, 2, 3].map((byte) => 4 * word + byte))
  return i8x16.shuffle(bytes, a, b)
}

/** The lower halves of the 64-bit lanes, as 32-bit lanes. */
function evenWords(a: V128): V128Result {
  return words(a, a, 0, 2)
}

/** Limbs of 32 bits hold a sum of less than eight balanced ones. */
function requireLoose(bound: Bound): Bound {
  if (bound.limb >= 8) throw new Error(`Limbs of bound ${bound.limb} may overflow.`)
  return bound
}

function eachLimb({ limb, value }: Bound, make: (i: number) => V128): Element {
  return { limbs: Array.from({ length: LIMBS }, (_, i) => make(i)), limb, value }
}
