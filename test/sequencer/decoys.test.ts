import assert from 'node:assert/strict'
import { System } from '../../protocol/system.ts'
import { completeRound, type Work } from '../../sequencer/planner/complete-round.ts'
import type { Decoys } from '../../sequencer/planner/decoys.ts'
import { account, HEALTHY, MARKS, MIN_LIABILITY, PARTIAL, TINY } from '../support/circuit-market.ts'

/** Account 0 is breached, five others are healthy; a leaf of account 3 is stale, and lies above the others once they are placed. */
const ACCOUNTS = Array.from({ length: 6 }, (_, index) => account(index, index === 0 ? PARTIAL : HEALTHY))
const ANYBODY: Decoys = { mayBe: () => true, alone: false }

function inInbox(key: number): System {
  const saltKey = new Uint8Array(32).fill(key)
  const ghost = { ...ACCOUNTS[3]!, version: 2n }
  const system = System.genesis(TINY, 8, MIN_LIABILITY, ACCOUNTS, [ghost], { saltKey })
  system.setMarks(MARKS)
  return system
}

/** Actions and accounts of each resolve. */
function resolves(works: readonly Work[]): (readonly [action: string, index: number])[][] {
  return works
    .filter(({ transition }) => transition.batch.circuit === 'resolve')
    .map(({ resolutions }) => resolutions.map(({ action, account: { index } }) => [action, index] as const))
}

describe('decoys', () => {
  it('fill the padding of a resolve, and lie in any place of it', () => {
    const places = new Set<number>()
    for (let key = 1; key <= 10; key++) {
      const system = inInbox(key)
      const [batch, ...more] = resolves([...completeRound(system, ANYBODY)])
      assert.deepEqual(more, [])
      assert.deepEqual(batch!.map(([action]) => action).sort(), ['liquidate', 'refresh'])
      const [, decoy] = batch!.find(([action]) => action === 'refresh')!
      places.add(batch!.findIndex(([action]) => action === 'liquidate'))
      assert.deepEqual(system.accounts.at(decoy)!.balances, ACCOUNTS[decoy]!.balances)
      assert.equal(system.accounts.at(decoy)!.version, ACCOUNTS[decoy]!.version + 1n)
      assert.ok(system.ledger.isComplete())
    }
    assert.deepEqual(places, new Set([0, 1]))
  })

  it('are none that may not be one, and what lies above another is moved out of the way', () => {
    for (let key = 1; key <= 2; key++) {
      for (const only of [1, 3]) {
        const system = inInbox(key)
        const [batch] = resolves([...completeRound(system, { mayBe: (index) => index === only, alone: false })])
        assert.deepEqual(batch!.map(([action, index]) => `${action} ${index}`).sort(), [
          'liquidate 0',
          `refresh ${only}`,
        ])
        assert.ok(system.ledger.isComplete())
      }
      // The bottom of a slot stays: one that a sweep empties has shown itself.
      const bottom = resolves([...completeRound(inInbox(key), { mayBe: (index) => index === 5, alone: false })])
      assert.deepEqual(bottom, [[['liquidate', 0]]])
      const alone = resolves([...completeRound(inInbox(key), { mayBe: () => false, alone: true })])
      assert.deepEqual(alone, [[['liquidate', 0]]])
    }
  })

  it('are one alone where nobody is in distress, if that is asked for, and then once', () => {
    for (let key = 1; key <= 2; key++) {
      const system = inInbox(key)
      assert.equal(resolves([...completeRound(system, ANYBODY)]).length, 1)
      assert.deepEqual([...completeRound(system, ANYBODY)], [])
      const [batch, ...more] = resolves([...completeRound(system, { mayBe: () => true, alone: true })])
      assert.deepEqual(more, [])
      assert.deepEqual(
        batch!.map(([action]) => action),
        ['refresh'],
      )
      assert.ok(system.ledger.isComplete())
    }
  })

  it('are chosen when the resolve is planned: owners go on signing while the sweeps before it are proven', () => {
    let signed = false
    const decoys: Decoys = {
      get mayBe() {
        const busy = signed
        return () => !busy
      },
      alone: false,
    }
    const works: Work[] = []
    for (const work of completeRound(inInbox(1), decoys)) {
      works.push(work)
      signed = true
    }
    assert.deepEqual(resolves(works), [[['liquidate', 0]]])
  })

  it('are not there where nobody asks for them', () => {
    const system = inInbox(1)
    assert.deepEqual(resolves([...completeRound(system)]), [[['liquidate', 0]]])
  })
})
