import { defineFunction, encodeModule, f64x2, v128 } from './wasm.ts'

/**
 * Whether this machine multiplies and adds with one rounding, for certain: relaxed SIMD exists, and a sum that two roundings
 * would get wrong comes out right. (Engines may do either.)
 */
export function hasFusedMultiplyAdd(): boolean {
  // At 0: a, b, c; the result goes to 48. (1 + 2^-52)^2 - (1 + 2^-51) = 2^-104 is lost in a rounded product.
  const run = defineFunction(1, ([base]) => {
    const operand = (offset: number) => v128.load({ offset, align: 8 }, base!)
    v128.store({ offset: 48, align: 8 }, base!, f64x2.relaxed_madd(operand(0), operand(16), operand(32)))
  })
  let module: WebAssembly.Module
  try {
    module = new WebAssembly.Module(encodeModule({ run }, 1))
  } catch {
    return false
  }
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true })
  const { exports } = new WebAssembly.Instance(module, { env: { memory } })
  const lanes = new Float64Array(memory.buffer)
  lanes.set([1 + 2 ** -52, 2 ** 51 + 1, 1 + 2 ** -52, 2 ** 51 + 1, -(1 + 2 ** -51), -(2 ** 102 + 2 ** 52)])
  ;(exports.run as (base: number) => void)(0)
  return lanes[6] === 2 ** -104 && lanes[7] === 1
}
