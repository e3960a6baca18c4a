import { NEUTRAL_WEIGHTS } from '../../protocol/account.ts'
import type { Batch, ResolveBatch, StepPublic } from '../../protocol/batch.ts'
import { ASSETS } from '../../protocol/constants.ts'
import type { Balances } from '../../protocol/health.ts'
import { liquidate } from '../../protocol/liquidation.ts'
import type { Marks } from '../../protocol/marks.ts'
import { OP } from '../../protocol/transact.ts'

/** Accounts that traded with one another, and what they hold together where that follows from public terms. */
interface Group {
  readonly members: readonly number[]
  readonly sum: Balances | undefined
}

/**
 * An observer who adds up what the chain says of each account: deposits, withdrawals, trades with the backstop. Halves of a trade stand next to each
 * other, so it knows whose sum stays what it was. What it knows in full it liquidates itself, by the public marks.
 */
export class PublicBalances {
  readonly #groups = new Map<number, Group>()
  readonly #minLiability: bigint
  /** Accounts whose preferences may be others than at the start. */
  readonly #preferred = new Set<number>()

  constructor(minLiability: bigint) {
    this.#minLiability = minLiability
  }

  /** Balances of an account; undefined where it does not know them. */
  of(index: number): Balances | undefined {
    const group = this.#groups.get(index)
    return group?.members.length === 1 ? group.sum : undefined
  }

  /** The accounts that traded with this one, itself included, and what they hold together. */
  group(index: number): Group | undefined {
    return this.#groups.get(index)
  }

  see(batch: Batch, marks: Marks): void {
    if (batch.circuit === 'resolve') this.#resolve(batch, marks)
    if (batch.circuit !== 'transact') return
    const steps = batch.steps.slice(0, batch.active)
    for (let i = 0; i < steps.length; i++) {
      if (steps[i]!.op === OP.trade) this.#join(steps[i]!.index, steps[++i]!.index)
      else this.#step(steps[i]!)
    }
  }

  #step({ op, index, asset, amount, u, v }: StepPublic): void {
    if (op === OP.open) this.#set({ members: [index], sum: Array<bigint>(ASSETS).fill(0n) })
    if (op === OP.preferences) this.#preferred.add(index)
    if (op === OP.open || op === OP.topup) this.#add(index, asset, amount)
    if (op === OP.withdraw || op === OP.forced) this.#add(index, asset, -amount)
    if (op !== OP.unwind) return
    this.#add(index, asset, v === 1n ? amount : -amount)
    this.#add(index, 0, v === 1n ? -u : u)
  }

  #resolve({ active, writes, backstopDelta }: ResolveBatch, marks: Marks): void {
    for (const { index } of writes.slice(0, active).filter(({ leaf }) => leaf !== 0n)) {
      const group = this.#groups.get(index)!
      const balances = this.of(index)
      // A resolve that trades nothing has liquidated nobody, and of one account alone it says all.
      if (backstopDelta.every((delta) => delta === 0n)) continue
      if (active === 1) this.#set({ ...group, sum: group.sum?.map((balance, a) => balance - backstopDelta[a]!) })
      else if (balances === undefined || this.#preferred.has(index)) this.#set({ ...group, sum: undefined })
      else this.#set({ ...group, sum: liquidate(balances, NEUTRAL_WEIGHTS, marks, this.#minLiability).after })
    }
  }

  #add(index: number, asset: number, amount: bigint): void {
    const group = this.#groups.get(index)!
    this.#set({ ...group, sum: group.sum?.with(asset, group.sum[asset]! + amount) })
  }

  #join(first: number, second: number): void {
    const [a, b] = [this.#groups.get(first)!, this.#groups.get(second)!]
    if (a === b) return
    const sum = b.sum && a.sum?.map((balance, i) => balance + b.sum![i]!)
    this.#set({ members: [...a.members, ...b.members], sum })
  }

  #set(group: Group): void {
    for (const index of group.members) this.#groups.set(index, group)
  }
}
