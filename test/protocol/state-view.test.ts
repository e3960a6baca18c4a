import assert from 'node:assert/strict'
import { LayeredMap } from '../../protocol/layered-map.ts'
import { nodeNumber } from '../../protocol/state-view.ts'
import { account, HEALTHY, inDistress, TINY } from '../support/circuit-market.ts'
import { Random } from './random.ts'

describe('layers over a state', () => {
  it('read as maps that were copied whole, whatever is written after a copy', () => {
    const random = new Random(5)
    const copies = [{ layered: new LayeredMap<number, number>(), plain: new Map<number, number>() }]
    for (let i = 0; i < 2_000; i++) {
      const { layered, plain } = random.pick(copies)
      if (random.chance(0.1) && copies.length < 40) copies.push({ layered: layered.clone(), plain: new Map(plain) })
      const key = random.integer(0, 50)
      layered.set(key, i)
      plain.set(key, i)
    }
    for (const { layered, plain } of copies) {
      for (let key = 0; key <= 50; key++) assert.equal(layered.get(key), plain.get(key))
      assert.deepEqual([...layered.entries()].sort(), [...plain].sort())
    }
  })

  it('are few, however many copies there were in between', () => {
    let map = new LayeredMap<number, number>()
    let reads = 0
    for (let i = 0; i < 500; i++) {
      map.set(i, i)
      map = map.clone()
    }
    const get = Map.prototype.get
    Map.prototype.get = function (key) {
      reads++
      return get.call(this, key)
    }
    try {
      assert.equal(map.get(-1), undefined)
    } finally {
      Map.prototype.get = get
    }
    assert.ok(reads <= 12, `${reads} layers`)
  })

  it('number nodes of the tree from the root down', () => {
    assert.deepEqual(
      [nodeNumber(3, 3, 0), nodeNumber(3, 2, 3), nodeNumber(3, 1, 0), nodeNumber(3, 0, 63)],
      [0, 4, 5, 84],
    )
    const { state } = inDistress([account(0, HEALTHY)])
    for (let level = 0; level <= TINY.depth; level++) {
      assert.equal(state.nodeAt(nodeNumber(TINY.depth, level, 0)), state.node(level, 0))
    }
  })
})
