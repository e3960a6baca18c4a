import { statSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { PlimsollError } from '../../protocol/errors.ts'
import { decodeState } from './state-json.ts'

export const DATABASE_FILE = 'state.db'

/**
 * `accounts`: `owner` is the lower half of the key's x. `nodes`: the four children of a node of the account tree, by its number; those
 * of -1 end with the root. `entries`: sixteen entries of a stack at a time. `versions`: each with the way from its parent and back.
 */
const SCHEMA = `
  CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE accounts (id INTEGER PRIMARY KEY, owner INTEGER, key BLOB, record BLOB NOT NULL) STRICT;
  CREATE INDEX owners ON accounts (owner) WHERE owner IS NOT NULL;
  CREATE TABLE nodes (id INTEGER PRIMARY KEY, children BLOB NOT NULL) STRICT;
  CREATE TABLE entries (id INTEGER PRIMARY KEY, records BLOB NOT NULL) STRICT;
  CREATE TABLE decoys (account INTEGER PRIMARY KEY, time INTEGER NOT NULL) STRICT;
  CREATE TABLE traded (account INTEGER PRIMARY KEY) STRICT;
  CREATE TABLE proofs (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, proof TEXT NOT NULL) STRICT;
  CREATE TABLE versions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    parent INTEGER,
    commitment TEXT NOT NULL,
    settlements INTEGER NOT NULL,
    facts TEXT NOT NULL,
    applied TEXT NOT NULL,
    decoyed TEXT NOT NULL,
    traded TEXT NOT NULL,
    redo BLOB,
    undo BLOB
  ) STRICT;
  CREATE INDEX commitments ON versions (commitment);
`

/** 5: the first in a database; files of JSON, which were before, had formats up to 4. */
const FORMAT = 5
/** Kibibytes of pages that are kept in memory. */
const CACHE = 65_536
/** Milliseconds that a reader waits for another process. */
const PATIENCE = 10_000

/** The database of a private state does not serve. */
class DatabaseFailure extends PlimsollError {}

/** The file of a private state is not what was written. */
export class DamagedState extends DatabaseFailure {}

type Row = Record<string, unknown>
type Value = null | number | bigint | string | Uint8Array

/** The database of a private state, in one file. What goes wrong with it is one clear sentence. */
export class StateDatabase {
  readonly path: string
  readonly #database: DatabaseSync
  readonly #statements = new Map<string, StatementSync>()

  private constructor(path: string, database: DatabaseSync) {
    this.path = path
    this.#database = database
  }

  /** Makes a new one. @throws PlimsollError when it cannot be written */
  static create(path: string): StateDatabase {
    return StateDatabase.#open(path, false, (database) => {
      database.run('PRAGMA journal_mode = WAL')
      database.exec(SCHEMA)
      database.run(`PRAGMA user_version = ${FORMAT}`)
    })
  }

  /** @throws PlimsollError when it cannot be read, was written by another version, or is damaged */
  static open(path: string, readOnly = false): StateDatabase {
    return StateDatabase.#open(path, readOnly, (database) => {
      requireWhole(path, database)
      const { user_version: format } = database.row('PRAGMA user_version')!
      if (format !== FORMAT) throw new DamagedState(`${path} cannot be used: its format is ${format}, not ${FORMAT}.`)
    })
  }

  static #open(path: string, readOnly: boolean, prepare: (database: StateDatabase) => void): StateDatabase {
    return clearly(path, () => {
      const inner = new DatabaseSync(path, { readOnly, timeout: PATIENCE })
      const database = new StateDatabase(path, inner)
      try {
        // Whatever is committed is on the disk.
        if (!readOnly) inner.exec('PRAGMA synchronous = FULL')
        inner.exec(`PRAGMA cache_size = -${CACHE}`)
        prepare(database)
        return database
      } catch (error) {
        inner.close()
        throw error
      }
    })
  }

  /** Runs statements that take no values. */
  exec(sql: string): void {
    clearly(this.path, () => this.#database.exec(sql))
  }

  run(sql: string, ...values: Value[]): number {
    return clearly(this.path, () => Number(this.#statement(sql).run(...values).lastInsertRowid))
  }

  /** The first row; undefined where there is none. */
  row(sql: string, ...values: Value[]): Row | undefined {
    return clearly(this.path, () => this.#statement(sql).get(...values) as Row | undefined)
  }

  /** A fact that stands once for all of the state. @throws DamagedState where it is missing or malformed */
  fact(name: string): unknown {
    const row = this.row('SELECT value FROM facts WHERE name = ?', name)
    if (row === undefined) throw new DamagedState(`${this.path} cannot be used: ${name} is missing.`)
    return this.reading(() => decodeState(row.value as string))
  }

  rows(sql: string, ...values: Value[]): Row[] {
    return clearly(this.path, () => this.#statement(sql).all(...values) as Row[])
  }

  /** Reads what is stored. @throws DamagedState where that breaks over what it finds, whatever the way */
  reading<T>(read: () => T): T {
    try {
      return read()
    } catch (error) {
      if (error instanceof DatabaseFailure) throw error
      // The error may show a part of it, which is private.
      throw new DamagedState(`${this.path} cannot be used: it is malformed.`)
    }
  }

  /**
   * Does all of it or nothing; what it did is on the disk by then. @throws PlimsollError when it cannot be written, the disk is full
   * for one
   */
  transaction<T>(work: () => T): T {
    this.exec('BEGIN IMMEDIATE')
    try {
      const result = work()
      this.exec('COMMIT')
      return result
    } catch (error) {
      // Some failures have rolled back already.
      if (this.#database.isTransaction) this.exec('ROLLBACK')
      throw error
    }
  }

  close(): void {
    if (this.#database.isOpen) this.#database.close()
  }

  #statement(sql: string): StatementSync {
    const known = this.#statements.get(sql)
    if (known !== undefined) return known
    const statement = this.#database.prepare(sql)
    this.#statements.set(sql, statement)
    return statement
  }
}

/** Path of a directory's database. */
export function databasePath(directory: string): string {
  return join(directory, DATABASE_FILE)
}

/** @throws DamagedState where the file is shorter than its own count of pages: what is missing may be asked for much later */
function requireWhole(path: string, database: StateDatabase): void {
  const [{ page_count: pages }, { page_size: size }] = [
    database.row('PRAGMA page_count') as { page_count: number },
    database.row('PRAGMA page_size') as { page_size: number },
  ]
  // Pages that are in the log alone may lie beyond the file's end, but then the log is as long.
  const held = statSync(path).size + (statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0)
  if (held < pages * size)
    throw new DamagedState(`${path} cannot be used: it is truncated, ${held} bytes of ${pages * size} are there.`)
}

/** @throws PlimsollError in the place of an error of SQLite's */
function clearly<T>(path: string, action: () => T): T {
  try {
    return action()
  } catch (error) {
    const { code, errcode, message } = error as { code?: string; errcode?: number; message: string }
    if (code !== 'ERR_SQLITE_ERROR') throw error
    // The lowest byte is the kind: 11 is SQLITE_CORRUPT, 26 SQLITE_NOTADB, 13 SQLITE_FULL, 10 SQLITE_IOERR.
    const kind = (errcode ?? 0) & 0xff
    if (kind === 11 || kind === 26) throw new DamagedState(`${path} cannot be used: it is malformed or truncated.`)
    if (kind === 13 || kind === 10) throw new DatabaseFailure(`Cannot write ${path}: ${message}.`)
    throw new DatabaseFailure(`${path} cannot be used: ${message}.`)
  }
}
