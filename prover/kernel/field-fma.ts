import { inverse } from './bigint-field.ts'
import { BiasedColumns } from './columns.ts'
import { type ConstantPool, doubleBits, type Frame, type V128, type V128Result, type V128Value } from './emit.ts'
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
import { loadLanes, lowerLanes, packWords, storeLanes, swappedLanes, unpackWords, upperLanes } from './lanes.ts'
import { f64x2, i64x2, local, v128 } from './wasm.ts'

const LIMBS = 5
const BITS = 51
const BASE = 2 ** BITS

// With ROUND added, a double below 2^102 in magnitude is rounded to a multiple of 2^51: the product's high limb, exactly.
const ROUND = 3 * 2 ** 102
// A double of up to 2^51 in magnitude with ANCHOR added is an integer in the low bits of its representation.
const ANCHOR = 3 * 2 ** 51
const ROUND_BITS = doubleBits(ROUND)
const ANCHOR_BITS = doubleBits(ANCHOR)
// What keeps a column positive, so that an unsigned shift carries it: a multiple of the base, taken back one column up.
const BIAS = 1n << 62n
const HALF = 1n << BigInt(BITS - 1)
const MASK = (1n << BigInt(BITS)) - 1n

/**
 * Field elements as five limbs of 51 bits in doubles, multiplied by fused multiply-add: `high = fma(a, b, ROUND)` has a
 * product's upper half in its low bits, and `fma(a, b, ROUND - high)` is the exact rest. (The idea is Emmart's; with signed
 * limbs it works in rounding to nearest.) Both halves are added up as integers, by the bits of the doubles.
 *
 * A product of 10 columns is reduced from below: the four lowest limbs at once, by what 2^(51 (i - 4)) is modulo the modulus,
 * the fifth as usual in Montgomery's way. Then the nearest multiple of the modulus is taken off, so that results are tight.
 */
export class FmaField implements Field {
  readonly modulus: bigint
  readonly radix = 1n << BigInt(LIMBS * BITS)
  readonly limbCount = LIMBS
  readonly limbBits = BITS
  readonly elementBytes = 8 * LIMBS

  readonly #pool: ConstantPool
  readonly #modulusLimbs: readonly number[]
  readonly #foldedLimbs: readonly (readonly number[])[]
  readonly #negatedInverse: number
  /** The modulus in units of the top limb. */
  readonly #topOfModulus: number
  /** Bound on what reduction itself adds, over the modulus. */
  readonly #residue: number
  /** The modulus over the radix. */
  readonly #scale: number

  constructor(modulus: bigint, pool: ConstantPool) {
    this.modulus = modulus
    this.#pool = pool
    const limbs = (value: bigint) => balancedLimbs(value, LIMBS, BITS).map(Number)
    this.#modulusLimbs = limbs(modulus)
    if (this.#modulusLimbs.some((limb) => Math.abs(limb) * 2 > BASE))
      throw new Error('The limbs of this modulus do not suit the reduction.')
    const folded = [4, 3, 2, 1].map((i) => centered(inverse(1n << BigInt(BITS * i), modulus), modulus))
    this.#foldedLimbs = folded.map(limbs)
    this.#negatedInverse = Number(BigInt.asIntN(BITS, -inverse(modulus, 1n << BigInt(BITS))))
    this.#topOfModulus = Number(modulus) / 2 ** (BITS * (LIMBS - 1))
    const size = (value: bigint) => Math.abs(Number(value)) / Number(modulus)
    this.#residue = folded.reduce((sum, value) => sum + size(value) / 2, 0.5) + 0.001
    this.#scale = Number(modulus) / Number(this.radix)
  }

  constant(frame: Frame, value: bigint): Element {
    const montgomery = centered(value * this.radix, this.modulus)
    return {
      ...TIGHT,
      limbs: balancedLimbs(montgomery, LIMBS, BITS).map((limb) => frame.assign(this.#pool.splatDouble(Number(limb)))),
    }
  }

  load(frame: Frame, { pointer, offset }: Place, bound: Bound = TIGHT): Element {
    return eachLimb(bound, (i) => frame.assign(v128.load({ offset: offset + 16 * i, align: 8 }, pointer)))
  }

  store({ pointer, offset }: Place, { limbs }: Element): void {
    limbs.forEach((limb, i) => v128.store({ offset: offset + 16 * i, align: 8 }, pointer, limb))
  }

  loadBoth(frame: Frame, { pointer, offset }: Place): Element {
    return eachLimb(TIGHT, (i) => frame.assign(v128.load64_splat({ offset: offset + 8 * i, align: 8 }, pointer)))
  }

  gather(frame: Frame, first: Place, second: Place): Element {
    return eachLimb(TIGHT, (i) => loadLanes(frame, first, second, 8 * i))
  }

  scatter(first: Place, second: Place, { limbs }: Element): void {
    limbs.forEach((limb, i) => storeLanes(first, second, 8 * i, limb))
  }

  add(frame: Frame, a: Element, b: Element): Element {
    return eachLimb(sumBound(a, b), (i) => frame.assign(f64x2.add(a.limbs[i]!, b.limbs[i]!)))
  }

  sub(frame: Frame, a: Element, b: Element): Element {
    return eachLimb(sumBound(a, b), (i) => frame.assign(f64x2.sub(a.limbs[i]!, b.limbs[i]!)))
  }

  neg(frame: Frame, a: Element): Element {
    return eachLimb(a, (i) => frame.assign(f64x2.neg(a.limbs[i]!)))
  }

  negateWhere(frame: Frame, a: Element, mask: V128): Element {
    const sign = frame.assign(v128.and(mask, this.#pool.splat(1n << 63n)))
    return eachLimb(a, (i) => frame.assign(v128.xor(a.limbs[i]!, sign)))
  }

  select(frame: Frame, mask: V128, a: Element, b: Element): Element {
    return eachLimb(maxBound(a, b), (i) => frame.assign(v128.bitselect(a.limbs[i]!, b.limbs[i]!, mask)))
  }

  swap(frame: Frame, a: Element): Element {
    return eachLimb(a, (i) => frame.assign(swappedLanes(a.limbs[i]!)))
  }

  zip(frame: Frame, a: Element, b: Element): readonly [Element, Element] {
    return [
      eachLimb(maxBound(a, b), (i) => frame.assign(lowerLanes(a.limbs[i]!, b.limbs[i]!))),
      eachLimb(maxBound(a, b), (i) => frame.assign(upperLanes(a.limbs[i]!, b.limbs[i]!))),
    ]
  }

  sumOfProducts(
    frame: Frame,
    products: readonly (readonly [Element, Element])[],
    addend?: Element,
    lazy = false,
  ): Element {
    const value = reducibleValue(products, addend, this.#scale, this.#residue)
    const columns = new Columns(frame, this.#pool)
    // Column by column, so that few sums are alive at a time.
    for (let column = 0; column < 2 * LIMBS - 1; column++) {
      for (const [a, b] of products) {
        for (let i = Math.max(0, column - LIMBS + 1); i < LIMBS && i <= column; i++)
          columns.product(a.limbs[i]!, b.limbs[column - i]!, column)
      }
    }
    return this.#reduce(frame, columns, addend, lazy ? value : undefined)
  }

  square(frame: Frame, a: Element, addend?: Element, lazy = false): Element {
    // Twice a limb has to be a factor still.
    if (2 * a.limb * a.limb > 4) return this.sumOfProducts(frame, [[a, a]], addend, lazy)
    const value = reducibleValue([[a, a]], addend, this.#scale, this.#residue)
    const twice = a.limbs.map((limb) => frame.assign(f64x2.add(limb, limb)))
    const columns = new Columns(frame, this.#pool)
    for (let column = 0; column < 2 * LIMBS - 1; column++) {
      for (let i = Math.max(0, column - LIMBS + 1); 2 * i < column; i++)
        columns.product(twice[i]!, a.limbs[column - i]!, column)
      if (column % 2 === 0) columns.product(a.limbs[column / 2]!, a.limbs[column / 2]!, column)
    }
    return this.#reduce(frame, columns, addend, lazy ? value : undefined)
  }

  /** Montgomery reduction of ten columns, to a tight element where `value`, a bound on what comes out, is not enough. */
  #reduce(frame: Frame, columns: Columns, addend: Element | undefined, value: number | undefined): Element {
    const pool = this.#pool
    const low = [0, 1, 2, 3].map((column) => {
      columns.carry(column)
      return columns.limb(column)
    })
    for (let j = 0; j < LIMBS; j++) {
      for (const [i, limb] of low.entries())
        columns.product(limb, () => pool.splatDouble(this.#foldedLimbs[i]![j]!), LIMBS - 1 + j)
    }
    addend?.limbs.forEach((limb, i) => columns.addDouble(limb, LIMBS + i))

    const lowest = columns.limb(LIMBS - 1)
    const high = frame.assign(
      f64x2.relaxed_madd(lowest, pool.splatDouble(this.#negatedInverse), pool.splatDouble(ROUND)),
    )
    const quotient = frame.assign(
      f64x2.relaxed_madd(lowest, pool.splatDouble(this.#negatedInverse), f64x2.sub(pool.splatDouble(ROUND), high)),
    )
    let top: V128 | undefined
    if (value === undefined) {
      // The top column, and what the quotient will add to it, tell the nearest multiple of the modulus, to some 2^-45.
      top = frame.assign(
        f64x2.relaxed_madd(quotient, pool.splatDouble(this.#topOfModulus / BASE), columns.double(2 * LIMBS - 1)),
      )
    }
    for (let j = 0; j < LIMBS; j++)
      columns.product(quotient, () => pool.splatDouble(this.#modulusLimbs[j]!), LIMBS - 1 + j)
    if (top !== undefined) {
      const multiple = this.#nearestMultiple(frame, top)
      for (let j = 0; j < LIMBS; j++) columns.addScaled(multiple, -this.#modulusLimbs[j]!, LIMBS + j)
    }

    const limbs: V128[] = []
    for (let column = LIMBS - 1; column < 2 * LIMBS - 1; column++) {
      columns.carry(column)
      if (column >= LIMBS) limbs.push(columns.limb(column))
    }
    limbs.push(frame.assign(columns.double(2 * LIMBS - 1)))
    return value === undefined
      ? { ...TIGHT, limbs }
      : { limbs, limb: Math.max(1, (value * this.#topOfModulus * 2) / BASE), value }
  }

  #nearestMultiple(frame: Frame, top: V128): V128 {
    const pool = this.#pool
    const anchored = f64x2.relaxed_madd(top, pool.splatDouble(1 / this.#topOfModulus), pool.splatDouble(ANCHOR))
    return frame.assign(f64x2.sub(anchored, pool.splatDouble(ANCHOR)))
  }

  tighten(frame: Frame, a: Element): Element {
    // The limbs below the top one count for less than a millionth of the modulus.
    if (a.limb > 4 || a.value >= 2.5) throw new Error('An element is too large to be reduced.')
    const pool = this.#pool
    const multiple = this.#nearestMultiple(frame, a.limbs[LIMBS - 1]!)
    const limbs = a.limbs.map((limb, i) =>
      frame.assign(f64x2.relaxed_madd(multiple, pool.splatDouble(-this.#modulusLimbs[i]!), limb)),
    )
    for (let i = 0; i < LIMBS - 1; i++) {
      const carried = frame.assign(f64x2.sub(f64x2.add(limbs[i]!, pool.splatDouble(ROUND)), pool.splatDouble(ROUND)))
      local.set(limbs[i]!, f64x2.sub(limbs[i]!, carried))
      local.set(limbs[i + 1]!, f64x2.relaxed_madd(carried, pool.splatDouble(1 / BASE), limbs[i + 1]!))
    }
    return { ...TIGHT, limbs }
  }

  isZero(frame: Frame, a: Element): V128 {
    if (!isTight(a)) throw new Error('Only a tight element can be compared with zero.')
    // Not by bits: a zero may have a sign.
    const zero = frame.v128()
    local.set(zero, f64x2.eq(a.limbs[0]!, this.#pool.splat(0n)))
    for (const limb of a.limbs.slice(1)) local.set(zero, v128.and(zero, f64x2.eq(limb, this.#pool.splat(0n))))
    return zero
  }

  unpack(frame: Frame, first: Place, second: Place): Element {
    const pool = this.#pool
    const limbs = unpackWords(frame, pool, first, second, LIMBS, BITS)
    for (const limb of limbs)
      local.set(limb, f64x2.sub(i64x2.add(limb, pool.splat(ANCHOR_BITS)), pool.splatDouble(ANCHOR)))
    return { limbs, limb: 2, value: 1 }
  }

  pack(frame: Frame, first: Place, second: Place, element: Element): void {
    if (!isTight(element)) throw new Error('Only a tight element can be packed.')
    const pool = this.#pool
    const integers = element.limbs.map((limb) =>
      frame.assign(i64x2.sub(f64x2.add(limb, pool.splatDouble(ANCHOR)), pool.splat(ANCHOR_BITS))),
    )
    packWords(frame, pool, first, second, integers, BITS, this.modulus)
  }
}

/** Sums of halves of products, as integers; the doubles' exponents come along. */
class Columns extends BiasedColumns {
  readonly #high: V128

  constructor(frame: Frame, pool: ConstantPool) {
    super(frame, pool, BITS, BIAS)
    this.#high = frame.v128()
  }

  /** Adds a product of two limbs, its lower half to `column` and its upper half to the next. */
  product(x: V128, y: V128 | (() => V128Result), column: number): void {
    const pool = this.pool
    const factor = (): V128Value => (typeof y === 'function' ? y() : y)
    // These two are worth a register each.
    const constant = (value: number) => this.frame.hoisted(value, () => pool.splatDouble(value))
    local.set(this.#high, f64x2.relaxed_madd(x, factor(), constant(ROUND)))
    this.add(column + 1, this.#high, ROUND_BITS)
    this.add(column, f64x2.relaxed_madd(x, factor(), f64x2.sub(constant(ROUND + ANCHOR), this.#high)), ANCHOR_BITS)
  }

  /** Adds a limb of bound 2 at most. */
  addDouble(limb: V128, column: number): void {
    this.add(column, f64x2.add(limb, this.pool.splatDouble(ANCHOR)), ANCHOR_BITS)
  }

  /** Adds a multiple of a constant, up to 2^51 in magnitude. */
  addScaled(multiple: V128, constant: number, column: number): void {
    const pool = this.pool
    this.add(column, f64x2.relaxed_madd(multiple, pool.splatDouble(constant), pool.splatDouble(ANCHOR)), ANCHOR_BITS)
  }

  /** The column's balanced limb, in [-2^50, 2^50). */
  limb(column: number): V128 {
    const pool = this.pool
    const low = v128.and(this.settled(column), pool.splat(MASK))
    return this.frame.assign(
      f64x2.sub(v128.or(low, pool.splat(doubleBits(2 ** 52))), pool.splatDouble(2 ** 52 + Number(HALF))),
    )
  }

  /** A whole column, below 2^51 in magnitude. */
  double(column: number): V128Result {
    const pool = this.pool
    return f64x2.sub(i64x2.add(this.settled(column), pool.splat(ANCHOR_BITS - BIAS - HALF)), pool.splatDouble(ANCHOR))
  }
}

function eachLimb({ limb, value }: Bound, make: (i: number) => V128): Element {
  return { limbs: Array.from({ length: LIMBS }, (_, i) => make(i)), limb, value }
}
