import { DISTRESS, INBOX } from '../../protocol/constants.ts'
import type { Move } from '../../protocol/sweep-input.ts'
import type { System } from '../../protocol/system.ts'

/** Choice of accounts that a resolve rewrites though nothing of them changes: what it publishes does not tell them from others. */
export interface Decoys {
  /** Whether an account may be one now. */
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

/**
 * Fills the padding of the resolves that distress takes with decoys from the tops of slots, each drawn at random among those that hold
 * one. In every resolve they are mixed: all of distress goes to the inbox and comes back with them in their places.
 * @param parts sizes of the resolves without decoys; a 0 for one of decoys alone
 * @param steps of a resolve
 */
export function planDecoys(
  system: System,
  parts: readonly number[],
  steps: number,
  mayBe: Decoys['mayBe'],
): DecoyPlan {
  const random = system.salts.random('plimsoll.decoys')
  const places = parts.reduce((sum, part) => sum + steps - part, 0)
  const drawn = drawSlots(system, places, mayBe, random)
  const batches = parts.map((part) => Array<number>(part).fill(DISTRESS))
  for (const slot of drawn) {
    // The shortest first: what there are too few of is spread.
    const shortest = batches.reduce((least, batch) => (batch.length < least.length ? batch : least))
    shortest.push(slot)
  }
  const counts = batches.map(({ length }) => length).filter((count) => count > 0)
  if (drawn.length === 0) return { moves: [], counts }
  if (system.stacks[DISTRESS]!.length === 0)
    return { moves: drawn.map((from) => ({ from, to: DISTRESS })), counts }
  const order = batches.flatMap((batch) => shuffled(batch, random))
  return {
    // What goes to the inbox first comes back last, and lies on top.
    moves: [
      ...order.map((from) => ({ from, to: INBOX })),
      ...order.map(() => ({ from: INBOX, to: DISTRESS })),
    ],
    counts,
  }
}

/** Slots whose tops are decoys, one slot as often as it gives one. Below a leaf that may be none nothing can be taken. */
function drawSlots(system: System, most: number, mayBe: Decoys['mayBe'], random: () => number): number[] {
  const { stacks, tree } = system
  const tops = new Map<number, number>()
  for (const [slot, stack] of stacks.entries()) {
    if (slot <= INBOX) continue
    const last = stack.findLastIndex(
      ({ account, leaf }) => tree.leaf(account.index) !== leaf || !mayBe(account.index),
    )
    if (stack.length - 1 > last) tops.set(slot, stack.length - 1 - last)
  }
  const drawn: number[] = []
  while (drawn.length < most && tops.size > 0) {
    const slots = [...tops.keys()]
    const slot = slots[Math.floor(random() * slots.length)]!
    drawn.push(slot)
    const left = tops.get(slot)! - 1
    if (left === 0) tops.delete(slot)
    else tops.set(slot, left)
  }
  return drawn
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
