import type { Batch, ResolveBatch, SweepBatch } from '../../protocol/batch.ts'
import { DISTRESS, INBOX } from '../../protocol/constants.ts'
import type { Ledger } from '../../protocol/ledger.ts'

/** Verdict of an observer on an account that a resolve wrote. */
export interface Suspect {
  readonly index: number
  /** What follows for certain from what is public and the node's rules. */
  readonly certainly: 'liquidated' | 'a decoy' | undefined
  /** How much likelier it is, of a liquidated account, to be where it can be. */
  readonly odds: number
}

/**
 * An observer who wants to tell liquidated accounts from decoys, and knows all that the chain says and by what rules the node works.
 * Of each account it keeps the slots in which it can be: it was written into the inbox; a sweep may have moved what is in a slot
 * of its window to any of the window's slots that hold something after it. An account that is liquidated comes from the inbox or from a
 * slot whose envelope the marks have left, a decoy from one that holds; and nobody is a decoy twice a day.
 */
export class DecoyObserver {
  readonly #slots = new Map<number, ReadonlySet<number>>()
  /** Slots at the start of the round. */
  #start = new Map<number, ReadonlySet<number>>()
  #expired: ReadonlySet<number> = new Set()
  /** Accounts that were a decoy for certain, with the time of it. */
  readonly #spent = new Map<number, number>()
  #now = 0

  constructor(indices: Iterable<number>) {
    for (const index of indices) this.#slots.set(index, new Set([INBOX]))
  }

  /** A round began. @param ledger as everybody has it, at the new marks */
  round(ledger: Ledger, now: number): void {
    this.#now = now
    this.#start = new Map(this.#slots)
    const left = ledger.heads.flatMap((head, slot) =>
      slot > INBOX && head !== 0n && !ledger.isCovered(slot) ? [slot] : [],
    )
    this.#expired = new Set([DISTRESS, INBOX, ...left])
  }

  /** Takes note of a batch; of a resolve, says what it thinks of each account in it. */
  see(batch: Batch): Suspect[] {
    if (batch.circuit === 'sweep') this.#sweep(batch)
    return batch.circuit === 'resolve' ? this.#resolve(batch) : []
  }

  #sweep({ window, headsAfter }: SweepBatch): void {
    const held = window.filter((_, w) => headsAfter[w] !== 0n)
    for (const [index, slots] of this.#slots) {
      if (!window.some((slot) => slots.has(slot))) continue
      this.#slots.set(index, new Set([...[...slots].filter((slot) => !window.includes(slot)), ...held]))
    }
  }

  #resolve({ writes, backstopDelta, active }: ResolveBatch): Suspect[] {
    const indices = writes.slice(0, active).flatMap(({ leaf, index }) => (leaf === 0n ? [] : [index]))
    // A liquidation trades: where nothing was traded there was none.
    const none = backstopDelta.every((delta) => delta === 0n)
    const first = indices.map((index): Suspect => {
      const slots = this.#start.get(index)!
      const share = [...slots].filter((slot) => this.#expired.has(slot)).length / slots.size
      const spent = this.#now - (this.#spent.get(index) ?? Number.NEGATIVE_INFINITY) < 86_400
      const certainly = none || share === 0 ? 'a decoy' : spent ? 'liquidated' : undefined
      return { index, certainly, odds: certainly === 'a decoy' ? 0 : spent ? Infinity : share / (1 - share) }
    })
    const open = first.filter(({ certainly }) => certainly !== 'a decoy')
    const last = open.length === 1 ? open[0]!.index : undefined
    const suspects = first.map(
      (suspect): Suspect =>
        suspect.index === last ? { ...suspect, certainly: 'liquidated', odds: Infinity } : suspect,
    )
    for (const { index, certainly } of suspects) {
      if (certainly === 'a decoy') this.#spent.set(index, this.#now)
      this.#slots.set(index, new Set([INBOX]))
    }
    return suspects
  }
}
