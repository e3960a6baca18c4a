import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { inOrder } from '../../sdk/chain/in-order.ts'

const all = async <T>(items: AsyncIterable<T>) => {
  const list: T[] = []
  for await (const item of items) list.push(item)
  return list
}

describe('fetching in order', () => {
  it('keeps the order, has so many under way and no more, and takes an asynchronous list', async () => {
    let [open, most] = [0, 0]
    const fetch = async (n: number) => {
      most = Math.max(most, ++open)
      await sleep(n % 7)
      open--
      return n * n
    }
    const numbers = Array.from({ length: 60 }, (_, i) => i)
    const squares = numbers.map((n) => n * n)
    assert.deepEqual(await all(inOrder(numbers, fetch, 8)), squares)
    assert.equal(most, 8)
    async function* slowly() {
      yield* numbers
    }
    assert.deepEqual(await all(inOrder(slowly(), fetch)), squares)
    assert.equal(most, 16)
    assert.deepEqual(await all(inOrder([], fetch)), [])
  })

  it('fails at the item that failed, whatever came of later ones', async () => {
    const seen: number[] = []
    await assert.rejects(async () => {
      for await (const n of inOrder([1, 2, 3, 4], async (n) => (n >= 3 ? Promise.reject(new Error(`no ${n}`)) : n)))
        seen.push(n)
    }, /no 3/)
    assert.deepEqual(seen, [1, 2])
  })
})
