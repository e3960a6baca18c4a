import { primeAlgebra, quadraticAlgebra } from './algebra.ts'
import { BASE_FIELD, SCALAR_FIELD } from './bigint-field.ts'
import { bucketKernels } from './bucket-kernels.ts'
import { ElementCodec } from './element-codec.ts'
import { ConstantPool } from './emit.ts'
import type { Field } from './field.ts'
import { FmaField } from './field-fma.ts'
import { IntegerField } from './field-integer.ts'
import { fieldKernels } from './field-kernels.ts'
import { groupKernels } from './group-kernels.ts'
import { nttKernels } from './ntt-kernels.ts'
import { quotientKernels } from './quotient-kernels.ts'
import { encodeModule, type WasmFunction } from './wasm.ts'

/** Variants of arithmetic on field elements: by fused multiply-add, or by integers where the machine has none. */
export type FieldVariant = 'fma' | 'integer'

export interface KernelModule {
  readonly bytes: Uint8Array<ArrayBuffer>
  /** Bytes that belong at the start of the memory. */
  readonly constants: Uint8Array<ArrayBuffer>
}

/** Most pages of a 32-bit memory. */
export const MAXIMUM_PAGES = 65_536

/**
 * Builds the kernel's WebAssembly, some 300 KB. Exports are named by what they work on: `fp` and `fr`, the base and the scalar
 * field; `ntt` and `quotient`, over the scalar field; `g1` and `g2`.
 */
export function buildKernelModule(variant: FieldVariant): KernelModule {
  const pool = new ConstantPool()
  const [base, scalar] = [BASE_FIELD, SCALAR_FIELD].map((modulus) => makeField(variant, modulus, pool)) as [
    Field,
    Field,
  ]
  const parts: Readonly<Record<string, Readonly<Record<string, WasmFunction>>>> = {
    fp: fieldKernels(base),
    fr: fieldKernels(scalar),
    ntt: nttKernels(scalar, pool),
    quotient: quotientKernels(scalar),
    bucket: bucketKernels(),
    g1: groupKernels(primeAlgebra(base)),
    g2: groupKernels(quadraticAlgebra(base)),
  }
  const exports = Object.entries(parts).flatMap(([part, functions]) =>
    Object.entries(functions).map(([name, target]) => [`${part}_${name}`, target] as const),
  )
  return { bytes: encodeModule(Object.fromEntries(exports), MAXIMUM_PAGES), constants: pool.bytes() }
}

/** Forms in which a variant keeps elements of the base and of the scalar field in memory. */
export function elementCodecs(variant: FieldVariant): { base: ElementCodec; scalar: ElementCodec } {
  const codec = (modulus: bigint) => new ElementCodec(makeField(variant, modulus, new ConstantPool()), variant)
  return { base: codec(BASE_FIELD), scalar: codec(SCALAR_FIELD) }
}

export function makeField(variant: FieldVariant, modulus: bigint, pool: ConstantPool): Field {
  return variant === 'fma' ? new FmaField(modulus, pool) : new IntegerField(modulus, pool)
}
