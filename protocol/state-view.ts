import type { Account } from './account.ts'
import { MAX_SLOTS } from './constants.ts'
import type { Point } from './curve.ts'
import { PlimsollError } from './errors.ts'
import { LayeredMap } from './layered-map.ts'
import { Records } from './records.ts'
import type { Stack, StackEntry } from './stacks.ts'
import { AccountTree, type TreeNodes } from './tree.ts'

/**
 * A private state at rest: what a view reads where nothing was written over it. It may lie anywhere, but what it says of a view that
 * is in use must not change.
 */
export interface StateSource {
  /** Levels of the account tree. */
  readonly depth: number
  /** Number of accounts. */
  readonly accounts: number
  /** Number of leaves on each slot's stack. */
  readonly heights: readonly number[]
  account(index: number): Account
  /** That of the owner; undefined for an account of a trusted import. */
  publicKey(index: number): Point | undefined
  /** Accounts of the owner with this key, in order. */
  accountsOf(publicKey: Point): readonly number[]
  /** Node of the account tree; undefined where there is nothing but empty leaves below it. */
  node(level: number, index: number): bigint | undefined
  /** Entry of a slot's stack, counted from the bottom. */
  entry(slot: number, position: number): StackEntry
}

/** Records written over a source: the latest value of each. */
export interface StateWrites {
  readonly accounts: ReadonlyMap<number, Account>
  readonly publicKeys: ReadonlyMap<number, Point>
  /** By number: see `nodeNumber`. */
  readonly nodes: ReadonlyMap<number, bigint>
  /** By `entryNumber`; some may lie above the height that their stack has now. */
  readonly entries: ReadonlyMap<number, StackEntry>
}

/** Number of a tree's node: those of the upper levels come first. */
export function nodeNumber(depth: number, level: number, index: number): number {
  return (4 ** (depth - level) - 1) / 3 + index
}

/** Number of an entry of a stack. */
export function entryNumber(slot: number, position: number): number {
  return position * MAX_SLOTS + slot
}

/** Slot and position of an entry. */
export function entryPlace(number: number): { readonly slot: number; readonly position: number } {
  return { slot: number % MAX_SLOTS, position: Math.floor(number / MAX_SLOTS) }
}

/**
 * A private state as it is after some changes to a source, which itself stays as it is: accounts, owners' keys, tree and stacks.
 * A copy takes no longer however large the state is, and is undone by being dropped.
 */
export class StateView implements TreeNodes {
  readonly source: StateSource
  readonly accounts: Records<Account>
  readonly publicKeys: Records<Point | undefined>
  readonly tree: AccountTree
  /** The stacks of the slots. */
  readonly stacks: readonly Stack[]
  readonly #heights: number[]
  #count: number
  readonly #accounts: LayeredMap<number, Account>
  readonly #publicKeys: LayeredMap<number, Point>
  readonly #nodes: LayeredMap<number, bigint>
  readonly #entries: LayeredMap<number, StackEntry>

  /** @param of a view that this one is to be a copy of */
  constructor(source: StateSource, of?: StateView) {
    this.source = source
    this.#count = of === undefined ? source.accounts : of.#count
    this.#heights = [...(of === undefined ? source.heights : of.#heights)]
    this.#accounts = of === undefined ? new LayeredMap() : of.#accounts.clone()
    this.#publicKeys = of === undefined ? new LayeredMap() : of.#publicKeys.clone()
    this.#nodes = of === undefined ? new LayeredMap() : of.#nodes.clone()
    this.#entries = of === undefined ? new LayeredMap() : of.#entries.clone()
    this.accounts = new Records(
      () => this.#count,
      (index) => this.#accounts.get(index) ?? source.account(index),
    )
    this.publicKeys = new Records(
      () => this.#count,
      (index) => this.#publicKeys.get(index) ?? source.publicKey(index),
    )
    this.tree = AccountTree.over(source.depth, this)
    this.stacks = this.#heights.map((_, slot) => new StackView(this, slot))
  }

  clone(): StateView {
    return new StateView(this.source, this)
  }

  /** @throws PlimsollError where the account is neither one that there is nor the next one */
  write(account: Account, publicKey: Point | undefined): void {
    const { index } = account
    if (index > this.#count) throw new PlimsollError(`The next account is ${this.#count}, not ${index}.`)
    this.#count = Math.max(this.#count, index + 1)
    this.#accounts.set(index, account)
    if (publicKey !== undefined) this.#publicKeys.set(index, publicKey)
  }

  /** Accounts of the owner with this key, in order. */
  accountsOf(publicKey: Point): number[] {
    const own = [...this.#publicKeys.entries()].flatMap(([index, key]) => (isSame(key, publicKey) ? [index] : []))
    return [...new Set([...this.source.accountsOf(publicKey), ...own])]
      .filter((index) => isSame(this.publicKeys.at(index), publicKey))
      .sort((a, b) => a - b)
  }

  node(level: number, index: number): bigint | undefined {
    return this.#node(nodeNumber(this.source.depth, level, index), level, index)
  }

  /** A node of the account tree by its number; undefined where there is nothing but empty leaves below it. */
  nodeAt(number: number): bigint | undefined {
    const { depth } = this.source
    let level = depth
    while (level > 0 && nodeNumber(depth, level - 1, 0) <= number) level--
    return this.#node(number, level, number - nodeNumber(depth, level, 0))
  }

  #node(number: number, level: number, index: number): bigint | undefined {
    const own = this.#nodes.get(number)
    // 0 takes a node away.
    return own === undefined ? this.source.node(level, index) : own === 0n ? undefined : own
  }

  setNode(level: number, index: number, value: bigint): void {
    this.#nodes.set(nodeNumber(this.source.depth, level, index), value)
  }

  /** Number of leaves on a slot's stack. */
  height(slot: number): number {
    return this.#heights[slot]!
  }

  entry(slot: number, position: number): StackEntry {
    return this.#entries.get(entryNumber(slot, position)) ?? this.source.entry(slot, position)
  }

  push(slot: number, entry: StackEntry): number {
    this.#entries.set(entryNumber(slot, this.#heights[slot]!), entry)
    return ++this.#heights[slot]!
  }

  /** Lowers a stack; what lay above is gone. */
  lower(slot: number, height: number): void {
    this.#heights[slot] = height
  }

  /** All entries of all stacks, by number. */
  entriesByNumber(): Map<number, StackEntry> {
    const all = new Map<number, StackEntry>()
    for (const [slot, stack] of this.stacks.entries())
      for (let position = 0; position < stack.length; position++)
        all.set(entryNumber(slot, position), this.entry(slot, position))
    return all
  }

  /** Takes up records of another version of the state, with the number of its accounts and the heights of its stacks. */
  load(writes: StateWrites, count: number, heights: readonly number[]): void {
    for (const [index, account] of writes.accounts) this.#accounts.set(index, account)
    for (const [index, key] of writes.publicKeys) this.#publicKeys.set(index, key)
    for (const [number, value] of writes.nodes) this.#nodes.set(number, value)
    for (const [number, entry] of writes.entries) this.#entries.set(number, entry)
    this.#count = count
    this.#heights.splice(0, heights.length, ...heights)
  }

  /** Forgets the accounts from a number on; what the tree has of them is the caller's. */
  truncate(count: number): void {
    this.#count = Math.min(count, this.#count)
  }

  /** All that was written over the source. */
  writes(): StateWrites {
    return {
      accounts: this.#accounts.entries(),
      publicKeys: this.#publicKeys.entries(),
      nodes: this.#nodes.entries(),
      entries: this.#entries.entries(),
    }
  }
}

function isSame(key: Point | undefined, [x, y]: Point): boolean {
  return key?.[0] === x && key[1] === y
}

/** One slot's stack of a view. */
class StackView extends Records<StackEntry> implements Stack {
  readonly #view: StateView
  readonly #slot: number

  constructor(view: StateView, slot: number) {
    super(
      () => view.height(slot),
      (position) => view.entry(slot, position),
    )
    this.#view = view
    this.#slot = slot
  }

  push(entry: StackEntry): number {
    return this.#view.push(this.#slot, entry)
  }

  pop(): StackEntry | undefined {
    const top = this.at(-1)
    if (top !== undefined) this.#view.lower(this.#slot, this.length - 1)
    return top
  }

  slice(start = 0): StackEntry[] {
    const first = start < 0 ? Math.max(0, this.length + start) : start
    return Array.from({ length: Math.max(0, this.length - first) }, (_, i) => this.at(first + i)!)
  }
}
