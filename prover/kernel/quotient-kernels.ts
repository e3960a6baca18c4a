import { advance, type Frame, type I32, kernel, repeat } from './emit.ts'
import { assignElement, type Element, type Field, multiply, type Place } from './field.ts'
import { plainOne } from './field-kernels.ts'
import { i32, local, type WasmFunction } from './wasm.ts'

/** Bytes of a step of a row: addresses of coefficient and wire for A, then for B. */
export const TERM_BYTES = 16

/**
 * Kernels of a Groth16 quotient besides transforms. Values of A and B lie in one array of slots, A in the first lane and B in the
 * second; C, of n elements, in n / 2 slots, element i beside element i + n / 2.
 *
 * - `rows(terms, counts, ab, rows)`: sums of coefficient times wire, a row a slot; `counts` has a 32-bit number of terms a row.
 * - `products(ab, far, c, count)`: A times B, of the slots at `ab` and at `far` side by side.
 * - `scale(slots, factors, count)`: slot by slot times an element for both lanes.
 * - `scalePairs(slots, factors, far, count)`: the same with an element for each lane.
 * - `powers(table, count, ratio)`: elements `1, ratio, ratio^2, ...`, where the first is there already.
 * - `powerSlots(slots, count, firsts, ratios)`: slots `first, first ratio, first ratio^2, ...`, with elements of its own for each lane.
 * - `finish(ab, far, c, words, farWords, count)`: A B - C as 32-byte integers, of both sides.
 */
export function quotientKernels(field: Field): Readonly<Record<string, WasmFunction>> {
  const slotBytes = 2 * field.elementBytes
  const at = (pointer: I32, offset = 0): Place => ({ pointer, offset })

  /** A times B for the slots at two places. */
  const crossProduct = (frame: Frame, ab: I32, far: I32, addend?: Element): Element => {
    const [a, b] = field.zip(frame, field.load(frame, at(ab)), field.load(frame, at(far)))
    return multiply(field, frame, a, b, addend)
  }

  return {
    rows: kernel(4, ([terms, counts, ab, rows], frame) => {
      const left = frame.i32()
      const pointers = Array.from({ length: 4 }, () => frame.i32()) as [I32, I32, I32, I32]
      const sum = field.constant(frame, 0n)
      repeat(rows!, () => {
        assignElement(sum, field.constant(frame, 0n))
        local.set(left, i32.load({ offset: 0, align: 4 }, counts!))
        repeat(left, () => {
          pointers.forEach((pointer, i) => local.set(pointer, i32.load({ offset: 4 * i, align: 4 }, terms!)))
          const [coefficientA, wireA, coefficientB, wireB] = pointers
          const coefficients = field.gather(frame, at(coefficientA), at(coefficientB))
          assignElement(sum, multiply(field, frame, coefficients, field.gather(frame, at(wireA), at(wireB)), sum))
          advance(terms!, TERM_BYTES)
        })
        field.store(at(ab!), sum)
        advance(ab!, slotBytes)
        advance(counts!, 4)
      })
    }),
    products: kernel(4, ([ab, far, c, count], frame) => {
      repeat(count!, () => {
        field.store(at(c!), crossProduct(frame, ab!, far!))
        for (const pointer of [ab!, far!, c!]) advance(pointer, slotBytes)
      })
    }),
    scale: kernel(3, ([slots, factors, count], frame) => {
      repeat(count!, () => {
        field.store(
          at(slots!),
          multiply(field, frame, field.load(frame, at(slots!)), field.loadBoth(frame, at(factors!))),
        )
        advance(slots!, slotBytes)
        advance(factors!, field.elementBytes)
      })
    }),
    scalePairs: kernel(4, ([slots, factors, far, count], frame) => {
      repeat(count!, () => {
        field.store(
          at(slots!),
          multiply(field, frame, field.load(frame, at(slots!)), field.gather(frame, at(factors!), at(far!))),
        )
        advance(slots!, slotBytes)
        for (const pointer of [factors!, far!]) advance(pointer, field.elementBytes)
      })
    }),
    powers: kernel(3, ([table, count, ratio], frame) => {
      const factor = field.loadBoth(frame, at(ratio!))
      const power = field.loadBoth(frame, at(table!))
      repeat(count!, () => {
        field.scatter(at(table!), at(table!), power)
        assignElement(power, multiply(field, frame, power, factor))
        advance(table!, field.elementBytes)
      })
    }),
    powerSlots: kernel(4, ([slots, count, firsts, ratios], frame) => {
      const pair = (pointer: I32) => field.gather(frame, at(pointer), at(pointer, field.elementBytes))
      const [power, factor] = [pair(firsts!), pair(ratios!)]
      repeat(count!, () => {
        field.store(at(slots!), power)
        assignElement(power, multiply(field, frame, power, factor))
        advance(slots!, slotBytes)
      })
    }),
    finish: kernel(6, ([ab, far, c, words, farWords, count], frame) => {
      const unit = plainOne(field, frame)
      repeat(count!, () => {
        const value = crossProduct(frame, ab!, far!, field.neg(frame, field.load(frame, at(c!))))
        field.pack(frame, at(words!), at(farWords!), multiply(field, frame, value, unit))
        for (const pointer of [ab!, far!, c!]) advance(pointer, slotBytes)
        for (const pointer of [words!, farWords!]) advance(pointer, 32)
      })
    }),
  }
}
