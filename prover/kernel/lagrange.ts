import { inverse, power, SCALAR_FIELD as R } from './bigint-field.ts'
import { SCALAR_WORDS } from './digits.ts'
import type { Kernel } from './kernel.ts'
import { rootOfUnity } from './proving-key.ts'
import { allocateScalars, type Scalars, writeElements } from './scalars.ts'
import { reverseBits, rowLog, type TransformArray, transformColumns, transformRows } from './transform.ts'

/** Values of Lagrange polynomials, in the order of the domain. */
export interface LagrangeValues {
  /** Those of the domain of `2^log` roots of unity. */
  readonly basis: Scalars
  /** Those of the domain of double size, which belong to the odd powers of its root, times a factor. */
  readonly odd: Scalars
}

/**
 * Lagrange polynomials at a point x. With `w` of order n, the i-th one is the sum of `x^j w^(-ij) / n`: an inverse transform of the
 * powers of x. For a root `v` of order 2n, the odd one of `v^(2i + 1)` is that of the powers of `x / v`, times `(1 - x^n) / 2`.
 */
export function lagrangeValues(kernel: Kernel, log: number, x: bigint, oddFactor: bigint): LagrangeValues {
  const { arena, machine } = kernel
  const { call, elementBytes, scalar } = machine
  const size = 2 ** log
  const [basis, odd] = [allocateScalars(kernel, size), allocateScalars(kernel, size)]
  const mark = arena.used

  const roots = arena.allocate((size + 1) * elementBytes)
  scalar.write(machine.view, roots, 1n)
  call.quotient_powers!(roots, size + 1, writeElements(kernel, rootOfUnity(size)))

  // One lane for each.
  const data = arena.allocate(2 * size * elementBytes)
  const overSize = inverse(BigInt(size), R)
  const oddFirst = oddFactor * (1n - power(x, BigInt(size), R)) * inverse(2n * BigInt(size), R)
  call.quotient_powerSlots!(
    data,
    size,
    writeElements(kernel, overSize, oddFirst),
    writeElements(kernel, x, x * inverse(rootOfUnity(2 * size), R)),
  )
  const array: TransformArray = { data, log, roots: { pointer: roots, size } }
  const row = 2 ** rowLog(log)
  transformColumns(machine, array, true, 0, row)
  transformRows(machine, array, true, 0, size / row)

  call.fr_exportSlots!(data, basis.pointer, odd.pointer, size)
  for (const { pointer } of [basis, odd]) reverseOrder(machine.words(pointer, SCALAR_WORDS * size), log)
  arena.release(mark)
  return { basis, odd }
}

/** Takes `2^log` scalars from bit-reversed to natural order. */
function reverseOrder(words: Uint32Array, log: number): void {
  for (let index = 0; index < 2 ** log; index++) {
    const other = reverseBits(index, log)
    if (other <= index) continue
    for (let word = 0; word < SCALAR_WORDS; word++) {
      const [a, b] = [SCALAR_WORDS * index + word, SCALAR_WORDS * other + word]
      const kept = words[a]!
      words[a] = words[b]!
      words[b] = kept
    }
  }
}
