import { advance, type ConstantPool, type Frame, kernel, repeat } from './emit.ts'
import { type Element, type Field, multiply } from './field.ts'
import { i32, local, type WasmFunction } from './wasm.ts'

/**
 * Butterflies of number-theoretic transforms over arrays of slots, both lanes alike: radix 4, which does two levels at once, and
 * radix 2 for a level that is left. `dif` goes from natural to bit-reversed order, `dit` back.
 *
 * All take (data, span, count, blocks, origin, twiddles, step, quarter): `blocks` blocks, one behind the other, of 4 (or 2) parts of
 * `span` bytes each; of every part `count` slots from the beginning are worked on. `origin` is the address of a table of powers
 * of a root of unity, as elements, `twiddles` that of the power for the first slot, `step` the bytes from there to the next
 * slot's (negative for the inverse transform, with `origin` at the table's end). `quarter` is the address of the power that
 * has order 4.
 *
 * `splitDif` and `splitDit` (data, count, twiddles, step) are the one level that goes across lanes, where an array of n elements
 * lies in n / 2 slots, element i beside element i + n / 2.
 */
export function nttKernels(field: Field, pool: ConstantPool): Readonly<Record<string, WasmFunction>> {
  return {
    dif4: butterflies(field, 4, (frame, [a, b, c, d], [w1, w2, w3], quarter) => {
      const [s0, s1] = [field.add(frame, a!, c!), field.add(frame, b!, d!)]
      const d0 = field.sub(frame, a!, c!)
      const d1 = multiply(field, frame, field.sub(frame, b!, d!), quarter)
      return [
        field.tighten(frame, field.add(frame, s0, s1)),
        multiply(field, frame, field.sub(frame, s0, s1), w2!),
        multiply(field, frame, field.add(frame, d0, d1), w1!),
        multiply(field, frame, field.sub(frame, d0, d1), w3!),
      ]
    }),
    dit4: butterflies(field, 4, (frame, [a, b, c, d], [w1, w2, w3], quarter) => {
      const t1 = multiply(field, frame, b!, w2!)
      const [t2, t3] = [multiply(field, frame, c!, w1!), multiply(field, frame, d!, w3!)]
      const [u0, u1] = [field.add(frame, a!, t1), field.sub(frame, a!, t1)]
      const v0 = field.add(frame, t2, t3)
      const v1 = multiply(field, frame, field.sub(frame, t2, t3), quarter)
      return [
        field.add(frame, u0, v0),
        field.add(frame, u1, v1),
        field.sub(frame, u0, v0),
        field.sub(frame, u1, v1),
      ].map((y) => field.tighten(frame, y))
    }),
    dif2: butterflies(field, 2, (frame, [a, b], [w]) => [
      field.tighten(frame, field.add(frame, a!, b!)),
      multiply(field, frame, field.sub(frame, a!, b!), w!),
    ]),
    dit2: butterflies(field, 2, (frame, [a, b], [w]) => {
      const t = multiply(field, frame, b!, w!)
      return [field.add(frame, a!, t), field.sub(frame, a!, t)].map((y) => field.tighten(frame, y))
    }),
    splitDif: splitLevel(field, pool, (frame, value, root, cross) => multiply(field, frame, cross(value), root)),
    splitDit: splitLevel(field, pool, (frame, value, root, cross) =>
      field.tighten(frame, cross(multiply(field, frame, value, root))),
    ),
  }
}

type Butterfly = (
  frame: Frame,
  inputs: readonly Element[],
  roots: readonly Element[],
  quarter: Element,
) => readonly Element[]

function butterflies(field: Field, radix: 2 | 4, butterfly: Butterfly): WasmFunction {
  const slotBytes = 2 * field.elementBytes
  return kernel(8, ([data, span, count, blocks, origin, twiddles, step, quarter], frame) => {
    const fourth = field.loadBoth(frame, { pointer: quarter!, offset: 0 })
    const [left, root] = [frame.i32(), frame.i32()]
    const parts = Array.from({ length: radix }, () => frame.i32())
    const roots = Array.from({ length: radix - 1 }, () => frame.i32())
    repeat(blocks!, () => {
      local.set(left, count!)
      local.set(root, twiddles!)
      local.set(parts[0]!, data!)
      for (let i = 1; i < radix; i++) local.set(parts[i]!, i32.add(parts[i - 1]!, span!))
      repeat(left, () => {
        local.set(roots[0]!, root)
        for (let i = 1; i < roots.length; i++) local.set(roots[i]!, i32.add(roots[i - 1]!, i32.sub(root, origin!)))
        const inputs = parts.map((pointer) => field.load(frame, { pointer, offset: 0 }))
        const factors = roots.map((pointer) => field.loadBoth(frame, { pointer, offset: 0 }))
        butterfly(frame, inputs, factors, fourth).forEach((output, i) =>
          field.store({ pointer: parts[i]!, offset: 0 }, output),
        )
        for (const pointer of parts) advance(pointer, slotBytes)
        local.set(root, i32.add(root, step!))
      })
      local.set(data!, i32.add(data!, i32.mul(span!, radix)))
    })
  })
}

type SplitLevel = (frame: Frame, value: Element, root: Element, cross: (value: Element) => Element) => Element

function splitLevel(field: Field, pool: ConstantPool, level: SplitLevel): WasmFunction {
  return kernel(4, ([data, count, twiddles, step], frame) => {
    const upper = frame.v128()
    local.set(upper, pool.pair(0n, -1n))
    const one = field.constant(frame, 1n)
    // (x, y) to (x + y, x - y).
    const cross = (value: Element) => field.add(frame, field.negateWhere(frame, value, upper), field.swap(frame, value))
    repeat(count!, () => {
      const root = field.zip(frame, one, field.loadBoth(frame, { pointer: twiddles!, offset: 0 }))[0]
      field.store(
        { pointer: data!, offset: 0 },
        level(frame, field.load(frame, { pointer: data!, offset: 0 }), root, cross),
      )
      advance(data!, 2 * field.elementBytes)
      local.set(twiddles!, i32.add(twiddles!, step!))
    })
  })
}
