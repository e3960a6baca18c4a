import { LayeredMap } from '../../protocol/layered-map.ts'

/** A set of accounts that only grows, and takes no longer to copy however many are in it. */
export class AccountSet {
  readonly #isStored: (index: number) => boolean
  readonly #changes: LayeredMap<number, boolean>

  private constructor(isStored: (index: number) => boolean, changes: LayeredMap<number, boolean>) {
    this.#isStored = isStored
    this.#changes = changes
  }

  static of(accounts: Iterable<number> = []): AccountSet {
    return AccountSet.over(() => false).with(accounts)
  }

  /** A set as it is stored. */
  static over(isStored: (index: number) => boolean): AccountSet {
    return new AccountSet(isStored, new LayeredMap())
  }

  has(index: number): boolean {
    return this.#changes.get(index) ?? this.#isStored(index)
  }

  /** The set with more accounts in it, or without some where `isIn` is false. */
  with(accounts: Iterable<number>, isIn = true): AccountSet {
    const changes = this.#changes.clone()
    for (const index of accounts) changes.set(index, isIn)
    return new AccountSet(this.#isStored, changes)
  }

  /** Accounts that were added to what is stored, in order. */
  added(): number[] {
    const added = [...this.#changes.entries()].flatMap(([index, isIn]) => (isIn ? [index] : []))
    return added.sort((a, b) => a - b)
  }
}
