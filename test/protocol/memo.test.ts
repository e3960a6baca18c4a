import assert from 'node:assert/strict'
import { size } from 'viem'
import { PlimsollError } from '../../protocol/errors.ts'
import { openMemo, sealMemo } from '../../protocol/memo.ts'

const KEY = { domain: { chainId: 31337n, settlement: 0xa1n }, secret: 7n }
const CONTEXT = { digest: 99n, window: [0, 1, 5, 9, 12, 31], steps: 22 }
const MOVES = [{ from: 1, to: 31 }, { from: 0, to: 1 }, { from: 12, to: 5 }]
const NONCE = new Uint8Array(12).fill(3)

describe('memos of sweeps', () => {
  const memo = sealMemo(KEY, CONTEXT, MOVES, NONCE)

  it('are read back with the key, and have one length', () => {
    assert.deepEqual(openMemo(KEY, CONTEXT, memo), MOVES)
    assert.equal(size(memo), 51)
    assert.equal(size(sealMemo(KEY, CONTEXT, [], NONCE)), 51)
    // Sixteen slots, of which the last moves to the last but one.
    const wide = { ...CONTEXT, window: Array.from({ length: 16 }, (_, i) => 2 * i) }
    assert.deepEqual(openMemo(KEY, wide, sealMemo(KEY, wide, [{ from: 30, to: 28 }], NONCE)), [{ from: 30, to: 28 }])
  })

  it('do not open under another key, domain or digest, nor when they were changed', () => {
    const closed = (key: typeof KEY, context: typeof CONTEXT, text = memo) =>
      assert.throws(() => openMemo(key, context, text), (error) => error instanceof PlimsollError && /does not open/.test(error.message))
    closed({ ...KEY, secret: 8n }, CONTEXT)
    closed({ ...KEY, domain: { ...KEY.domain, chainId: 1n } }, CONTEXT)
    closed(KEY, { ...CONTEXT, digest: 98n })
    closed(KEY, { ...CONTEXT, steps: 21 })
    closed(KEY, CONTEXT, `${memo.slice(0, -2)}00` as typeof memo)
    closed(KEY, CONTEXT, `0x02${memo.slice(4)}`)
  })

  it('refuse moves that do not fit', () => {
    assert.throws(() => sealMemo(KEY, CONTEXT, [{ from: 1, to: 2 }], NONCE), PlimsollError)
    assert.throws(() => sealMemo(KEY, { ...CONTEXT, steps: 2 }, MOVES, NONCE), PlimsollError)
  })
})
