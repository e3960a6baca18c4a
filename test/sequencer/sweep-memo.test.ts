import assert from 'node:assert/strict'
import { newAccount } from '../../protocol/operation.ts'
import { headOf, popEntry, pushEntry, type Stack, stackOf } from '../../protocol/stacks.ts'
import { findMoves } from '../../sequencer/state/lost-moves.ts'
import { decryptMoves, encryptMoves, memoKey } from '../../sequencer/state/sweep-memo.ts'

const settlement = `0x${'5b'.repeat(20)}` as const
const window = [0, 1, 4, 9, 17, 31]
const moves = [
  { from: 1, to: 9 },
  { from: 31, to: 0 },
  { from: 4, to: 17 },
]

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
      assert.equal(decryptMoves(other, memo, window, 3, 77n), undefined)
    }
    assert.equal(decryptMoves(key, memo, window, 3, 78n), undefined)
  })

  it('refuses what was changed, cut, or never a memo', () => {
    const flipped = `${memo.slice(0, 40)}${memo[40] === '0' ? '1' : '0'}${memo.slice(41)}` as const
    for (const bad of [flipped, memo.slice(0, -2), '0x', '0x02', memo.replace('0x01', '0x02')])
      assert.equal(decryptMoves(key, bad as `0x${string}`, window, 3, 77n), undefined)
    // Fewer moves than the sweep has.
    assert.equal(decryptMoves(key, memo, window, 4, 77n), undefined)
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

describe('the moves of a sweep without its memo', () => {
  const accounts = Array.from({ length: 12 }, (_, index) => newAccount([1n, 2n], 3n, index))
  // An inbox of eight, a slot of four, and two that are empty.
  const stacks = (): Stack[] => [[], stackOf(accounts.slice(0, 8)), stackOf(accounts.slice(8)), []]
  const window = [0, 1, 2, 3]
  const heads = (moves: readonly (readonly [number, number])[]) => {
    const after = stacks()
    for (const [from, to] of moves) {
      const { account, leaf } = popEntry(after[from], from)
      pushEntry(after[to]!, account, leaf)
    }
    return after.map((stack) => headOf(stack))
  }
  const found = (moves: readonly (readonly [number, number])[]) =>
    findMoves(stacks(), window, moves.length, heads(moves), 200)

  it('are found from the heads that they lead to', () => {
    for (const moves of [
      [[1, 0]],
      [
        [1, 3],
        [1, 2],
        [1, 0],
        [1, 3],
      ],
      [
        [1, 3],
        [2, 0],
        [2, 3],
        [1, 0],
      ],
    ] as const) {
      const way = found(moves)
      assert.ok(way !== undefined)
      // Moves of slots that have nothing to do with one another may come in another order.
      assert.deepEqual(heads(way.map(({ from, to }) => [from, to] as const)), heads(moves))
    }
  })

  it('are not made up where there are too many ways, or a slot is left and come to', () => {
    const all = [1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2].map((from, i) => [from, [0, 3, 3, 0, 0][i % 5]!] as const)
    assert.equal(found(all), undefined)
    assert.equal(
      found([
        [1, 2],
        [2, 3],
        [2, 0],
      ]),
      undefined,
    )
    assert.equal(findMoves(stacks(), window, 2, heads([[1, 0]])), undefined)
    assert.equal(findMoves(stacks(), window, 1, heads([[1, 0]]).with(0, 5n)), undefined)
  })
})
