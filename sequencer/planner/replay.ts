import { NEUTRAL_WEIGHTS } from '../../protocol/account.ts'
import { DISTRESS, INBOX } from '../../protocol/constants.ts'
import { type Balances, cornerHealth, type Envelope, health, isCovered } from '../../protocol/health.ts'
import { liquidate } from '../../protocol/liquidation.ts'
import type { Marks } from '../../protocol/marks.ts'
import { sweepConstraints } from '../../prover/sweep-constraints.ts'
import { cutMoves } from './complete-round.ts'
import { type PlanOptions, planRound } from './plan-round.ts'

export interface ReplayResult {
  ticks: number
  quietTicks: number
  /** Sweep steps of the first tick, in which every account has to move. */
  placed: number
  /** Sweep steps of all later ticks. */
  swept: number
  liquidated: number
  badDebt: bigint
  /** Sweep batches of the first tick. */
  firstPlacementBatches: number
  /** Sweep batches of the later ticks, at the given steps and window. */
  batches: number
  /** Constraints of the later ticks' sweeps. */
  constraints: number
  /** The most that one of the later ticks took: its sweep batches and their constraints; 0 where there is none. */
  worstTick: { batches: number; constraints: number }
  openings: number
  unplaced: number
}

export interface ReplayOptions extends PlanOptions {
  readonly slots: number
  readonly minLiability: bigint
  readonly steps: number
  readonly window: number
}

interface Slot {
  envelope: Envelope | undefined
  members: Balances[]
}

/**
 * Runs the planner over the marks of each tick, without proving; breached accounts are liquidated and re-enter through
 * the inbox.
 */
export function replay(accounts: readonly Balances[], ticks: Iterable<Marks>, options: ReplayOptions): ReplayResult {
  const slots: Slot[] = Array.from({ length: options.slots }, () => ({ envelope: undefined, members: [] }))
  slots[INBOX]!.members.push(...accounts)
  const result: ReplayResult = {
    ticks: 0,
    quietTicks: 0,
    placed: 0,
    swept: 0,
    liquidated: 0,
    badDebt: 0n,
    firstPlacementBatches: 0,
    batches: 0,
    constraints: 0,
    worstTick: { batches: 0, constraints: 0 },
    openings: 0,
    unplaced: 0,
  }

  let batches = 0
  const sweep = (marks: Marks): number => {
    let swept = 0
    for (const { openings, moves } of planRound(slots, marks, options)) {
      for (const { slot, envelope } of openings) {
        if (slots[slot]!.members.length > 0) throw new Error(`slot ${slot} was opened while it was not empty`)
        slots[slot]!.envelope = envelope
      }
      for (const { from, to } of moves) {
        const balances = slots[from]!.members.pop()!
        const { envelope } = slots[to]!
        if (
          to === DISTRESS
            ? health(balances, marks) >= 0n
            : to !== INBOX && (envelope === undefined || cornerHealth(balances, envelope) < 0n)
        )
          result.unplaced++
        slots[to]!.members.push(balances)
      }
      swept += moves.length
      result.openings += openings.length
      batches += cutMoves(moves, options.steps, options.window).length
    }
    return swept
  }

  for (const marks of ticks) {
    batches = 0
    let swept = sweep(marks)
    while (slots[DISTRESS]!.members.length > 0) {
      for (const balances of slots[DISTRESS]!.members.splice(0)) {
        const { after, badDebt } = liquidate(balances, NEUTRAL_WEIGHTS, marks, options.minLiability)
        result.badDebt += badDebt
        result.liquidated++
        slots[INBOX]!.members.push(after)
      }
      swept += sweep(marks)
    }
    result.unplaced += slots[INBOX]!.members.length
    for (const [number, { envelope, members }] of slots.entries()) {
      if (number > INBOX && members.length > 0 && (envelope === undefined || !isCovered(envelope, marks)))
        result.unplaced += members.length
    }
    if (result.ticks === 0) {
      result.placed = swept
      result.firstPlacementBatches = batches
    } else {
      result.swept += swept
      result.batches += batches
      const constraints = batches * sweepConstraints(options)
      result.constraints += constraints
      if (constraints > result.worstTick.constraints) result.worstTick = { batches, constraints }
    }
    if (swept === 0) result.quietTicks++
    result.ticks++
  }
  return result
}
