import { type Account, accountLeaf, accountLeaves } from './account.ts'
import { PlimsollError } from './errors.ts'
import type { BatchHash } from './poseidon.ts'
import { EMPTY_HEAD, pushHead } from './stack.ts'

/** A leaf in a stack with its opening, and the head below it. */
export interface StackEntry {
  readonly account: Account
  readonly leaf: bigint
  readonly below: bigint
}

/**
 * The openings of a slot's leaves, bottom first: what its head commits to, and so the blinded one on the chain. An array of them is
 * one.
 */
export interface Stack extends Iterable<StackEntry> {
  readonly length: number
  at(position: number): StackEntry | undefined
  push(entry: StackEntry): number
  pop(): StackEntry | undefined
  slice(start?: number): StackEntry[]
  map<T>(project: (entry: StackEntry, position: number) => T): T[]
}

/** The head of a stack; the chain has it blinded. */
export function headOf(stack: Pick<Stack, 'at'>, hashBatch?: BatchHash): bigint {
  const top = stack.at(-1)
  return top === undefined ? EMPTY_HEAD : pushHead(top.below, top.leaf, hashBatch)
}

/** Lays a leaf on a stack. @param leaf of the account, where the caller has it already */
export function pushEntry(stack: Stack, account: Account, leaf = accountLeaf(account)): void {
  stack.push({ account, leaf, below: headOf(stack) })
}

/** Takes the top of a stack. @throws PlimsollError naming the slot when it is empty */
export function popEntry(stack: Stack | undefined, slot: number): StackEntry {
  const entry = stack?.pop()
  if (entry === undefined) throw new PlimsollError(`Slot ${slot} is empty.`)
  return entry
}

/** The stack that these accounts make, bottom first. @param hashBatch a faster hash, for many accounts */
export function stackOf(
  accounts: readonly Account[],
  hashBatch?: BatchHash,
  leaves: readonly bigint[] = accountLeaves(accounts, hashBatch),
): StackEntry[] {
  let below = EMPTY_HEAD
  return accounts.map((account, i) => {
    const entry = { account, leaf: leaves[i]!, below }
    below = pushHead(below, entry.leaf, hashBatch)
    return entry
  })
}
