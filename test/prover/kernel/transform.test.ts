import assert from 'node:assert/strict'
import type { Curve } from 'ffjavascript'
import { curveWithoutThreads } from '../../../prover/curve.ts'
import { inverse, power, SCALAR_FIELD as R } from '../../../prover/kernel/bigint-field.ts'
import type { Kernel } from '../../../prover/kernel/kernel.ts'
import { rootOfUnity } from '../../../prover/kernel/proving-key.ts'
import { TERM_BYTES } from '../../../prover/kernel/quotient-kernels.ts'
import { TASKS } from '../../../prover/kernel/tasks.ts'
import {
  type RootTable,
  reverseBits,
  rowLog,
  type TransformArray,
  transformColumns,
  transformRows,
  transformSplit,
} from '../../../prover/kernel/transform.ts'
import { Random } from '../../protocol/random.ts'
import { decodeIntegers, encodeIntegers, SlotCodec, sharedKernel, VARIANTS, withMemory } from './support.ts'

const NO_WORKSPACE = { pointer: 0, bytes: 0 }

/** Values of a polynomial at the powers of a root of unity, by halving. */
function evaluate(coefficients: readonly bigint[], root: bigint): bigint[] {
  const size = coefficients.length
  if (size === 1) return [...coefficients]
  const half = (odd: number) =>
    evaluate(
      coefficients.filter((_, i) => i % 2 === odd),
      (root * root) % R,
    )
  const [even, odd] = [half(0), half(1)]
  const values: bigint[] = []
  let x = 1n
  for (let i = 0; i < size / 2; i++) {
    const term = x * odd[i]!
    values[i] = (even[i]! + term) % R
    values[i + size / 2] = (((even[i]! - term) % R) + R) % R
    x = (x * root) % R
  }
  return values
}

/** The same, term by term. */
function evaluateNaively(coefficients: readonly bigint[], root: bigint): bigint[] {
  return coefficients.map((_, i) =>
    coefficients.reduce((sum, coefficient, j) => (sum + coefficient * power(root, BigInt(i * j), R)) % R, 0n),
  )
}

function reversed<T>(values: readonly T[]): T[] {
  const bits = Math.log2(values.length)
  return values.map((_, i) => values[reverseBits(i, bits)]!)
}

function writeRoots({ arena, machine }: Kernel, size: number): RootTable {
  const pointer = arena.allocate((size + 1) * machine.elementBytes)
  const root = rootOfUnity(size)
  let value = 1n
  for (let i = 0; i <= size; i++) {
    machine.scalar.write(machine.view, pointer + i * machine.elementBytes, value)
    value = (value * root) % R
  }
  return { pointer, size }
}

/** All columns and rows, as two threads with unequal parts would do them. */
function transform({ machine }: Kernel, array: TransformArray, inverseOrder: boolean): void {
  const columns = 2 ** rowLog(array.log)
  const rows = 2 ** array.log / columns
  const inParts = (length: number, run: (first: number, end: number) => void) => {
    const cut = Math.floor(length / 3)
    run(0, cut)
    run(cut, length)
  }
  const steps = [
    () => inParts(columns, (first, end) => transformColumns(machine, array, inverseOrder, first, end)),
    () => inParts(rows, (first, end) => transformRows(machine, array, inverseOrder, first, end)),
  ]
  for (const step of inverseOrder ? steps : steps.toReversed()) step()
}

describe('kernel transforms: the reference', () => {
  it('is right, and so are the roots of unity', () => {
    const random = new Random(6)
    for (const size of [1, 2, 4, 16, 32]) {
      const root = rootOfUnity(size)
      assert.equal(power(root, BigInt(size), R), 1n)
      if (size > 1) assert.equal(power(root, BigInt(size / 2), R), R - 1n)
      const coefficients = Array.from({ length: size }, () => random.bits(253))
      assert.deepEqual(evaluate(coefficients, root), evaluateNaively(coefficients, root))
    }
  })

  it('reverses bits', () => {
    assert.deepEqual(
      Array.from({ length: 8 }, (_, i) => reverseBits(i, 3)),
      [0, 4, 2, 6, 1, 5, 3, 7],
    )
    assert.equal(reverseBits(0, 0), 0)
  })
})

for (const variant of VARIANTS) {
  describe(`kernel transforms, variant ${variant}`, function () {
    this.timeout(30_000)
    const random = new Random(7)
    const anyValues = (count: number) =>
      Array.from({ length: count }, () =>
        random.chance(0.1) ? random.pick([0n, 1n, R - 1n, (R - 1n) / 2n, (R + 1n) / 2n]) : random.bits(300) % R,
      )

    for (let log = 0; log <= 13; log++) {
      it(`of 2^${log} values are right in both directions and undo one another`, () => {
        const kernel = sharedKernel(variant)
        withMemory(kernel, () => {
          const size = 2 ** log
          const codec = new SlotCodec(kernel)
          const data = kernel.arena.allocate(size * 2 * kernel.machine.elementBytes)
          // Also with a table of roots of a higher order.
          const array: TransformArray = {
            data,
            log,
            roots: writeRoots(kernel, log % 3 === 0 ? 2 * size : Math.max(2, size)),
          }
          const root = rootOfUnity(size)
          const lanes = [
            anyValues(size),
            log % 4 === 0 ? anyValues(size).map((_, i) => (i === 0 ? 1n : 0n)) : anyValues(size),
          ]
          lanes.forEach((values, lane) => codec.write(data, lane, values))
          transform(kernel, array, true)
          lanes.forEach((values, lane) =>
            assert.deepEqual(codec.read(data, lane, size), reversed(evaluate(values, inverse(root, R)))),
          )
          transform(kernel, array, false)
          lanes.forEach((values, lane) =>
            assert.deepEqual(
              codec.read(data, lane, size),
              values.map((value) => (value * BigInt(size)) % R),
            ),
          )
          lanes.forEach((values, lane) => codec.write(data, lane, reversed(values)))
          transform(kernel, array, false)
          lanes.forEach((values, lane) => assert.deepEqual(codec.read(data, lane, size), evaluate(values, root)))
        })
      })
    }

    for (let log = 1; log <= 10; log++) {
      it(`of 2^${log} values across lanes are right`, () => {
        const kernel = sharedKernel(variant)
        withMemory(kernel, () => {
          const half = 2 ** (log - 1)
          const codec = new SlotCodec(kernel)
          const data = kernel.arena.allocate(half * 2 * kernel.machine.elementBytes)
          const array: TransformArray = { data, log: log - 1, roots: writeRoots(kernel, 2 * half) }
          const values = anyValues(2 * half)
          const write = (list: readonly bigint[]) =>
            [0, 1].forEach((lane) => codec.write(data, lane, list.slice(lane * half, (lane + 1) * half)))
          const read = () => [0, 1].flatMap((lane) => codec.read(data, lane, half))
          const split = (inverseOrder: boolean) => {
            const cut = half >> 1
            transformSplit(kernel.machine, array, inverseOrder, 0, cut)
            transformSplit(kernel.machine, array, inverseOrder, cut, half)
          }
          write(values)
          split(true)
          transform(kernel, array, true)
          assert.deepEqual(read(), reversed(evaluate(values, inverse(rootOfUnity(2 * half), R))))
          write(reversed(values))
          transform(kernel, array, false)
          split(false)
          assert.deepEqual(read(), evaluate(values, rootOfUnity(2 * half)))
        })
      })
    }
  })

  describe(`kernel quotient, variant ${variant}`, function () {
    this.timeout(30_000)
    const random = new Random(8)
    const anyValues = (count: number) =>
      Array.from({ length: count }, () => (random.chance(0.2) ? random.pick([0n, 1n, R - 1n]) : random.bits(300) % R))
    let library: Curve

    before(async () => {
      library = await curveWithoutThreads()
    })

    it('rows are sums of coefficients times wires, also of no terms and of many', () => {
      const kernel = sharedKernel(variant)
      const { arena, machine } = kernel
      withMemory(kernel, () => {
        const counts = [3, 0, 1, 40, 0, 7]
        const total = counts.reduce((sum, count) => sum + count, 0)
        const [numbers, wires] = [anyValues(12), anyValues(12)]
        const table = (list: readonly bigint[]) => {
          const pointer = arena.allocate(list.length * machine.elementBytes)
          list.forEach((value, i) => machine.scalar.write(machine.view, pointer + i * machine.elementBytes, value))
          return pointer
        }
        const [numbersAt, wiresAt] = [table(numbers), table(wires)]
        const picks = Array.from({ length: total }, () => Array.from({ length: 4 }, () => random.integer(0, 11)))
        const terms = arena.allocate(total * TERM_BYTES)
        machine
          .words(terms, 4 * total)
          .set(
            picks.flatMap((pick) =>
              pick.map((index, i) => (i % 2 === 0 ? numbersAt : wiresAt) + index * machine.elementBytes),
            ),
          )
        const countsAt = arena.allocate(4 * counts.length)
        machine.words(countsAt, counts.length).set(counts)
        const ab = arena.allocate(counts.length * 2 * machine.elementBytes)
        const codec = new SlotCodec(kernel)
        TASKS.rows(machine, NO_WORKSPACE, { terms, counts: countsAt, ab, rows: counts.length })
        let first = 0
        const expected = counts.map((count) => {
          const row = picks.slice(first, first + count)
          first += count
          return [0, 2].map(
            (at) => row.reduce((sum, pick) => sum + numbers[pick[at]!]! * wires[pick[at + 1]!]!, 0n) % R,
          )
        })
        for (const lane of [0, 1])
          assert.deepEqual(
            codec.read(ab, lane, counts.length),
            expected.map((pair) => pair[lane]),
          )
      })
    })

    it('powers of a ratio are a geometric series', () => {
      const kernel = sharedKernel(variant)
      const { arena, machine } = kernel
      withMemory(kernel, () => {
        const [table, ratio] = [arena.allocate(9 * machine.elementBytes), arena.allocate(machine.elementBytes)]
        machine.scalar.write(machine.view, table, 3n)
        machine.scalar.write(machine.view, ratio, R - 7n)
        machine.scalar.write(machine.view, table + 8 * machine.elementBytes, 99n)
        machine.call.quotient_powers!(table, 8, ratio)
        const values = Array.from({ length: 9 }, (_, i) =>
          machine.scalar.read(machine.view, table + i * machine.elementBytes),
        )
        assert.deepEqual(values, [...Array.from({ length: 8 }, (_, i) => (3n * power(R - 7n, BigInt(i), R)) % R), 99n])
      })
    })

    for (let log = 1; log <= 11; log++) {
      it(`of a domain of 2^${log} is snarkjs's`, async () => {
        const size = 2 ** log
        const half = size / 2
        const [a, b] = [anyValues(size), anyValues(size)]
        const kernel = sharedKernel(variant)
        const { arena, machine } = kernel
        const values = withMemory(kernel, () => {
          const codec = new SlotCodec(kernel)
          const roots = writeRoots(kernel, size)
          const factors = arena.allocate(size * machine.elementBytes)
          const coset = rootOfUnity(2 * size)
          reversed(
            Array.from({ length: size }, (_, i) => (power(coset, BigInt(i), R) * inverse(BigInt(size), R)) % R),
          ).forEach((factor, i) => machine.scalar.write(machine.view, factors + i * machine.elementBytes, factor))
          const ab = arena.allocate(size * 2 * machine.elementBytes)
          const c = arena.allocate(half * 2 * machine.elementBytes)
          const words = arena.allocate(32 * size)
          codec.write(ab, 0, a)
          codec.write(ab, 1, b)
          const both: TransformArray = { data: ab, log, roots }
          const product: TransformArray = { data: c, log: log - 1, roots }
          const parts = (length: number, run: (first: number, end: number) => void) => {
            run(0, length >> 1)
            run(length >> 1, length)
          }
          parts(half, (first, end) => TASKS.products(machine, NO_WORKSPACE, { ab, c: product, first, end }))
          const columns = (inverseOrder: boolean) => {
            for (const array of [both, product])
              parts(2 ** rowLog(array.log), (first, end) =>
                TASKS.columns(machine, NO_WORKSPACE, { array, inverse: inverseOrder, first, end }),
              )
          }
          columns(true)
          for (const array of [both, product]) {
            const row = 2 ** rowLog(array.log)
            parts(2 ** array.log / row, (first, end) =>
              TASKS.rowsThroughCoset(machine, NO_WORKSPACE, {
                array,
                row,
                factors,
                split: array === product,
                first,
                end,
              }),
            )
          }
          columns(false)
          parts(half, (first, end) => TASKS.finish(machine, NO_WORKSPACE, { ab, c: product, words, first, end }))
          return decodeIntegers(machine.bytes(words, 32 * size).slice())
        })
        assert.deepEqual(values, await snarkjsQuotient(library, a, b))
      })
    }
  })
}

/** The values that snarkjs's prover multiplies section 9 of the key by. */
async function snarkjsQuotient({ Fr }: Curve, a: readonly bigint[], b: readonly bigint[]): Promise<bigint[]> {
  const field = Fr as unknown as {
    w: Uint8Array[]
    one: Uint8Array
    batchToMontgomery(buffer: Uint8Array): Promise<Uint8Array>
    batchFromMontgomery(buffer: Uint8Array): Promise<Uint8Array>
    batchApplyKey(buffer: Uint8Array, first: Uint8Array, increment: Uint8Array): Promise<Uint8Array>
    fft(buffer: Uint8Array): Promise<Uint8Array>
    ifft(buffer: Uint8Array): Promise<Uint8Array>
  }
  const onCoset = async (values: readonly bigint[]): Promise<bigint[]> => {
    const coefficients = await field.ifft(await field.batchToMontgomery(encodeIntegers(values)))
    const shifted = await field.batchApplyKey(coefficients, field.one, field.w[Math.log2(values.length) + 1]!)
    return decodeIntegers(await field.batchFromMontgomery(await field.fft(shifted)))
  }
  const [x, y, z] = await Promise.all([onCoset(a), onCoset(b), onCoset(a.map((value, i) => (value * b[i]!) % R))])
  return x.map((value, i) => (((value * y[i]! - z[i]!) % R) + R) % R)
}
