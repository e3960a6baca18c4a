import { mkdir } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import type { Address, Hex } from 'viem'
import { isLockName } from '../../lib/directory-lock.ts'
import { requireNewDirectory } from '../../lib/new-directory.ts'
import { syncDirectory } from '../../lib/sync-directory.ts'
import type { Point } from '../../protocol/curve.ts'
import { PlimsollError } from '../../protocol/errors.ts'
import type { System } from '../../protocol/system.ts'
import type { ProfileName } from '../../prover/profiles.ts'
import { isProgressName } from './rebuild-progress.ts'
import { requireSequencerKeys, SEQUENCER_KEY_FILE, secretOf, writeSequencerKey } from './sequencer-key.ts'
import { commitmentOf, StateFiles } from './state-files.ts'
import { decodeState, encodeState, requireFormat, restoreSystem, type StoredState, storedState } from './state-json.ts'

/** Deployment that a node's accounts belong to. */
export interface Deployment {
  readonly chainId: number
  readonly settlement: Address
  readonly profile: ProfileName
}

/** The private state of a node at a settlement. */
export interface NodeState {
  readonly system: System
  /** Number of settlements that led to it. */
  readonly settlements: number
  /** Operations of owners in the latest of them, with the number of the settlement. */
  readonly applied: ReadonlyMap<Hex, number>
  /** Accounts that were decoys of late, with the time of it in unix seconds. */
  readonly decoyed: ReadonlyMap<number, number>
  /** Accounts that traded with another: what the others hold follows from public terms. */
  readonly traded: ReadonlySet<number>
}

/** Settlements that a reorganization may undo, and as many more as make room for looks that are under way. */
const KEPT = 72
/** Versions that are kept at the most: attempts that never came to the chain are among them. */
const MOST = 512
/** The latest versions lie open; older ones, which only a deep reorganization asks for, are compressed. */
const OPEN = 8
/** For so many settlements a state knows which operations went into it. */
export const REMEMBERED = KEPT

/** None of the stored states is the chain's. */
export class ForeignState extends PlimsollError {}

/**
 * The sequencer's private state on disk: a file for each version, readable by its owner only and never changed. A version is
 * saved before the transaction that leads to it is sent, and the chain decides which one counts: so whatever becomes of the
 * transaction, a lost answer, a crash or a reorganization, the state that the chain has is at hand.
 */
export class Store {
  readonly deployment: Deployment
  readonly #files: StateFiles
  /** The sequencer's, which are in none of the files: those that it had, and the one in force. */
  readonly #secrets: readonly bigint[]
  #secret: bigint

  private constructor(files: StateFiles, deployment: Deployment, secrets: readonly bigint[]) {
    this.#files = files
    this.deployment = deployment
    this.#secrets = secrets
    this.#secret = secrets.at(-1)!
  }

  /** Has states restored under the secret of the sequencer's key in force. @throws PlimsollError when it is not at hand */
  use(sequencer: Point): void {
    const secret = secretOf(this.#secrets, sequencer)
    if (secret === undefined)
      throw new PlimsollError(
        `WRONG_KEY: the sequencer key at hand is not that of the settlement ${this.deployment.settlement}.`,
      )
    this.#secret = secret
  }

  get directory(): string {
    return this.#files.directory
  }

  /** @throws PlimsollError when the directory exists and has more in it than a sequencer's key */
  static async create(directory: string, deployment: Deployment, state: NodeState, secret: bigint): Promise<Store> {
    await requireStateless(directory)
    await mkdir(directory, { recursive: true, mode: 0o700 })
    await syncDirectory(dirname(resolve(directory)))
    await writeSequencerKey(directory, secret)
    const store = new Store(new StateFiles(directory), deployment, [secret])
    await store.save(state)
    return store
  }

  /** @throws PlimsollError when there is no state, or none that can be read */
  static async open(directory: string): Promise<Store> {
    const files = new StateFiles(directory)
    const stored = await files.list()
    if (stored.length === 0)
      throw new PlimsollError(`${directory} holds no state of a node.`, { hint: 'plimsoll deploy writes one.' })
    const secrets = await requireSequencerKeys(directory)
    let problem: unknown
    for (const version of stored) {
      try {
        const { chainId, settlement, profile } = await readVersion(files, version)
        return new Store(files, { chainId, settlement, profile }, secrets)
      } catch (error) {
        problem ??= unusable(files.path(version), error)
      }
    }
    throw problem
  }

  /**
   * The newest version with this root and these heads.
   * @throws ForeignState when there is none
   */
  async find(root: bigint, heads: readonly bigint[]): Promise<NodeState> {
    let problem: unknown
    for (const version of await this.#of(root, heads)) {
      try {
        const stored = await readVersion(this.#files, version)
        if (stored.ledger.root === root && stored.ledger.heads.join() === heads.join())
          return restore(stored, this.#secret)
      } catch (error) {
        problem ??= unusable(this.#files.path(version), error)
      }
    }
    const { settlement } = this.deployment
    throw (
      problem ??
      new ForeignState(`The state in ${this.directory} is not the chain's: its root or heads differ.`, {
        hint: `Restore the directory that this deployment used last, or make the state anew: plimsoll node --rebuild --settlement ${settlement} with another --data.`,
      })
    )
  }

  /** Whether a version with this root and these heads is stored, as far as its label says. */
  async has(root: bigint, heads: readonly bigint[]): Promise<boolean> {
    return (await this.#of(root, heads)).length > 0
  }

  /** Adds a version, which is on the disk by then. @throws PlimsollError when it cannot be written */
  async save(state: NodeState): Promise<void> {
    const [latest = 0] = await this.#files.list()
    await this.#files.write(latest + 1, encodeState(storedState(this.deployment, state.system, state)))
  }

  /**
   * Drops versions that no reorganization reaches, and compresses those that hardly any does: only once the latest is on the
   * chain, as any number of attempts may fail before.
   * @param settlements number of the latest settlement
   */
  async prune(settlements: number): Promise<void> {
    for (const [i, version] of (await this.#files.list()).entries()) {
      const label = await this.#files.label(version)
      if (i >= MOST || (i >= KEPT && label === undefined) || (label?.settlements ?? Infinity) <= settlements - KEPT)
        await this.#files.remove(version)
      else if (i >= OPEN) await this.#files.compress(version)
    }
  }

  /** Versions that may have this root and these heads, newest first. */
  async #of(root: bigint, heads: readonly bigint[]): Promise<number[]> {
    const commitment = commitmentOf(root, heads)
    const versions: number[] = []
    for (const version of await this.#files.list()) {
      const label = await this.#files.label(version)
      if (label === undefined || label.commitment === commitment) versions.push(version)
    }
    return versions
  }
}

/** Refuses a directory that has more in it than a sequencer's key and what a rebuild had come to. @throws PlimsollError naming it */
export function requireStateless(directory: string): Promise<void> {
  return requireNewDirectory(
    directory,
    (name) => name === SEQUENCER_KEY_FILE || isLockName(name) || isProgressName(name),
  )
}

/** @throws when the file cannot be read or is malformed */
async function readVersion(files: StateFiles, version: number): Promise<StoredState> {
  const stored = decodeState(await files.read(version)) as StoredState
  requireFormat(stored)
  return stored
}

/** @throws PlimsollError when the accounts do not have the version's root and heads */
function restore(stored: StoredState, secret: bigint): NodeState {
  const { settlements, applied, decoyed } = stored.operations
  return {
    system: restoreSystem(stored, secret),
    settlements,
    applied: new Map(Object.entries(applied) as [Hex, number][]),
    decoyed: new Map(decoyed),
    traded: new Set(stored.traded),
  }
}

function unusable(path: string, error: unknown): PlimsollError {
  return new PlimsollError(
    `${path} cannot be used: ${error instanceof PlimsollError ? error.message : 'it is malformed or truncated.'}`,
  )
}
