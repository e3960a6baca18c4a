import { mkdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import type { Address, Hex } from 'viem'
import { isLockName } from '../../lib/directory-lock.ts'
import { requireNewDirectory } from '../../lib/new-directory.ts'
import { syncDirectory } from '../../lib/sync-directory.ts'
import type { Shape } from '../../protocol/batch.ts'
import type { Point } from '../../protocol/curve.ts'
import { PlimsollError } from '../../protocol/errors.ts'
import { isBlindHead } from '../../protocol/head-salts.ts'
import { headOf } from '../../protocol/stacks.ts'
import { nodeNumber, StateView } from '../../protocol/state-view.ts'
import { System } from '../../protocol/system.ts'
import type { ProfileName } from '../../prover/profiles.ts'
import { AccountSet } from './account-set.ts'
import { deploymentOf, type ImportedVersion, takeUpFiles } from './import-files.ts'
import { isProgressName } from './rebuild-progress.ts'
import { requireSequencerKeys, SEQUENCER_KEY_FILE, secretOf, writeSequencerKey } from './sequencer-key.ts'
import { DATABASE_FILE, DamagedState, databasePath, StateDatabase } from './state-database.ts'
import { deltasBetween, type StateDelta } from './state-delta.ts'
import { StateFiles } from './state-files.ts'
import { encodeState, ledgerAndSalts } from './state-json.ts'
import { StateTables } from './state-tables.ts'
import { StateVersions, type VersionChanges, type VersionFacts, type VersionStep } from './state-versions.ts'

/** Deployment that a node's accounts belong to. */
export interface Deployment {
  readonly chainId: number
  readonly settlement: Address
  readonly profile: ProfileName
}

/** Facts of a deployment's state that never change. */
export interface DeploymentFacts extends Deployment {
  readonly shape: Shape
  readonly minLiability: bigint
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
  readonly traded: AccountSet
}

/** The state of a system before any settlement. */
export function genesisState(system: System): NodeState {
  return { system, settlements: 0, applied: new Map(), decoyed: new Map(), traded: AccountSet.of() }
}

/** Settlements that a reorganization may undo, and as many more as make room for looks that are under way. */
const KEPT = 72
/** Versions that are kept at the most: attempts that never came to the chain are among them. */
const MOST = 512
/** For so many settlements a state knows which operations went into it. */
export const REMEMBERED = KEPT
/** Seconds for which it is known that an account was a decoy; longer than anybody asks. */
const DECOYS_KNOWN = 4 * 86_400
/** A database that is being made: what a crash leaves of it counts for nothing. */
const UNFINISHED = `${DATABASE_FILE}.new`

/** None of the stored states is the chain's. */
export class ForeignState extends PlimsollError {}

/**
 * The sequencer's private state on disk, in a database readable by its owner only: one version in tables, and others as the ways
 * that lead there and back. A version is saved, in a transaction that costs what changed, before the transaction that leads to it
 * is sent, and the chain decides which one counts: so whatever becomes of that, a lost answer, a crash or a reorganization, the
 * state that the chain has is at hand. The tables follow when the next version is saved: they never have what the chain may not take.
 */
export class Store {
  readonly directory: string
  readonly deployment: DeploymentFacts
  /** Place of the state; others may keep what is theirs beside it. */
  readonly database: StateDatabase
  readonly #versions: StateVersions
  readonly #tables: StateTables
  /** Id of the version that the tables have. */
  #head: number
  /** The sequencer's, which are not in the database: those that it had, and the one in force. */
  readonly #secrets: readonly bigint[]
  #secret: bigint

  private constructor(directory: string, database: StateDatabase, secrets: readonly bigint[]) {
    this.directory = directory
    this.deployment = database.fact('deployment') as DeploymentFacts
    this.database = database
    this.#versions = new StateVersions(database)
    this.#head = database.fact('head') as number
    const { count, heights } = this.#versions.read(this.#head).facts
    this.#tables = new StateTables(database, this.deployment.shape.depth, count, heights)
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

  /** @throws PlimsollError when the directory exists and has more in it than a sequencer's key */
  static async create(directory: string, deployment: Deployment, state: NodeState, secret: bigint): Promise<Store> {
    await requireStateless(directory)
    await mkdir(directory, { recursive: true, mode: 0o700 })
    await syncDirectory(dirname(resolve(directory)))
    await writeSequencerKey(directory, secret)
    const path = await Store.#write(directory, deployment, state)
    await rename(path, databasePath(directory))
    await syncDirectory(directory)
    return new Store(directory, StateDatabase.open(databasePath(directory)), [secret])
  }

  /** Makes a database of one version, which counts for nothing yet. @returns its path */
  static async #write(directory: string, deployment: Deployment, state: NodeState): Promise<string> {
    const path = `${directory}/${UNFINISHED}`
    for (const suffix of ['', '-wal', '-shm']) await rm(`${path}${suffix}`, { force: true })
    // Those beside it take its mode.
    await writeFile(path, '', { mode: 0o600 }).catch((error: Error) => {
      throw new PlimsollError(`Cannot write ${path}: ${error.message}.`)
    })
    const database = StateDatabase.create(path)
    try {
      const { ledger, state: view } = state.system
      const { shape, minLiability } = ledger
      database.transaction(() => {
        const { chainId, settlement, profile } = deployment
        const { depth, sweeps, resolve, transact } = shape
        const facts: DeploymentFacts = {
          ...{ chainId, settlement, profile, minLiability },
          shape: { depth, sweeps, resolve, transact },
        }
        const tables = new StateTables(database, shape.depth, 0, [])
        tables.apply(wholeDelta(view))
        const head = new StateVersions(database).add(undefined, state.system, changesOf(state))
        moveSets(database, [{ forward: true, ...changesOf(state) }])
        for (const [name, value] of Object.entries({ deployment: facts, head }))
          database.run('INSERT INTO facts VALUES (?, ?)', name, encodeState(value))
      })
    } finally {
      database.close()
    }
    return path
  }

  /**
   * Opens what a directory holds; a state in files of JSON, as it was kept before, is taken up, so nobody else may be using it.
   * @throws PlimsollError when there is no state, or none that can be read
   */
  static async open(directory: string): Promise<Store> {
    await requireState(directory)
    const secrets = await requireSequencerKeys(directory)
    const path = databasePath(directory)
    if (!(await exists(path)))
      await takeUpFiles(directory, secrets, async (deployment, versions) => {
        const store = await Store.#imported(directory, deployment, versions, secrets)
        store.close()
        await rename(`${directory}/${UNFINISHED}`, path)
        await syncDirectory(directory)
      })
    const database = StateDatabase.open(path)
    try {
      return database.reading(() => new Store(directory, database, secrets))
    } catch (error) {
      database.close()
      throw error
    }
  }

  /** Reads versions that were stored in another way, the oldest first. */
  static async #imported(
    directory: string,
    deployment: Deployment,
    versions: AsyncIterable<ImportedVersion>,
    secrets: readonly bigint[],
  ): Promise<Store> {
    let store: Store | undefined
    for await (const { state, parent } of versions) {
      if (store === undefined || parent === undefined) {
        const path = await Store.#write(directory, deployment, state)
        store = new Store(directory, StateDatabase.open(path), secrets)
      } else await store.save(state, parent)
    }
    return store!
  }

  /**
   * The newest version with this root and these heads.
   * @throws ForeignState when there is none
   * @throws DamagedState when it cannot be read, or is not what was written
   */
  async find(root: bigint, heads: readonly bigint[]): Promise<NodeState> {
    const found = this.#reach(root, heads)
    if (found !== undefined) return this.database.reading(() => this.#state(found.id, found.path))
    const { settlement } = this.deployment
    throw new ForeignState(`The state in ${this.directory} is not the chain's: its root or heads differ.`, {
      hint: `Restore the directory that this deployment used last, or make the state anew: plimsoll node --rebuild --settlement ${settlement} with another --data.`,
    })
  }

  /** The version that was saved last. */
  async latest(): Promise<NodeState> {
    const { root, heads } = this.database.reading(() => this.#versions.read(this.#versions.latest()!).facts)
    return this.find(root, heads)
  }

  /** Whether a version with this root and these heads is stored. */
  async has(root: bigint, heads: readonly bigint[]): Promise<boolean> {
    return this.#versions.of(root, heads).length > 0
  }

  /** Number of versions that are stored. */
  get size(): number {
    return this.#versions.size
  }

  /**
   * Adds a version, which is on the disk by then: what changed is written, no more.
   * @param parent the state that it was made from, which the chain has
   * @throws PlimsollError when it cannot be written, or the parent is not stored
   */
  async save(state: NodeState, parent: NodeState): Promise<void> {
    const { root, heads } = parent.system.ledger
    const found = this.#reach(root, heads)
    if (found === undefined)
      throw new PlimsollError(`The state in ${this.directory} has no version that the new one follows.`)
    const { id, path } = found
    try {
      this.database.transaction(() => {
        for (const { delta } of path) this.#tables.apply(delta)
        moveSets(this.database, path)
        if (id !== this.#head) this.database.run("UPDATE facts SET value = ? WHERE name = 'head'", encodeState(id))
        const deltas = deltasBetween(parent.system.state, state.system.state)
        this.#versions.add(id, state.system, { ...changesOf(state, parent), ...deltas })
      })
      this.#head = id
    } catch (error) {
      this.#tables.forget()
      const { count, heights } = this.#versions.read(this.#head).facts
      this.#tables.accounts = count
      this.#tables.heights = heights
      throw error
    }
  }

  /**
   * Drops versions that no reorganization reaches: only once the latest is on the chain, as any number of attempts may fail before.
   * @param settlements number of the latest settlement
   */
  async prune(settlements: number): Promise<void> {
    this.#versions.prune(settlements, KEPT, MOST, this.#head)
  }

  /** Ends its use of the database. */
  close(): void {
    this.database.close()
  }

  /** The newest version with this root and these heads to which there is a way from the tables. */
  #reach(root: bigint, heads: readonly bigint[]): { id: number; path: readonly VersionStep[] } | undefined {
    for (const id of this.#versions.of(root, heads)) {
      const path = this.database.reading(() => this.#versions.path(this.#head, id))
      if (path !== undefined) return { id, path }
    }
    return undefined
  }

  #ledger(facts: VersionFacts) {
    const { chainId, settlement, shape, minLiability } = this.deployment
    return ledgerAndSalts(
      { chainId, settlement, ledger: { ...facts, shape, minLiability }, salts: facts.salts },
      this.#secret,
    )
  }

  /** @throws DamagedState when accounts and stacks do not have the version's root and heads */
  #state(id: number, path: readonly VersionStep[]): NodeState {
    const { facts, settlements } = this.#versions.read(id)
    const view = new StateView(this.#tables)
    const decoyed = new Map(
      this.database
        .rows('SELECT account, time FROM decoys')
        .map(({ account, time }) => [account, time] as [number, number]),
    )
    let traded = AccountSet.over(
      (index) => this.database.row('SELECT account FROM traded WHERE account = ?', index) !== undefined,
    )
    for (const { forward, delta, ...sets } of path) {
      view.load(delta, delta.count, delta.heights)
      traded = traded.with(sets.traded, forward)
      for (const [account, time] of sets.decoyed)
        if (forward) decoyed.set(account, time)
        else decoyed.delete(account)
    }
    const { ledger, salts } = this.#ledger(facts)
    const system = new System(ledger, view, salts, this.#secret)
    const damaged = (what: string) =>
      new DamagedState(`${this.database.path} cannot be used: ${what} of its version ${id}.`)
    if (system.tree.root !== ledger.root) throw damaged('the accounts do not have the root')
    const wrong = ledger.heads.findIndex(
      (head, slot) => !isBlindHead(head, headOf(system.stacks[slot]!), salts.current[slot]!),
    )
    if (wrong >= 0) throw damaged(`stack ${wrong} does not have the head`)
    const applied = this.#versions.remembered(id, settlements - REMEMBERED)
    return { system, settlements, applied, decoyed, traded }
  }
}

/** Refuses a directory that has more in it than a sequencer's key and what a rebuild had come to. @throws PlimsollError naming it */
export function requireStateless(directory: string): Promise<void> {
  return requireNewDirectory(
    directory,
    (name) => name === SEQUENCER_KEY_FILE || isLockName(name) || isProgressName(name) || name.startsWith(UNFINISHED),
  )
}

/** Deployment that a directory's state is of. @throws PlimsollError when there is no state, or none that can be read */
export async function readDeployment(directory: string): Promise<Deployment> {
  await requireState(directory)
  await requireSequencerKeys(directory)
  const path = databasePath(directory)
  if (!(await exists(path))) return deploymentOf(new StateFiles(directory))
  const database = StateDatabase.open(path)
  try {
    return database.fact('deployment') as DeploymentFacts
  } finally {
    database.close()
  }
}

/** Path of a directory's database. @throws PlimsollError where there is none */
export async function requireDatabase(directory: string): Promise<string> {
  await requireState(directory)
  const path = databasePath(directory)
  if (await exists(path)) return path
  throw new PlimsollError(`${directory} holds a state in files of JSON, as it was kept before.`, {
    hint: 'plimsoll node takes it up and checks it.',
  })
}

/** @throws PlimsollError where a directory has no state */
async function requireState(directory: string): Promise<void> {
  if ((await exists(databasePath(directory))) || (await new StateFiles(directory).list()).length > 0) return
  throw new PlimsollError(`${directory} holds no state of a node.`, { hint: 'plimsoll deploy writes one.' })
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}

/** Facts that a state adds to its parent, or to nothing, besides the deltas. */
function changesOf(state: NodeState, parent?: NodeState): VersionChanges {
  return {
    settlements: state.settlements,
    applied: [...state.applied].filter(([id]) => parent === undefined || !parent.applied.has(id)),
    decoyed: [...state.decoyed].filter(([account, time]) => parent?.decoyed.get(account) !== time),
    traded: state.traded.added().filter((account) => parent === undefined || !parent.traded.has(account)),
  }
}

/** Has the tables of decoys and traders follow the steps from one version to another. */
function moveSets(database: StateDatabase, path: readonly Omit<VersionStep, 'delta'>[]): void {
  for (const { forward, decoyed, traded } of path) {
    for (const [account, time] of decoyed)
      if (forward) database.run('INSERT OR REPLACE INTO decoys VALUES (?, ?)', account, time)
      else database.run('DELETE FROM decoys WHERE account = ?', account)
    const change = forward ? 'INSERT OR IGNORE INTO traded VALUES (?)' : 'DELETE FROM traded WHERE account = ?'
    for (const account of traded) database.run(change, account)
    const newest = Math.max(...decoyed.map(([, time]) => time))
    if (forward && decoyed.length > 0) database.run('DELETE FROM decoys WHERE time < ?', newest - DECOYS_KNOWN)
  }
}

/** All of a state, as what leads to it from nothing. */
function wholeDelta(view: StateView): StateDelta {
  const { depth } = view.source
  const nodes = new Map<number, bigint>()
  for (let level = 0, length = view.accounts.length; level <= depth; level++, length = Math.ceil(length / 4))
    for (let index = 0; index < length; index++) {
      const value = view.node(level, index)
      if (value !== undefined) nodes.set(nodeNumber(depth, level, index), value)
    }
  return {
    count: view.accounts.length,
    heights: view.stacks.map(({ length }) => length),
    accounts: new Map(view.accounts.map((account, index) => [index, account])),
    publicKeys: new Map(
      [...view.publicKeys].flatMap((key, index) => (key === undefined ? [] : [[index, key] as const])),
    ),
    nodes,
    entries: view.entriesByNumber(),
  }
}
