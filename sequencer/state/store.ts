import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import type { Address, Hex } from 'viem'
import { isLockName } from '../../lib/directory-lock.ts'
import { requireNewDirectory } from '../../lib/new-directory.ts'
import { syncDirectory } from '../../lib/sync-directory.ts'
import type { Account } from '../../protocol/account.ts'
import type { Shape } from '../../protocol/batch.ts'
import type { Point } from '../../protocol/curve.ts'
import { PlimsollError } from '../../protocol/errors.ts'
import type { Envelope } from '../../protocol/health.ts'
import { sequencerKey } from '../../protocol/keys.ts'
import { Ledger } from '../../protocol/ledger.ts'
import { EMPTY_HEAD } from '../../protocol/stack.ts'
import { System } from '../../protocol/system.ts'
import { hashBatch } from '../../prover/kernel/hashing.ts'
import type { ProfileName } from '../../prover/profiles.ts'
import { requireSequencerKey, SEQUENCER_KEY_FILE, writeSequencerKey } from './sequencer-key.ts'

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
}

interface Stored extends Deployment {
  readonly format: number
  readonly ledger: {
    readonly shape: Shape
    readonly minLiability: bigint
    readonly root: bigint
    readonly heads: bigint[]
    readonly envelopes: (Envelope | null)[]
    readonly accounts: bigint[]
    readonly badDebt: bigint
  }
  readonly accounts: Account[]
  /** Keys of the owners; null for an account of a trusted import. */
  readonly publicKeys: (Point | null)[]
  readonly stacks: Account[][]
  readonly operations: { readonly settlements: number; readonly applied: Readonly<Record<Hex, number>> }
}

const FORMAT = 2
/** Versions kept: a settlement that turns out not to be on the chain, or on it after all, is one of the latest. */
const KEPT = 16
/** For so many settlements a state knows which operations went into it. */
export const REMEMBERED = KEPT

/**
 * The sequencer's private state on disk: a file for each version, readable by its owner only and never changed. A version is
 * saved before the transaction that leads to it is sent, and the chain decides which one counts: so whatever becomes of the
 * transaction, a lost answer, a crash or a reorganization, the state that the chain has is at hand.
 */
export class Store {
  readonly directory: string
  readonly deployment: Deployment
  /** The sequencer's, which is in none of the files. */
  readonly #secret: bigint

  private constructor(directory: string, deployment: Deployment, secret: bigint) {
    this.directory = directory
    this.deployment = deployment
    this.#secret = secret
  }

  /** @throws PlimsollError when the directory exists and has more in it than a sequencer's key */
  static async create(directory: string, deployment: Deployment, state: NodeState, secret: bigint): Promise<Store> {
    await requireStateless(directory)
    await mkdir(directory, { recursive: true, mode: 0o700 })
    await syncDirectory(dirname(resolve(directory)))
    await writeSequencerKey(directory, secret)
    const store = new Store(directory, deployment, secret)
    await store.save(state)
    return store
  }

  /** @throws PlimsollError when there is no state, or none that can be read */
  static async open(directory: string): Promise<Store> {
    const stored = await versions(directory)
    if (stored.length === 0)
      throw new PlimsollError(`${directory} holds no state of a node.`, { hint: 'plimsoll deploy writes one.' })
    const secret = await requireSequencerKey(directory)
    let problem: unknown
    for (const version of stored) {
      try {
        const { chainId, settlement, profile } = await readVersion(directory, version)
        return new Store(directory, { chainId, settlement, profile }, secret)
      } catch (error) {
        problem ??= unusable(join(directory, versionName(version)), error)
      }
    }
    throw problem
  }

  /**
   * The newest version with this root and these heads.
   * @throws PlimsollError when there is none
   */
  async find(root: bigint, heads: readonly bigint[]): Promise<NodeState> {
    let problem: unknown
    for (const version of await versions(this.directory)) {
      try {
        const stored = await readVersion(this.directory, version)
        if (stored.ledger.root === root && stored.ledger.heads.join() === heads.join())
          return restore(stored, this.#secret)
      } catch (error) {
        problem ??= unusable(join(this.directory, versionName(version)), error)
      }
    }
    throw (
      problem ??
      new PlimsollError(`The state in ${this.directory} is not the chain's: its root or heads differ.`, {
        hint: 'Restore the directory that this deployment used last.',
      })
    )
  }

  /** Adds a version, which is on the disk by then. @throws PlimsollError when it cannot be written */
  async save(state: NodeState): Promise<void> {
    const [latest = 0] = await versions(this.directory)
    await this.#write(versionName(latest + 1), state)
  }

  /** Drops old versions: only once the latest is on the chain, as any number of attempts may fail before. */
  async prune(): Promise<void> {
    for (const version of (await versions(this.directory)).slice(KEPT))
      await rm(join(this.directory, versionName(version)))
  }

  async #write(
    name: string,
    { system: { ledger, accounts, publicKeys, stacks }, settlements, applied }: NodeState,
  ): Promise<void> {
    const {
      shape: { depth, sweep, resolve, transact },
      minLiability,
      root,
      heads,
      envelopes,
      badDebt,
    } = ledger
    const shape = { depth, sweep, resolve, transact }
    const stored: Stored = {
      format: FORMAT,
      ...this.deployment,
      ledger: {
        shape,
        minLiability,
        root,
        heads,
        envelopes: envelopes.map((envelope) => envelope ?? null),
        accounts: ledger.accounts,
        badDebt,
      },
      accounts,
      publicKeys: accounts.map((_, i) => publicKeys[i] ?? null),
      stacks: stacks.map((stack) => stack.map((entry) => entry.account)),
      operations: { settlements, applied: Object.fromEntries(applied) },
    }
    const path = join(this.directory, name)
    const text = JSON.stringify(stored, (_, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value))
    try {
      await writeFile(`${path}.tmp`, text, { mode: 0o600, flush: true })
      await rename(`${path}.tmp`, path)
      await syncDirectory(this.directory)
    } catch (error) {
      throw new PlimsollError(`Cannot write ${path}: ${(error as Error).message}.`)
    }
  }
}

/** Refuses a directory that has more in it than a sequencer's key. @throws PlimsollError naming it */
export function requireStateless(directory: string): Promise<void> {
  return requireNewDirectory(directory, (name) => name === SEQUENCER_KEY_FILE || isLockName(name))
}

function versionName(version: number): string {
  return `state-${String(version).padStart(6, '0')}.json`
}

/** Numbers of the versions in a directory, newest first. */
async function versions(directory: string): Promise<number[]> {
  const names = await readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return []
    throw new PlimsollError(`Cannot read ${directory}: ${error.message}.`)
  })
  return names
    .flatMap((name) => /^state-(\d{6,})\.json$/.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => b - a)
}

/** @throws when the file cannot be read or is malformed */
async function readVersion(directory: string, version: number): Promise<Stored> {
  const text = await readFile(join(directory, versionName(version)), 'utf8')
  const stored = JSON.parse(text, (_, value: unknown) =>
    typeof value === 'string' && /^-?\d+n$/.test(value) ? BigInt(value.slice(0, -1)) : value,
  ) as Stored
  if (stored.format !== FORMAT) throw new PlimsollError(`its format is not ${FORMAT}.`)
  return stored
}

/** @throws PlimsollError when the accounts do not have the version's root and heads */
function restore(
  {
    chainId,
    settlement,
    ledger: { shape, minLiability, root, heads, envelopes, accounts: held, badDebt },
    accounts,
    publicKeys,
    stacks,
    operations,
  }: Stored,
  secret: bigint,
): NodeState {
  const domain = { chainId: BigInt(chainId), settlement: BigInt(settlement), sequencer: sequencerKey(secret).publicKey }
  const ledger = new Ledger(shape, heads.length, minLiability, root, EMPTY_HEAD, domain)
  ledger.heads.splice(0, heads.length, ...heads)
  ledger.envelopes.splice(0, heads.length, ...envelopes.map((envelope) => envelope ?? undefined))
  ledger.accounts.splice(0, held.length, ...held)
  ledger.badDebt = badDebt
  return {
    system: System.restore(
      ledger,
      accounts,
      stacks,
      publicKeys.map((key) => key ?? undefined),
      secret,
      hashBatch,
    ),
    settlements: operations.settlements,
    applied: new Map(Object.entries(operations.applied) as [Hex, number][]),
  }
}

function unusable(path: string, error: unknown): PlimsollError {
  return new PlimsollError(
    `${path} cannot be used: ${error instanceof PlimsollError ? error.message : 'it is malformed or truncated.'}`,
  )
}
