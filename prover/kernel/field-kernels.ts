import { inverse } from './bigint-field.ts'
import { advance, type Frame, kernel, repeat } from './emit.ts'
import { type Element, type Field, multiply } from './field.ts'
import { inversionKernel } from './inversion-kernels.ts'
import type { WasmFunction } from './wasm.ts'

/**
 * Arithmetic on arrays. `import(words, elements, count, factor)` takes pairs of 32-byte little-endian integers below the
 * modulus, each in its own element, times a factor (an element); `export(elements, words, count)` is the opposite for
 * elements in Montgomery form, and `exportTimes(elements, words, count, factor)` multiplies them by a factor (an element) first.
 * `exportSlots(slots, words, farWords, count)` exports the lanes of slots to places of their own. `multiply`, `square`, `add` and
 * `sub` work slot by slot on (a, b, result, count).
 */
export function fieldKernels(field: Field): Readonly<Record<string, WasmFunction>> {
  return {
    import: importKernel(field),
    export: exportKernel(field, 3),
    exportTimes: exportKernel(field, 4),
    exportSlots: slotExportKernel(field),
    multiply: slotKernel(field, (frame, a, b) => multiply(field, frame, a, b)),
    square: slotKernel(field, (frame, a) => field.square(frame, a)),
    add: slotKernel(field, (frame, a, b) => field.tighten(frame, field.add(frame, a, b))),
    sub: slotKernel(field, (frame, a, b) => field.tighten(frame, field.sub(frame, a, b))),
    invert: inversionKernel(field),
  }
}

function slotKernel(field: Field, operation: (frame: Frame, a: Element, b: Element) => Element): WasmFunction {
  return kernel(4, ([a, b, result, count], frame) => {
    repeat(count!, () => {
      const value = operation(
        frame,
        field.load(frame, { pointer: a!, offset: 0 }),
        field.load(frame, { pointer: b!, offset: 0 }),
      )
      field.store({ pointer: result!, offset: 0 }, value)
      for (const pointer of [a!, b!, result!]) advance(pointer, 2 * field.elementBytes)
    })
  })
}

const WORD_BYTES = 32

function importKernel(field: Field): WasmFunction {
  return kernel(4, ([words, elements, count, factor], frame) => {
    const scale = field.loadBoth(frame, { pointer: factor!, offset: 0 })
    repeat(count!, () => {
      const plain = field.unpack(frame, { pointer: words!, offset: 0 }, { pointer: words!, offset: WORD_BYTES })
      const pair = [0, field.elementBytes].map((offset) => ({ pointer: elements!, offset }))
      field.scatter(pair[0]!, pair[1]!, multiply(field, frame, plain, scale))
      advance(words!, 2 * WORD_BYTES)
      advance(elements!, 2 * field.elementBytes)
    })
  })
}

function exportKernel(field: Field, parameters: 3 | 4): WasmFunction {
  return kernel(parameters, ([elements, words, count, factor], frame) => {
    const one = plainOne(field, frame)
    const unit =
      factor === undefined ? one : multiply(field, frame, field.loadBoth(frame, { pointer: factor, offset: 0 }), one)
    repeat(count!, () => {
      const pair = [0, field.elementBytes].map((offset) => ({ pointer: elements!, offset }))
      const plain = multiply(field, frame, field.gather(frame, pair[0]!, pair[1]!), unit)
      field.pack(frame, { pointer: words!, offset: 0 }, { pointer: words!, offset: WORD_BYTES }, plain)
      advance(words!, 2 * WORD_BYTES)
      advance(elements!, 2 * field.elementBytes)
    })
  })
}

function slotExportKernel(field: Field): WasmFunction {
  return kernel(4, ([slots, words, farWords, count], frame) => {
    const unit = plainOne(field, frame)
    repeat(count!, () => {
      const plain = multiply(field, frame, field.load(frame, { pointer: slots!, offset: 0 }), unit)
      field.pack(frame, { pointer: words!, offset: 0 }, { pointer: farWords!, offset: 0 }, plain)
      advance(slots!, 2 * field.elementBytes)
      for (const pointer of [words!, farWords!]) advance(pointer, WORD_BYTES)
    })
  })
}

/** The integer 1: a product with it leaves Montgomery form. */
export function plainOne(field: Field, frame: Frame): Element {
  // Constants get a factor radix; this one should have none.
  return field.constant(frame, inverse(field.radix, field.modulus))
}
