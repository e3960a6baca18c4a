import assert from 'node:assert/strict'
import type { Curve } from 'ffjavascript'
import { curveWithoutThreads } from '../../../prover/curve.ts'
import { BASE_FIELD, SCALAR_FIELD } from '../../../prover/kernel/bigint-field.ts'
import { CurveGroup, type GroupName, type Point } from '../../../prover/kernel/curve.ts'
import { ListSummer, type PointLists, summerBytes } from '../../../prover/kernel/sum-lists.ts'
import { TASKS } from '../../../prover/kernel/tasks.ts'
import { Random } from '../../protocol/random.ts'
import { guard, Multiples, multiple, smallMultiple } from './multiples.ts'
import { sharedKernel, VARIANTS, withMemory } from './support.ts'

const GROUPS: readonly GroupName[] = ['g1', 'g2']
// Additions that share an inversion.
const BATCH = 2048
const NO_WORKSPACE = { pointer: 0, bytes: 0 }

describe('kernel curve over integers', function () {
  this.timeout(10_000)
  let library: Curve

  before(async () => {
    library = await curveWithoutThreads()
  })

  for (const name of GROUPS) {
    const curve = new CurveGroup(name)

    it(`${name} agrees with ffjavascript`, () => {
      const group = library[name === 'g1' ? 'G1' : 'G2']
      const expected = (scalar: bigint): Point => {
        const point = group.timesScalar(group.g, scalar)
        if (group.isZero(point)) return undefined
        const [x, y] = (group as unknown as { toObject(point: Uint8Array): (bigint | bigint[])[] }).toObject(
          group.toAffine(point),
        )
        return { x: [x!].flat(), y: [y!].flat() }
      }
      const random = new Random(2)
      for (const scalar of [
        0n,
        1n,
        2n,
        3n,
        SCALAR_FIELD - 1n,
        SCALAR_FIELD,
        SCALAR_FIELD + 1n,
        ...Array.from({ length: 3 }, () => random.bits(254)),
      ]) {
        const point = curve.multiply(curve.generator, scalar)
        assert.deepEqual(point, expected(scalar), String(scalar))
        assert.ok(point === undefined || curve.contains(point))
      }
    })

    it(`${name} adds equal and opposite points and those at infinity`, () => {
      const [p, q] = [smallMultiple(name, 5), smallMultiple(name, 7)]
      assert.deepEqual(curve.add(p, q), multiple(name, 12n))
      assert.deepEqual(curve.add(p, p), multiple(name, 10n))
      assert.equal(curve.add(p, curve.negate(p)), undefined)
      assert.deepEqual(curve.add(undefined, p), p)
      assert.deepEqual(curve.add(p, undefined), p)
      assert.equal(curve.add(undefined, undefined), undefined)
      assert.equal(curve.negate(undefined), undefined)
      assert.deepEqual(curve.combine([[p], [undefined], [], [q, q, p], [q]]), multiple(name, 5n + 8n * 19n + 16n * 7n))
      assert.deepEqual(
        curve.sumOfMultiples([
          [p, 3n],
          [undefined, 5n],
          [q, 0n],
        ]),
        multiple(name, 15n),
      )
      assert.ok(!curve.contains({ x: p.x, y: q.y }))
    })
  }
})

for (const variant of VARIANTS) {
  for (const group of GROUPS) {
    describe(`kernel point lists of ${group}, variant ${variant}`, function () {
      this.timeout(20_000)

      /** Adds up lists of multiples of the generator, and compares with what their factors add up to. */
      const check = (lists: readonly (readonly number[])[], largest: number): void => {
        const kernel = sharedKernel(variant)
        const { arena, machine } = kernel
        withMemory(kernel, () => {
          const multiples = new Multiples(
            machine,
            group,
            arena.allocate(Multiples.bytes(machine, group, largest)),
            largest,
          )
          const total = lists.reduce((sum, list) => sum + list.length, 0)
          const bytes = summerBytes(machine, group, total)
          const workspace = arena.allocate(bytes + 1024)
          const intact = guard(machine, workspace + bytes, 1024)
          const summer = new ListSummer(machine, group, workspace, total)
          const starts = new Uint32Array(lists.length + 1)
          lists.forEach((list, i) => (starts[i + 1] = starts[i]! + list.length))
          const entries = Uint32Array.from(lists.flat(), (factor) => multiples.entry(factor))
          const sums = summer.sum({ entries, starts } satisfies PointLists)
          intact()
          assert.equal(sums.length, lists.length)
          lists.forEach((list, i) => {
            const expected = list.reduce((sum, factor) => sum + factor, 0)
            multiples.assertEntry(sums[i]!, expected, `list ${i} of ${lists.length}`)
          })
        })
      }

      it('of no points and of one are their sums', () => {
        check([], 1)
        check([[]], 1)
        check([[], [3], [], [-3], []], 3)
      })

      it('of P and P, and of P and -P, in either lane and beside any other pair', () => {
        const pairs = [
          [1, 2],
          [3, 3],
          [3, -3],
          [-3, 3],
          [-3, -3],
          [-1, 2],
        ]
        for (const first of pairs) for (const second of pairs) check([first, second], 3)
        check(pairs, 3)
        // The two chains of a loop's turn.
        for (const pair of pairs) check([[1, 2], [2, 3], pair, [1, 3]], 3)
      })

      it('of odd and even counts, up to some turns of the loops', () => {
        for (let count = 1; count <= 9; count++) check([Array.from({ length: count }, (_, i) => i + 1)], 9)
        check(
          Array.from({ length: 12 }, (_, list) =>
            Array.from({ length: list }, (_, i) => (i % 2 === 0 ? i + 1 : -(i + 1))),
          ),
          12,
        )
      })

      it('of points that are all equal, or all equal but for signs', () => {
        for (const count of [2, 3, 4, 7, 64, 129]) check([Array.from({ length: count }, () => 2)], 2)
        check([Array.from({ length: 65 }, () => -2), Array.from({ length: 65 }, (_, i) => (i % 3 === 0 ? -2 : 2))], 2)
      })

      it('with sums at infinity: at the first level, further up, several in one list, and nothing else', () => {
        check([[1, -1, 2, -2, 3, -3, 4]], 4)
        check([[1, -1, 2, -2, 3, -3]], 3)
        check([[4, 1, -1]], 4)
        check([[1, -1, 4]], 4)
        check([[1, 2, -1, -2]], 2)
        check([[1, 2, -1, -2, 5]], 5)
        check([[1, 2, 3, 4, -1, -2, -3, -4]], 4)
        check([[1, 2, -3, 7, 7, -7, -7], [1, -1], [6], [5, 5, -5, -5, 3], [2, 3]], 7)
      })

      it('over several batches, with coincidences and infinities in one of them only', () => {
        const distinct = (count: number) => Array.from({ length: count }, (_, i) => [1 + (i % 5), 6 + (i % 3)])
        for (const count of [BATCH - 1, BATCH, BATCH + 1])
          check(distinct(count).slice(0, group === 'g1' ? undefined : BATCH + 1), 8)
        check([[3, 3], [3, -3, 4], ...distinct(BATCH)], 8)
        check([[3, -3, 4], ...distinct(2 * BATCH)], 8)
        check([...distinct(BATCH), [3, 3], [3, -3, 4]], 8)
        check([Array.from({ length: 2 * BATCH + 3 }, (_, i) => 1 + (i % 8))], 8)
      })

      it('of a few small multiples at random, so that most sums coincide', () => {
        const random = new Random(3)
        for (let i = 0; i < 30; i++) {
          check(
            Array.from({ length: random.integer(1, 8) }, () =>
              Array.from({ length: random.integer(0, 20) }, () => random.integer(1, 3) * random.pick([-1, 1])),
            ),
            3,
          )
        }
      })

      it('are refused where they are longer than the memory for their sums', () => {
        const kernel = sharedKernel(variant)
        const { arena, machine } = kernel
        withMemory(kernel, () => {
          const multiples = new Multiples(machine, group, arena.allocate(Multiples.bytes(machine, group, 40)), 40)
          const summer = new ListSummer(machine, group, arena.allocate(summerBytes(machine, group, 8)), 8)
          const entries = Uint32Array.from({ length: 40 }, (_, i) => multiples.entry(i + 1))
          assert.throws(() => summer.sum({ entries, starts: Uint32Array.of(0, 40) }), RangeError)
          // Sums are kept until they are forgotten.
          for (let i = 0; i < 3; i++) {
            summer.reset()
            const sums = summer.sum({
              entries: Uint32Array.from({ length: 8 }, (_, i) => multiples.entry(i + 1)),
              starts: Uint32Array.of(0, 8),
            })
            multiples.assertEntry(sums[0]!, 36, 'after a reset')
          }
        })
      })

      it('are of points whose place on the curve is checked, each of them', () => {
        const kernel = sharedKernel(variant)
        const { arena, machine } = kernel
        withMemory(kernel, () => {
          const count = 6
          const points = arena.allocate(count * machine.pointBytes(group))
          const constant = arena.allocate(machine.pointBytes(group))
          new CurveGroup(group).constant.forEach((part, i) =>
            machine.base.write(machine.view, constant + i * machine.elementBytes, part),
          )
          const writeAll = () => {
            for (let i = 0; i < count; i++)
              machine.writePoint(points + i * machine.pointBytes(group), smallMultiple(group, i + 1))
          }
          const run = () => TASKS.checkPoints(machine, NO_WORKSPACE, { group, points, count, constant })
          writeAll()
          assert.equal(run(), true)
          const parts = group === 'g1' ? 2 : 4
          for (let at = 0; at < count * parts; at++) {
            const pointer = points + at * machine.elementBytes
            for (const change of [1n, BASE_FIELD - 1n]) {
              machine.base.write(machine.view, pointer, machine.base.read(machine.view, pointer) + change)
              assert.equal(run(), false, `part ${at}`)
              writeAll()
            }
          }
          const zero = group === 'g1' ? [0n] : [0n, 0n]
          machine.writePoint(points + 3 * machine.pointBytes(group), { x: zero, y: zero })
          assert.equal(run(), false)
        })
      })
    })
  }
}
