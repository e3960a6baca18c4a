import { DISTRESS, INBOX, VERSION_LIMIT } from '../../protocol/constants.ts'
import { isOversize } from '../../protocol/health.ts'
import type { StackEntry } from '../../protocol/stacks.ts'
import type { Move } from '../../protocol/sweep-input.ts'
import type { System } from '../../protocol/system.ts'

/** Choice of accounts that a resolve rewrites though nothing of them changes: what it publishes does not tell them from others. */
export interface Decoys {
  /** Whether an account may be one, as of when this is asked for: once for each plan of resolves. */
  readonly mayBe: (index: number) => boolean
  /** Whether there are some where nobody is in distress, too. */
  readonly alone: boolean
}

/** Resolves with decoys, and the moves before them. */
export interface DecoyPlan {
  /** Moves that lay decoys among the accounts in distress. */
  readonly moves: readonly Move[]
  /** Accounts that each resolve takes, decoys included, from the top of distress. */
  readonly counts: readonly number[]
}

/** Entries of a slot, bottom first, of which only the top is looked at. */
interface Pile<T> {
  readonly length: number
  slice(start: number): T[]
}

/** Leaves on top of a slot that are none, and are moved out of the way at the most: stale ones above all. */
const MOST_DUG = 8

/**
 * Fills the padding of the resolves that distress takes with decoys from near the tops of slots, each drawn at random among those
 * that hold one. Resolves with decoys come first; in each they are mixed: what is resolved in them goes to the inbox and comes
 * back with the decoys in random places, whatever these are, so that the windows do not tell.
 * @param parts sizes of the resolves without decoys; a 0 for one of a decoy alone: nothing is traded in it, so that it is known for
 * one, and every account that is in it can be no decoy where it would count, for a day
 * @param steps of a resolve
 */
export function planDecoys(system: System, parts: readonly number[], steps: number, mayBe: Decoys['mayBe']): DecoyPlan {
  const { stacks, tree, salts } = system
  const marks = system.ledger.marks!
  const isDecoy = ({ account, leaf }: StackEntry) =>
    mayBe(account.index) &&
    tree.leaf(account.index) === leaf &&
    account.version + 1n < VERSION_LIMIT &&
    !isOversize(account.balances, marks)
  return layDecoys(stacks, parts, steps, isDecoy, salts.random('plimsoll.decoys'))
}

/** The same of any stacks, bottom first. @param random numbers in [0, 1) */
export function layDecoys<T>(
  stacks: readonly Pile<T>[],
  parts: readonly number[],
  steps: number,
  isDecoy: (entry: T) => boolean,
  random: () => number,
): DecoyPlan {
  const places = parts.reduce((sum, part) => sum + (part === 0 ? 1 : steps - part), 0)
  const { drawn, dug } = drawSlots(stacks, places, isDecoy, random)
  const batches = parts.toSorted((a, b) => a - b).map((part) => Array<number>(part).fill(DISTRESS))
  for (const slot of drawn) {
    // The shortest first: what there are too few of is spread.
    const shortest = batches.reduce((least, batch) => (batch.length < least.length ? batch : least))
    shortest.push(slot)
  }
  const hasDecoy = (batch: readonly number[]) => batch.some((slot) => slot !== DISTRESS)
  const mixed = batches.filter(hasDecoy).map((batch) => shuffled(batch, random))
  const counts = [...mixed, ...batches.filter((batch) => !hasDecoy(batch))]
    .map(({ length }) => length)
    .filter((count) => count > 0)
  const to = (target: number) => (from: number) => ({ from, to: target })
  if (stacks[DISTRESS]!.length === 0) return { moves: [...dug.map(to(INBOX)), ...drawn.map(to(DISTRESS))], counts }
  const order = mixed.flat()
  // What goes to the inbox first comes back last, and lies on top. What was dug up stays there, and is placed with what is resolved.
  const moves = [...dug.map(to(INBOX)), ...order.map(to(INBOX)), ...order.map(() => to(DISTRESS)(INBOX))]
  return { moves, counts }
}

/** Slots of decoys, and those of leaves above them that have to be moved first; one slot as often as it gives one. */
interface Draw {
  readonly drawn: readonly number[]
  readonly dug: readonly number[]
}

function drawSlots<T>(
  stacks: readonly Pile<T>[],
  most: number,
  isDecoy: (entry: T) => boolean,
  random: () => number,
): Draw {
  const left = new Map<number, number>()
  const above = new Map<number, number>()
  for (const [slot, stack] of stacks.entries()) {
    if (slot <= INBOX) continue
    const top = stack.slice(-(MOST_DUG + most)).reverse()
    const first = top.findIndex(isDecoy)
    if (first < 0 || first > MOST_DUG) continue
    const end = top.findIndex((entry, i) => i > first && !isDecoy(entry))
    // A slot that is empty after a sweep has shown that it was left: one leaf stays.
    const count = Math.min((end < 0 ? top.length : end) - first, stack.length - 1 - first)
    if (count === 0) continue
    left.set(slot, count)
    above.set(slot, first)
  }
  const drawn: number[] = []
  while (drawn.length < most && left.size > 0) {
    const slots = [...left.keys()]
    const slot = slots[Math.floor(random() * slots.length)]!
    drawn.push(slot)
    if (left.get(slot) === 1) left.delete(slot)
    else left.set(slot, left.get(slot)! - 1)
  }
  const dug = [...above].flatMap(([slot, count]) => (drawn.includes(slot) ? Array<number>(count).fill(slot) : []))
  return { drawn, dug }
}

/** A copy in random order. */
function shuffled<T>(list: readonly T[], random: () => number): T[] {
  const copy = [...list]
  for (let i = copy.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    ;[copy[i], copy[j]] = [copy[j]!, copy[i]!]
  }
  return copy
}
