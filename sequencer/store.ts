import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Address } from 'viem'
import type { Account } from '../protocol/account.ts'
import type { Shape } from '../protocol/batch.ts'
import { PlimsollError } from '../protocol/errors.ts'
import type { Envelope } from '../protocol/health.ts'
import { Ledger } from '../protocol/ledger.ts'
import { System } from '../protocol/system.ts'
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
const CURRENT = 'state.json'
const NEXT = 'next.json'

/**
 * The sequencer's private state on disk: readable by its owner only, replaced whole. A settlement is announced with
 * `prepare` before its transaction is sent, so that whichever state the chain turns out to have is at hand after a crash.
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
    await store.commit(system)
    return store
  }

  /** @throws PlimsollError when there is no state, or it is malformed */
  static async open(directory: string): Promise<{ store: Store; systems: System[] }> {
    const current = await readState(directory, CURRENT)
    if (current === undefined) throw new PlimsollError(`${directory} has no ${CURRENT}.`, { hint: 'It is written by plimsoll deploy.' })
    const next = await readState(directory, NEXT)
    const { chainId, settlement, profile } = current.stored
    return { store: new Store(directory, { chainId, settlement, profile }), systems: next === undefined ? [current.system] : [current.system, next.system] }
  }

  /** Keeps what the state will be once the transaction about to be sent is mined. */
  async prepare(system: System): Promise<void> {
    await this.write(NEXT, system)
  }

  /** Makes this the state. */
  async commit(system: System): Promise<void> {
    await this.write(CURRENT, system)
    await rm(join(this.directory, NEXT), { force: true })
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

async function readState(directory: string, name: string): Promise<{ stored: Stored; system: System } | undefined> {
  const path = join(directory, name)
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined
    throw new PlimsollError(`Cannot read ${path}: ${error.message}.`)
  })
  if (text === undefined) return undefined
  try {
    const stored = JSON.parse(text, (_, value: unknown) => (typeof value === 'string' && /^-?\d+n$/.test(value) ? BigInt(value.slice(0, -1)) : value)) as Stored
    if (stored.format !== FORMAT) throw new PlimsollError(`its format is not ${FORMAT}.`)
    const { shape, minLiability, root, heads, envelopes, backstop, badDebt } = stored.ledger
    const ledger = new Ledger(shape, heads.length, minLiability, root, 0n)
    ledger.heads.splice(0, heads.length, ...heads)
    ledger.envelopes.splice(0, heads.length, ...envelopes.map((envelope) => envelope ?? undefined))
    ledger.backstop.splice(0, backstop.length, ...backstop)
    ledger.badDebt = badDebt
    return { stored, system: System.restore(ledger, stored.accounts, stored.stacks) }
  } catch (error) {
    throw new PlimsollError(`${path} cannot be used: ${error instanceof PlimsollError ? error.message : 'it is malformed or truncated.'}`)
  }
}
