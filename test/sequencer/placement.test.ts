import assert from 'node:assert/strict'
import { importAccounts } from '../../book/import-accounts.ts'
import { demoBook, demoTicks } from '../../cli/demo-day.ts'
import { DEFAULT_SLOTS } from '../../protocol/constants.ts'
import { headOf, type Stack } from '../../protocol/stacks.ts'
import { sweepConstraints } from '../../protocol/sweep-constraints.ts'
import { System } from '../../protocol/system.ts'
import { PROFILES } from '../../prover/profiles.ts'
import { completeRound, type Work } from '../../sequencer/planner/complete-round.ts'
import type { Decoys } from '../../sequencer/planner/decoys.ts'
import { DecoyObserver, type Suspect } from '../support/decoy-observer.ts'
import { guessPlacement, observe } from '../support/guess-placement.ts'

/** Moves of a sweep that the attack is tried on at the most: what it tries doubles with each. */
const MOST_MOVES = 7
const SHAPE = PROFILES.small

/** A batch of the day, and what was before it. */
interface Seen extends Work {
  readonly before: readonly Stack[]
  readonly system: System
}

/**
 * The demo's day on the reference machine.
 * @param decoys of a round of that number, at that time; none where it is left out
 * @param onRound told of the system at the marks of each round
 */
function* demoDay(
  saltKey: Uint8Array,
  decoys: (system: System, round: number, now: number) => Decoys | undefined = () => undefined,
  onRound: (system: System, now: number) => void = () => {},
): Generator<Seen> {
  const ticks = demoTicks()
  const book = demoBook(ticks[0]!)
  const system = System.genesis(SHAPE, DEFAULT_SLOTS, book.minLiability, importAccounts(book.accounts), [], { saltKey })
  let before = system.stacks.map((stack) => [...stack])
  for (const [round, tick] of ticks.entries()) {
    system.setMarks(demoBook(tick).marks)
    onRound(system, tick.unix)
    for (const work of completeRound(system, decoys(system, round, tick.unix))) {
      yield { ...work, before, system }
      before = system.stacks.map((stack) => [...stack])
    }
    assert.ok(system.ledger.isComplete())
  }
}

/** How the windows hide moves: not knowing them, one knows of each that it went to a slot of the window that is not empty after it. */
class Windows {
  moves = 0
  sweeps = 0
  constraints = 0
  certain = 0
  bits = 0

  see({ transition: { batch }, moves }: Work): void {
    if (batch.circuit !== 'sweep') return
    this.sweeps++
    this.moves += moves.length
    this.constraints += sweepConstraints(SHAPE.sweeps[batch.rung]!)
    for (const { from } of moves) {
      const possible = batch.window.filter((slot, w) => slot !== from && batch.headsAfter[w] !== 0n).length
      this.certain += Number(possible === 1)
      this.bits += Math.log2(possible)
    }
  }
}

describe("who is where on the demo's day, from public data", () => {
  it('is told by heads as they are, and neither by blinded heads nor by the windows', () => {
    const seen = { tried: 0, byHeads: 0, byBlindedHeads: 0 }
    const windows = new Windows()
    for (const work of demoDay(crypto.getRandomValues(new Uint8Array(32)))) {
      const { moves, before, system } = work
      const { batch } = work.transition
      windows.see(work)
      if (batch.circuit !== 'sweep' || moves.length > MOST_MOVES) continue
      const own = observe(before, moves, (slot) => headOf(system.stacks[slot]!))
      const blinded = observe(before, moves, (slot) => batch.headsAfter[batch.window.indexOf(slot)]!)
      if (own === undefined) continue
      seen.tried += moves.length
      seen.byHeads += guessPlacement(own, [])
      seen.byBlindedHeads += guessPlacement(blinded!, [0n])
    }
    // The attack works, every time that it is tried, on what the chain had before heads were blinded; and never on blinded ones.
    const told = JSON.stringify({ ...seen, ...windows })
    assert.ok(seen.tried > windows.moves / 4, told)
    assert.deepEqual([seen.byHeads, seen.byBlindedHeads], [seen.tried, 0])
    assert.ok(windows.certain === 0 && windows.bits / windows.moves > 2, told)
    console.log(told)
  })

  it('and who was liquidated', () => {
    for (const MODE of ['nopad', 'on'])
      for (let key = 1; key <= 2; key++) {
        const decoyed = new Map<number, number>()
        const alones = { rounds: 0 }
        const decoys = ({ salts }: System, round: number, now: number): Decoys | undefined => {
          if (MODE === 'off') return undefined
          const alone = MODE === 'on' && salts.random('plimsoll.round', round)() < 1 / 8
          return { mayBe: (index) => (decoyed.get(index) ?? -Infinity) <= now - 86_400, alone }
        }
        const windows = new Windows()
        let observer: DecoyObserver | undefined
        let now = 0
        const seen = {
          resolves: 0,
          zero: 0,
          liquidated: 0,
          decoys: 0,
          alone: 0,
          certainDecoy: 0,
          certainLiq: 0,
          wrong: 0,
          blind: 0,
          best: 0,
        }
        const onRound = (system: System, time: number) => {
          observer ??= new DecoyObserver(system.accounts.map(({ index }) => index))
          observer.round(system.ledger, time)
          now = time
        }
        for (const work of demoDay(new Uint8Array(32).fill(key), decoys, onRound)) {
          windows.see(work)
          const suspects = observer!.see(work.transition.batch)
          if (work.transition.batch.circuit !== 'resolve') continue
          const liquidated = new Set(
            work.resolutions.filter(({ action }) => action === 'liquidate').map(({ account }) => account.index),
          )
          for (const { action, account } of work.resolutions) if (action === 'refresh') decoyed.set(account.index, now)
          if (liquidated.size === 0) {
            seen.zero++
            seen.alone += suspects.length
            continue
          }
          seen.resolves++
          seen.liquidated += liquidated.size
          seen.decoys += suspects.length - liquidated.size
          for (const { index, certainly } of suspects) {
            if (certainly === undefined) continue
            if (certainly === 'liquidated') seen.certainLiq++
            else seen.certainDecoy++
            seen.wrong += Number((certainly === 'liquidated') !== liquidated.has(index))
          }
          const top = Math.max(...suspects.map(({ odds }) => odds))
          const best = suspects.filter(({ odds }) => odds === top)
          seen.best += best.filter(({ index }) => liquidated.has(index)).length / best.length
          seen.blind += liquidated.size / suspects.length
        }
        console.log(MODE, key, JSON.stringify({ ...seen, ...windows }))
      }
  })
})
