import { blindHead } from '../../protocol/head-salts.ts'
import { headOf, type Stack } from '../../protocol/stacks.ts'
import type { Move } from '../../protocol/sweep-input.ts'
import { hashBatch } from '../../prover/kernel/hashing.ts'

/** A sweep as an observer has it who knows more than the chain says: every stack before it, and how many leaves left which slots. */
export interface ObservedSweep {
  /** Leaves that left, slot by slot, each in their order. */
  readonly left: readonly (readonly bigint[])[]
  /** Slots that leaves came to: the stack's own head before, and what the chain has of it after. */
  readonly targets: readonly { readonly before: bigint; readonly published: bigint }[]
}

/**
 * What an observer has of a sweep; undefined where a slot is both left and come to, which this observer does not try.
 * @param published what the chain has of a slot after it
 */
export function observe(
  before: readonly Stack[],
  moves: readonly Move[],
  published: (slot: number) => bigint,
): ObservedSweep | undefined {
  const [from, to] = [new Set(moves.map((move) => move.from)), new Set(moves.map((move) => move.to))]
  if ([...from].some((slot) => to.has(slot))) return undefined
  return {
    left: [...from].map((slot) => {
      const count = moves.filter((move) => move.from === slot).length
      return before[slot]!.slice(-count)
        .reverse()
        .map(({ leaf }) => leaf)
    }),
    targets: [...to].map((slot) => ({ before: headOf(before[slot]!), published: published(slot) })),
  }
}

interface Guess {
  readonly head: bigint
  /** Of each slot that was left, how many leaves were looked at. */
  readonly next: readonly number[]
  readonly leaves: number
}

/**
 * The guessing attack on heads: tries, for each slot that leaves came to, all leaves in all orders in which they can have come,
 * until one gives what the chain has.
 * @param salts guesses at the salt of a blinded head; a head that is not blinded needs none
 * @returns the number of leaves that it places
 */
export function guessPlacement({ left, targets }: ObservedSweep, salts: readonly bigint[]): number {
  return targets.reduce((placed, target) => placed + (guessTarget(left, target, salts) ?? 0), 0)
}

function guessTarget(
  left: ObservedSweep['left'],
  { before, published }: ObservedSweep['targets'][number],
  salts: readonly bigint[],
): number | undefined {
  const fits = (head: bigint) => head === published || salts.some((salt) => blindHead(head, salt) === published)
  let guesses: Guess[] = [{ head: before, next: left.map(() => 0), leaves: 0 }]
  while (guesses.length > 0) {
    const longer = guesses.flatMap(({ head, next, leaves }) =>
      left.flatMap((stack, s) =>
        stack.slice(next[s]).map((leaf, i) => ({
          pair: [head, leaf],
          next: next.with(s, next[s]! + i + 1),
          leaves: leaves + 1,
        })),
      ),
    )
    const heads = hashBatch(longer.map(({ pair }) => pair))
    guesses = longer.map(({ next, leaves }, i) => ({ head: heads[i]!, next, leaves }))
    const found = guesses.find(({ head }) => fits(head))
    if (found !== undefined) return found.leaves
  }
  return undefined
}
