import assert from 'node:assert/strict'
import { decryptMoves, encryptMoves, memoKey } from '../../sequencer/state/sweep-memo.ts'

const settlement = `0x${'5b'.repeat(20)}` as const
const window = [0, 1, 4, 9, 17, 31]
const moves = [
  { from: 1, to: 9 },
  { from: 31, to: 0 },
  { from: 4, to: 17 },
]
const WRONG = { name: 'PlimsollError', message: /WRONG_KEY/ }

describe('the memo of a sweep', () => {
  const key = memoKey(12345n, 31337, settlement)
  const memo = encryptMoves(key, moves, window, 22, 77n)

  it('carries the moves to whoever has the key, 51 bytes at small whatever they are', () => {
    assert.deepEqual(decryptMoves(key, memo, window, 3, 77n), moves)
    assert.equal(memo.length, 2 + 2 * 51)
    assert.equal(encryptMoves(key, [], window, 22, 77n).length, memo.length)
    assert.notEqual(encryptMoves(key, moves, window, 22, 77n), memo)
    // Sixteen slots, of which the last moves to the last but one.
    const wide = Array.from({ length: 16 }, (_, i) => 2 * i)
    assert.deepEqual(decryptMoves(key, encryptMoves(key, [{ from: 30, to: 28 }], wide, 22, 77n), wide, 1, 77n), [
      { from: 30, to: 28 },
    ])
  })

  it('opens under no other key, chain, settlement or batch', () => {
    for (const other of [
      memoKey(12346n, 31337, settlement),
      memoKey(12345n, 1337, settlement),
      memoKey(12345n, 31337, `0x${'5c'.repeat(20)}`),
    ]) {
      assert.throws(() => decryptMoves(other, memo, window, 3, 77n), WRONG)
    }
    assert.throws(() => decryptMoves(key, memo, window, 3, 78n), WRONG)
  })

  it('refuses what was changed, cut, or never a memo', () => {
    const flipped = `${memo.slice(0, 40)}${memo[40] === '0' ? '1' : '0'}${memo.slice(41)}` as const
    for (const bad of [flipped, memo.slice(0, -2), '0x', '0x02', memo.replace('0x01', '0x02')])
      assert.throws(() => decryptMoves(key, bad as `0x${string}`, window, 3, 77n), WRONG)
    assert.throws(() => decryptMoves(key, memo, window, 4, 77n), { message: /fewer moves/ })
    assert.throws(
      () =>
        encryptMoves(
          key,
          moves,
          Array.from({ length: 17 }, (_, i) => i),
          22,
          77n,
        ),
      { message: /16 slots/ },
    )
    assert.throws(() => encryptMoves(key, [{ from: 1, to: 2 }], window, 22, 77n), {
      message: /slot 1 to slot 2 is outside the window/,
    })
    assert.throws(() => encryptMoves(key, moves, window, 2, 77n), { message: /3 moves do not fit a memo of 2/ })
  })
})
