import { DISTRESS, INBOX } from '../protocol/constants.ts'
import { type NodeResolve, type NodeRung, nodeResolveConstraints, nodeSweepConstraints } from './node-costs.ts'
import type { Happening } from './node-stages.ts'

/** Accounts of a node. */
type Node = readonly number[]
/** Nodes of each slot, bottom first. */
type Stacks = Node[][]

interface Popped {
  readonly slot: number
  readonly node: Node
}

/** Batches and what is proven for them. */
export interface Count {
  batches: number
  constraints: number
}

export interface NodeReplay {
  /** Sweeps of the first tick. */
  readonly first: Count
  /** Sweeps of all later ticks. */
  readonly sweeps: Count
  /** Resolves of all ticks. */
  readonly resolves: Count
}

export interface NodeOptions {
  /** Leaves of a node. */
  readonly leaves: number
  readonly rungs: readonly NodeRung[]
  readonly slots: number
  readonly resolve: NodeResolve
}

/** Passes looked at before what is left is placed at once. */
const MAX_PASSES = 12
const FREE_SLOTS = 2

/**
 * Carries out what the planner had done over stacks of nodes. A sweep takes whole nodes off, in their order, and puts nodes on, as many
 * a slot as its leaves need, the last one of each perhaps not full; a resolve takes whole nodes, from the top, as many as fit, and puts on as
 * few as hold their accounts. As in the planner a stage is carried out at once or in passes, by whatever costs fewest constraints, and its
 * moves are cut so that the fewest are proven.
 */
export function replayNodes(accounts: number, happenings: readonly Happening[], options: NodeOptions): NodeReplay {
  const { leaves, slots, resolve } = options
  const ladder = new Ladder(options.rungs, leaves)
  let stacks: Stacks = Array.from({ length: slots }, () => [])
  stacks[INBOX] = nodesOf(
    Array.from({ length: accounts }, (_, i) => i),
    leaves,
  )
  const first = { batches: 0, constraints: 0 }
  const sweeps = { batches: 0, constraints: 0 }
  const resolves = { batches: 0, constraints: 0 }
  let tick = -1
  for (const happening of happenings) {
    if (happening.kind === 'tick') tick++
    else if (happening.kind === 'resolve') {
      const distress = stacks[DISTRESS]!.splice(0)
      while (distress.length > 0) {
        stacks[INBOX]!.push(...nodesOf(takeWhole(distress, resolve), leaves))
        resolves.batches++
        resolves.constraints += nodeResolveConstraints(resolve, leaves)
      }
    } else {
      const stage = cheapestStage(stacks, happening.sources, happening.targets, ladder, accounts)
      stacks = stage.stacks
      const count = tick === 0 ? first : sweeps
      count.batches += stage.batches
      count.constraints += stage.constraints
    }
  }
  return { first, sweeps, resolves }
}

function nodesOf(accounts: readonly number[], leaves: number): Node[] {
  const nodes: Node[] = []
  for (let i = 0; i < accounts.length; i += leaves) nodes.push(accounts.slice(i, i + leaves))
  return nodes
}

function takeWhole(nodes: Node[], { steps, pops }: NodeResolve): number[] {
  const taken: number[] = []
  for (let i = 0; i < pops && nodes.length > 0 && taken.length + nodes.at(-1)!.length <= steps; i++)
    taken.push(...nodes.pop()!)
  if (taken.length === 0) throw new Error(`A resolve of ${steps} steps takes no node.`)
  return taken
}

interface Stage extends Count {
  readonly stacks: Stacks
}

function cheapestStage(
  stacks: Stacks,
  sources: readonly number[],
  targets: ReadonlyMap<number, number>,
  ladder: Ladder,
  accounts: number,
): Stage {
  // By account: a map is too slow for what is asked so often.
  const goal = new Uint8Array(accounts).fill(NOWHERE)
  const tally = new Map<number, number>()
  for (const [account, target] of targets) {
    goal[account] = target
    if (target > INBOX) tally.set(target, (tally.get(target) ?? 0) + 1)
  }
  const common = [...tally].sort(([a, m], [b, n]) => n - m || a - b).map(([target]) => target)
  const carry = (groups: readonly (readonly number[])[], via: number, limit: number) =>
    carryOut(stacks, sources, goal, groups, via, ladder, limit)
  let best = carry([], DISTRESS, Infinity)!
  const vias = sources.includes(INBOX) ? [DISTRESS] : [DISTRESS, INBOX]
  const widths = ladder.rungs.map(({ window }) => window - FREE_SLOTS)
  const sizes = new Set(widths.flatMap((width) => [width, width - 1, Math.ceil(width / 2)]).filter((size) => size > 0))
  for (const size of sizes) {
    const groups: number[][] = []
    for (let at = 0; at + size < common.length && groups.length < MAX_PASSES; at += size) {
      groups.push(common.slice(at, at + size))
      for (const via of vias) best = carry(groups, via, best.constraints) ?? best
    }
  }
  return best
}

const NOWHERE = 255

/**
 * Empties the sources in passes, each of which places what goes to a group of targets and moves all else to the other free slot.
 * @returns undefined where that takes `limit` constraints or more
 */
function carryOut(
  before: Stacks,
  sources: readonly number[],
  goal: Uint8Array,
  groups: readonly (readonly number[])[],
  via: number,
  ladder: Ladder,
  limit: number,
): Stage | undefined {
  const stacks = before.map((nodes) => [...nodes])
  const total = { batches: 0, constraints: 0 }
  const next = new Uint8Array(goal.length)
  let from: readonly number[] = sources
  let bottom = 0
  let free = via
  for (let pass = 0; from.length > 0; pass++) {
    const group = pass < groups.length ? new Set(groups[pass]) : undefined
    const popped: Popped[] = []
    let passedOn = false
    for (const slot of from) {
      for (const node of stacks[slot]!.slice(bottom).reverse()) {
        popped.push({ slot, node })
        for (const account of node) {
          const target = goal[account]!
          if (target === NOWHERE) throw new Error(`Slot ${slot} is a source and keeps account ${account}.`)
          const placed = target <= INBOX ? slot !== target : group === undefined || group.has(target)
          next[account] = placed ? target : free
          passedOn ||= !placed
        }
      }
    }
    const height = stacks[free]!.length
    const cut = ladder.cut(popped, next)
    total.batches += cut.ends.length
    total.constraints += cut.constraints
    if (total.constraints >= limit) return undefined
    carryPass(stacks, popped, next, cut.ends, ladder.leaves)
    if (!passedOn) break
    // At the bottom of what was passed on may lie nodes that belong there.
    bottom = height
    const settled = (node: Node) => node.every((account) => goal[account] === free)
    while (bottom < stacks[free]!.length && settled(stacks[free]![bottom]!)) bottom++
    from = bottom < stacks[free]!.length ? [free] : []
    free = free === DISTRESS ? INBOX : DISTRESS
  }
  return { stacks, ...total }
}

function carryPass(
  stacks: Stacks,
  popped: readonly Popped[],
  next: Uint8Array,
  ends: readonly number[],
  leaves: number,
): void {
  let start = 0
  for (const end of ends) {
    const put = new Map<number, number[]>()
    for (const { slot, node } of popped.slice(start, end)) {
      if (stacks[slot]!.pop() !== node) throw new Error(`What is taken off slot ${slot} is not its top.`)
      for (const account of node) {
        const slot = next[account]!
        if (!put.has(slot)) put.set(slot, [])
        put.get(slot)!.push(account)
      }
    }
    for (const [slot, accounts] of put) stacks[slot]!.push(...nodesOf(accounts, leaves))
    start = end
  }
}

/** Sweeps of nodes that a batch can be proven by. */
class Ladder {
  readonly leaves: number
  /** The cheapest first. */
  readonly rungs: readonly NodeRung[]
  readonly #costs: readonly number[]
  readonly #most: NodeRung
  readonly #cheapest = new Map<number, number>()

  constructor(rungs: readonly NodeRung[], leaves: number) {
    const cost = (rung: NodeRung) => nodeSweepConstraints(rung, leaves)
    this.leaves = leaves
    this.rungs = [...rungs].sort((a, b) => cost(a) - cost(b))
    this.#costs = this.rungs.map(cost)
    const most = (of: (rung: NodeRung) => number) => Math.max(...rungs.map(of))
    this.#most = {
      pops: most(({ pops }) => pops),
      frees: most(({ frees, pushes }) => frees + pushes),
      pushes: most(({ pushes }) => pushes),
      window: most(({ window }) => window),
    }
  }

  /** Cuts what is taken off such that the fewest constraints are proven. */
  cut(popped: readonly Popped[], next: Uint8Array): { constraints: number; ends: number[] } {
    const { length } = popped
    const least = new Float64Array(length + 1)
    const end = new Int32Array(length + 1)
    const leaves = new Int32Array(NOWHERE)
    const seen = new Int32Array(NOWHERE).fill(-1)
    for (let start = length - 1; start >= 0; start--) {
      let [slots, frees, pushes] = [0, 0, 0]
      const see = (slot: number) => {
        if (seen[slot] === start) return
        seen[slot] = start
        leaves[slot] = 0
        slots++
      }
      least[start] = Infinity
      for (let stop = start; stop < length && stop - start < this.#most.pops; stop++) {
        const { slot, node } = popped[stop]!
        see(slot)
        for (const account of node) {
          const target = next[account]!
          see(target)
          if (leaves[target]! % this.leaves === 0) target <= INBOX ? frees++ : pushes++
          leaves[target]!++
        }
        if (slots > this.#most.window || pushes > this.#most.pushes || frees + pushes > this.#most.frees) break
        const cost = this.#cost(stop + 1 - start, frees, pushes, slots) + least[stop + 1]!
        if (cost >= least[start]!) continue
        least[start] = cost
        end[start] = stop + 1
      }
    }
    if (least[0] === Infinity) throw new Error('A node fits no sweep of the ladder.')
    const ends: number[] = []
    for (let at = 0; at < length; at = end[at]!) ends.push(end[at]!)
    return { constraints: least[0]!, ends }
  }

  /** Constraints of the cheapest rung that holds so many; nodes for free slots may take places of the others. */
  #cost(pops: number, frees: number, pushes: number, window: number): number {
    const key = ((pops * 256 + frees) * 256 + pushes) * 256 + window
    const known = this.#cheapest.get(key)
    if (known !== undefined) return known
    const holds = (rung: NodeRung) =>
      pops <= rung.pops && pushes + Math.max(0, frees - rung.frees) <= rung.pushes && window <= rung.window
    const found = this.rungs.findIndex(holds)
    const cost = found < 0 ? Infinity : this.#costs[found]!
    this.#cheapest.set(key, cost)
    return cost
  }
}
