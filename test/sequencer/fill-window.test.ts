import assert from 'node:assert/strict'
import { System } from '../../protocol/system.ts'
import { fillWindow } from '../../sequencer/planner/complete-round.ts'
import { AT_MARKS, account, HEALTHY, MARKS, MIN_LIABILITY, TINY } from '../support/circuit-market.ts'

/** Slots 1 to 5 hold an account each; 0, 6 and 7 are empty, and 8 was never opened. */
function system(key: number): System {
  const accounts = Array.from({ length: 5 }, (_, index) => account(index, HEALTHY))
  const saltKey = new Uint8Array(32).fill(key)
  const made = System.genesis(TINY, 9, MIN_LIABILITY, accounts, [], { saltKey })
  made.setMarks(MARKS)
  for (const slot of [2, 3, 4, 5, 6, 7]) made.open({ slot, envelope: AT_MARKS })
  for (const to of [2, 3, 4, 5]) made.sweep([0, 1, to], [{ from: 1, to }])
  return made
}

describe('the window of a sweep', () => {
  const moves = [{ from: 1, to: 3 }]

  it('is filled with slots that hold accounts, each as often as any other', () => {
    const drawn = new Map<number, number>()
    const made = system(1)
    for (let batch = 0; batch < 60; batch++) {
      made.salts.batches = batch
      const window = fillWindow(made, 4, moves)
      assert.deepEqual(
        window,
        [...window].sort((a, b) => a - b),
      )
      assert.ok(window.includes(1) && window.includes(3))
      for (const slot of window) drawn.set(slot, (drawn.get(slot) ?? 0) + 1)
    }
    assert.deepEqual(
      [...drawn.keys()].sort((a, b) => a - b),
      [1, 2, 3, 4, 5],
    )
    // Two of three in each window.
    for (const slot of [2, 4, 5]) assert.ok(drawn.get(slot)! > 25 && drawn.get(slot)! < 55, String(drawn.get(slot)))
  })

  it('has empty slots only where there are too few others, and none that was never opened', () => {
    const made = system(1)
    for (let batch = 0; batch < 20; batch++) {
      made.salts.batches = batch
      const window = fillWindow(made, 6, moves)
      assert.deepEqual(
        window.filter((slot) => ![0, 6, 7].includes(slot)),
        [1, 2, 3, 4, 5],
      )
    }
    assert.deepEqual(fillWindow(system(1), 8, moves), [0, 1, 2, 3, 4, 5, 6, 7])
    assert.throws(() => fillWindow(system(1), 9, moves), { message: /Fewer than 9 slots are open/ })
  })

  it('is the same at a second attempt from one state, and another one for the next batch', () => {
    const windows = new Set<string>()
    for (let key = 0; key < 5; key++) {
      const made = system(key)
      const window = fillWindow(made, 4, moves)
      assert.deepEqual(fillWindow(made.clone(), 4, moves), window)
      made.sweep([0, 1, 2], [])
      windows.add(`${window} ${fillWindow(made, 4, moves)}`)
    }
    assert.ok([...windows].some((pair) => new Set(pair.split(' ')).size === 2))
  })
})
