import { PlimsollError } from '../../protocol/errors.ts'
import { BASE_FIELD, inverse, power, SCALAR_FIELD } from './bigint-field.ts'
import { CurveGroup, type GroupName, type Point } from './curve.ts'
import { WordDictionary } from './dictionary.ts'
import type { Kernel } from './kernel.ts'
import { TERM_BYTES } from './quotient-kernels.ts'
import { type RootTable, reverseBits } from './transform.ts'
import type { Zkey } from './zkey.ts'

/** Points in the kernel's memory, and a byte each that says whether they are finite. */
export interface PointArray {
  readonly group: GroupName
  readonly points: number
  readonly finite: number
  readonly count: number
}

/** A proving key in the kernel's memory. */
export interface ProvingKey {
  readonly wires: number
  readonly publicSignals: number
  readonly domainSize: number
  readonly delta1: NonNullable<Point>
  /**
   * A point a wire, and behind them one each for the scalars 1, r and s of the blinding: alpha and delta in A, beta and delta
   * in B, and none where there is nothing to multiply.
   */
  readonly a: PointArray
  readonly b1: PointArray
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

/** Number of scalars behind the wires': 1, r, s. */
export const BLINDING = 3

/** Brings a parsed key into the kernel's memory. @throws PlimsollError where a point or coefficient is malformed. */
export async function loadProvingKey(kernel: Kernel, zkey: Zkey, name: string): Promise<ProvingKey> {
  const before = kernel.arena.used
  const { wires, publicSignals, domainSize, alpha1, beta1, beta2, delta1, delta2 } = zkey
  const load = (group: GroupName, file: Uint8Array, extra: readonly Point[]) =>
    loadPoints(kernel, group, file, extra, name)
  const a = await load('g1', zkey.a, [alpha1, delta1, undefined])
  const b1 = await load('g1', zkey.b1, [beta1, undefined, delta1])
  const b2 = await load('g2', zkey.b2, [beta2, undefined, delta2])
  const c = await load('g1', zkey.c, [])
  const h = await load('g1', zkey.h, [])

  const wireElements = kernel.arena.allocate((wires + 1) * kernel.machine.elementBytes)
  const rows = await loadRows(kernel, zkey, wireElements, name)
  const { roots, cosetFactors } = makeDomain(kernel, domainSize)
  const toMontgomery = kernel.arena.allocate(kernel.machine.elementBytes)
  kernel.machine.scalar.write(kernel.machine.view, toMontgomery, kernel.machine.scalar.radix)
  const bytes = kernel.arena.used - before
  return {
    wires,
    publicSignals,
    domainSize,
    delta1,
    a,
    b1,
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

async function loadPoints(
  kernel: Kernel,
  group: GroupName,
  file: Uint8Array,
  extra: readonly Point[],
  name: string,
): Promise<PointArray> {
  const { arena, machine, pool } = kernel
  const [encodedBytes, pointBytes] = [group === 'g1' ? 64 : 128, machine.pointBytes(group)]
  const loaded = file.length / encodedBytes
  const count = loaded + extra.length
  // One more, as points are checked in pairs.
  const points = arena.allocate((count + 1) * pointBytes)
  const finite = arena.allocate(count + 1)
  const mark = arena.used
  const words = arena.allocate(file.length)
  machine.bytes(words, file.length).set(file)

  const factor = arena.allocate(machine.elementBytes)
  machine.base.write(machine.view, factor, (machine.base.radix * inverse(1n << 256n, BASE_FIELD)) % BASE_FIELD)
  const elements = file.length / 32
  const canonical = await pool.split('importElements', elements, 2, (first, end) => ({
    field: 'fp',
    words: words + 32 * first,
    elements: points + machine.elementBytes * first,
    count: end - first,
    factor,
  }))
  if (canonical.includes(false))
    throw new PlimsollError(`${name} has a coordinate that is not below the base field's modulus.`)

  const finiteFlags = machine.bytes(finite, count + 1)
  const encoded = machine.words(words, file.length / 4)
  const width = encodedBytes / 4
  const { generator } = new CurveGroup(group)
  for (let i = 0; i < count + 1; i++) {
    let point: Point
    if (i < loaded) {
      let any = 0
      for (let word = 0; word < width; word++) any |= encoded[i * width + word]!
      finiteFlags[i] = any === 0 ? 0 : 1
    } else {
      point = extra[i - loaded]
      finiteFlags[i] = point === undefined ? 0 : 1
    }
    // What is at infinity is never read; a point of the curve keeps the check simple.
    if (finiteFlags[i] === 0 || i >= loaded) machine.writePoint(points + i * pointBytes, point ?? generator)
  }

  const constant = arena.allocate(pointBytes)
  writeCurveConstant(kernel, group, constant)
  const onCurve = await pool.split('checkPoints', count + (count % 2), 2, (first, end) => ({
    group,
    points: points + first * pointBytes,
    count: end - first,
    constant,
  }))
  if (onCurve.includes(false)) throw new PlimsollError(`${name} has a point that is not on the curve.`)
  arena.release(mark)
  return { group, points, finite, count }
}

/** The constant of `y^2 = x^3 + constant`, from a point. */
function writeCurveConstant({ machine }: Kernel, group: GroupName, pointer: number): void {
  for (const [i, part] of new CurveGroup(group).constant.entries())
    machine.base.write(machine.view, pointer + i * machine.elementBytes, part)
}

async function loadRows(kernel: Kernel, zkey: Zkey, wireElements: number, name: string): Promise<ConstraintRows> {
  const { arena, machine, pool } = kernel
  const { coefficients, domainSize } = zkey
  const width = 11
  const total = coefficients.length / width

  const perRow = [new Uint32Array(domainSize), new Uint32Array(domainSize)]
  for (let i = 0; i < coefficients.length; i += width) perRow[coefficients[i]!]![coefficients[i + 1]!]!++
  const starts = new Uint32Array(domainSize + 1)
  for (let row = 0; row < domainSize; row++)
    starts[row + 1] = starts[row]! + Math.max(perRow[0]![row]!, perRow[1]![row]!)

  const counts = arena.allocate(4 * domainSize)
  machine.words(counts, domainSize).set(starts.subarray(1).map((end, row) => end - starts[row]!))
  const terms = arena.allocate(starts[domainSize]! * TERM_BYTES)
  const { elementBytes } = machine

  const dictionary = new WordDictionary(8)
  const zero = new Uint32Array(8)
  dictionary.number(zero, 0)
  const numbers = new Uint32Array(total)
  for (let i = 0; i < total; i++) numbers[i] = dictionary.number(coefficients, i * width + 3)
  const values = arena.allocate((dictionary.size + 1) * elementBytes)

  // Where one of the two matrices has fewer terms, it gets some with the coefficient 0.
  const table = machine.words(terms, (starts[domainSize]! * TERM_BYTES) / 4)
  for (let i = 0; i < table.length; i += 2) {
    table[i] = values
    table[i + 1] = wireElements
  }
  const next = [starts.slice(), starts.slice()]
  for (let i = 0; i < total; i++) {
    const [matrix, row, wire] = [coefficients[i * width]!, coefficients[i * width + 1]!, coefficients[i * width + 2]!]
    const term = 4 * next[matrix]![row]!++ + 2 * matrix
    table[term] = values + numbers[i]! * elementBytes
    table[term + 1] = wireElements + wire * elementBytes
  }

  const mark = arena.used
  const count = dictionary.size + (dictionary.size % 2)
  const words = arena.allocate(32 * count)
  machine.words(words, 8 * count).set(dictionary.values)
  machine.words(words + 32 * dictionary.size, 8 * (count - dictionary.size)).fill(0)
  const factor = arena.allocate(elementBytes)
  machine.scalar.write(machine.view, factor, (machine.scalar.radix * inverse(1n << 512n, SCALAR_FIELD)) % SCALAR_FIELD)
  if (!(await pool.run('importElements', { field: 'fr', words, elements: values, count, factor }))) {
    throw new PlimsollError(`${name} has a coefficient that is not below the scalar field's modulus.`)
  }
  arena.release(mark)
  return { terms, counts, starts }
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
  for (let i = 0; i < size; i++) {
    const source = natural + reverseBits(i, bits) * elementBytes
    machine.bytes(cosetFactors + i * elementBytes, elementBytes).set(machine.bytes(source, elementBytes))
  }
  arena.release(mark)
  return { roots: { pointer: roots, size }, cosetFactors }
}
