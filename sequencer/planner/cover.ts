import { expiriesAt, MAX_LEVEL } from './envelope-at.ts'
import type { Exposure } from './exposure.ts'

/** An envelope under consideration, see `box`. */
export interface Candidate {
  readonly sides: number
  readonly level: number
}

/** An account to place: its exposure, and the expected expiries of the best covered slot it could go to (Infinity: none). */
export interface Request {
  readonly exposure: Exposure
  readonly fallback: number
}

/** Accounts of the same sides, and of similar reach and fallback. */
interface Group {
  readonly sides: number
  /** Lowest reach of the group. */
  reach: number
  readonly fallback: number
  count: number
}

/** Levels considered grow by this ratio from `FIRST_LEVEL`; below that an account gets a point. */
const FIRST_LEVEL = 0.001
const LEVEL_RATIO = 1.12
const LEVELS: readonly number[] = (() => {
  const levels = [0]
  for (let level = FIRST_LEVEL; level < MAX_LEVEL; level *= LEVEL_RATIO) levels.push(level)
  return [...levels, MAX_LEVEL]
})()
/** Side sets considered, the commonest first; their union comes on top. */
const MAX_SIDE_SETS = 16
/** Cost of an account without any slot: more than any envelope's expiries, so that every account is served first. */
const UNPLACED = 1_000
/** Rounds of removing each choice and choosing again without it. */
const REFINEMENTS = 2

function levelIndex(reach: number): number {
  if (reach < FIRST_LEVEL) return 0
  let index = Math.min(LEVELS.length - 1, 1 + Math.floor(Math.log(reach / FIRST_LEVEL) / Math.log(LEVEL_RATIO)))
  while (LEVELS[index]! > reach) index--
  return index
}

function groupRequests(requests: readonly Request[]): Group[] {
  const groups = new Map<string, Group>()
  for (const { exposure, fallback } of requests) {
    const key = `${exposure.sides}|${levelIndex(exposure.reach)}|${fallback}`
    const group = groups.get(key)
    if (group === undefined)
      groups.set(key, {
        sides: exposure.sides,
        reach: exposure.reach,
        fallback: Math.min(fallback, UNPLACED),
        count: 1,
      })
    else {
      group.count++
      group.reach = Math.min(group.reach, exposure.reach)
    }
  }
  return [...groups.values()]
}

function sideSets(groups: readonly Group[]): number[] {
  const counts = new Map<number, number>()
  let union = 0
  for (const { sides, count } of groups) {
    counts.set(sides, (counts.get(sides) ?? 0) + count)
    union |= sides
  }
  const common = [...counts]
    .sort((a, b) => b[1] - a[1] || a[0] - b[0])
    .slice(0, MAX_SIDE_SETS)
    .map(([sides]) => sides)
  const sets = new Set([...common, union])
  // Unions of pairs let two rare shapes share a slot.
  for (const a of common) for (const b of common) if (sets.size < 2 * MAX_SIDE_SETS) sets.add(a | b)
  return [...sets]
}

function fits(group: Group, candidate: Candidate): boolean {
  return candidate.level <= group.reach && (group.sides & ~candidate.sides) === 0
}

/**
 * Chooses at most `budget` envelopes for the requests: greedily the one that saves most expected re-proofs, as long as it saves
 * `price(k)` or more as the k-th (from 0), then a few rounds of replacing each choice by a better one.
 * Every request whose sides are in some choice of level 0 is served whatever its reach.
 */
export function coverExposures(
  requests: readonly Request[],
  budget: number,
  price: (k: number) => number,
): Candidate[] {
  const groups = groupRequests(requests)
  const indices = new Set(groups.map((group) => levelIndex(group.reach)))
  const candidates = sideSets(groups).flatMap((sides) =>
    sides === 0 ? [{ sides, level: MAX_LEVEL }] : [...indices].map((index) => ({ sides, level: LEVELS[index]! })),
  )
  const members = candidates.map((candidate) => groups.flatMap((group, g) => (fits(group, candidate) ? [g] : [])))
  const rates = candidates.map(({ sides, level }) => expiriesAt(sides, level))

  const costsWith = (chosen: readonly number[]) => {
    const costs = groups.map((group) => group.fallback)
    for (const c of chosen) for (const g of members[c]!) costs[g] = Math.min(costs[g]!, rates[c]!)
    return costs
  }
  const best = (costs: readonly number[]): { index: number; gain: number } => {
    let index = -1
    let most = 0
    for (let c = 0; c < candidates.length; c++) {
      const rate = rates[c]!
      let gain = 0
      for (const g of members[c]!) if (costs[g]! > rate) gain += (costs[g]! - rate) * groups[g]!.count
      if (gain > most) {
        most = gain
        index = c
      }
    }
    return { index, gain: most }
  }

  const chosen: number[] = []
  while (chosen.length < budget) {
    const { index, gain } = best(costsWith(chosen))
    if (index < 0 || gain < price(chosen.length)) break
    chosen.push(index)
  }
  for (let pass = 0; pass < REFINEMENTS; pass++) {
    for (let k = 0; k < chosen.length; k++) {
      const { index } = best(costsWith(chosen.filter((_, j) => j !== k)))
      if (index >= 0) chosen[k] = index
    }
  }
  return chosen.map((c) => candidates[c]!)
}
