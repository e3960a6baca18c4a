import type { Frame, V128 } from './emit.ts'
import { type Bound, type Element, type Field, multiply, type Place } from './field.ts'
import { local, v128 } from './wasm.ts'

/** Coordinates of points under construction: one element of the base field (G1), or two, `a + b u` with `u^2 = -1` (G2). */
export type Coordinate = readonly Element[]

/** The arithmetic of coordinates, on pairs of them as `Field`'s; the rules for bounds are the same, per component. */
export interface Algebra {
  readonly base: Field
  readonly components: 1 | 2
  multiply(frame: Frame, a: Coordinate, b: Coordinate, addend?: Coordinate, lazy?: boolean): Coordinate
  /** Square of a tight coordinate. */
  square(frame: Frame, a: Coordinate, addend?: Coordinate): Coordinate
}

/** The prime field itself. */
export function primeAlgebra(base: Field): Algebra {
  return {
    base,
    components: 1,
    multiply: (frame, [a], [b], addend, lazy) => [multiply(base, frame, a!, b!, addend?.[0], lazy)],
    square: (frame, [a], addend) => [base.square(frame, a!, addend?.[0])],
  }
}

/** The quadratic extension by `u^2 = -1`. Two sums of two products cost less than three products with a reduction each. */
export function quadraticAlgebra(base: Field): Algebra {
  return {
    base,
    components: 2,
    multiply: (frame, [a0, a1], [b0, b1], addend, lazy) => [
      base.sumOfProducts(
        frame,
        [
          [a0!, b0!],
          [base.neg(frame, a1!), b1!],
        ],
        addend?.[0],
        lazy,
      ),
      base.sumOfProducts(
        frame,
        [
          [a0!, b1!],
          [a1!, b0!],
        ],
        addend?.[1],
        lazy,
      ),
    ],
    square: (frame, [a, b], addend) => [
      multiply(base, frame, base.add(frame, a!, b!), base.sub(frame, a!, b!), addend?.[0]),
      multiply(base, frame, base.add(frame, a!, a!), b!, addend?.[1]),
    ],
  }
}

export function coordinateBytes({ base, components }: Algebra): number {
  return components * base.elementBytes
}

export function mapCoordinate(a: Coordinate, map: (element: Element, i: number) => Element): Coordinate {
  return a.map(map)
}

export function add({ base }: Algebra, frame: Frame, a: Coordinate, b: Coordinate): Coordinate {
  return a.map((element, i) => base.add(frame, element, b[i]!))
}

export function sub({ base }: Algebra, frame: Frame, a: Coordinate, b: Coordinate): Coordinate {
  return a.map((element, i) => base.sub(frame, element, b[i]!))
}

/** A mask of the lanes in which all components of a tight coordinate are 0. */
export function isZero({ base }: Algebra, frame: Frame, a: Coordinate): V128 {
  const [first, ...rest] = a.map((element) => base.isZero(frame, element))
  for (const mask of rest) local.set(first!, v128.and(first!, mask))
  return first!
}

/** `load`, `store` and so on of all components, one behind the other in memory. */
export function loadSlots(
  { base, components }: Algebra,
  frame: Frame,
  { pointer, offset }: Place,
  bound?: Bound,
): Coordinate {
  return components_(components, (i) =>
    base.load(frame, { pointer, offset: offset + 2 * i * base.elementBytes }, bound),
  )
}

export function storeSlots({ base }: Algebra, { pointer, offset }: Place, a: Coordinate): void {
  a.forEach((element, i) => base.store({ pointer, offset: offset + 2 * i * base.elementBytes }, element))
}

export function gather({ base, components }: Algebra, frame: Frame, first: Place, second: Place): Coordinate {
  const shifted = ({ pointer, offset }: Place, i: number) => ({ pointer, offset: offset + i * base.elementBytes })
  return components_(components, (i) => base.gather(frame, shifted(first, i), shifted(second, i)))
}

export function scatter({ base }: Algebra, first: Place, second: Place, a: Coordinate): void {
  const shifted = ({ pointer, offset }: Place, i: number) => ({ pointer, offset: offset + i * base.elementBytes })
  a.forEach((element, i) => base.scatter(shifted(first, i), shifted(second, i), element))
}

function components_(count: number, component: (i: number) => Element): Coordinate {
  return Array.from({ length: count }, (_, i) => component(i))
}
