import assert from 'node:assert/strict'

import { type Contract, startChain } from './chain.ts'
import { randomizer } from './mirror.ts'

const MAX = (1n << 64n) - 1n

describe('lanes', () => {
  const random = randomizer(64n)
  /** Extremes half of the time. */
  const lane = () => [0n, MAX, random(MAX), random(MAX)][Number(random(4n))]!
  const lanes = () => Array.from({ length: 7 }, lane)
  let pure: Contract

  before(async () => {
    pure = await (await startChain()).contract('PureHarness')
  })

  it('keep seven values apart', async () => {
    for (let i = 0; i < 100; i++) {
      const values = lanes()
      assert.deepEqual(await pure.read('packed', values), values)
      assert.deepEqual(await pure.read('spread', values, 12n, 3n), [0n, 0n, 0n, ...values, 0n, 0n])
    }
  })

  it('are not written beyond the end of the vector', async () => {
    assert.deepEqual(await pure.read('spread', lanes().fill(5n), 7n, 0n), Array(7).fill(5n))
    await assert.rejects(pure.read('spread', lanes(), 7n, 1n), /reverted/)
    await assert.rejects(pure.read('spread', lanes(), 6n, 0n), /reverted/)
  })

  it('compare lane by lane, 400 random vectors that differ by little', async () => {
    let held = 0
    for (let i = 0; i < 400; i++) {
      const a = lanes()
      const b = a.map((value) => {
        const change = [0n, 0n, 0n, 0n, 0n, -1n, -value, 1n, MAX - value][Number(random(i % 2 === 0 ? 7n : 9n))]!
        return value + change < 0n || value + change > MAX ? value : value + change
      })
      const expected = a.every((value, k) => value >= b[k]!)
      if (expected) held++
      assert.equal(await pure.read('allAtLeast', a, b), expected)
    }
    assert.ok(held > 100 && held < 350, String(held))
  })
})
