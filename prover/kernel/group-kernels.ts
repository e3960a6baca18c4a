import {
  type Algebra,
  add,
  type Coordinate,
  coordinateBytes,
  gather,
  isZero,
  loadSlots,
  mapCoordinate,
  scatter,
  storeSlots,
  sub,
} from './algebra.ts'
import { advance, type Frame, type I32, kernel, repeat, type V128 } from './emit.ts'
import { assignElement, type Bound, multiply, type Place, TIGHT } from './field.ts'
import { inversionKernel } from './inversion-kernels.ts'
import { call, i32, i64, i64x2, local, v128, type WasmFunction } from './wasm.ts'

/** Words of an addition: pointers to its summands, and the address of its sum, which may be that of a summand. */
export const ADDITION_WORDS = 3
/** Bytes of one step of a batch: two additions, one a lane. */
const STEP_BYTES = 2 * 4 * ADDITION_WORDS

/**
 * Batches of affine additions `a + b` of points on `y^2 = x^3 + constant`, which share one field inversion. A pointer to a point
 * is its address, plus 1 to take the point's negative; a point is its x and y. None may be at infinity.
 *
 * `forward(steps, count, prefixes, product)` multiplies all differences of x and keeps the partial products; `count` is the
 * number of pairs of steps. `invert(product, scratch)` inverts the first of three slots at `product`;
 * `backward(steps, count, prefixes, product)` undoes the products one factor at a time and writes the sums. `forward` returns nonzero where a difference is zero: then both
 * have to be run in their `checked` form, which also doubles, and writes a sum at infinity as zeros.
 */
export function groupKernels(algebra: Algebra): Readonly<Record<string, WasmFunction>> {
  return {
    forward: forwardKernel(algebra, false),
    backward: backwardKernel(algebra, false),
    offCurve: offCurveKernel(algebra),
    invert:
      algebra.components === 1
        ? inversionKernel(algebra.base)
        : quadraticInversionKernel(algebra, inversionKernel(algebra.base)),
  }
}

/** `forward` and `backward` in their checked form. */
export function checkedGroupKernels(algebra: Algebra): Readonly<Record<string, WasmFunction>> {
  return { forward: forwardKernel(algebra, true), backward: backwardKernel(algebra, true) }
}

/**
 * Whether partial products can stay lazy, and their bound. In the prime field their lazy multiplication by differences has a fixed
 * point below this bound; in the extension it would grow.
 */
function partialProducts({ components }: Algebra): { lazy: boolean; bound: Bound } {
  return components === 1 ? { lazy: true, bound: { limb: 1.5, value: 1.9 } } : { lazy: false, bound: TIGHT }
}

interface Summands {
  readonly xa: Coordinate
  readonly xb: Coordinate
  /** y coordinates, read when they are needed. */
  readonly ya: () => Coordinate
  readonly yb: () => Coordinate
}

function loadSummands(algebra: Algebra, frame: Frame, step: Place): Summands {
  const bytes = coordinateBytes(algebra)
  const [a0, b0, a1, b1] = [0, 1, ADDITION_WORDS, ADDITION_WORDS + 1].map((word) => loadPointer(frame, step, word)) as [
    I32,
    I32,
    I32,
    I32,
  ]
  const pair = (first: I32, second: I32) => {
    const negative = signMask(frame, first, second)
    for (const pointer of [first, second]) local.set(pointer, i32.and(pointer, -2))
    return {
      x: gather(algebra, frame, { pointer: first, offset: 0 }, { pointer: second, offset: 0 }),
      y: () => {
        const y = gather(algebra, frame, { pointer: first, offset: bytes }, { pointer: second, offset: bytes })
        return mapCoordinate(y, (element) => algebra.base.negateWhere(frame, element, negative))
      },
    }
  }
  const [a, b] = [pair(a0, a1), pair(b0, b1)]
  return { xa: a.x, xb: b.x, ya: a.y, yb: b.y }
}

function loadPointer(frame: Frame, step: Place, word: number): I32 {
  const pointer = frame.i32()
  local.set(pointer, i32.load({ offset: step.offset + 4 * word, align: 4 }, step.pointer))
  return pointer
}

/** A mask of the lanes whose pointer is odd. */
function signMask(frame: Frame, first: I32, second: I32): V128 {
  const mask = frame.v128()
  const minusSign = (pointer: I32) => i64.sub(0n, i64.extend_i32_u(i32.and(pointer, 1)))
  local.set(mask, i64x2.splat(minusSign(first)))
  const upper = frame.i64()
  local.set(upper, minusSign(second))
  local.set(mask, i64x2.replace_lane(1, mask, upper))
  return mask
}

/** Case in which a lane's summands have one x: the same point, or opposite ones. */
interface Coincidence {
  readonly sameX: V128
  readonly sameY: V128
}

function coincidence(
  algebra: Algebra,
  frame: Frame,
  { xa, xb }: Summands,
  ya: Coordinate,
  yb: Coordinate,
): Coincidence {
  const zeroWhereEqual = (a: Coordinate, b: Coordinate) =>
    isZero(
      algebra,
      frame,
      mapCoordinate(sub(algebra, frame, a, b), (element) => algebra.base.tighten(frame, element)),
    )
  return { sameX: zeroWhereEqual(xb, xa), sameY: zeroWhereEqual(yb, ya) }
}

function select({ base }: Algebra, frame: Frame, mask: V128, a: Coordinate, b: Coordinate): Coordinate {
  return mapCoordinate(a, (element, i) => base.select(frame, mask, element, b[i]!))
}

/** The slope's denominator: the difference of x, twice y for a doubling, and anything but zero for a sum at infinity. */
function checkedDenominator(
  algebra: Algebra,
  frame: Frame,
  { sameX, sameY }: Coincidence,
  difference: Coordinate,
  ya: Coordinate,
): Coordinate {
  const doubling = select(algebra, frame, sameY, add(algebra, frame, ya, ya), one(algebra, frame))
  return select(algebra, frame, sameX, doubling, difference)
}

function one({ base, components }: Algebra, frame: Frame): Coordinate {
  return Array.from({ length: components }, (_, i) => base.constant(frame, i === 0 ? 1n : 0n))
}

// Steps of one turn of the loops: their chains of products are apart, so that one need not wait for the other.
const CHAINS = 2
/** Steps come in multiples of this. */
export const STEP_MULTIPLE = CHAINS

/**
 * Reads something of every cache line of the points of some steps, so that they are on their way from memory many at a time; the
 * arithmetic would wait for one after the other.
 */
function touchPoints(frame: Frame, steps: I32, count: I32, pointBytes: number): void {
  const [position, left, seen, pointer] = [frame.i32(), frame.i32(), frame.i32(), frame.i32()]
  local.set(position, steps)
  local.set(left, i32.mul(count, CHAINS * 2))
  repeat(left, () => {
    for (const word of [0, 1]) {
      local.set(pointer, i32.and(i32.load({ offset: 4 * word, align: 4 }, position), -8))
      for (let offset = 0; offset < pointBytes + 60; offset += 64) {
        local.set(seen, i32.or(seen, i32.load({ offset: Math.min(offset, pointBytes - 4), align: 4 }, pointer)))
      }
    }
    advance(position, 4 * ADDITION_WORDS)
  })
  // Kept, or the loads would be dropped as useless: the first step's word is its own.
  i32.store({ offset: 0, align: 4 }, steps, i32.or(i32.load({ offset: 0, align: 4 }, steps), i32.and(seen, 0)))
}

function forwardKernel(algebra: Algebra, checked: boolean): WasmFunction {
  const slotBytes = 2 * coordinateBytes(algebra)
  const { lazy, bound } = partialProducts(algebra)
  const tighten = (a: Coordinate, frame: Frame) => mapCoordinate(a, (element) => algebra.base.tighten(frame, element))
  return kernel(4, ([steps, count, prefixes, result], frame) => {
    if (!checked) touchPoints(frame, steps!, count!, slotBytes)
    const products = Array.from({ length: CHAINS }, () =>
      mapCoordinate(one(algebra, frame), (element) => ({ ...element, ...bound })),
    )
    const step = (product: Coordinate, chain: number): void => {
      const summands = loadSummands(algebra, frame, { pointer: steps!, offset: STEP_BYTES * chain })
      let difference = sub(algebra, frame, summands.xb, summands.xa)
      if (checked) {
        const ya = summands.ya()
        difference = checkedDenominator(
          algebra,
          frame,
          coincidence(algebra, frame, summands, ya, summands.yb()),
          difference,
          ya,
        )
      }
      storeSlots(algebra, { pointer: prefixes!, offset: slotBytes * chain }, product)
      assignTo(product, algebra.multiply(frame, product, difference, undefined, lazy))
    }
    repeat(count!, () => {
      products.forEach(step)
      advance(steps!, CHAINS * STEP_BYTES)
      advance(prefixes!, CHAINS * slotBytes)
    })
    const [first, second] = products.map((product) => tighten(product, frame)) as [Coordinate, Coordinate]
    const joint = algebra.multiply(frame, first, second)
    // What each chain's product has to be multiplied by, after the inversion, comes behind the joint product.
    for (const [i, product] of [joint, second, first].entries())
      storeSlots(algebra, { pointer: result!, offset: slotBytes * i }, product)
    return v128.any_true(isZero(algebra, frame, joint))
  })
}

function backwardKernel(algebra: Algebra, checked: boolean): WasmFunction {
  const { base } = algebra
  const bytes = coordinateBytes(algebra)
  const { lazy, bound } = partialProducts(algebra)
  return kernel(4, ([steps, count, prefixes, product], frame) => {
    const move = (turns: I32 | -1): void => {
      const strides = [
        [steps!, STEP_BYTES],
        [prefixes!, 2 * bytes],
      ] as const
      for (const [pointer, stride] of strides) local.set(pointer, i32.add(pointer, i32.mul(turns, CHAINS * stride)))
    }
    move(count!)
    const joint = loadSlots(algebra, frame, { pointer: product!, offset: 0 })
    const inverses = Array.from({ length: CHAINS }, (_, i) => {
      const others = loadSlots(algebra, frame, { pointer: product!, offset: 2 * bytes * (i + 1) })
      return mapCoordinate(algebra.multiply(frame, joint, others), (element) => ({ ...element, ...bound }))
    })
    const step = (inverse: Coordinate, chain: number): void => {
      const place = { pointer: steps!, offset: STEP_BYTES * chain }
      const summands = loadSummands(algebra, frame, place)
      const { xa, xb } = summands
      const [ya, yb] = [summands.ya(), summands.yb()]
      let denominator = sub(algebra, frame, xb, xa)
      let numerator = sub(algebra, frame, yb, ya)
      let infinite: V128 | undefined
      if (checked) {
        const cases = coincidence(algebra, frame, summands, ya, yb)
        denominator = checkedDenominator(algebra, frame, cases, denominator, ya)
        const square = algebra.square(frame, xa)
        const tripled = mapCoordinate(add(algebra, frame, square, add(algebra, frame, square, square)), (element) =>
          base.tighten(frame, element),
        )
        numerator = select(algebra, frame, cases.sameX, tripled, numerator)
        infinite = frame.v128()
        local.set(infinite, v128.andnot(cases.sameX, cases.sameY))
      }
      const prefix = loadSlots(algebra, frame, { pointer: prefixes!, offset: 2 * bytes * chain }, bound)
      const slope = algebra.multiply(frame, numerator, algebra.multiply(frame, inverse, prefix, undefined, lazy))
      assignTo(inverse, algebra.multiply(frame, inverse, denominator, undefined, lazy))
      const minus = (a: Coordinate) => mapCoordinate(a, (element) => base.neg(frame, element))
      let x = algebra.square(frame, slope, minus(add(algebra, frame, xa, xb)))
      let y = algebra.multiply(frame, slope, sub(algebra, frame, xa, x), minus(ya))
      if (infinite !== undefined) {
        const zero = Array.from({ length: algebra.components }, () => base.constant(frame, 0n))
        x = select(algebra, frame, infinite, zero, x)
        y = select(algebra, frame, infinite, zero, y)
      }
      const [first, second] = [2, ADDITION_WORDS + 2].map((word) => loadPointer(frame, place, word)) as [I32, I32]
      scatter(algebra, { pointer: first, offset: 0 }, { pointer: second, offset: 0 }, x)
      scatter(algebra, { pointer: first, offset: bytes }, { pointer: second, offset: bytes }, y)
    }
    repeat(count!, () => {
      move(-1)
      inverses.forEach(step)
    })
  })
}

/** `offCurve(points, count, constant)`: nonzero iff one of `2 count` points does not satisfy `y^2 = x^3 + constant`. */
function offCurveKernel(algebra: Algebra): WasmFunction {
  const bytes = coordinateBytes(algebra)
  return kernel(3, ([points, count, constant], frame) => {
    const pair = (offset: number) =>
      gather(algebra, frame, { pointer: points!, offset }, { pointer: points!, offset: offset + 2 * bytes })
    const b = gather(algebra, frame, { pointer: constant!, offset: 0 }, { pointer: constant!, offset: 0 })
    const off = frame.v128()
    repeat(count!, () => {
      const [x, y] = [pair(0), pair(bytes)]
      const right = algebra.multiply(frame, algebra.square(frame, x), x, b)
      const difference = mapCoordinate(sub(algebra, frame, algebra.square(frame, y), right), (element) =>
        algebra.base.tighten(frame, element),
      )
      local.set(off, v128.or(off, v128.not(isZero(algebra, frame, difference))))
      advance(points!, 4 * bytes)
    })
    return v128.any_true(off)
  })
}

/** `invert(value, scratch)`, where `(a + b u)^-1 = (a - b u) / (a^2 + b^2)`. */
function quadraticInversionKernel(algebra: Algebra, invertPrime: WasmFunction): WasmFunction {
  const { base } = algebra
  return kernel(2, ([value, scratch], frame) => {
    const [a, b] = loadSlots(algebra, frame, { pointer: value!, offset: 0 })
    const norm: Place = { pointer: scratch!, offset: 0 }
    base.store(
      norm,
      base.sumOfProducts(frame, [
        [a!, a!],
        [b!, b!],
      ]),
    )
    call(invertPrime, [scratch!, i32.add(scratch!, 2 * base.elementBytes)])
    const inverse = base.load(frame, norm)
    storeSlots(algebra, { pointer: value!, offset: 0 }, [
      multiply(base, frame, a!, inverse),
      multiply(base, frame, base.neg(frame, b!), inverse),
    ])
  })
}

function assignTo(target: Coordinate, value: Coordinate): void {
  target.forEach((element, i) => assignElement(element, value[i]!))
}
