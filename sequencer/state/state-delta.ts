import type { Account } from '../../protocol/account.ts'
import type { Point } from '../../protocol/curve.ts'
import type { StackEntry } from '../../protocol/stacks.ts'
import { entryNumber, entryPlace, type StateView } from '../../protocol/state-view.ts'
import {
  ACCOUNT_BYTES,
  bufferOf,
  ENTRY_BYTES,
  KEY_BYTES,
  NODE_BYTES,
  readAccount,
  readEntry,
  readKey,
  readWord,
  writeAccount,
  writeEntry,
  writeKey,
  writeWord,
} from './record-codec.ts'

/** Difference that leads from one state to another. */
export interface StateDelta {
  /** Accounts that there are afterwards. */
  readonly count: number
  /** Heights of the stacks afterwards, by slot. */
  readonly heights: readonly number[]
  /** Records that are other than before, and of those only what there is afterwards. */
  readonly accounts: ReadonlyMap<number, Account>
  readonly publicKeys: ReadonlyMap<number, Point>
  /** By number; 0 for a node over empty leaves. */
  readonly nodes: ReadonlyMap<number, bigint>
  /** By number: see `entryNumber`. */
  readonly entries: ReadonlyMap<number, StackEntry>
}

/** The way from a state to one that was made from it, and the way back; each costs what is different. */
export function deltasBetween(before: StateView, after: StateView): { redo: StateDelta; undo: StateDelta } {
  const writes = after.writes()
  const redo = emptyDelta(after)
  const undo = emptyDelta(before)
  for (const [index, account] of writes.accounts) {
    const former = before.accounts.at(index)
    if (former === account) continue
    redo.accounts.set(index, account)
    if (former !== undefined) undo.accounts.set(index, former)
  }
  for (const [index, key] of writes.publicKeys)
    if (before.publicKeys.at(index) === undefined) redo.publicKeys.set(index, key)
  for (const [number, value] of writes.nodes) {
    const former = before.nodeAt(number) ?? 0n
    if (former === value) continue
    redo.nodes.set(number, value)
    undo.nodes.set(number, former)
  }
  for (const [number, entry] of writes.entries) {
    const { slot, position } = entryPlace(number)
    const former = position < before.height(slot) ? before.entry(slot, position) : undefined
    if (former !== undefined && former.leaf === entry.leaf && former.below === entry.below) continue
    if (position < after.height(slot)) redo.entries.set(number, entry)
    if (former !== undefined) undo.entries.set(number, former)
  }
  for (const [slot, { length }] of before.stacks.entries())
    for (let position = after.height(slot); position < length; position++)
      undo.entries.set(entryNumber(slot, position), before.entry(slot, position))
  return { redo, undo }
}

function emptyDelta(view: StateView) {
  return {
    count: view.accounts.length,
    heights: view.stacks.map(({ length }) => length),
    accounts: new Map<number, Account>(),
    publicKeys: new Map<number, Point>(),
    nodes: new Map<number, bigint>(),
    entries: new Map<number, StackEntry>(),
  }
}

/** A delta as bytes: count and heights, then each list behind its length; all numbers big-endian. */
export function encodeDelta(delta: StateDelta): Buffer {
  const { count, heights, accounts, publicKeys, nodes, entries } = delta
  const numbers = 4 * (2 + heights.length + 4)
  const rows =
    (4 + ACCOUNT_BYTES) * accounts.size +
    (4 + KEY_BYTES) * publicKeys.size +
    (4 + NODE_BYTES) * nodes.size +
    (5 + ENTRY_BYTES) * entries.size
  const bytes = Buffer.alloc(numbers + rows)
  let at = 0
  const number = (value: number) => (at = bytes.writeUInt32BE(value, at))
  const list = <T>(map: ReadonlyMap<number, T>, key: (n: number) => void, size: number, write: Writer<T>) => {
    number(map.size)
    for (const [n, value] of map) {
      key(n)
      write(bytes, at, value)
      at += size
    }
  }
  number(count)
  number(heights.length)
  for (const height of heights) number(height)
  list(accounts, number, ACCOUNT_BYTES, writeAccount)
  list(publicKeys, number, KEY_BYTES, writeKey)
  list(nodes, number, NODE_BYTES, writeWord)
  const place = (n: number) => {
    const { slot, position } = entryPlace(n)
    at = bytes.writeUInt8(slot, at)
    number(position)
  }
  list(entries, place, ENTRY_BYTES, writeEntry)
  return bytes
}

type Writer<T> = (bytes: Buffer, at: number, value: T) => void

/** Inverse of `encodeDelta`. @throws RangeError where the bytes end too early */
export function decodeDelta(encoded: Uint8Array): StateDelta {
  const bytes = bufferOf(encoded)
  let at = 0
  const number = () => {
    const value = bytes.readUInt32BE(at)
    at += 4
    return value
  }
  const list = <T>(key: () => number, size: number, read: (bytes: Buffer, at: number) => T) => {
    const map = new Map<number, T>()
    for (let left = number(); left > 0; left--) {
      const n = key()
      map.set(n, read(bytes, at))
      at += size
    }
    return map
  }
  const count = number()
  const heights = Array.from({ length: number() }, number)
  const accounts = list(number, ACCOUNT_BYTES, readAccount)
  const publicKeys = list(number, KEY_BYTES, readKey)
  const nodes = list(number, NODE_BYTES, readWord)
  const place = () => {
    const slot = bytes.readUInt8(at++)
    return entryNumber(slot, number())
  }
  return { count, heights, accounts, publicKeys, nodes, entries: list(place, ENTRY_BYTES, readEntry) }
}
