import type { SweepRung } from '../../protocol/batch.ts'
import { DISTRESS, INBOX } from '../../protocol/constants.ts'
import type { Move } from '../../protocol/sweep-input.ts'
import { type Cut, cutMoves } from './cut-moves.ts'

/** A slot to be emptied: the inbox, or one with an envelope. */
export interface Source {
  readonly slot: number
  /** Destinations of the accounts on it, bottom first: distress, or a slot with an envelope that is no source. */
  readonly targets: readonly number[]
}

type FreeSlot = typeof DISTRESS | typeof INBOX

/** Slots of a pass that are no targets of it: its source, and the free slot that takes what goes elsewhere. */
const PASS_SLOTS = 2
/** Passes looked at before what is left is placed at once. */
const MAX_PASSES = 12

/**
 * The cheapest way found to empty the sources: at once, or first in some passes, each of which places what goes to a few
 * targets, the commonest first, and moves all else to the other free slot, for the next pass to come back. Passes touch few
 * slots, so their sweeps are long; but what they do not place moves once more. Healthy accounts may be in distress on the way,
 * in the end only those that belong there are.
 */
export function placeAccounts(sources: readonly Source[], rungs: readonly SweepRung[]): Cut {
  const targets = commonestTargets(sources)
  const vias: FreeSlot[] = sources.some(({ slot }) => slot === INBOX) ? [DISTRESS] : [DISTRESS, INBOX]
  const sizes = new Set(rungs.flatMap(({ window }) => [window - PASS_SLOTS, window - PASS_SLOTS - 1]))
  let best = cutMoves(movesInPasses(sources, [], DISTRESS), rungs)
  for (const size of sizes) {
    const groups: number[][] = []
    for (let at = 0; size > 0 && at + size < targets.length && groups.length < MAX_PASSES; at += size) {
      groups.push(targets.slice(at, at + size))
      for (const via of vias) {
        const cut = cutMoves(movesInPasses(sources, groups, via), rungs)
        if (cut.constraints < best.constraints) best = cut
      }
    }
  }
  return best
}

/** Moves that empty the sources, top first: a pass for each group of targets, the first into `via`, then all that is left. */
function movesInPasses(sources: readonly Source[], groups: readonly (readonly number[])[], via: FreeSlot): Move[] {
  const moves: Move[] = []
  let from = sources
  let free = via
  for (let pass = 0; from.length > 0; pass++) {
    const group = pass < groups.length ? new Set(groups[pass]) : undefined
    const passedOn: number[] = []
    for (const { slot, targets } of from) {
      for (const target of targets.toReversed()) {
        // What belongs in distress and is there already comes back last, for the others below it have to go.
        const placed = target === DISTRESS ? slot !== DISTRESS : group === undefined || group.has(target)
        const to = placed ? target : free
        moves.push({ from: slot, to })
        if (to === free) passedOn.push(target)
      }
    }
    const settled = free === DISTRESS ? passedOn.findIndex((target) => target !== DISTRESS) : 0
    from = settled < 0 || passedOn.length === 0 ? [] : [{ slot: free, targets: passedOn.slice(settled) }]
    free = free === DISTRESS ? INBOX : DISTRESS
  }
  return moves
}

/** Targets with an envelope, those of most accounts first. */
function commonestTargets(sources: readonly Source[]): number[] {
  const tally = new Map<number, number>()
  for (const { targets } of sources)
    for (const target of targets) if (target !== DISTRESS) tally.set(target, (tally.get(target) ?? 0) + 1)
  return [...tally].sort(([a, m], [b, n]) => n - m || a - b).map(([target]) => target)
}
