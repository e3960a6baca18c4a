import assert from 'node:assert/strict'
import { memoKey } from '../../protocol/keys.ts'
import { decryptMoves, encryptMoves } from '../../sequencer/state/sweep-memo.ts'

const settlement = BigInt(`0x${'5b'.repeat(20)}`)
const window = [0, 1, 4, 9, 17, 31]
const moves = [
  { from: 1, to: 9 },
  { from: 31, to: 0 },
  { from: 4, to: 17 },
]

describe('the memo of a sweep', () => {
  const key = memoKey(12345n, { chainId: 31337n, settlement })
  const memo = encryptMoves(key, moves, window, 22, 77n)

  it('carries the moves to whoever has the key, 53 bytes for 22 steps whatever and however many they are', () => {
    assert.deepEqual(decryptMoves(key, memo, window, 77n), moves)
    assert.equal(memo.length, 2 + 2 * 53)
    const none = encryptMoves(key, [], window, 22, 77n)
    assert.equal(none.length, memo.length)
    assert.deepEqual(decryptMoves(key, none, window, 77n), [])
    // As many as a circuit may have, and more than a byte counts.
    const many = Array.from({ length: 300 }, (_, i) => moves[i % 3]!)
    assert.deepEqual(decryptMoves(key, encryptMoves(key, many, window, 300, 77n), window, 77n), many)
    assert.notEqual(encryptMoves(key, moves, window, 22, 77n), memo)
    // Sixteen slots, of which the last moves to the last but one.
    const wide = Array.from({ length: 16 }, (_, i) => 2 * i)
    assert.deepEqual(decryptMoves(key, encryptMoves(key, [{ from: 30, to: 28 }], wide, 22, 77n), wide, 77n), [
      { from: 30, to: 28 },
    ])
  })

  it('opens under no other key, chain, settlement or batch', () => {
    for (const other of [
      memoKey(12346n, { chainId: 31337n, settlement }),
      memoKey(12345n, { chainId: 1337n, settlement }),
      memoKey(12345n, { chainId: 31337n, settlement: settlement + 1n }),
    ]) {
      assert.equal(decryptMoves(other, memo, window, 77n), undefined)
    }
    assert.equal(decryptMoves(key, memo, window, 78n), undefined)
  })

  it('refuses what was changed, cut, or never a memo', () => {
    const flipped = `${memo.slice(0, 40)}${memo[40] === '0' ? '1' : '0'}${memo.slice(41)}` as const
    for (const bad of [flipped, memo.slice(0, -2), '0x', '0x02', memo.replace('0x02', '0x01')])
      assert.equal(decryptMoves(key, bad as `0x${string}`, window, 77n), undefined)
    // A window that is shorter than that of the moves.
    assert.equal(decryptMoves(key, memo, window.slice(0, 3), 77n), undefined)
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
