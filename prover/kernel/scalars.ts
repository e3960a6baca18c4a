import type { Kernel } from './kernel.ts'

/** Scalars in the kernel's memory, 32 bytes little-endian each, below the group's order. */
export interface Scalars {
  readonly pointer: number
  readonly count: number
}

export const SCALAR_BYTES = 32

/** Room for scalars, and for one more that is 0, as the kernel works on pairs. */
export function allocateScalars({ arena, machine }: Kernel, count: number): Scalars {
  const pointer = arena.allocate(SCALAR_BYTES * (count + 1))
  machine.bytes(pointer + SCALAR_BYTES * count, SCALAR_BYTES).fill(0)
  return { pointer, count }
}

/** The address of some elements of the scalar field, one behind the other. */
export function writeElements({ arena, machine }: Kernel, ...values: bigint[]): number {
  const { elementBytes, scalar } = machine
  const pointer = arena.allocate(values.length * elementBytes)
  values.forEach((value, i) => scalar.write(machine.view, pointer + i * elementBytes, value))
  return pointer
}

/** The address of scalars times a factor, as elements of the scalar field. */
export function importScalars(kernel: Kernel, { pointer, count }: Scalars, factor: bigint): number {
  const { arena, machine } = kernel
  const pairs = Math.ceil(count / 2)
  const elements = arena.allocate(2 * pairs * machine.elementBytes)
  // One more radix brings integers into Montgomery form.
  machine.call.fr_import!(pointer, elements, pairs, writeElements(kernel, factor * machine.scalar.radix))
  return elements
}
