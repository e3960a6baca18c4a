import { primeAlgebra, quadraticAlgebra } from './algebra.ts'
import { BASE_FIELD, SCALAR_FIELD } from './bigint-field.ts'
import { bucketKernels } from './bucket-kernels.ts'
import { ElementCodec } from './element-codec.ts'
import { CONSTANT_BYTES, ConstantPool } from './emit.ts'
import type { Field } from './field.ts'
import { FmaField } from './field-fma.ts'
import { IntegerField } from './field-integer.ts'
import { fieldKernels } from './field-kernels.ts'
import { checkedGroupKernels, groupKernels } from './group-kernels.ts'
import { nttKernels } from './ntt-kernels.ts'
import { quotientKernels } from './quotient-kernels.ts'
import { encodeModule, type WasmFunction } from './wasm.ts'

/** Variants of arithmetic on field elements: by fused multiply-add, or by integers where the machine has none. */
export type FieldVariant = 'fma' | 'integer'

export interface KernelModule {
  readonly bytes: Uint8Array<ArrayBuffer>
  /** Bytes that belong at an address of the memory. */
  readonly constants: Uint8Array<ArrayBuffer>
}

/** Most pages of a 32-bit memory. */
export const MAXIMUM_PAGES = 65_536

/** Address of the constants of batches in checked form, behind all others. */
export const CHECKED_CONSTANTS = CONSTANT_BYTES / 2

/**
 * Builds the kernel's WebAssembly, some 450 KB; its constants belong at address 0. Exports are named by what they work on: `fp` and `fr`, the base and the scalar
 * field; `ntt` and `quotient`, over the scalar field; `g1` and `g2`.
 */
export function buildKernelModule(variant: FieldVariant): KernelModule {
  const pool = new ConstantPool(0, CHECKED_CONSTANTS)
  const [base, scalar] = [BASE_FIELD, SCALAR_FIELD].map((modulus) => makeField(variant, modulus, pool)) as [
    Field,
    Field,
  ]
  return encodeParts(pool, {
    fp: fieldKernels(base),
    fr: fieldKernels(scalar),
    ntt: nttKernels(scalar, pool),
    quotient: quotientKernels(scalar),
    bucket: bucketKernels(),
    g1: groupKernels(primeAlgebra(base)),
    g2: groupKernels(quadraticAlgebra(base)),
  })
}

/** Builds the batches of additions in checked form, `g1` and `g2`, for the same memory; constants belong at `CHECKED_CONSTANTS`. */
export function buildCheckedModule(variant: FieldVariant): KernelModule {
  const pool = new ConstantPool(CHECKED_CONSTANTS, CONSTANT_BYTES - CHECKED_CONSTANTS)
  const base = makeField(variant, BASE_FIELD, pool)
  return encodeParts(pool, {
    g1: checkedGroupKernels(primeAlgebra(base)),
    g2: checkedGroupKernels(quadraticAlgebra(base)),
  })
}

function encodeParts(
  pool: ConstantPool,
  parts: Readonly<Record<string, Readonly<Record<string, WasmFunction>>>>,
): KernelModule {
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
