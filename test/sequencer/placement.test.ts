import assert from 'node:assert/strict'
import { importAccounts } from '../../book/import-accounts.ts'
import { demoBook, demoTicks } from '../../cli/demo-day.ts'
import { DEFAULT_SLOTS } from '../../protocol/constants.ts'
import { headOf } from '../../protocol/stacks.ts'
import { System } from '../../protocol/system.ts'
import { PROFILES } from '../../prover/profiles.ts'
import { completeRound } from '../../sequencer/planner/complete-round.ts'
import { guessPlacement, observe } from '../support/guess-placement.ts'

/** Moves of a sweep that the attack is tried on at the most: what it tries doubles with each. */
const MOST_MOVES = 7

describe("who is where on the demo's day, from public data", () => {
  it('is told by heads as they are, and neither by blinded heads nor by the windows', () => {
    const ticks = demoTicks()
    const book = demoBook(ticks[0]!)
    const accounts = importAccounts(book.accounts)
    const saltKey = crypto.getRandomValues(new Uint8Array(32))
    const system = System.genesis(PROFILES.small, DEFAULT_SLOTS, book.minLiability, accounts, [], { saltKey })
    const seen = { sweeps: 0, moves: 0, tried: 0, byHeads: 0, byBlindedHeads: 0, certain: 0, bits: 0 }
    let before = system.stacks.map((stack) => [...stack])
    for (const tick of ticks) {
      system.setMarks(demoBook(tick).marks)
      for (const { transition, moves } of completeRound(system)) {
        const { batch } = transition
        if (batch.circuit === 'sweep') {
          seen.sweeps++
          seen.moves += moves.length
          // Not knowing the moves, one knows of each that it went to a slot of the window that is not empty after it.
          for (const { from } of moves) {
            const possible = batch.window.filter((slot, w) => slot !== from && batch.headsAfter[w] !== 0n).length
            seen.certain += Number(possible === 1)
            seen.bits += Math.log2(possible)
          }
          if (moves.length <= MOST_MOVES) {
            const own = observe(before, moves, (slot) => headOf(system.stacks[slot]!))
            const blinded = observe(before, moves, (slot) => batch.headsAfter[batch.window.indexOf(slot)]!)
            if (own !== undefined) {
              seen.tried += moves.length
              seen.byHeads += guessPlacement(own, [])
              seen.byBlindedHeads += guessPlacement(blinded!, [0n])
            }
          }
        }
        before = system.stacks.map((stack) => [...stack])
      }
      assert.ok(system.ledger.isComplete())
    }
    // The attack works, every time that it is tried, on what the chain had before heads were blinded; and never on blinded ones.
    assert.ok(seen.tried > seen.moves / 4, JSON.stringify(seen))
    assert.deepEqual([seen.byHeads, seen.byBlindedHeads], [seen.tried, 0])
    assert.ok(seen.certain === 0 && seen.bits / seen.moves > 2, JSON.stringify(seen))
  })
})
