import assert from 'node:assert/strict'
import { SCALAR_FIELD as R } from '../../../prover/kernel/bigint-field.ts'
import { bucketBytes } from '../../../prover/kernel/bucket-sums.ts'
import type { GroupName } from '../../../prover/kernel/curve.ts'
import { windowCount } from '../../../prover/kernel/digits.ts'
import type { PointArray } from '../../../prover/kernel/key-points.ts'
import { allocateTables, TABLE_BITS, tableBytes, tableRounds } from '../../../prover/kernel/key-tables.ts'
import { type MultiplicationTerm, multiply } from '../../../prover/kernel/multiplication.ts'
import type { ProvingKey } from '../../../prover/kernel/proving-key.ts'
import { Random } from '../../protocol/random.ts'
import { guard, multiple } from './multiples.ts'
import { encodeIntegers, sharedKernel, VARIANTS } from './support.ts'

/** The scalar whose digits of 16 bits are all as negative as they get, but for the last, which makes it positive. */
const MOST_NEGATIVE = Array.from({ length: 15 }, (_, i) => 1n << BigInt(16 * i + 15)).reduce(
  (left, digit) => left - digit,
  1n << 240n,
)

for (const variant of VARIANTS) {
  for (const group of ['g1', 'g2'] as const satisfies GroupName[]) {
    describe(`kernel tables of ${group}, variant ${variant}`, function () {
      this.timeout(60_000)
      const random = new Random(6)
      const kernel = sharedKernel(variant)
      let mark: number

      beforeEach(() => {
        kernel.reserveWorkspaces(bucketBytes(kernel.machine, 'g2', Math.max(...TABLE_BITS)))
        mark = kernel.arena.used
      })
      afterEach(() => kernel.arena.release(mark))

      /** A key that has only these multiples of the generator, for every second scalar. */
      const keyOf = (factors: readonly number[]): ProvingKey => {
        const { arena, machine } = kernel
        const array = (of: GroupName, own: readonly number[]): PointArray => {
          const points = arena.allocate(machine.pointBytes(of) * own.length)
          const indices = arena.allocate(4 * own.length)
          machine.words(indices, own.length).set(own.map((_, i) => 2 * i))
          own.forEach((factor, i) =>
            machine.writePoint(points + i * machine.pointBytes(of), multiple(of, BigInt(factor))!),
          )
          return { group: of, points, indices, count: own.length }
        }
        const none = array('g1', [])
        const all = array(group, factors)
        return { a: none, b2: none, c: none, h: none, [group === 'g1' ? 'a' : 'b2']: all } as never
      }

      /** Sums with and without tables, of points for the scalars 0, 2, 4, .. */
      const check = async (factors: readonly number[], scalars: readonly bigint[]): Promise<void> => {
        for (const bits of TABLE_BITS) await checkWindows(bits, factors, scalars)
      }

      const checkWindows = async (
        bits: (typeof TABLE_BITS)[number],
        factors: readonly number[],
        scalars: readonly bigint[],
      ): Promise<void> => {
        const { arena, machine, pool } = kernel
        const key = keyOf(factors)
        const name = group === 'g1' ? 'a' : 'b2'
        const all = scalars.flatMap((scalar) => [scalar, R - 1n])
        const windows = windowCount(bits)
        const at = arena.allocate(32 * all.length)
        const digits = arena.allocate(2 * windows * all.length)
        machine.bytes(at, 32 * all.length).set(encodeIntegers(all))
        await pool.run('digits', {
          scalars: at,
          digits,
          count: all.length,
          windows,
          bits,
          first: 0,
          end: all.length,
        })
        const tables = allocateTables(kernel, key, bits)
        const guarded = arena.allocate(1024)
        const intact = guard(machine, guarded, 1024)
        for (const round of tableRounds(kernel, key, tables))
          await Promise.all(round.map((task) => pool.run('doublings', task)))
        intact()
        const term = (table: MultiplicationTerm['table']): MultiplicationTerm => ({
          points: key[name],
          table,
          digits: { pointer: digits, scalars: all.length, bits },
          first: 0,
        })
        const expected = multiple(group, factors.reduce((sum, factor, i) => sum + BigInt(factor) * scalars[i]!, 0n) % R)
        const sums = await multiply(kernel, [[term(undefined)], [term(undefined), term(undefined)]])
        assert.deepEqual(sums[0], expected)
        const [once, twice] = await multiply(kernel, [[term(tables[name])], [term(tables[name]), term(tables[name])]])
        assert.deepEqual(once, expected)
        assert.deepEqual(twice, sums[1])
      }

      for (const [what, scalar] of [
        ['0', 0n],
        ['1', 1n],
        ['r - 1', R - 1n],
        ['the one of the most negative digits', MOST_NEGATIVE],
        ['2^240', 1n << 240n],
        ['2^15', 1n << 15n],
      ] as const)
        it(`give the same sums by scalars that are all ${what}`, () =>
          check(
            Array.from({ length: 20 }, (_, i) => i + 1),
            Array.from({ length: 20 }, () => scalar),
          ))

      it('give the same sums of equal points, and of opposite ones, in one bucket', async () => {
        const scalar = random.bits(300) % R
        await check(
          Array.from({ length: 30 }, () => 7),
          Array.from({ length: 30 }, () => scalar),
        )
        await check(
          Array.from({ length: 30 }, (_, i) => (i % 2 === 0 ? 7 : -7)),
          Array.from({ length: 30 }, () => scalar),
        )
      })

      it('give the same sums of random multiples by random scalars, small ones and borders of windows', async () => {
        const border = (): bigint => {
          const at = 1n << BigInt(16 * random.integer(1, 15))
          return (random.pick([at - 1n, at, at + 1n, at / 2n, at / 2n - 1n]) + R) % R
        }
        const count = group === 'g1' ? 400 : 100
        await check(
          Array.from({ length: count }, () => random.integer(1, 50) * random.pick([-1, 1])),
          Array.from({ length: count }, () =>
            random.pick([() => random.bits(300) % R, border, () => BigInt(random.integer(0, 3))])(),
          ),
        )
      })

      it('take the memory that they are said to', () => {
        const key = keyOf([1, 2, 3])
        const before = kernel.arena.used
        allocateTables(kernel, key)
        const bytes = tableBytes(kernel.machine, key)
        assert.ok(kernel.arena.used - before >= bytes && kernel.arena.used - before < bytes + 64)
      })
    })
  }
}
