import { SCALAR_FIELD } from './bigint-field.ts'
import { eddsaKernels } from './eddsa-kernels.ts'
import { ConstantPool } from './emit.ts'
import { type FieldVariant, type KernelModule, MAXIMUM_PAGES, makeField } from './module.ts'
import { poseidonConstants } from './poseidon-constants.ts'
import { poseidonKernels, stateKernels } from './poseidon-kernels.ts'
import { encodeModule, type WasmFunction } from './wasm.ts'

/** Numbers of inputs that there are kernels for. */
export const KERNEL_ARITIES = [2, 3, 4, 5, 11, 16] as const
export type KernelArity = (typeof KERNEL_ARITIES)[number]

export function isKernelArity(inputs: number): inputs is KernelArity {
  return (KERNEL_ARITIES as readonly number[]).includes(inputs)
}

/**
 * Builds the WebAssembly of hashes and signatures, apart from the prover's, as it is needed without it. Exports are named by what
 * they work on: `state`; `poseidon2` and so on, by the number of inputs; `eddsa`.
 */
export function buildHashModule(variant: FieldVariant): KernelModule {
  const pool = new ConstantPool()
  const field = makeField(variant, SCALAR_FIELD, pool)
  const parts: Readonly<Record<string, Readonly<Record<string, WasmFunction>>>> = {
    state: stateKernels(field),
    ...Object.fromEntries(
      KERNEL_ARITIES.map((inputs) => [`poseidon${inputs}`, poseidonKernels(field, poseidonConstants(inputs))]),
    ),
    eddsa: eddsaKernels(field),
  }
  const exports = Object.entries(parts).flatMap(([part, functions]) =>
    Object.entries(functions).map(([name, target]) => [`${part}_${name}`, target] as const),
  )
  return { bytes: encodeModule(Object.fromEntries(exports), MAXIMUM_PAGES), constants: pool.bytes() }
}
