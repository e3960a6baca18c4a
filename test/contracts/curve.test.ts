import assert from 'node:assert/strict'

import { type Contract, startChain } from './chain.ts'
import { addPoints, BASE8, multiply, type Point, pointAt, R, randomizer } from './mirror.ts'

/** Order of the subgroup. */
const L = 2736030358979909402780800718157159386076813972158567259200215660948447373041n
const NEUTRAL: Point = [0n, 1n]

describe('points of BabyJubJub', () => {
  let pure: Contract
  const random = randomizer(8n)
  const look = ([x, y]: Point) => pure.read<[boolean, boolean, boolean]>('point', x, y)

  /** A point of the whole group. */
  function anyPoint(): Point {
    for (;;) {
      const point = pointAt(random(R))
      if (point !== undefined) return random(2n) === 0n ? point : [point[0], R - point[1]]
    }
  }

  before(async () => {
    pure = await (await startChain()).contract('PureHarness')
    assert.deepEqual(multiply(BASE8, L), NEUTRAL)
  })

  it('are on the curve and of large order where they are multiples of the base point, or random ones', async () => {
    for (const k of [1n, 2n, 3n, 8n, L - 1n, random(L)])
      assert.deepEqual(await look(multiply(BASE8, k)), [true, true, false])
    for (let i = 0; i < 40; i++) {
      const point = anyPoint()
      const small = String(multiply(point, 8n)) === String(NEUTRAL)
      assert.deepEqual(await look(point), [true, true, small])
    }
  })

  it('are the eight of small order exactly where eight times them is neutral', async () => {
    let generator: Point
    do generator = multiply(anyPoint(), L)
    while (String(multiply(generator, 4n)) === String(NEUTRAL))
    const torsion = Array.from({ length: 8 }, (_, k) => multiply(generator, BigInt(k)))
    assert.equal(new Set(torsion.map(String)).size, 8)
    // Known values: the neutral element, the point of order 2, those of order 4.
    assert.ok(torsion.some(([x, y]) => x === 0n && y === 1n))
    assert.ok(torsion.some(([x, y]) => x === 0n && y === R - 1n))
    assert.equal(torsion.filter(([, y]) => y === 0n).length, 2)
    for (const point of torsion) {
      assert.deepEqual(await look(point), [true, true, true])
      if (point !== torsion[0]) assert.deepEqual(await look(addPoints(point, BASE8)), [true, true, false])
    }
  })

  it('are refused off the curve by one in either coordinate, and not canonical above the field', async () => {
    const [x, y] = multiply(BASE8, 5n)
    assert.deepEqual((await look([x + 1n, y]))[1], false)
    assert.deepEqual((await look([x, y - 1n]))[1], false)
    for (const point of [
      [x + R, y],
      [x, y + R],
      [R, 1n],
      [0n, R],
    ] as Point[])
      assert.equal((await look(point))[0], false)
  })
})
