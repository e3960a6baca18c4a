import assert from 'node:assert/strict'
import { SCALAR_FIELD } from '../../../prover/kernel/bigint-field.ts'
import { bucketBytes } from '../../../prover/kernel/bucket-sums.ts'
import type { GroupName } from '../../../prover/kernel/curve.ts'
import { signedDigits, windowCount } from '../../../prover/kernel/digits.ts'
import { windowBits } from '../../../prover/kernel/groth16.ts'
import { TASKS } from '../../../prover/kernel/tasks.ts'
import { Random } from '../../protocol/random.ts'
import { guard, multiple, smallMultiple } from './multiples.ts'
import { encodeIntegers, sharedKernel, VARIANTS, withMemory } from './support.ts'

const GROUPS: readonly GroupName[] = ['g1', 'g2']
const R = SCALAR_FIELD

/** The scalar whose digits are all as negative as they get, but for the last, which makes it positive. */
function mostNegativeDigits(bits: number): bigint {
  const last = windowCount(bits) - 1
  let scalar = 1n << BigInt(bits * last)
  for (let window = 0; window < last; window++) scalar -= 1n << BigInt(bits * window + bits - 1)
  return scalar
}

describe('kernel digits', () => {
  const random = new Random(4)
  const hard = [0n, 1n, 2n, R - 1n, R - 2n, (R - 1n) / 2n, (R + 1n) / 2n]
  for (let bit = 0n; bit < 254n; bit++)
    hard.push(
      R - (1n << bit) > 0n ? R - (1n << bit) : 0n,
      ((R >> bit) << bit) - (bit > 0n ? 1n : 0n),
      (1n << bit) % R,
      ((1n << bit) - 1n) % R,
    )

  for (let bits = 2; bits <= 16; bits++) {
    it(`of ${bits} bits add up to their scalars`, () => {
      const scalars = [...hard, mostNegativeDigits(bits), ...Array.from({ length: 50 }, () => random.bits(256) % R)]
      const windows = windowCount(bits)
      const digits = new Int16Array(windows * scalars.length)
      const words = new Uint32Array(encodeIntegers(scalars).buffer)
      // In two parts, as by two threads.
      const middle = 101
      signedDigits(words, digits, scalars.length, bits, 0, middle)
      assert.ok(
        Array.from({ length: windows }, (_, window) => digits[window * scalars.length + middle]).every(
          (digit) => digit === 0,
        ),
      )
      signedDigits(words, digits, scalars.length, bits, middle, scalars.length)
      scalars.forEach((scalar, i) => {
        let sum = 0n
        for (let window = windows - 1; window >= 0; window--) {
          const digit = digits[window * scalars.length + i]!
          assert.ok(digit >= -(2 ** (bits - 1)) && digit < 2 ** (bits - 1))
          sum = (sum << BigInt(bits)) + BigInt(digit)
        }
        assert.equal(sum, scalar)
      })
      const negative = Array.from({ length: windows }, (_, window) => digits[window * scalars.length + hard.length])
      assert.deepEqual(
        negative,
        Array.from({ length: windows }, (_, window) => (window === windows - 1 ? 1 : -(2 ** (bits - 1)))),
      )
    })
  }
})

for (const variant of VARIANTS) {
  for (const group of GROUPS) {
    describe(`kernel multiplication in ${group}, variant ${variant}`, function () {
      this.timeout(30_000)
      const random = new Random(5)

      interface Term {
        /** What multiple of the generator the point is; 0 for one at infinity. */
        readonly factor: number
        readonly scalar: bigint
      }

      /** Multiplies as a proof does, window by window, in a workspace of just the size that a proof's has. */
      const check = (terms: readonly Term[], bits = windowBits(terms.length)): void => {
        const kernel = sharedKernel(variant)
        const { arena, machine } = kernel
        withMemory(kernel, () => {
          const count = terms.length
          const finite = terms.flatMap(({ factor }, i) => (factor === 0 ? [] : [i]))
          const windows = windowCount(bits)
          const [points, indices, scalars, digits] = [
            machine.pointBytes(group) * finite.length,
            4 * finite.length,
            32 * (count + 1),
            2 * windows * count,
          ].map((size) => arena.allocate(size)) as [number, number, number, number]
          machine.words(indices, finite.length).set(finite)
          finite.forEach((term, i) =>
            machine.writePoint(points + i * machine.pointBytes(group), multiple(group, BigInt(terms[term]!.factor))!),
          )
          machine.bytes(scalars, 32 * count).set(encodeIntegers(terms.map(({ scalar }) => scalar)))
          const bytes = bucketBytes(machine, group, bits)
          const pointer = arena.allocate(bytes + 1024)
          const intact = guard(machine, pointer + bytes, 1024)
          const workspace = { pointer, bytes }
          TASKS.digits(machine, workspace, { scalars, digits, count, windows, bits, first: 0, end: count })
          const parts = Array.from({ length: windows }, (_, window) => {
            const row = {
              points,
              multiples: 1,
              indices,
              count: finite.length,
              digits: digits + 2 * window * count,
              scalarStride: 2,
              multipleStride: 0,
            }
            return TASKS.buckets(machine, workspace, { group, rows: [row], bits })
          })
          const sum = TASKS.combine(machine, workspace, { group, points: parts.flat().map((point) => [point]) })
          intact()
          const expected = terms.reduce((total, { factor, scalar }) => total + BigInt(factor) * scalar, 0n)
          assert.deepEqual(sum, multiple(group, expected % R))
        })
      }
      const terms = (count: number, scalar: (i: number) => bigint, factor = (i: number) => 1 + (i % 100)): Term[] =>
        Array.from({ length: count }, (_, i) => ({ factor: factor(i), scalar: scalar(i) }))
      const anyScalar = () => random.bits(300) % R

      for (const [what, scalar] of [
        ['0', 0n],
        ['1', 1n],
        ['r - 1', R - 1n],
        ['one large number', R / 3n],
      ] as const) {
        it(`by scalars that are all ${what}`, () => check(terms(50, () => scalar)))
      }

      it('by scalars 0, 1, 2, r - 1 and r - 2 in turn', () =>
        check(terms(45, (i) => [0n, 1n, 2n, R - 1n, R - 2n][i % 5]!)))

      const sizes = group === 'g1' ? [0, 1, 2, 31, 32, 33, 127, 128, 129] : [0, 1, 2, 15, 16, 17]
      it(`of sizes ${sizes.join(', ')}`, () => sizes.forEach((size) => check(terms(size, anyScalar))))

      for (const bits of group === 'g1' ? [2, 3, 5, 8, 13, 16] : [2, 13]) {
        it(`in windows of ${bits} bits, also by digits that are as negative as they get`, () => {
          check(terms(9, anyScalar), bits)
          check(
            terms(5, () => mostNegativeDigits(bits)),
            bits,
          )
          check(
            terms(1, () => mostNegativeDigits(bits)),
            bits,
          )
        })
      }

      it('of equal points, opposite points and points at infinity', () => {
        check(terms(40, anyScalar, () => 3))
        check(
          terms(
            40,
            () => R - 5n,
            () => 3,
          ),
        )
        check(
          terms(
            40,
            () => 7n,
            (i) => (i % 2 === 0 ? 3 : -3),
          ),
        )
        check(
          terms(
            41,
            () => 7n,
            (i) => (i % 2 === 0 ? 3 : -3),
          ),
        )
        check(terms(40, anyScalar, (i) => (i % 3 === 0 ? 0 : i)))
        check(terms(10, anyScalar, () => 0))
        // One bucket of a window has P and P and -P and -P.
        check(
          terms(
            4,
            (i) => (i < 2 ? 9n : R - 9n),
            () => 2,
          ),
        )
      })

      it('by scalars as a witness has them: zeros, ones, bits, small numbers, and few large ones', () => {
        const scalar = (): bigint => {
          const kind = random.integer(0, 99)
          return kind < 40
            ? 0n
            : kind < 60
              ? 1n
              : kind < 80
                ? BigInt(random.integer(0, 255))
                : kind < 90
                  ? R - BigInt(random.integer(1, 9))
                  : anyScalar()
        }
        check(terms(group === 'g1' ? 600 : 120, scalar, () => random.integer(-20, 20)))
      })

      it('within the memory that is meant for it, with all buckets of a window in use', () => {
        for (const bits of [2, 3, 4, 6]) {
          // Every magnitude of a digit twice, of different points, so that every list makes as many sums as it can.
          const buckets = 2 ** (bits - 1)
          check(
            terms(
              4 * buckets,
              (i) => BigInt(1 + (i % buckets)),
              (i) => 1 + i,
            ),
            bits,
          )
          check(
            terms(
              4 * buckets,
              (i) => R - BigInt(1 + (i % buckets)),
              (i) => 1 + i,
            ),
            bits,
          )
        }
      })

      it('of more points in one bucket than are put off at a time', () => {
        const count = group === 'g1' ? 40_000 : 20_000
        check(
          terms(
            count,
            (i) => (i % 3 === 0 ? R - 1n : 1n),
            (i) => (i % 5 === 0 ? 0 : 1 + (i % 100)),
          ),
          14,
        )
      })

      it('is refused in a workspace that is too small for it', () => {
        const { machine } = sharedKernel(variant)
        const bytes = bucketBytes(machine, group, 4) - 1
        assert.throws(() => TASKS.buckets(machine, { pointer: 0, bytes }, { group, rows: [], bits: 4 }), RangeError)
      })

      it('adds up several rows', () => {
        const kernel = sharedKernel(variant)
        const { arena, machine } = kernel
        withMemory(kernel, () => {
          const rows = [[3, -4, 1], [-4], [2, 0, -1, 3, 3]].map((digits, row) => {
            const count = digits.length
            const [at, points, indices] = [
              arena.allocate(2 * count),
              arena.allocate(count * machine.pointBytes(group)),
              arena.allocate(4 * count),
            ]
            machine.halfWords(at, count).set(digits)
            machine.words(indices, count).set([...digits.keys()])
            digits.forEach((_, i) =>
              machine.writePoint(points + i * machine.pointBytes(group), smallMultiple(group, 10 * row + i + 1)),
            )
            return {
              row: { digits: at, points, multiples: 1, indices, count, scalarStride: 2, multipleStride: 0 },
              sum: digits.reduce((sum, digit, i) => sum + digit * (10 * row + i + 1), 0),
            }
          })
          const bytes = bucketBytes(machine, group, 3)
          const parts = TASKS.buckets(
            machine,
            { pointer: arena.allocate(bytes), bytes },
            { group, rows: rows.map(({ row }) => row), bits: 3 },
          )
          const points = parts.map((point) => [point])
          const sum = TASKS.combine(machine, { pointer: 0, bytes: 0 }, { group, points })
          assert.deepEqual(sum, multiple(group, BigInt(rows.reduce((total, { sum }) => total + sum, 0))))
        })
      })
    })
  }
}
