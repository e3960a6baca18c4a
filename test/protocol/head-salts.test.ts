import assert from 'node:assert/strict'
import { encodePacked, keccak256, toHex } from 'viem'
import { FIELD } from '../../protocol/constants.ts'
import { blindHead, HeadSalts } from '../../protocol/head-salts.ts'
import { poseidon } from '../../protocol/poseidon.ts'

const KEY = new Uint8Array(32).fill(7)
const SLOTS = 8

describe('the salts of heads', () => {
  it('blind a head by Poseidon(head, salt), and an empty one not at all', () => {
    assert.equal(blindHead(5n, 6n), poseidon([5n, 6n]))
    assert.equal(blindHead(5n, 0n), poseidon([5n, 0n]))
    assert.equal(blindHead(0n, 6n), 0n)
  })

  it('are keccak256(key, slot, batch number, head before) mod r, for the slots of the batch only', () => {
    const salts = HeadSalts.genesis(SLOTS, KEY)
    assert.deepEqual(salts.of([0, 1, 7]), [0n, 0n, 0n])
    const heads = Array.from({ length: SLOTS }, (_, slot) => BigInt(100 + slot))
    const expected = (slot: number, batch: bigint) => {
      const words = [BigInt(slot), batch, heads[slot]!] as const
      return BigInt(keccak256(encodePacked(['bytes', ...words.map(() => 'uint256')], [toHex(KEY), ...words]))) % FIELD
    }
    assert.deepEqual(salts.renew([1, 4], heads), [expected(1, 0n), expected(4, 0n)])
    assert.equal(salts.batches, 1)
    assert.deepEqual(salts.current, [0n, expected(1, 0n), 0n, 0n, expected(4, 0n), 0n, 0n, 0n])
    // A slot that keeps its stack has a new salt all the same.
    assert.deepEqual(salts.renew([4], heads), [expected(4, 1n)])
    assert.notEqual(expected(4, 1n), expected(4, 0n))
    assert.equal(salts.current[1], expected(1, 0n))
  })

  it('are others under another key, and of a copy its own', () => {
    const heads = Array<bigint>(SLOTS).fill(9n)
    const salts = HeadSalts.genesis(SLOTS, KEY)
    const copy = salts.clone()
    const [first] = salts.renew([2], heads)
    assert.deepEqual([copy.batches, copy.current[2]], [0, 0n])
    assert.deepEqual(copy.renew([2], heads), [first])
    assert.notEqual(HeadSalts.genesis(SLOTS, KEY.with(0, 8)).renew([2], heads)[0], first)
  })

  it('shuffle slots alike for one batch of one key, and otherwise for another', () => {
    const slots = Array.from({ length: 16 }, (_, slot) => slot)
    const salts = HeadSalts.genesis(16, KEY)
    const order = salts.shuffle(slots)
    assert.deepEqual(
      [...order].sort((a, b) => a - b),
      slots,
    )
    assert.deepEqual(salts.shuffle(slots.toReversed()), order)
    assert.notDeepEqual(HeadSalts.genesis(16, KEY.with(0, 8)).shuffle(slots), order)
    // Over many batches every slot comes first about as often as any other.
    const first = Array<number>(16).fill(0)
    for (let batch = 0; batch < 800; batch++) {
      first[salts.shuffle(slots)[0]!]!++
      salts.renew([], [])
    }
    assert.notDeepEqual(salts.shuffle(slots), order)
    for (const count of first) assert.ok(count > 20 && count < 90, String(first))
  })
})
