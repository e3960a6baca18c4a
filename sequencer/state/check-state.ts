import { accountLeaves } from '../../protocol/account.ts'
import { isBlindHead } from '../../protocol/head-salts.ts'
import { ownerHash } from '../../protocol/keys.ts'
import { poseidon } from '../../protocol/poseidon.ts'
import { EMPTY_HEAD } from '../../protocol/stack.ts'
import type { StackEntry } from '../../protocol/stacks.ts'
import { nodeNumber } from '../../protocol/state-view.ts'
import { ARITY } from '../../protocol/tree.ts'
import { hashBatch } from '../../prover/kernel/hashing.ts'
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
} from './record-codec.ts'
import { DamagedState, StateDatabase } from './state-database.ts'
import { decodeDelta } from './state-delta.ts'
import { CHUNK, chunkOf } from './state-tables.ts'
import { commitmentOf, StateVersions, type VersionFacts } from './state-versions.ts'
import type { DeploymentFacts } from './store.ts'

/** Count of what was found to be in order. */
export interface CheckedState {
  readonly accounts: number
  /** Leaves on all the stacks, stale ones included. */
  readonly leaves: number
  readonly versions: number
  /** Number of the settlement that the tables have. */
  readonly settlements: number
}

/** Rows that are looked at together. */
const EACH = 4_096

/**
 * Checks all of a stored state: that the file is sound, that the accounts have the root and the stacks the heads that were stored
 * with them, that each account is its owner's, and that every other version can be read. A node may be at work on it meanwhile.
 * @throws DamagedState with the first thing that is wrong
 */
export function checkState(path: string): CheckedState {
  const database = StateDatabase.open(path, true)
  try {
    // One view of it all, whatever is written meanwhile.
    database.exec('BEGIN')
    return database.reading(() => new StateCheck(database).all())
  } finally {
    database.close()
  }
}

class StateCheck {
  readonly #database: StateDatabase
  readonly #versions: StateVersions
  readonly #depth: number
  readonly #facts: VersionFacts
  readonly #settlements: number

  constructor(database: StateDatabase) {
    const [{ quick_check: finding }] = database.rows('PRAGMA quick_check(1)') as [{ quick_check: string }]
    this.#database = database
    if (finding !== 'ok') this.#fail(`its file is not sound: ${finding.trim().split('\n').join(', ')}`)
    this.#versions = new StateVersions(database)
    this.#depth = (database.fact('deployment') as DeploymentFacts).shape.depth
    const { facts, settlements } = this.#versions.read(database.fact('head') as number)
    this.#facts = facts
    this.#settlements = settlements
  }

  all(): CheckedState {
    this.#accounts()
    this.#nodes()
    const leaves = this.#facts.heights.reduce((sum, height, slot) => {
      this.#stack(slot, height)
      return sum + height
    }, 0)
    return {
      accounts: this.#facts.count,
      leaves,
      versions: this.#everyVersion(),
      settlements: this.#settlements,
    }
  }

  /** Every account is in its place, and its leaf in the tree. */
  #accounts(): void {
    const { count } = this.#facts
    let next = 0
    for (let first = 0; first < count; first += EACH) {
      const rows = this.#database.rows(
        'SELECT id, key, record FROM accounts WHERE id >= ? AND id < ? ORDER BY id',
        first,
        first + EACH,
      )
      const accounts = rows.map(({ id, key, record }) => {
        const account = readAccount(this.#bytes(record, ACCOUNT_BYTES, `account ${id}`))
        if (id !== next || account.index !== next) this.#fail(`account ${next} is missing`)
        if (key !== null && ownerHash(readKey(this.#bytes(key, KEY_BYTES, `key ${id}`))) !== account.owner)
          this.#fail(`the key of account ${id} is not its owner's`)
        next++
        return account
      })
      const leaves = this.#level(0, first, accounts.length)
      accountLeaves(accounts, hashBatch).forEach((leaf, i) => {
        if (leaf !== leaves[i]) this.#fail(`account ${first + i} does not have its leaf in the tree`)
      })
    }
    const { n } = this.#database.row('SELECT count(*) AS n FROM accounts') as { n: number }
    if (next !== count || n !== count) this.#fail(`it has ${n} accounts, not ${count}`)
  }

  /** Every node of the tree is the hash of those below it, and the topmost is the root. */
  #nodes(): void {
    let length = this.#facts.count
    let empty = 0n
    for (let level = 0; level < this.#depth; level++) {
      const parents = Math.ceil(length / ARITY)
      for (let first = 0; first < parents; first += EACH) {
        const count = Math.min(EACH, parents - first)
        const children = this.#level(level, first * ARITY, count * ARITY)
        const lists = Array.from({ length: count }, (_, i) =>
          Array.from({ length: ARITY }, (_, c) => children[ARITY * i + c] || empty),
        )
        const above = this.#level(level + 1, first, count)
        hashBatch(lists).forEach((hash, i) => {
          if (hash !== above[i]) this.#fail(`node ${first + i} of level ${level + 1} is not the hash of those below it`)
        })
      }
      empty = poseidon(Array<bigint>(ARITY).fill(empty))
      length = parents
    }
    const root = (length === 0 ? 0n : this.#level(this.#depth, 0, 1)[0]!) || empty
    if (root !== this.#facts.root) this.#fail('the accounts do not have the root')
  }

  /** Nodes of a level; 0 where there is none. */
  #level(level: number, first: number, count: number): bigint[] {
    const start = nodeNumber(this.#depth, level, first)
    const parentOf = (number: number) => Math.floor((number - 1) / ARITY)
    const rows = this.#database.rows(
      'SELECT id, children FROM nodes WHERE id >= ? AND id <= ?',
      parentOf(start),
      parentOf(start + count - 1),
    )
    const values = Array<bigint>(count).fill(0n)
    for (const { id, children } of rows) {
      const bytes = this.#bytes(children, ARITY * NODE_BYTES, `node ${id}`)
      for (let child = 0; child < ARITY; child++) {
        const i = ARITY * (id as number) + 1 + child - start
        if (i >= 0 && i < count) values[i] = readWord(bytes, child * NODE_BYTES)
      }
    }
    return values
  }

  /** Every entry has its account's leaf and lies on what is below it, and the topmost makes the head. */
  #stack(slot: number, height: number): void {
    let head = EMPTY_HEAD
    let position = 0
    for (let chunk = 0; position < height; chunk += EACH / CHUNK) {
      const rows = this.#database.rows(
        'SELECT records FROM entries WHERE id >= ? AND id < ? ORDER BY id',
        chunkOf(slot, chunk),
        chunkOf(slot, chunk + EACH / CHUNK),
      )
      const entries = rows
        .flatMap(({ records }) => entriesIn(bufferOf(records as Uint8Array)))
        .slice(0, height - position)
      if (entries.length < Math.min(EACH, height - position)) this.#fail(`slot ${slot} lacks entries of its stack`)
      const leaves = accountLeaves(
        entries.map(({ account }) => account),
        hashBatch,
      )
      const heads = hashBatch(entries.map(({ below, leaf }) => [below, leaf]))
      entries.forEach(({ leaf, below }, i) => {
        if (leaf !== leaves[i]) this.#fail(`entry ${position + i} of slot ${slot} does not have its account's leaf`)
        if (below !== head) this.#fail(`entry ${position + i} of slot ${slot} does not lie on the one below it`)
        head = heads[i]!
      })
      position += entries.length
    }
    const { heads, salts } = this.#facts
    if (!isBlindHead(heads[slot]!, head, salts.current[slot]!)) this.#fail(`slot ${slot} does not have its head`)
  }

  /** Every version is labelled as what it is, and its ways to its parent and back can be read. */
  #everyVersion(): number {
    const rows = this.#database.rows("SELECT id, commitment FROM versions WHERE facts <> '' ORDER BY id")
    for (const { id, commitment } of rows) {
      const { redo, undo } = this.#database.row('SELECT redo, undo FROM versions WHERE id = ?', id as number)!
      try {
        for (const delta of [redo, undo]) if (delta !== null) decodeDelta(delta as Uint8Array)
        const { root, heads } = this.#versions.read(id as number).facts
        if (commitmentOf(root, heads) === commitment) continue
      } catch {
        // Told below.
      }
      this.#fail(`its version ${id} is malformed`)
    }
    return rows.length
  }

  #bytes(value: unknown, length: number, what: string): Buffer {
    if (!(value instanceof Uint8Array) || value.length !== length) this.#fail(`${what} is malformed`)
    return bufferOf(value)
  }

  #fail(what: string): never {
    throw new DamagedState(`${this.#database.path} cannot be used: ${what}.`)
  }
}

function entriesIn(records: Buffer): StackEntry[] {
  return Array.from({ length: Math.floor(records.length / ENTRY_BYTES) }, (_, i) => readEntry(records, i * ENTRY_BYTES))
}
