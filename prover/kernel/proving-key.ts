import { PlimsollError } from '../../protocol/errors.ts'
import { inverse, power, SCALAR_FIELD } from './bigint-field.ts'
import { WordDictionary } from './dictionary.ts'
import type { Kernel } from './kernel.ts'
import { LoadingPoints, type PointArray } from './key-points.ts'
import { TERM_BYTES } from './quotient-kernels.ts'
import { type RootTable, reverseBits } from './transform.ts'
import type { Zkey } from './zkey.ts'

/** A proving key in the kernel's memory. */
export interface ProvingKey {
  readonly wires: number
  readonly publicSignals: number
  readonly domainSize: number
  /**
   * A point a wire, but for those at infinity, and behind them those for the scalars 1 and s of the blinding: alpha in A, beta and delta
   * in B.
   */
  readonly a: PointArray
  readonly b2: PointArray
  readonly c: PointArray
  readonly h: PointArray
  readonly rows: ConstraintRows
  readonly roots: RootTable
  /** The domain's odd coset and its size: `coset^i / size`, in bit-reversed order. */
  readonly cosetFactors: number
  /** Address of an element that brings plain integers into Montgomery form. */
  readonly toMontgomery: number
  /** Address of the wires' elements, to which the terms of the rows point. */
  readonly wireElements: number
  /** Bytes of the kernel's memory that the key takes. */
  readonly bytes: number
}

/** The matrices A and B, row by row. */
export interface ConstraintRows {
  readonly terms: number
  readonly counts: number
  /** `starts[r]` is the number of terms of the rows before r. */
  readonly starts: Uint32Array
}

/** Number of scalars behind the wires': 1 and s. */
export const BLINDING = 2

/** Brings a parsed key into the kernel's memory. @throws PlimsollError where a point or coefficient is malformed. */
export async function loadProvingKey(kernel: Kernel, zkey: Zkey, name: string): Promise<ProvingKey> {
  const before = kernel.arena.used
  const { wires, publicSignals, domainSize, alpha1, beta2, delta2 } = zkey
  // What the threads do and what this one does takes about as long: each step of theirs has one of ours beside it.
  const loading = new LoadingPoints(kernel, name, [
    { group: 'g1', file: zkey.a, extra: [alpha1, undefined] },
    { group: 'g2', file: zkey.b2, extra: [beta2, delta2] },
    { group: 'g1', file: zkey.c, extra: [] },
    { group: 'g1', file: zkey.h, extra: [] },
  ])
  const coefficients = arrangeCoefficients(zkey)
  const [a, b2, c, h] = (await loading.imported()) as [PointArray, PointArray, PointArray, PointArray]
  const checked = loading.check()
  const wireElements = kernel.arena.allocate((wires + 1) * kernel.machine.elementBytes)
  const { rows, canonical } = placeRows(kernel, zkey, coefficients, wireElements)
  const { roots, cosetFactors } = makeDomain(kernel, domainSize)
  // Both, as no task may be under way when memory is given back.
  const [onCurve, areCanonical] = await Promise.all([checked, canonical])
  if (!onCurve) throw new PlimsollError(`${name} has a point that is not on the curve.`)
  if (!areCanonical) throw new PlimsollError(`${name} has a coefficient that is not below the scalar field's modulus.`)
  const toMontgomery = kernel.arena.allocate(kernel.machine.elementBytes)
  kernel.machine.scalar.write(kernel.machine.view, toMontgomery, kernel.machine.scalar.radix)
  const bytes = kernel.arena.used - before
  return {
    wires,
    publicSignals,
    domainSize,
    a,
    b2,
    c,
    h,
    rows,
    roots,
    cosetFactors,
    toMontgomery,
    wireElements,
    bytes,
  }
}

/** Coefficients counted and numbered: where their terms go follows from it. */
interface ArrangedCoefficients {
  /** `starts[r]` is the number of terms of the rows before r. */
  readonly starts: Uint32Array
  /** Numbers of the coefficients' values in the dictionary, in which 0 has the number 0. */
  readonly numbers: Uint32Array
  readonly dictionary: WordDictionary
}

/** Words of a coefficient: matrix, row, wire, value. */
const COEFFICIENT_WORDS = 11

function arrangeCoefficients({ coefficients, domainSize }: Zkey): ArrangedCoefficients {
  // By row and matrix.
  const perRow = new Uint32Array(2 * domainSize)
  const dictionary = new WordDictionary(8)
  dictionary.number(new Uint32Array(8), 0)
  const numbers = new Uint32Array(coefficients.length / COEFFICIENT_WORDS)
  for (let i = 0, at = 0; i < numbers.length; i++, at += COEFFICIENT_WORDS) {
    perRow[2 * coefficients[at + 1]! + coefficients[at]!]!++
    numbers[i] = dictionary.number(coefficients, at + 3)
  }
  const starts = new Uint32Array(domainSize + 1)
  for (let row = 0; row < domainSize; row++)
    starts[row + 1] = starts[row]! + Math.max(perRow[2 * row]!, perRow[2 * row + 1]!)
  return { starts, numbers, dictionary }
}

/** Writes the terms of all rows; `canonical` says in the end whether all coefficients are below the modulus. */
function placeRows(
  { arena, machine, pool }: Kernel,
  { coefficients, domainSize }: Zkey,
  { starts, numbers, dictionary }: ArrangedCoefficients,
  wireElements: number,
): { rows: ConstraintRows; canonical: Promise<boolean> } {
  const { elementBytes } = machine
  const count = dictionary.size + (dictionary.size % 2)
  const [counts, terms, values, words, factor] = [
    4 * domainSize,
    starts[domainSize]! * TERM_BYTES,
    (count + 1) * elementBytes,
    32 * count,
    elementBytes,
  ].map((bytes) => arena.allocate(bytes)) as [number, number, number, number, number]
  machine.words(words, 8 * count).fill(0)
  machine.words(words, 8 * dictionary.size).set(dictionary.values)
  machine.scalar.write(machine.view, factor, (machine.scalar.radix * inverse(1n << 512n, SCALAR_FIELD)) % SCALAR_FIELD)
  const canonical = pool.run('importElements', { field: 'fr', words, elements: values, count, factor })

  machine.words(counts, domainSize).set(starts.subarray(1).map((end, row) => end - starts[row]!))
  const table = machine.words(terms, (starts[domainSize]! * TERM_BYTES) / 4)
  const next = new Uint32Array(2 * domainSize)
  for (let side = 0; side < next.length; side++) next[side] = starts[side >> 1]!
  for (let i = 0, at = 0; i < numbers.length; i++, at += COEFFICIENT_WORDS) {
    const matrix = coefficients[at]!
    const term = 4 * next[2 * coefficients[at + 1]! + matrix]!++ + 2 * matrix
    table[term] = values + numbers[i]! * elementBytes
    table[term + 1] = wireElements + coefficients[at + 2]! * elementBytes
  }
  // Where one of the two matrices has fewer terms, it gets some with the coefficient 0.
  for (let side = 0; side < next.length; side++) {
    for (let term = next[side]!; term < starts[(side >> 1) + 1]!; term++) {
      table[4 * term + 2 * (side % 2)] = values
      table[4 * term + 2 * (side % 2) + 1] = wireElements
    }
  }
  return { rows: { terms, counts, starts }, canonical }
}

/** snarkjs's root of unity of an order: a power of the one of order 2^28, which comes from the non-residue 5. */
export function rootOfUnity(order: number): bigint {
  return power(5n, (SCALAR_FIELD - 1n) / BigInt(order), SCALAR_FIELD)
}

function makeDomain({ arena, machine }: Kernel, size: number): { roots: RootTable; cosetFactors: number } {
  const { call, elementBytes, scalar } = machine
  const geometric = (first: bigint, ratio: bigint, count: number): number => {
    const table = arena.allocate(count * elementBytes)
    const step = arena.allocate(elementBytes)
    scalar.write(machine.view, table, first)
    scalar.write(machine.view, step, ratio)
    call.quotient_powers!(table, count, step)
    return table
  }
  const roots = geometric(1n, rootOfUnity(size), size + 1)
  const cosetFactors = arena.allocate(size * elementBytes)
  const mark = arena.used
  const natural = geometric(inverse(BigInt(size), SCALAR_FIELD), rootOfUnity(2 * size), size)
  const bits = Math.log2(size)
  const width = elementBytes / 4
  const [target, source] = [machine.words(cosetFactors, size * width), machine.words(natural, size * width)]
  for (let i = 0; i < size; i++) {
    const from = reverseBits(i, bits) * width
    for (let word = 0; word < width; word++) target[i * width + word] = source[from + word]!
  }
  arena.release(mark)
  return { roots: { pointer: roots, size }, cosetFactors }
}
