import { type Account, accountLeaves } from './account.ts'
import type { Point } from './curve.ts'
import type { BatchHash } from './poseidon.ts'
import type { StackEntry } from './stacks.ts'
import type { StateSource } from './state-view.ts'
import { AccountTree } from './tree.ts'

/** A private state in memory, made from its accounts and stacks. */
export class MemoryState implements StateSource {
  readonly depth: number
  readonly accounts: number
  readonly heights: readonly number[]
  /** Root of the accounts. */
  readonly root: bigint
  readonly #accounts: readonly Account[]
  readonly #publicKeys: readonly (Point | undefined)[]
  readonly #stacks: readonly (readonly StackEntry[])[]
  readonly #tree: AccountTree

  /**
   * @param leaves of the accounts, where the caller has them
   * @throws PlimsollError when the accounts do not fit the tree
   */
  constructor(
    depth: number,
    accounts: readonly Account[],
    publicKeys: readonly (Point | undefined)[],
    stacks: readonly (readonly StackEntry[])[],
    hashBatch?: BatchHash,
    leaves: readonly bigint[] = accountLeaves(accounts, hashBatch),
  ) {
    this.depth = depth
    this.accounts = accounts.length
    this.heights = stacks.map((stack) => stack.length)
    this.#accounts = [...accounts]
    this.#publicKeys = [...publicKeys]
    this.#stacks = stacks.map((stack) => [...stack])
    this.#tree = new AccountTree(depth, leaves, hashBatch)
    this.root = this.#tree.root
  }

  account(index: number): Account {
    return this.#accounts[index]!
  }

  publicKey(index: number): Point | undefined {
    return this.#publicKeys[index]
  }

  accountsOf([x, y]: Point): number[] {
    return this.#publicKeys.flatMap((key, index) => (key !== undefined && key[0] === x && key[1] === y ? [index] : []))
  }

  node(level: number, index: number): bigint | undefined {
    return this.#tree.node(level, index)
  }

  entry(slot: number, position: number): StackEntry {
    return this.#stacks[slot]![position]!
  }
}
