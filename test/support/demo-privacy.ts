import { importAccounts } from '../../book/import-accounts.ts'
import { demoBook, demoTicks } from '../../cli/demo-day.ts'
import { DEFAULT_SLOTS } from '../../protocol/constants.ts'
import { headOf, type Stack } from '../../protocol/stacks.ts'
import { sweepConstraints } from '../../protocol/sweep-constraints.ts'
import { System } from '../../protocol/system.ts'
import { PROFILES } from '../../prover/profiles.ts'
import { completeRound, type Work } from '../../sequencer/planner/complete-round.ts'
import type { Decoys } from '../../sequencer/planner/decoys.ts'
import { DecoyObserver } from './decoy-observer.ts'
import { guessPlacement, observe } from './guess-placement.ts'

/** Moves of a sweep that the guessing attack is tried on at the most: what it tries doubles with each. */
const MOST_MOVES = 7
const SHAPE = PROFILES.small
const DAY = 86_400

/** A batch of the day, and the stacks before it. */
interface Seen extends Work {
  readonly before: readonly Stack[]
  readonly system: System
}

/** The demo's day on the reference machine. @param round told of the system at the marks of each round, and says what decoys it has */
function* demoDay(
  saltKey: Uint8Array,
  round: (system: System, number: number, now: number) => Decoys | undefined,
): Generator<Seen> {
  const ticks = demoTicks()
  const book = demoBook(ticks[0]!)
  const system = System.genesis(SHAPE, DEFAULT_SLOTS, book.minLiability, importAccounts(book.accounts), [], { saltKey })
  let before = system.stacks.map((stack) => [...stack])
  for (const [number, tick] of ticks.entries()) {
    system.setMarks(demoBook(tick).marks)
    for (const work of completeRound(system, round(system, number, tick.unix))) {
      yield { ...work, before, system }
      before = system.stacks.map((stack) => [...stack])
    }
    if (!system.ledger.isComplete()) throw new Error(`Round ${number} is not complete.`)
  }
}

/** Proofs of a day, and how its windows hide moves. */
class Windows {
  sweeps = 0
  resolves = 0
  moves = 0
  /** Of the sweeps. */
  constraints = 0
  /** Moves that can have gone to one slot only. */
  certain = 0
  /** Not knowing the moves, one knows of each that it went to a slot of the window that is not empty after it. */
  bits = 0

  see({ transition: { batch }, moves }: Work): void {
    if (batch.circuit === 'resolve') this.resolves++
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

/** The day without decoys, and what the guessing attack places: of the moves tried, on heads as they are and on blinded ones. */
export function placementOfDemo(saltKey: Uint8Array) {
  const guess = { tried: 0, byHeads: 0, byBlindedHeads: 0 }
  const windows = new Windows()
  for (const work of demoDay(saltKey, () => undefined)) {
    windows.see(work)
    const { moves, before, system } = work
    const { batch } = work.transition
    if (batch.circuit !== 'sweep' || moves.length > MOST_MOVES) continue
    const own = observe(before, moves, (slot) => headOf(system.stacks[slot]!))
    const blinded = observe(before, moves, (slot) => batch.headsAfter[batch.window.indexOf(slot)]!)
    if (own === undefined) continue
    guess.tried += moves.length
    guess.byHeads += guessPlacement(own, [])
    guess.byBlindedHeads += guessPlacement(blinded!, [0n])
  }
  return { ...windows, ...guess }
}

/**
 * The day with decoys as the node chooses them, and what an observer makes of it.
 * @param share of the rounds without liquidations that have a decoy alone
 */
export function decoysOfDemo(saltKey: Uint8Array, share: number) {
  const windows = new Windows()
  const decoyed = new Map<number, number>()
  let observer: DecoyObserver | undefined
  let now = 0
  const seen = {
    /** Resolves in which somebody was liquidated, and accounts in them. */
    trading: 0,
    liquidated: 0,
    decoys: 0,
    /** Resolves that trade nothing: everybody sees that nobody was liquidated in them. */
    alone: 0,
    /** Accounts of which the observer is certain, and those of them of which it is wrong. */
    surelyLiquidated: 0,
    surelyDecoys: 0,
    wrong: 0,
    /** Resolves in which one that it picks was liquidated: any, and the likeliest. */
    blindPicks: 0,
    bestPicks: 0,
  }
  const round = (system: System, number: number, time: number): Decoys => {
    now = time
    observer ??= new DecoyObserver(system.accounts.map(({ index }) => index))
    observer.round(system.ledger, time)
    const mayBe = (index: number) => (decoyed.get(index) ?? Number.NEGATIVE_INFINITY) <= time - DAY
    return { mayBe, alone: system.salts.random('plimsoll.round', number)() < share }
  }
  for (const work of demoDay(saltKey, round)) {
    windows.see(work)
    const suspects = observer!.see(work.transition.batch)
    if (suspects.length === 0) continue
    const actionOf = new Map(work.resolutions.map(({ action, account }) => [account.index, action]))
    for (const [index, action] of actionOf) if (action === 'refresh') decoyed.set(index, now)
    const isHit = ({ index }: { index: number }) => actionOf.get(index) === 'liquidate'
    const hits = suspects.filter(isHit).length
    if (hits === 0) {
      seen.alone++
      continue
    }
    seen.trading++
    seen.liquidated += hits
    seen.decoys += suspects.length - hits
    for (const suspect of suspects) {
      seen.surelyLiquidated += Number(suspect.certainly === 'liquidated')
      seen.surelyDecoys += Number(suspect.certainly === 'a decoy')
      seen.wrong += Number(suspect.certainly !== undefined && (suspect.certainly === 'liquidated') !== isHit(suspect))
    }
    const likeliest = Math.max(...suspects.map(({ odds }) => odds))
    const picks = suspects.filter(({ odds }) => odds === likeliest)
    seen.bestPicks += picks.filter(isHit).length / picks.length
    seen.blindPicks += hits / suspects.length
  }
  return { ...windows, ...seen }
}
