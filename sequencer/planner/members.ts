import type { Balances } from '../../protocol/health.ts'
import { AccountTable } from '../../protocol/scan.ts'

/** The balances of a slot's accounts, bottom first; an array of them is one. Whoever wants only their number need not read them. */
export interface SlotMembers extends Iterable<Balances> {
  readonly length: number
}

/** A slot's accounts as a plan moves them. They are read when the plan asks for one of them, which it does of few slots. */
export class Members {
  readonly #source: SlotMembers
  #read: Balances[] | undefined
  /** Balances laid on top of those that were not read. */
  readonly #laid: Balances[] = []

  constructor(source: SlotMembers) {
    this.#source = source
  }

  get length(): number {
    return (this.#read?.length ?? this.#source.length) + this.#laid.length
  }

  /** All of them, bottom first. */
  all(): readonly Balances[] {
    this.#read ??= [...this.#source]
    if (this.#laid.length > 0) this.#read.push(...this.#laid.splice(0))
    return this.#read
  }

  push(balances: Balances): void {
    if (this.#read === undefined) this.#laid.push(balances)
    else this.#read.push(balances)
  }

  pop(): Balances | undefined {
    if (this.#laid.length > 0) return this.#laid.pop()
    this.all()
    return this.#read!.pop()
  }
}

/** A table of balances, for scanning. */
export function tableOf(balances: readonly Balances[]): AccountTable {
  const table = new AccountTable(balances.length)
  for (const [row, each] of balances.entries()) table.set(row, each)
  return table
}
