import { advance, type Frame, type I32, kernel, repeat } from './emit.ts'
import { assignElement, type Bound, type Element, type Field, multiply, type Place, TIGHT } from './field.ts'
import { plainOne } from './field-kernels.ts'
import type { PoseidonConstants } from './poseidon-constants.ts'
import { i32, local, type WasmFunction } from './wasm.ts'

const WORD_BYTES = 32

/**
 * Two hashes at a time, one a lane, on arrays of states: `width` slots each, one state behind the other.
 *
 * `full(states, results, count, constants, matrix, rows)` is a full round, of which the first `rows` elements are computed; it uses
 * up the states. `partial(states, results, count, scratch, table)` is all partial rounds, from what the entry matrix makes;
 * `scratch` is `partialScratch` bytes, `table` is `partialTable`.
 */
export function poseidonKernels(field: Field, constants: PoseidonConstants): Readonly<Record<string, WasmFunction>> {
  return { full: fullKernel(field, constants.width), partial: partialKernel(field, constants) }
}

/**
 * `load(words, states, count, inputs, factor)` makes states of the inputs of pairs of hashes, which are 32-byte little-endian
 * words below the modulus, all of one hash together; `factor` is the element that brings them into Montgomery form.
 * `store(states, words, count, inputs)` writes the first elements of states, as such words.
 */
export function stateKernels(field: Field): Readonly<Record<string, WasmFunction>> {
  const slotBytes = 2 * field.elementBytes
  return {
    load: kernel(5, ([words, states, count, inputs, factor], frame) => {
      const scale = field.loadBoth(frame, { pointer: factor!, offset: 0 })
      const zero = field.constant(frame, 0n)
      const [second, left] = [frame.i32(), frame.i32()]
      repeat(count!, () => {
        field.store({ pointer: states!, offset: 0 }, zero)
        advance(states!, slotBytes)
        local.set(second, i32.add(words!, i32.mul(inputs!, WORD_BYTES)))
        local.set(left, inputs!)
        repeat(left, () => {
          const plain = field.unpack(frame, { pointer: words!, offset: 0 }, { pointer: second, offset: 0 })
          field.store({ pointer: states!, offset: 0 }, multiply(field, frame, plain, scale))
          advance(states!, slotBytes)
          for (const pointer of [words!, second]) advance(pointer, WORD_BYTES)
        })
        local.set(words!, second)
      })
    }),
    store: kernel(4, ([states, words, count, inputs], frame) => {
      const unit = plainOne(field, frame)
      repeat(count!, () => {
        const hash = multiply(field, frame, field.load(frame, { pointer: states!, offset: 0 }), unit)
        field.pack(frame, { pointer: words!, offset: 0 }, { pointer: words!, offset: WORD_BYTES }, hash)
        local.set(states!, i32.add(states!, i32.mul(i32.add(inputs!, 1), slotBytes)))
        advance(words!, 2 * WORD_BYTES)
      })
    }),
  }
}

function fullKernel(field: Field, width: number): WasmFunction {
  const slotBytes = 2 * field.elementBytes
  return kernel(6, ([states, results, count, constants, matrix, rows], frame) => {
    const [constant, element, row, result, left] = [frame.i32(), frame.i32(), frame.i32(), frame.i32(), frame.i32()]
    repeat(count!, () => {
      local.set(constant, constants!)
      local.set(element, states!)
      local.set(left, width)
      let bound: Bound = TIGHT
      repeat(left, () => {
        const place: Place = { pointer: element, offset: 0 }
        const input = field.add(
          frame,
          field.load(frame, place),
          field.loadBoth(frame, { pointer: constant, offset: 0 }),
        )
        const output = fifthPower(field, frame, input, width)
        field.store(place, output)
        bound = output
        advance(element, slotBytes)
        advance(constant, field.elementBytes)
      })
      local.set(row, matrix!)
      local.set(result, results!)
      local.set(left, rows!)
      repeat(left, () => {
        const terms = Array.from(
          { length: width },
          (_, i) =>
            [
              field.loadBoth(frame, { pointer: row, offset: i * field.elementBytes }),
              field.load(frame, { pointer: states!, offset: i * slotBytes }, bound),
            ] as const,
        )
        field.store({ pointer: result, offset: 0 }, longSum(field, frame, terms))
        advance(result, slotBytes)
        advance(row, width * field.elementBytes)
      })
      for (const pointer of [states!, results!]) advance(pointer, width * slotBytes)
    })
  })
}

/** Bytes of scratch memory of `partial`: the history of `y` and `s`, side by side. */
export function partialScratch(
  { elementBytes }: Pick<Field, 'elementBytes'>,
  { width, partialRounds }: PoseidonConstants,
): number {
  return (partialRounds + width) * 4 * elementBytes
}

/** The table of `partial`, as values of elements. */
export function partialTable({ partialConstants, recurrence, exit }: PoseidonConstants): bigint[] {
  return [...partialConstants, ...recurrence, ...exit.flat()]
}

function partialKernel(field: Field, { width, partialRounds, recurrence }: PoseidonConstants): WasmFunction {
  const others = width - 1
  const [elementBytes, slotBytes] = [field.elementBytes, 2 * field.elementBytes]
  const recordBytes = 2 * slotBytes
  const ascending = (length: number) => Array.from({ length }, (_, i) => i)

  return kernel(5, ([states, results, count, scratch, table], frame) => {
    const [history, constant, coefficients, row, left] = [
      frame.i32(),
      frame.i32(),
      frame.i32(),
      frame.i32(),
      frame.i32(),
    ]
    // A record is y[j] and s[j - 1]; in round j, `history` is at the record of round j - width + 1, and so the new one at `others`.
    const y = (record: number): Place => ({ pointer: history, offset: record * recordBytes })
    const s = (record: number): Place => ({ pointer: history, offset: record * recordBytes + slotBytes })
    const combine = (factors: I32, variables: readonly Element[]): Element =>
      longSum(
        field,
        frame,
        variables.map((variable, i) => [
          field.loadBoth(frame, { pointer: factors, offset: i * elementBytes }),
          variable,
        ]),
      )

    local.set(coefficients, i32.add(table!, partialRounds * elementBytes))
    repeat(count!, () => {
      local.set(history, scratch!)
      const zero = field.constant(frame, 0n)
      const part = (i: number) => field.load(frame, { pointer: states!, offset: i * slotBytes })
      for (const i of ascending(others)) {
        field.store(y(i), part(i))
        field.store(s(i), zero)
      }
      const current = part(others)
      let bound: Bound = TIGHT
      local.set(constant, table!)
      local.set(left, partialRounds)
      repeat(left, () => {
        const input = field.add(frame, current, field.loadBoth(frame, { pointer: constant, offset: 0 }))
        const output = fifthPower(field, frame, input, width)
        bound = output
        field.store(s(others), output)
        const next = combine(coefficients, [
          ...ascending(others).map((i) => field.load(frame, y(others - 1 - i))),
          ...ascending(width).map((i) => field.load(frame, s(others - i), bound)),
        ])
        field.store(y(others), next)
        assignElement(current, next)
        advance(history, recordBytes)
        advance(constant, elementBytes)
      })

      field.store({ pointer: results!, offset: 0 }, current)
      advance(results!, slotBytes)
      local.set(row, i32.add(coefficients, recurrence.length * elementBytes))
      local.set(left, others)
      repeat(left, () => {
        const latest = ascending(others).map((i) => others - 1 - i)
        const sum = combine(row, [
          ...latest.map((i) => field.load(frame, y(i))),
          ...latest.map((i) => field.load(frame, s(i), bound)),
        ])
        field.store({ pointer: results!, offset: 0 }, sum)
        advance(row, 2 * others * elementBytes)
        advance(results!, slotBytes)
      })
      advance(states!, width * slotBytes)
    })
  })
}

/** The S-box. */
function fifthPower(field: Field, frame: Frame, input: Element, width: number): Element {
  const square = field.square(frame, input, undefined, true)
  const fourth = field.square(frame, square, undefined, true)
  // Only short sums can take up what is not reduced in full.
  return multiply(field, frame, fourth, input, undefined, width <= 3)
}

type Product = readonly [Element, Element]

// So many products of tight elements every field adds up with one reduction.
const SUM = 12

/** A sum of products, tight. The factors have to be tight unless there are few. */
function longSum(field: Field, frame: Frame, products: readonly Product[]): Element {
  const parts = Math.ceil(products.length / SUM)
  if (parts === 1) return field.sumOfProducts(frame, products)
  const size = Math.ceil(products.length / parts)
  const sums = Array.from({ length: parts }, (_, i) =>
    field.sumOfProducts(frame, products.slice(i * size, (i + 1) * size)),
  )
  return field.tighten(
    frame,
    sums.reduce((a, b) => field.add(frame, a, b)),
  )
}
