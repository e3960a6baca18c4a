import assert from 'node:assert/strict'
import { nextPenalty } from '../../protocol/penalty-controller.ts'

describe('the penalty controller', () => {
  it('moves towards the discount and its margin, by ten basis points a day, within 1 to 3 points', () => {
    assert.equal(nextPenalty(200n, 250n, 50n), 210n)
    assert.equal(nextPenalty(200n, 155n, 50n), 205n)
    assert.equal(nextPenalty(200n, 150n, 50n), 200n)
    assert.equal(nextPenalty(200n, 145n, 50n), 195n)
    assert.equal(nextPenalty(200n, -300n, 50n), 190n)
    assert.equal(nextPenalty(295n, 5_000n, 50n), 300n)
    assert.equal(nextPenalty(104n, 0n, 50n), 100n)
    assert.equal(nextPenalty(200n, undefined, 50n), 200n)
    // From outside its bounds it walks in, no faster.
    assert.equal(nextPenalty(500n, 100n, 50n), 490n)
    assert.equal(nextPenalty(50n, 100n, 50n), 60n)
  })
})
