import type { Opening } from '../../protocol/batch.ts'
import { DISTRESS, INBOX } from '../../protocol/constants.ts'
import { PlimsollError } from '../../protocol/errors.ts'
import type { Ledger } from '../../protocol/ledger.ts'
import type { Move } from '../../protocol/sweep-input.ts'
import type { Resolution, System, Transition } from '../../protocol/system.ts'
import { planRound } from './plan-round.ts'

/** A batch to prove, and the envelopes to open before it. */
export interface Work {
  readonly openings: readonly Opening[]
  readonly transition: Transition
  /** Moves of a sweep; empty for other circuits. */
  readonly moves: readonly Move[]
  /** Outcomes of a resolve, one an account, in order; empty for other circuits. */
  readonly resolutions: readonly Resolution[]
}

/**
 * All that is left to do until the system is complete at its marks, one batch at a time: accounts of expired slots and of
 * the inbox are swept to where they are safe or into distress, distress is resolved, and what that wrote is swept again.
 * The system changes as the generator is drawn.
 * @throws PlimsollError when an account in distress cannot be liquidated
 */
export function* completeRound(system: System): Generator<Work> {
  const { ledger, stacks } = system
  const { marks } = ledger
  if (marks === undefined) throw new PlimsollError('There is no round to complete.')
  for (;;) {
    const slots = stacks.map((stack, slot) => ({
      envelope: ledger.envelopes[slot],
      members: stack.map((entry) => entry.account.balances),
    }))
    for (const { openings, moves } of planRound(slots, marks, { window: ledger.shape.sweep.window })) {
      yield* sweeps(system, openings, moves)
    }
    const distress = stacks[DISTRESS]!
    if (distress.length === 0) return
    while (distress.length > 0) {
      const { resolutions, ...transition } = system.resolve(Math.min(distress.length, ledger.shape.resolve.steps))
      yield { openings: [], transition, moves: [], resolutions }
    }
  }
}

/** Opens the envelopes, then makes the moves in as few batches as their order allows. */
function* sweeps(system: System, openings: readonly Opening[], moves: readonly Move[]): Generator<Work> {
  for (const opening of openings) system.open(opening)
  const { steps, window: width } = system.ledger.shape.sweep
  for (const [i, batch] of cutMoves(moves, steps, width).entries()) {
    const used = new Set(batch.flatMap(({ from, to }) => [from, to]))
    yield {
      openings: i === 0 ? openings : [],
      transition: system.sweep(fillWindow(system.ledger, used), batch),
      moves: batch,
      resolutions: [],
    }
  }
}

/** Cuts moves, in order, into batches of at most `steps` moves that touch at most `width` slots. */
export function cutMoves(moves: readonly Move[], steps: number, width: number): Move[][] {
  const batches: Move[][] = []
  let slots = new Set<number>()
  for (const move of moves) {
    const last = batches.at(-1)
    slots.add(move.from).add(move.to)
    if (last !== undefined && last.length < steps && slots.size <= width) last.push(move)
    else {
      batches.push([move])
      slots = new Set([move.from, move.to])
    }
  }
  return batches
}

/** A window has no null entries: it is filled up with slots that the batch leaves alone. */
function fillWindow(ledger: Ledger, used: ReadonlySet<number>): number[] {
  const { window: width } = ledger.shape.sweep
  const window = new Set(used)
  for (let slot = 0; slot < ledger.heads.length && window.size < width; slot++) {
    if (slot <= INBOX || ledger.envelopes[slot] !== undefined) window.add(slot)
  }
  if (window.size < width) throw new PlimsollError(`Fewer than ${width} slots are open, too few for a window.`)
  return [...window].sort((a, b) => a - b)
}
