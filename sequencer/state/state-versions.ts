import { createHash } from 'node:crypto'
import type { Hex } from 'viem'
import type { Point } from '../../protocol/curve.ts'
import type { Envelope } from '../../protocol/health.ts'
import type { System } from '../../protocol/system.ts'
import type { StateDatabase } from './state-database.ts'
import { decodeDelta, encodeDelta, type StateDelta } from './state-delta.ts'
import { decodeState, encodeState } from './state-json.ts'

/** The small part of a version, which is written whole each time. */
export interface VersionFacts {
  /** The sequencer's key in force when it was written. */
  readonly sequencer: Point
  readonly root: bigint
  readonly heads: readonly bigint[]
  readonly envelopes: readonly (Envelope | null)[]
  /** Totals of the accounts. */
  readonly accounts: readonly bigint[]
  readonly badDebt: bigint
  readonly salts: { readonly batches: number; readonly current: readonly bigint[] }
  readonly count: number
  readonly heights: readonly number[]
}

/** A version besides its deltas. */
export interface Version {
  readonly id: number
  readonly settlements: number
  readonly facts: VersionFacts
  /** Operations that this version and no earlier one remembers, with the number of their settlement. */
  readonly applied: readonly (readonly [Hex, number])[]
}

/** Facts that a version adds to its parent, and the deltas. */
export interface VersionChanges {
  readonly settlements: number
  readonly applied: readonly (readonly [Hex, number])[]
  readonly decoyed: readonly (readonly [number, number])[]
  readonly traded: readonly number[]
  readonly redo?: StateDelta
  readonly undo?: StateDelta
}

/** A step from one version to its child, or back. */
export interface VersionStep {
  readonly forward: boolean
  readonly delta: StateDelta
  /** Decoys and traders that the child added. */
  readonly decoyed: readonly (readonly [number, number])[]
  readonly traded: readonly number[]
}

/** Hash of what the chain has of a state. */
export function commitmentOf(root: bigint, heads: readonly bigint[]): string {
  return createHash('sha256')
    .update([root, ...heads].join())
    .digest('hex')
}

/** The versions of a state, each of which knows the way from its parent and back. */
export class StateVersions {
  readonly #database: StateDatabase

  constructor(database: StateDatabase) {
    this.#database = database
  }

  /** Ids of the versions of a root and heads, newest first. */
  of(root: bigint, heads: readonly bigint[]): number[] {
    return this.#database
      .rows("SELECT id FROM versions WHERE commitment = ? AND facts <> '' ORDER BY id DESC", commitmentOf(root, heads))
      .map(({ id }) => id as number)
  }

  /** The newest; undefined where there is none. */
  latest(): number | undefined {
    return this.#database.row('SELECT max(id) AS id FROM versions')?.id as number | undefined
  }

  /** Number of them that can be had. */
  get size(): number {
    return this.#database.row("SELECT count(*) AS n FROM versions WHERE facts <> ''")!.n as number
  }

  read(id: number): Version {
    const row = this.#database.row('SELECT settlements, facts, applied FROM versions WHERE id = ?', id)!
    return {
      id,
      settlements: row.settlements as number,
      facts: decodeState(row.facts as string) as VersionFacts,
      applied: JSON.parse(row.applied as string),
    }
  }

  /** Operations that a version remembers, of settlements after `since`. */
  remembered(id: number, since: number): Map<Hex, number> {
    const rows = this.#database.rows(
      `WITH RECURSIVE line (id, parent, settlements, applied) AS (
         SELECT id, parent, settlements, applied FROM versions WHERE id = ?
         UNION ALL
         SELECT v.id, v.parent, v.settlements, v.applied FROM versions v JOIN line ON v.id = line.parent WHERE line.settlements > ?
       ) SELECT applied FROM line ORDER BY settlements`,
      id,
      since,
    )
    const all = rows.flatMap(({ applied }) => JSON.parse(applied as string) as [Hex, number][])
    return new Map(all.filter(([, settlement]) => settlement > since))
  }

  /** The steps from one version to another; undefined where they no longer hang together. */
  path(from: number, to: number): VersionStep[] | undefined {
    const parents = new Map(
      this.#database.rows('SELECT id, parent FROM versions').map(({ id, parent }) => [id as number, parent as number]),
    )
    const line = (id: number) => {
      const ids: number[] = []
      for (let at: number | null | undefined = id; at != null && parents.has(at); at = parents.get(at)) ids.push(at)
      return ids
    }
    const back = line(from)
    const forth = line(to)
    const common = forth.find((id) => back.includes(id))
    if (common === undefined) return undefined
    const steps = [
      ...back.slice(0, back.indexOf(common)).map((id) => this.#step(id, false)),
      ...forth
        .slice(0, forth.indexOf(common))
        .reverse()
        .map((id) => this.#step(id, true)),
    ]
    return steps.every((step) => step !== undefined) ? steps : undefined
  }

  /** Adds a version. @returns its id */
  add(parent: number | undefined, system: System, changes: VersionChanges): number {
    const { root, heads } = system.ledger
    const { redo, undo, settlements, applied, decoyed, traded } = changes
    return this.#database.run(
      `INSERT INTO versions (parent, commitment, settlements, facts, applied, decoyed, traded, redo, undo)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      parent ?? null,
      commitmentOf(root, heads),
      settlements,
      encodeState(factsOf(system)),
      JSON.stringify(applied),
      JSON.stringify(decoyed),
      JSON.stringify(traded),
      redo === undefined ? null : encodeDelta(redo),
      undo === undefined ? null : encodeDelta(undo),
    )
  }

  /**
   * Drops all of settlements up to one, and the oldest beyond `most`, but for the one that the tables have. Which operations they
   * carried out is known for as many settlements more: the oldest that is left remembers those.
   * @param settlements number of the latest settlement
   */
  prune(settlements: number, kept: number, most: number, head: number): void {
    this.#database.transaction(() => {
      this.#database.run(
        `UPDATE versions SET facts = '', decoyed = '', traded = '', redo = NULL, undo = NULL
         WHERE facts <> '' AND id <> ? AND (settlements <= ? OR id NOT IN (SELECT id FROM versions ORDER BY id DESC LIMIT ?))`,
        head,
        settlements - kept,
        most,
      )
      this.#database.run('DELETE FROM versions WHERE id <> ? AND settlements <= ?', head, settlements - 2 * kept)
    })
  }

  /** Undefined where it was dropped. */
  #step(child: number, forward: boolean): VersionStep | undefined {
    const row = this.#database.row(
      `SELECT ${forward ? 'redo' : 'undo'} AS delta, decoyed, traded FROM versions WHERE id = ?`,
      child,
    )!
    if (row.delta === null) return undefined
    return {
      forward,
      delta: decodeDelta(row.delta as Uint8Array),
      decoyed: JSON.parse(row.decoyed as string),
      traded: JSON.parse(row.traded as string),
    }
  }
}

function factsOf({ ledger, salts, state }: System): VersionFacts {
  return {
    sequencer: ledger.domain.sequencer,
    root: ledger.root,
    heads: ledger.heads,
    envelopes: ledger.envelopes.map((envelope) => envelope ?? null),
    accounts: ledger.accounts,
    badDebt: ledger.badDebt,
    salts: { batches: salts.batches, current: salts.current },
    count: state.accounts.length,
    heights: state.stacks.map(({ length }) => length),
  }
}
