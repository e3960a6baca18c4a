import { INBOX, TRADED } from '../../protocol/constants.ts'
import { cornerHealth, type Envelope, isCovered } from '../../protocol/health.ts'
import type { Marks } from '../../protocol/marks.ts'
import { envelopeAt } from './envelope-at.ts'
import { Members } from './members.ts'
import { type PlannerSlot, type PlanOptions, type PlanStage, planRound } from './plan-round.ts'

const ALL_SIDES = (1 << (2 * TRADED)) - 1

/**
 * Plans sweeps of slots that would expire with the next moves of prices, so that fewer are due when these come: accounts that would
 * be safe all the same leave them, for envelopes that reach further; only those in whose own way the price is stay behind. A slot
 * that has none but these is left alone, so there is an end to it. Smaller slots come first where not all can be swept.
 * @param level log-distance of the moves, in whichever direction
 * @param most sweeps of a plan: only as a whole does it leave the system complete
 * @returns stages as of `planRound`; none where they would not leave fewer such slots than there are, or something is due already
 */
export function planAhead(
  slots: readonly PlannerSlot[],
  marks: Marks,
  level: number,
  most: number,
  options: PlanOptions = {},
): PlanStage[] {
  const isDue = ({ envelope, members }: PlannerSlot, number: number) =>
    members.length > 0 && (number <= INBOX || envelope === undefined || !isCovered(envelope, marks))
  if (slots.some(isDue)) return []
  const reach = envelopeAt(ALL_SIDES, level, marks)
  const isOpen = (slot: PlannerSlot) => isMixed(slot, reach)
  let chosen = slots.filter(isOpen).sort((a, b) => a.members.length - b.members.length)
  const before = chosen.length
  for (; chosen.length > 0; chosen = chosen.slice(0, Math.floor(chosen.length / 2))) {
    // Without its envelope a slot is one that has to be emptied.
    const stages = planRound(
      slots.map((slot) => (chosen.includes(slot) ? { ...slot, envelope: undefined } : slot)),
      marks,
      options,
    )
    const sweeps = stages.reduce((sum, stage) => sum + stage.sweeps.length, 0)
    if (sweeps <= most) return after(slots, stages).filter(isOpen).length < before ? stages : []
  }
  return []
}

/** Whether a slot's envelope ends within reach although some of its accounts are safe as far as that. */
function isMixed({ envelope, members }: PlannerSlot, reach: Envelope): boolean {
  if (envelope === undefined || holds(envelope, reach)) return false
  for (const balances of members) if (cornerHealth(balances, reach) >= 0n) return true
  return false
}

/** Whether an envelope reaches as far as another. */
function holds(envelope: Envelope, reach: Envelope): boolean {
  return (
    envelope.floors.every((floor, a) => floor <= reach.floors[a]!) &&
    envelope.ceilings.every((ceiling, a) => ceiling >= reach.ceilings[a]!)
  )
}

/** The slots after a plan. */
function after(slots: readonly PlannerSlot[], stages: readonly PlanStage[]): PlannerSlot[] {
  const envelopes = slots.map(({ envelope }) => envelope)
  const members = slots.map((slot) => new Members(slot.members))
  for (const { openings, sweeps } of stages) {
    for (const { slot, envelope } of openings) envelopes[slot] = envelope
    for (const { from, to } of sweeps.flatMap(({ moves }) => moves)) members[to]!.push(members[from]!.pop()!)
  }
  // Only those are read that a plan or somebody who asks has need of.
  return envelopes.map((envelope, slot) => ({
    envelope,
    members: {
      length: members[slot]!.length,
      [Symbol.iterator]: () => members[slot]!.all()[Symbol.iterator](),
    },
  }))
}
