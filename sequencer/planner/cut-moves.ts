import type { SweepRung } from '../../protocol/batch.ts'
import { MAX_SLOTS } from '../../protocol/constants.ts'
import { sweepConstraints } from '../../protocol/sweep-constraints.ts'
import type { Move } from '../../protocol/sweep-input.ts'

/** Moves that one sweep of a rung makes. */
export interface SweepPlan {
  readonly rung: SweepRung
  readonly moves: readonly Move[]
}

/** Sweeps, and the constraints proven for them. */
export interface Cut {
  readonly sweeps: readonly SweepPlan[]
  readonly constraints: number
}

/**
 * Cuts moves, in their order, into sweeps of the rungs, such that the fewest constraints are proven, and of such cuts in the
 * fewest sweeps. Every rung has a step or more and a window of two slots or more.
 */
export function cutMoves(moves: readonly Move[], rungs: readonly SweepRung[]): Cut {
  const longest = Math.max(...rungs.map(({ steps }) => steps))
  const widest = Math.max(...rungs.map(({ window }) => window))
  const cheapest = cheapestRungs(rungs, longest, widest)
  const costs = Float64Array.from(cheapest, (rung) => (rung === undefined ? Infinity : sweepConstraints(rung)))
  const sources = Uint8Array.from(moves, ({ from }) => from)
  const targets = Uint8Array.from(moves, ({ to }) => to)
  // Of the cuts of what begins at a move: constraints, sweeps, and where the first one ends.
  const least = new Float64Array(moves.length + 1)
  const count = new Int32Array(moves.length + 1)
  const end = new Int32Array(moves.length + 1)
  const seen = new Int32Array(MAX_SLOTS).fill(-1)
  for (let start = moves.length - 1; start >= 0; start--) {
    let slots = 0
    least[start] = Infinity
    for (let stop = start; stop < moves.length && stop - start < longest; stop++) {
      const [from, to] = [sources[stop]!, targets[stop]!]
      if (seen[from] !== start) slots++
      seen[from] = start
      if (seen[to] !== start) slots++
      seen[to] = start
      if (slots > widest) break
      const constraints = costs[slots * (longest + 1) + stop + 1 - start]! + least[stop + 1]!
      const sweeps = 1 + count[stop + 1]!
      if (constraints > least[start]! || (constraints === least[start] && sweeps >= count[start]!)) continue
      least[start] = constraints
      count[start] = sweeps
      end[start] = stop + 1
    }
  }
  const sweeps: SweepPlan[] = []
  for (let start = 0; start < moves.length; start = end[start]!) {
    const batch = moves.slice(start, end[start])
    const slots = new Set(batch.flatMap(({ from, to }) => [from, to])).size
    sweeps.push({ rung: cheapest[slots * (longest + 1) + batch.length]!, moves: batch })
  }
  return { sweeps, constraints: least[0]! }
}

/**
 * The cheapest rung that holds `steps` moves between `slots` slots, at `slots * (longest + 1) + steps`; undefined where none
 * does.
 */
function cheapestRungs(rungs: readonly SweepRung[], longest: number, widest: number): (SweepRung | undefined)[] {
  const sorted = [...rungs].sort((a, b) => sweepConstraints(a) - sweepConstraints(b))
  return Array.from({ length: (widest + 1) * (longest + 1) }, (_, i) => {
    const [slots, steps] = [Math.floor(i / (longest + 1)), i % (longest + 1)]
    return sorted.find((rung) => steps <= rung.steps && slots <= rung.window)
  })
}
