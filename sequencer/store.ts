import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Address } from 'viem'
import type { Account } from '../protocol/account.ts'
import type { Shape } from '../protocol/batch.ts'
import { PlimsollError } from '../protocol/errors.ts'
import type { Envelope } from '../protocol/health.ts'
import { Ledger } from '../protocol/ledger.ts'
import { EMPTY_HEAD } from '../protocol/stack.ts'
import { System } from '../protocol/system.ts'
import { hashBatch } from '../prover/kernel/hashing.ts'
import type { ProfileName } from '../prover/profiles.ts'
import { requireNewDirectory } from './new-directory.ts'

/** Where a node's accounts were deployed. */
export interface Deployment {
  readonly chainId: number
  readonly settlement: Address
  readonly profile: ProfileName
}

interface Stored extends Deployment {
  readonly format: number
  readonly ledger: {
    readonly shape: Shape
    readonly minLiability: bigint
    readonly root: bigint
    readonly heads: bigint[]
    readonly envelopes: (Envelope | null)[]
    readonly backstop: bigint[]
    readonly badDebt: bigint
  }
  readonly accounts: Account[]
  readonly stacks: Account[][]
}

const FORMAT = 1
/** Versions kept: a settlement that turns out not to be on the chain, or on it after all, is one of the latest. */
const KEPT = 16

/**
 * The sequencer's private state on disk: a file for each version, readable by its owner only and never changed. A version is
 * saved before the transaction that leads to it is sent, and the chain decides which one counts: so whatever becomes of the
 * transaction, a lost answer, a crash or a reorganization, the state that the chain has is at hand.
 */
export class Store {
  readonly directory: string
  readonly deployment: Deployment

  private constructor(directory: string, deployment: Deployment) {
    this.directory = directory
    this.deployment = deployment
  }

  /** @throws PlimsollError when the directory exists and is not empty */
  static async create(directory: string, deployment: Deployment, system: System): Promise<Store> {
    await requireNewDirectory(directory)
    await mkdir(directory, { recursive: true, mode: 0o700 })
    const store = new Store(directory, deployment)
    await store.save(system)
    return store
  }

  /** @throws PlimsollError when there is no state, or none that can be read */
  static async open(directory: string): Promise<Store> {
    const stored = await versions(directory)
    if (stored.length === 0) throw new PlimsollError(`${directory} holds no state of a node.`, { hint: 'plimsoll deploy writes one.' })
    let problem: unknown
    for (const version of stored) {
      try {
        const { chainId, settlement, profile } = await readVersion(directory, version)
        return new Store(directory, { chainId, settlement, profile })
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
  async find(root: bigint, heads: readonly bigint[]): Promise<System> {
    let problem: unknown
    for (const version of await versions(this.directory)) {
      try {
        const stored = await readVersion(this.directory, version)
        if (stored.ledger.root === root && stored.ledger.heads.join() === heads.join()) return restore(stored)
      } catch (error) {
        problem ??= unusable(join(this.directory, versionName(version)), error)
      }
    }
    throw problem ?? new PlimsollError(`The state in ${this.directory} is not the chain's: its root or heads differ.`, { hint: 'Restore the directory that this deployment used last.' })
  }

  /** Adds a version. */
  async save(system: System): Promise<void> {
    const [latest = 0] = await versions(this.directory)
    await this.write(versionName(latest + 1), system)
  }

  /** Drops old versions: only once the latest is on the chain, as any number of attempts may fail before. */
  async prune(): Promise<void> {
    for (const version of (await versions(this.directory)).slice(KEPT)) await rm(join(this.directory, versionName(version)))
  }

  private async write(name: string, { ledger, accounts, stacks }: System): Promise<void> {
    const { shape, minLiability, root, heads, envelopes, backstop, badDebt } = ledger
    const stored: Stored = {
      format: FORMAT,
      ...this.deployment,
      ledger: { shape, minLiability, root, heads, envelopes: envelopes.map((envelope) => envelope ?? null), backstop, badDebt },
      accounts,
      stacks: stacks.map((stack) => stack.map((entry) => entry.account)),
    }
    const path = join(this.directory, name)
    const text = JSON.stringify(stored, (_, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value))
    await writeFile(`${path}.tmp`, text, { mode: 0o600, flush: true })
    await rename(`${path}.tmp`, path)
  }
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
  return names.flatMap((name) => /^state-(\d{6,})\.json$/.exec(name)?.[1] ?? []).map(Number).sort((a, b) => b - a)
}

/** @throws when the file cannot be read or is malformed */
async function readVersion(directory: string, version: number): Promise<Stored> {
  const text = await readFile(join(directory, versionName(version)), 'utf8')
  const stored = JSON.parse(text, (_, value: unknown) => (typeof value === 'string' && /^-?\d+n$/.test(value) ? BigInt(value.slice(0, -1)) : value)) as Stored
  if (stored.format !== FORMAT) throw new PlimsollError(`its format is not ${FORMAT}.`)
  return stored
}

/** @throws PlimsollError when the accounts do not have the version's root and heads */
function restore({ ledger: { shape, minLiability, root, heads, envelopes, backstop, badDebt }, accounts, stacks }: Stored): System {
  const ledger = new Ledger(shape, heads.length, minLiability, root, EMPTY_HEAD)
  ledger.heads.splice(0, heads.length, ...heads)
  ledger.envelopes.splice(0, heads.length, ...envelopes.map((envelope) => envelope ?? undefined))
  ledger.backstop.splice(0, backstop.length, ...backstop)
  ledger.badDebt = badDebt
  return System.restore(ledger, accounts, stacks, hashBatch)
}

function unusable(path: string, error: unknown): PlimsollError {
  return new PlimsollError(`${path} cannot be used: ${error instanceof PlimsollError ? error.message : 'it is malformed or truncated.'}`)
}
