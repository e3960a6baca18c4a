import type { Account } from '../../protocol/account.ts'
import type { Shape } from '../../protocol/batch.ts'
import type { Point } from '../../protocol/curve.ts'
import { PlimsollError } from '../../protocol/errors.ts'
import { HeadSalts } from '../../protocol/head-salts.ts'
import type { Envelope } from '../../protocol/health.ts'
import { memoKey, sequencerKey } from '../../protocol/keys.ts'
import { Ledger } from '../../protocol/ledger.ts'
import { EMPTY_HEAD } from '../../protocol/stack.ts'
import type { Stack } from '../../protocol/stacks.ts'
import { System } from '../../protocol/system.ts'
import { hashBatch } from '../../prover/kernel/hashing.ts'
import type { Deployment } from './store.ts'

/** A private state as JSON; the sequencer's secret is not in it. */
export interface StoredState extends Deployment {
  readonly format: number
  /** The sequencer's key in force when it was written. */
  readonly sequencer: Point
  readonly ledger: {
    readonly shape: Shape
    readonly minLiability: bigint
    readonly root: bigint
    readonly heads: readonly bigint[]
    readonly envelopes: readonly (Envelope | null)[]
    readonly accounts: readonly bigint[]
    readonly badDebt: bigint
  }
  readonly accounts: Account[]
  /** Keys of the owners; null for an account of a trusted import. */
  readonly publicKeys: (Point | null)[]
  readonly stacks: Account[][]
  /** Batches since the deployment, and the salt of each slot's head. */
  readonly salts: { readonly batches: number; readonly current: readonly bigint[] }
  /** Accounts that traded with another, in order. */
  readonly traded: readonly number[]
  readonly operations: {
    readonly settlements: number
    readonly applied: Readonly<Record<string, number>>
    readonly decoyed: readonly (readonly [index: number, time: number])[]
  }
}

/** Parts of a system that are stored. */
export interface SystemParts {
  readonly ledger: Ledger
  readonly accounts: Iterable<Account>
  readonly publicKeys: Iterable<Point | undefined>
  readonly stacks: readonly Stack[]
  readonly salts: HeadSalts
}

/** 4: blinded heads and their salts, the sequencer's key. */
const FORMAT = 4

/** Facts that a state keeps of the settlements that led to it. */
export interface Past {
  readonly settlements: number
  readonly traded: Iterable<number>
  /** Number of the settlement, by operation. */
  readonly applied?: ReadonlyMap<string, number>
  /** Time of decoys, by account. */
  readonly decoyed?: ReadonlyMap<number, number>
}

/** The private state of a deployment after some settlements. */
export function storedState(
  { chainId, settlement, profile }: Deployment,
  { ledger, accounts, publicKeys, stacks, salts }: SystemParts,
  { settlements, traded, applied = new Map(), decoyed = new Map() }: Past,
): StoredState {
  const { minLiability, root, heads, envelopes, badDebt } = ledger
  const { depth, sweeps, resolve, transact } = ledger.shape
  return {
    format: FORMAT,
    sequencer: ledger.domain.sequencer,
    chainId,
    settlement,
    profile,
    ledger: {
      shape: { depth, sweeps, resolve, transact },
      minLiability,
      root,
      heads,
      envelopes: envelopes.map((envelope) => envelope ?? null),
      accounts: ledger.accounts,
      badDebt,
    },
    accounts: [...accounts],
    publicKeys: Array.from(publicKeys, (key) => key ?? null),
    stacks: stacks.map((stack) => stack.map((entry) => entry.account)),
    salts: { batches: salts.batches, current: [...salts.current] },
    traded: [...traded].sort((a, b) => a - b),
    operations: { settlements, applied: Object.fromEntries(applied), decoyed: [...decoyed] },
  }
}

/** JSON with big integers, which have an `n` behind them. */
export function encodeState(value: unknown): string {
  return JSON.stringify(value, (_, each: unknown) => (typeof each === 'bigint' ? `${each}n` : each))
}

/** @throws SyntaxError when it is not JSON */
export function decodeState(text: string): unknown {
  return JSON.parse(text, (_, each: unknown) =>
    typeof each === 'string' && /^-?\d+n$/.test(each) ? BigInt(each.slice(0, -1)) : each,
  )
}

/** @throws PlimsollError when a state was written by another version, in another form */
export function requireFormat({ format }: StoredState): void {
  if (format !== FORMAT) throw new PlimsollError(`its format is not ${FORMAT}.`)
}

/**
 * @param secret of the sequencer's key in force now, which may be another than when the state was written
 * @throws PlimsollError when accounts and salts do not have the root and heads that were stored with them
 */
export function restoreSystem(stored: StoredState, secret: bigint): System {
  const { accounts, publicKeys, stacks } = stored
  const { ledger, salts } = ledgerAndSalts(stored, secret)
  const keys = publicKeys.map((key) => key ?? undefined)
  return System.restore(ledger, accounts, stacks, salts, keys, secret, hashBatch)
}

/** The public part of a stored state and the salts of its heads, likewise. */
export function ledgerAndSalts(
  {
    chainId,
    settlement,
    ledger: { shape, minLiability, root, heads, envelopes, accounts: held, badDebt },
    salts: { batches, current },
  }: Pick<StoredState, 'chainId' | 'settlement' | 'ledger' | 'salts'>,
  secret: bigint,
): { ledger: Ledger; salts: HeadSalts } {
  const domain = { chainId: BigInt(chainId), settlement: BigInt(settlement), sequencer: sequencerKey(secret).publicKey }
  const ledger = new Ledger(shape, heads.length, minLiability, root, EMPTY_HEAD, domain)
  ledger.heads.splice(0, heads.length, ...heads)
  ledger.envelopes.splice(0, heads.length, ...envelopes.map((envelope) => envelope ?? undefined))
  ledger.accounts.splice(0, held.length, ...held)
  ledger.badDebt = badDebt
  return { ledger, salts: new HeadSalts(memoKey(secret, domain), current, batches) }
}
