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
    for (const { openings, sweeps } of planRound(slots, marks, { rungs: [ledger.shape.sweep] })) {
      for (const opening of openings) system.open(opening)
      for (const [i, { moves }] of sweeps.entries()) {
        const transition = system.sweep(fillWindow(ledger, moves), moves)
        yield { openings: i === 0 ? openings : [], transition, moves, resolutions: [] }
      }
    }
    const distress = stacks[DISTRESS]!.length
    if (distress === 0) return
    for (const count of evenParts(distress, ledger.shape.resolve.steps)) {
      const { resolutions, ...transition } = system.resolve(count)
      yield { openings: [], transition, moves: [], resolutions }
    }
  }
}

/**
 * As few parts of at most `most` as hold `total`, none larger than another by more than 1: a liquidation that is alone in its
 * batch has its amounts in public.
 */
export function evenParts(total: number, most: number): number[] {
  const parts = Math.ceil(total / most)
  return Array.from({ length: parts }, (_, i) => Math.ceil((total - i) / parts))
}

/** A window has no null entries: it is filled up with slots that the batch leaves alone. */
function fillWindow(ledger: Ledger, moves: readonly Move[]): number[] {
  const { window: width } = ledger.shape.sweep
  const window = new Set(moves.flatMap(({ from, to }) => [from, to]))
  for (let slot = 0; slot < ledger.heads.length && window.size < width; slot++) {
    if (slot <= INBOX || ledger.envelopes[slot] !== undefined) window.add(slot)
  }
  if (window.size < width) throw new PlimsollError(`Fewer than ${width} slots are open, too few for a window.`)
  return [...window].sort((a, b) => a - b)
}
