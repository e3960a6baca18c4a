import { NEUTRAL_WEIGHTS } from '../../protocol/account.ts'
import { DISTRESS, INBOX } from '../../protocol/constants.ts'
import { type Balances, cornerHealth, type Envelope, health, isCovered } from '../../protocol/health.ts'
import { liquidate } from '../../protocol/liquidation.ts'
import type { Marks } from '../../protocol/marks.ts'
import { sweepConstraints } from '../../protocol/sweep-constraints.ts'
import { evenParts } from './complete-round.ts'
import { cutMoves, type SweepPlan } from './cut-moves.ts'
import { layDecoys } from './decoys.ts'
import { planAhead } from './plan-ahead.ts'
import { type PlanOptions, type PlanStage, planRound } from './plan-round.ts'

export interface ReplayResult {
  ticks: number
  quietTicks: number
  /** Sweep steps of the first tick, in which every account has to move. */
  placed: number
  /** Sweep steps of all later ticks. */
  swept: number
  liquidated: number
  /** Accounts that were rewritten as they were. */
  decoys: number
  resolves: number
  badDebt: bigint
  /** Sweep batches of the first tick. */
  firstPlacementBatches: number
  /** Constraints of the first tick's sweeps. */
  firstPlacementConstraints: number
  /** Sweep batches of the later ticks, of the given rungs. */
  batches: number
  /** Sweep batches by rung, where rungs were given: of the first tick, and of the later ones. */
  rungs: { first: number[]; later: number[] }
  /** Constraints of the later ticks' sweeps. */
  constraints: number
  /** The most that one of the later ticks took: its sweep batches and their constraints; 0 where there is none. */
  worstTick: { batches: number; constraints: number }
  /** Sweep batches between the ticks, ahead of the price. */
  aheadBatches: number
  openings: number
  unplaced: number
}

export interface ReplayOptions extends PlanOptions {
  readonly slots: number
  /** Steps of a resolve. */
  readonly resolveSteps: number
  /** Decoys as a node writes them; none where it is left out. */
  readonly decoys?: ReplayDecoys
  /** Sweeps ahead of the price after every tick, see `planAhead`; none where it is left out. */
  readonly ahead?: { readonly level: number; readonly most: number }
  readonly minLiability: bigint
  /** Told of what happens, as it happens. */
  readonly observer?: ReplayObserver
}

export interface ReplayObserver {
  /** A tick begins. */
  tick(): void
  /** The sweeps of a stage of the plan, or those that lay decoys. */
  sweeps(sweeps: readonly SweepPlan[]): void
  /** All that is in distress is resolved, and goes to the inbox in its order. */
  resolve(): void
}

export interface ReplayDecoys {
  /** Share of the ticks without liquidations that have one alone. */
  readonly alone: number
  /** Ticks for which an account that was one is none. */
  readonly pause: number
  /** Numbers in [0, 1). */
  readonly random: () => number
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
    decoys: 0,
    resolves: 0,
    badDebt: 0n,
    firstPlacementBatches: 0,
    firstPlacementConstraints: 0,
    batches: 0,
    rungs: { first: options.rungs?.map(() => 0) ?? [], later: options.rungs?.map(() => 0) ?? [] },
    constraints: 0,
    worstTick: { batches: 0, constraints: 0 },
    aheadBatches: 0,
    openings: 0,
    unplaced: 0,
  }

  let batches = 0
  let constraints = 0
  const count = (sweeps: readonly SweepPlan[]) => {
    options.observer?.sweeps(sweeps)
    batches += sweeps.length
    const tally = result.ticks === 0 ? result.rungs.first : result.rungs.later
    for (const { rung } of sweeps) {
      constraints += sweepConstraints(rung)
      const place = options.rungs?.indexOf(rung) ?? -1
      if (place >= 0) tally[place]!++
    }
  }
  const carryOut = (stages: readonly PlanStage[]): number => {
    let swept = 0
    for (const { openings, sweeps } of stages) {
      for (const { slot, envelope } of openings) {
        if (slots[slot]!.members.length > 0) throw new Error(`slot ${slot} was opened while it was not empty`)
        slots[slot]!.envelope = envelope
      }
      for (const { from, to } of sweeps.flatMap(({ moves }) => moves)) {
        const balances = slots[from]!.members.pop()!
        const { envelope } = slots[to]!
        if (to > INBOX && (envelope === undefined || cornerHealth(balances, envelope) < 0n)) result.unplaced++
        slots[to]!.members.push(balances)
      }
      count(sweeps)
      swept += sweeps.reduce((sum, { moves }) => sum + moves.length, 0)
      result.openings += openings.length
    }
    return swept
  }
  const sweep = (marks: Marks): number => {
    const swept = carryOut(planRound(slots, marks, options))
    result.unplaced += slots[DISTRESS]!.members.filter((balances) => health(balances, marks) >= 0n).length
    return swept
  }

  /** Tick at which an account was last a decoy. */
  const decoyed = new Map<Balances, number>()
  const mix = (parts: readonly number[]): number => {
    const { decoys, resolveSteps, rungs } = options
    if (decoys === undefined || rungs === undefined) return 0
    const mayBe = (balances: Balances) =>
      result.ticks - (decoyed.get(balances) ?? Number.NEGATIVE_INFINITY) >= decoys.pause
    const stacks = slots.map(({ members }) => members)
    const { moves } = layDecoys(stacks, parts, resolveSteps, mayBe, decoys.random)
    if (moves.length === 0) return 0
    const cut = cutMoves(moves, rungs)
    count(cut.sweeps)
    for (const { from, to } of moves) slots[to]!.members.push(slots[from]!.members.pop()!)
    return moves.length
  }

  for (const marks of ticks) {
    options.observer?.tick()
    batches = 0
    constraints = 0
    let swept = sweep(marks)
    const alone = slots[DISTRESS]!.members.length === 0 && options.decoys !== undefined
    if (alone && options.decoys!.random() < options.decoys!.alone) swept += mix([0])
    else if (!alone) swept += mix(evenParts(slots[DISTRESS]!.members.length, options.resolveSteps))
    while (slots[DISTRESS]!.members.length > 0) {
      result.resolves += Math.ceil(slots[DISTRESS]!.members.length / options.resolveSteps)
      options.observer?.resolve()
      for (const balances of slots[DISTRESS]!.members.splice(0)) {
        const { after, badDebt, status } = liquidate(balances, NEUTRAL_WEIGHTS, marks, options.minLiability)
        result.badDebt += badDebt
        if (status !== 'healthy') result.liquidated++
        else {
          result.decoys++
          decoyed.set(balances, result.ticks)
        }
        slots[INBOX]!.members.push(status === 'healthy' ? balances : after)
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
      result.firstPlacementConstraints = constraints
    } else {
      result.swept += swept
      result.batches += batches
      result.constraints += constraints
      if (constraints > result.worstTick.constraints) result.worstTick = { batches, constraints }
    }
    if (options.ahead !== undefined) {
      batches = 0
      carryOut(planAhead(slots, marks, options.ahead.level, options.ahead.most, options))
      result.aheadBatches += batches
    }
    if (swept === 0) result.quietTicks++
    result.ticks++
  }
  return result
}
