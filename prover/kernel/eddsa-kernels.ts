import { EDWARDS_A, EDWARDS_D } from '../../protocol/curve.ts'
import { inverse, modulo, squareRoot } from './bigint-field.ts'
import { advance, type Frame, type I32, kernel, repeat, type V128 } from './emit.ts'
import { type Bound, type Element, type Field, multiply, type Place } from './field.ts'
import { call, i32, local, v128, type WasmFunction } from './wasm.ts'

const WORD_BYTES = 32
/** Words that a signature is hashed from: R8's x and y, A's x and y, the message. */
export const SIGNATURE_WORDS = 5
/** Digits of the base point's scalar: a table of all multiples that a byte can be. */
export const BASE_TABLE_SIZE = 256
// Elements of an entry of that table.
const BASE_ENTRY = 3
// Digits of the other scalar: four bits, a table a lane.
const DIGIT_BITS = 4
const TABLE_SIZE = 2 ** DIGIT_BITS
const ENTRY = 4

/**
 * Points of BabyJubJub in the form `-x^2 + y^2 = 1 + d x^2 y^2`, to which it is isomorphic by a factor of x. Its formulas have no
 * exceptions. A point in memory is slots X, Y, Z, E and H with x = X / Z, y = Y / Z and x y = E H / Z: the last product is only
 * made where an addition needs it.
 */
const POINT = { x: 0, y: 1, z: 2, e: 3, h: 4 } as const
const POINT_SLOTS = 5
const EXTENSION: Bound = { limb: 2, value: 1.25 }

/** Bytes of scratch memory of `verify`: a point, the coordinates of R8, and a table for each lane. */
export function verifyScratch({ elementBytes }: Pick<Field, 'elementBytes'>): number {
  return elementBytes * (2 * (POINT_SLOTS + 2) + 2 * TABLE_SIZE * ENTRY)
}

/** The entry of the base point's table for a multiple of it: (y - x) / 2, (y + x) / 2 and d x y, in the form with -x^2. */
export function baseEntry([x, y]: readonly [bigint, bigint], modulus: bigint): bigint[] {
  const half = inverse(2n, modulus)
  const scaled = x * xFactor(modulus)
  return [(y - scaled) * half, (y + scaled) * half, twistedD(modulus) * scaled * y].map((value) =>
    modulo(value, modulus),
  )
}

/**
 * `verify(words, hashes, scalars, base, factor, scratch, results, count)`, of `count` pairs of signatures: whether `S B8 - 8 h A = R8`, with
 * both points on the curve, as a 64-bit mask each. Of each signature `words` has the words that are hashed, `hashes` the hash h,
 * `scalars` S; `base` is the table of multiples of B8, `factor` the element that brings words into Montgomery form.
 */
export function eddsaKernels(field: Field): Readonly<Record<string, WasmFunction>> {
  const { elementBytes, modulus } = field
  const [slotBytes, entryBytes] = [2 * elementBytes, ENTRY * elementBytes]
  const double = doubleKernel(field)
  const addEntry = addKernel(field, false)
  const addBase = addKernel(field, true)
  const cache = cacheKernel(field)

  const verify = kernel(8, ([words, hashes, scalars, base, factor, scratch, results, count], frame) => {
    const point = scratch!
    const nonce = (i: number): Place => ({ pointer: scratch!, offset: (POINT_SLOTS + i) * slotBytes })
    const tables = [0, 1].map((lane) => {
      const table = frame.i32()
      local.set(table, i32.add(scratch!, (POINT_SLOTS + 2) * slotBytes + lane * TABLE_SIZE * entryBytes))
      return table
    }) as [I32, I32]
    const entries = [frame.i32(), frame.i32()] as const
    const writePoint = (values: Readonly<Record<keyof typeof POINT, Element>>): void => {
      for (const [name, value] of Object.entries(values))
        field.store(slot(field, point, name as keyof typeof POINT), value)
    }
    const scale = field.loadBoth(frame, { pointer: factor!, offset: 0 })
    const word = (index: number): Element => {
      const offset = index * WORD_BYTES
      const plain = field.unpack(
        frame,
        { pointer: words!, offset },
        { pointer: words!, offset: offset + SIGNATURE_WORDS * WORD_BYTES },
      )
      return multiply(field, frame, plain, scale)
    }
    const scaledPoint = (index: number): [Element, Element] => {
      return [multiply(field, frame, word(index), field.constant(frame, xFactor(modulus))), word(index + 1)]
    }
    const [valid, left] = [frame.v128(), frame.i32()]
    const digit = frame.i32()

    repeat(count!, () => {
      const one = field.constant(frame, 1n)
      const zero = field.constant(frame, 0n)
      const [rx, ry] = scaledPoint(0)
      const [ax, ay] = scaledPoint(2)
      local.set(valid, onCurve(field, frame, rx, ry))
      local.set(valid, v128.and(valid, onCurve(field, frame, ax, ay)))
      field.store(nonce(0), rx)
      field.store(nonce(1), ry)

      // Multiples of -8 A.
      const minus = field.neg(frame, ax)
      writePoint({ x: minus, y: ay, z: one, e: minus, h: ay })
      call(double, [point, 3])
      const identity = [one, one, zero, field.tighten(frame, field.add(frame, one, one))]
      identity.forEach((value, i) =>
        field.scatter(
          { pointer: tables[0], offset: i * elementBytes },
          { pointer: tables[1], offset: i * elementBytes },
          value,
        ),
      )
      entries.forEach((entry, lane) => local.set(entry, i32.add(tables[lane]!, entryBytes)))
      call(cache, [point, ...entries])
      local.set(left, TABLE_SIZE - 2)
      repeat(left, () => {
        call(addEntry, [point, ...tables.map((table) => i32.add(table, entryBytes))])
        for (const entry of entries) advance(entry, entryBytes)
        call(cache, [point, ...entries])
      })

      writePoint({ x: zero, y: one, z: one, e: zero, h: one })
      for (const pointer of [hashes!, scalars!]) advance(pointer, WORD_BYTES)
      local.set(left, WORD_BYTES)
      repeat(left, () => {
        for (const pointer of [hashes!, scalars!]) advance(pointer, -1)
        for (const shift of [DIGIT_BITS, 0]) {
          call(double, [point, DIGIT_BITS])
          entries.forEach((entry, lane) => {
            const byte = i32.load8_u({ offset: lane * WORD_BYTES, align: 1 }, hashes!)
            local.set(digit, i32.and(i32.shr_u(byte, shift), TABLE_SIZE - 1))
            local.set(entry, i32.add(tables[lane]!, i32.mul(digit, entryBytes)))
          })
          call(addEntry, [point, ...entries])
        }
        entries.forEach((entry, lane) => {
          const byte = i32.load8_u({ offset: lane * WORD_BYTES, align: 1 }, scalars!)
          local.set(entry, i32.add(base!, i32.mul(byte, BASE_ENTRY * elementBytes)))
        })
        call(addBase, [point, ...entries])
      })

      const z = loadPart(field, frame, point, 'z')
      for (const [i, name] of (['x', 'y'] as const).entries()) {
        const difference = multiply(
          field,
          frame,
          field.load(frame, nonce(i)),
          z,
          field.neg(frame, loadPart(field, frame, point, name)),
        )
        local.set(valid, v128.and(valid, field.isZero(frame, difference)))
      }
      v128.store({ offset: 0, align: 8 }, results!, valid)
      advance(results!, 16)
      advance(words!, 2 * SIGNATURE_WORDS * WORD_BYTES)
      for (const pointer of [hashes!, scalars!]) advance(pointer, 2 * WORD_BYTES)
    })
  })
  return { verify }
}

/** `s` with `s^2 = -a`, so that s x is the x of the form with -x^2. */
function xFactor(modulus: bigint): bigint {
  return squareRoot(modulus - EDWARDS_A, modulus)
}

/** d of the form with -x^2. */
function twistedD(modulus: bigint): bigint {
  return modulo(-EDWARDS_D * inverse(EDWARDS_A, modulus), modulus)
}

function slot(field: Field, point: I32, part: keyof typeof POINT): Place {
  return { pointer: point, offset: POINT[part] * 2 * field.elementBytes }
}

function loadPart(field: Field, frame: Frame, point: I32, part: keyof typeof POINT): Element {
  const place = slot(field, point, part)
  return part === 'e' || part === 'h' ? field.load(frame, place, EXTENSION) : field.load(frame, place)
}

/** A mask of the lanes in which `y^2 - x^2 = 1 + d x^2 y^2`. */
function onCurve(field: Field, frame: Frame, x: Element, y: Element): V128 {
  const [xx, yy] = [field.square(frame, x), field.square(frame, y)]
  const product = multiply(field, frame, xx, yy)
  const right = multiply(
    field,
    frame,
    product,
    field.constant(frame, twistedD(field.modulus)),
    field.sub(frame, xx, yy),
  )
  return field.isZero(frame, field.tighten(frame, field.add(frame, right, field.constant(frame, 1n))))
}

/** `double(point, times)`, by "dbl-2008-hwcd". */
function doubleKernel(field: Field): WasmFunction {
  return kernel(2, ([point, times], frame) => {
    repeat(times!, () => {
      const [x, y, z] = (['x', 'y', 'z'] as const).map((part) => loadPart(field, frame, point!, part)) as [
        Element,
        Element,
        Element,
      ]
      const [xx, yy] = [field.square(frame, x), field.square(frame, y)]
      const e = multiply(field, frame, field.add(frame, x, x), y, undefined, true)
      const g = field.sub(frame, yy, xx)
      const f = multiply(field, frame, z, field.neg(frame, field.add(frame, z, z)), g)
      const h = field.neg(frame, field.add(frame, xx, yy))
      storeProducts(field, frame, point!, e, f, g, h)
    })
  })
}

/**
 * `add(point, first, second)` adds a point to each lane, by "add-2008-hwcd-3". They come from tables: as y - x, y + x, 2 d t and 2 z,
 * or, if `affine`, as half of that with z = 1.
 */
function addKernel(field: Field, affine: boolean): WasmFunction {
  return kernel(3, ([point, first, second], frame) => {
    const entry = (i: number) => {
      const offset = i * field.elementBytes
      return field.gather(frame, { pointer: first!, offset }, { pointer: second!, offset })
    }
    const [x, y, z, e1, h1] = (['x', 'y', 'z', 'e', 'h'] as const).map((part) =>
      loadPart(field, frame, point!, part),
    ) as [Element, Element, Element, Element, Element]
    const t = multiply(field, frame, e1, h1, undefined, true)
    const a = multiply(field, frame, field.sub(frame, y, x), entry(0))
    const b = multiply(field, frame, field.add(frame, y, x), entry(1))
    const c = multiply(field, frame, t, entry(2))
    const d = affine ? z : multiply(field, frame, z, entry(3))
    storeProducts(
      field,
      frame,
      point!,
      field.sub(frame, b, a),
      field.sub(frame, d, c),
      field.add(frame, d, c),
      field.add(frame, b, a),
    )
  })
}

/** Last steps of both formulas: the point of x = E / G and y = H / F. */
function storeProducts(field: Field, frame: Frame, point: I32, e: Element, f: Element, g: Element, h: Element): void {
  if ([e, h].some(({ limb, value }) => limb > EXTENSION.limb || value > EXTENSION.value))
    throw new Error('A coordinate exceeds the bounds of its memory.')
  const store = (part: keyof typeof POINT, value: Element): void => field.store(slot(field, point, part), value)
  store('x', multiply(field, frame, e, f))
  store('y', multiply(field, frame, g, h))
  store('z', multiply(field, frame, f, g))
  store('e', e)
  store('h', h)
}

/** `cache(point, first, second)` makes entries of a table, one a lane. */
function cacheKernel(field: Field): WasmFunction {
  return kernel(3, ([point, first, second], frame) => {
    const [x, y, z, e, h] = (['x', 'y', 'z', 'e', 'h'] as const).map((part) =>
      loadPart(field, frame, point!, part),
    ) as [Element, Element, Element, Element, Element]
    const product = multiply(field, frame, e, h)
    const values = [
      field.tighten(frame, field.sub(frame, y, x)),
      field.tighten(frame, field.add(frame, y, x)),
      multiply(field, frame, product, field.constant(frame, 2n * twistedD(field.modulus))),
      field.tighten(frame, field.add(frame, z, z)),
    ]
    values.forEach((value, i) =>
      field.scatter(
        { pointer: first!, offset: i * field.elementBytes },
        { pointer: second!, offset: i * field.elementBytes },
        value,
      ),
    )
  })
}
