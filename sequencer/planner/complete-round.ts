import type { Opening, SweepRung } from '../../protocol/batch.ts'
import { DISTRESS, INBOX } from '../../protocol/constants.ts'
import { PlimsollError } from '../../protocol/errors.ts'
import { EMPTY_HEAD } from '../../protocol/stack.ts'
import type { Stack } from '../../protocol/stacks.ts'
import type { Move } from '../../protocol/sweep-input.ts'
import type { Resolution, System, Transition } from '../../protocol/system.ts'
import { cutMoves, type SweepPlan } from './cut-moves.ts'
import { type Decoys, planDecoys } from './decoys.ts'
import type { SlotMembers } from './members.ts'
import { planAhead } from './plan-ahead.ts'
import { type PlannerSlot, type PlanStage, planRound } from './plan-round.ts'

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
 * @param decoys accounts that are rewritten beside those in distress; none where it is left out
 * @throws PlimsollError when an account in distress cannot be liquidated
 */
export function* completeRound(system: System, decoys?: Decoys): Generator<Work> {
  const { ledger, stacks } = system
  const { marks } = ledger
  if (marks === undefined) throw new PlimsollError('There is no round to complete.')
  for (let resolved = false; ; resolved = true) {
    yield* swept(system, planRound(plannerSlots(system), marks, { rungs: ledger.shape.sweeps }))
    const { steps } = ledger.shape.resolve
    const distress = stacks[DISTRESS]!.length
    // What a resolve of decoys wrote is swept, and that is all.
    if (distress === 0 && (resolved || decoys?.alone !== true)) return
    const parts = distress === 0 ? [0] : evenParts(distress, steps)
    const { moves, counts } =
      decoys === undefined ? { moves: [], counts: parts } : planDecoys(system, parts, steps, decoys.mayBe)
    for (const sweep of moves.length === 0 ? [] : cutMoves(moves, fillable(system)).sweeps) yield sweepOf(system, sweep)
    for (const count of counts) {
      const { resolutions, ...transition } = system.resolve(count)
      yield { openings: [], transition, moves: [], resolutions }
    }
  }
}

/**
 * Sweeps ahead of the price, see `planAhead`, one batch at a time; none where something is due.
 * @param level log-distance of the moves of prices that are to find less to do
 * @param most batches: the system is complete again after the last only
 */
export function* sweepAhead(system: System, level: number, most: number): Generator<Work> {
  const { marks, shape } = system.ledger
  if (marks === undefined) return
  yield* swept(system, planAhead(plannerSlots(system), marks, level, most, { rungs: shape.sweeps }))
}

/** Carries planned stages out: the first sweep of each comes with its openings. */
function* swept(system: System, stages: Iterable<PlanStage>): Generator<Work> {
  for (const { openings, sweeps } of stages) {
    for (const opening of openings) system.open(opening)
    for (const [i, sweep] of sweeps.entries()) yield sweepOf(system, sweep, i === 0 ? openings : [])
  }
}

function plannerSlots({ ledger, stacks }: System): PlannerSlot[] {
  return stacks.map((stack, slot) => ({
    envelope: ledger.envelopes[slot],
    members: balancesOn(stack),
  }))
}

/** Balances of a stack's accounts, which are read when they are asked for. */
function balancesOn(stack: Stack): SlotMembers {
  return {
    get length() {
      return stack.length
    },
    *[Symbol.iterator]() {
      for (const { account } of stack) yield account.balances
    },
  }
}

function sweepOf(system: System, { rung, moves }: SweepPlan, openings: readonly Opening[] = []): Work {
  const window = fillWindow(system, rung.window, moves)
  const transition = system.sweep(window, moves, system.ledger.shape.sweeps.indexOf(rung))
  return { openings, transition, moves, resolutions: [] }
}

/** Rungs whose window can be filled. */
function fillable({ ledger }: System): readonly SweepRung[] {
  const usable = ledger.heads.filter((_, slot) => slot <= INBOX || ledger.envelopes[slot] !== undefined).length
  return ledger.shape.sweeps.filter(({ window }) => window <= usable)
}

/**
 * As few parts of at most `most` as hold `total`, none larger than another by more than 1: a liquidation that is alone in its
 * batch has its amounts in public.
 */
export function evenParts(total: number, most: number): number[] {
  const parts = Math.ceil(total / most)
  return Array.from({ length: parts }, (_, i) => Math.ceil((total - i) / parts))
}

/**
 * The slots of the moves, and others that the batch leaves alone, for a window has no null entries. These hide the moves' own:
 * they are drawn at random among those that hold accounts, and only where there are too few among the empty ones, whose heads
 * stay 0 for all to see.
 */
export function fillWindow({ ledger, salts }: System, width: number, moves: readonly Move[]): number[] {
  const window = new Set(moves.flatMap(({ from, to }) => [from, to]))
  const usable = [...ledger.heads.keys()].filter((slot) => slot <= INBOX || ledger.envelopes[slot] !== undefined)
  const isOccupied = (slot: number) => ledger.heads[slot] !== EMPTY_HEAD
  const order = salts.shuffle(usable)
  for (const slot of [...order.filter(isOccupied), ...order.filter((slot) => !isOccupied(slot))])
    if (window.size < width) window.add(slot)
  if (window.size < width) throw new PlimsollError(`Fewer than ${width} slots are open, too few for a window.`)
  return [...window].sort((a, b) => a - b)
}
