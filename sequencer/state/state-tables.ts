import type { Account } from '../../protocol/account.ts'
import type { Point } from '../../protocol/curve.ts'
import type { StackEntry } from '../../protocol/stacks.ts'
import { entryPlace, nodeNumber, type StateSource } from '../../protocol/state-view.ts'
import { ARITY } from '../../protocol/tree.ts'
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
import { DamagedState, type StateDatabase } from './state-database.ts'
import type { StateDelta } from './state-delta.ts'

/** Entries of a stack in one row. */
export const CHUNK = 16
/** Above all chunks of one stack: 2^30 leaves. */
const CHUNKS = 2 ** 26
/** Rows of nodes, and of entries, that are kept as they were read. */
const CACHED = 4_096
const CACHED_CHUNKS = 512

const UPSERT_ACCOUNT = `INSERT INTO accounts (id, owner, key, record) VALUES (?, ?, ?, ?)
  ON CONFLICT (id) DO UPDATE SET record = excluded.record, owner = ifnull(excluded.owner, owner), key = ifnull(excluded.key, key)`
const UPSERT_NODES = 'INSERT INTO nodes VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET children = excluded.children'
const UPSERT_ENTRIES = 'INSERT INTO entries VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET records = excluded.records'

/** The private state in the tables of a database, at one version. */
export class StateTables implements StateSource {
  readonly depth: number
  accounts: number
  heights: readonly number[]
  readonly #database: StateDatabase
  readonly #children = new Map<number, Buffer | undefined>()
  readonly #chunks = new Map<number, readonly StackEntry[]>()

  constructor(database: StateDatabase, depth: number, accounts: number, heights: readonly number[]) {
    this.#database = database
    this.depth = depth
    this.accounts = accounts
    this.heights = heights
  }

  account(index: number): Account {
    const row = this.#database.row('SELECT record FROM accounts WHERE id = ?', index)
    return readAccount(this.#bytes(row?.record, ACCOUNT_BYTES, `account ${index}`))
  }

  publicKey(index: number): Point | undefined {
    const key = this.#database.row('SELECT key FROM accounts WHERE id = ?', index)?.key
    return key == null ? undefined : readKey(this.#bytes(key, KEY_BYTES, `the key of account ${index}`))
  }

  accountsOf([x, y]: Point): number[] {
    return this.#database
      .rows('SELECT id, key FROM accounts WHERE owner = ? ORDER BY id', ownerOf(x))
      .flatMap(({ id, key }) => {
        const [ownX, ownY] = readKey(this.#bytes(key, KEY_BYTES, `the key of account ${id}`))
        return ownX === x && ownY === y ? [id as number] : []
      })
  }

  node(level: number, index: number): bigint | undefined {
    const number = nodeNumber(this.depth, level, index)
    const parent = Math.floor((number - 1) / ARITY)
    const children = this.#childrenOf(parent)
    if (children === undefined) return undefined
    const value = readWord(children, NODE_BYTES * (number - ARITY * parent - 1))
    return value === 0n ? undefined : value
  }

  entry(slot: number, position: number): StackEntry {
    const entry = this.#chunk(slot, Math.floor(position / CHUNK))[position % CHUNK]
    if (entry === undefined) throw this.#damaged(`entry ${position} of slot ${slot} is missing`)
    return entry
  }

  /** Goes to another version. The caller does it within a transaction. */
  apply({ count, heights, accounts, publicKeys, nodes, entries }: StateDelta): void {
    const database = this.#database
    for (const [index, account] of accounts) {
      const key = publicKeys.get(index)
      const record = Buffer.allocUnsafe(ACCOUNT_BYTES)
      writeAccount(record, 0, account)
      database.run(
        UPSERT_ACCOUNT,
        index,
        key === undefined ? null : ownerOf(key[0]),
        key === undefined ? null : keyBytes(key),
        record,
      )
    }
    if (count < this.accounts) database.run('DELETE FROM accounts WHERE id >= ?', count)
    this.#applyNodes(nodes)
    this.#applyEntries(entries, heights)
    this.accounts = count
    this.heights = heights
    this.forget()
  }

  /** Reads everything anew. */
  forget(): void {
    this.#children.clear()
    this.#chunks.clear()
  }

  #applyNodes(nodes: ReadonlyMap<number, bigint>): void {
    const rows = new Map<number, Buffer>()
    for (const [number, value] of nodes) {
      const parent = Math.floor((number - 1) / ARITY)
      let row = rows.get(parent)
      if (row === undefined) {
        row = Buffer.alloc(ARITY * NODE_BYTES)
        this.#childrenOf(parent)?.copy(row)
        rows.set(parent, row)
      }
      writeWord(row, NODE_BYTES * (number - ARITY * parent - 1), value)
    }
    for (const [parent, children] of inOrder(rows)) this.#database.run(UPSERT_NODES, parent, children)
  }

  #applyEntries(entries: ReadonlyMap<number, StackEntry>, heights: readonly number[]): void {
    const changed = new Map<number, { position: number; entry: StackEntry }[]>()
    for (const [number, entry] of entries) {
      const { slot, position } = entryPlace(number)
      const id = chunkOf(slot, Math.floor(position / CHUNK))
      const list = changed.get(id)
      if (list === undefined) changed.set(id, [{ position, entry }])
      else list.push({ position, entry })
    }
    for (const [id, list] of inOrder(changed)) {
      const [slot, chunk] = [Math.floor(id / CHUNKS), id % CHUNKS]
      const length = Math.min(CHUNK, heights[slot]! - chunk * CHUNK)
      const records = Buffer.alloc(length * ENTRY_BYTES)
      if (list.length < length) {
        const row = this.#database.row('SELECT records FROM entries WHERE id = ?', id)
        if (row !== undefined) bufferOf(row.records as Uint8Array).copy(records)
      }
      for (const { position, entry } of list) writeEntry(records, (position % CHUNK) * ENTRY_BYTES, entry)
      this.#database.run(UPSERT_ENTRIES, id, records)
    }
    for (const [slot, height] of heights.entries()) {
      if (height >= (this.heights[slot] ?? 0)) continue
      const first = Math.ceil(height / CHUNK)
      this.#database.run('DELETE FROM entries WHERE id >= ? AND id < ?', chunkOf(slot, first), chunkOf(slot + 1, 0))
    }
  }

  #childrenOf(parent: number): Buffer | undefined {
    if (this.#children.has(parent)) return this.#children.get(parent)
    const row = this.#database.row('SELECT children FROM nodes WHERE id = ?', parent)
    const children = row && this.#bytes(row.children, ARITY * NODE_BYTES, `node ${parent}`)
    bounded(this.#children, CACHED).set(parent, children)
    return children
  }

  #chunk(slot: number, chunk: number): readonly StackEntry[] {
    const id = chunkOf(slot, chunk)
    const known = this.#chunks.get(id)
    if (known !== undefined) return known
    const row = this.#database.row('SELECT records FROM entries WHERE id = ?', id)
    const bytes = bufferOf((row?.records as Uint8Array | undefined) ?? new Uint8Array())
    const entries = Array.from({ length: Math.floor(bytes.length / ENTRY_BYTES) }, (_, i) =>
      readEntry(bytes, i * ENTRY_BYTES),
    )
    bounded(this.#chunks, CACHED_CHUNKS).set(id, entries)
    return entries
  }

  #bytes(value: unknown, length: number, what: string): Buffer {
    if (!(value instanceof Uint8Array) || value.length !== length) throw this.#damaged(`${what} is missing`)
    return bufferOf(value)
  }

  #damaged(what: string): DamagedState {
    return new DamagedState(`${this.#database.path} cannot be used: ${what}.`)
  }
}

/** Number of a row of entries. */
export function chunkOf(slot: number, chunk: number): number {
  return slot * CHUNKS + chunk
}

/** Number under which the accounts of a key are found. */
function ownerOf(x: bigint): bigint {
  return BigInt.asIntN(64, x)
}

function keyBytes(key: Point): Buffer {
  const bytes = Buffer.allocUnsafe(KEY_BYTES)
  writeKey(bytes, 0, key)
  return bytes
}

/** By number: rows that lie together are written together. */
function inOrder<T>(rows: ReadonlyMap<number, T>): [number, T][] {
  return [...rows].sort(([a], [b]) => a - b)
}

/** The cache, emptied where it is full. */
function bounded<T>(cache: Map<number, T>, most: number): Map<number, T> {
  if (cache.size >= most) cache.clear()
  return cache
}
