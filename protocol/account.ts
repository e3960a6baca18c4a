import { ASSETS, MAX_WEIGHT, NEUTRAL_WEIGHT, VERSION_LIMIT } from './constants.ts'
import { PlimsollError } from './errors.ts'
import type { Balances } from './health.ts'
import { abs } from './integer.ts'
import { type BatchHash, poseidon, poseidonBatch } from './poseidon.ts'

/** A private account: what the sequencer and the owner know. */
export interface Account {
  /** Poseidon of the owner's BabyJubJub key. */
  readonly owner: bigint
  /** Secret shared by owner and sequencer; makes leaves hiding. */
  readonly viewKey: bigint
  /** Position in the account tree. */
  readonly index: number
  readonly version: bigint
  /** Liquidation preference per asset, 1..15; cash carries the neutral one. */
  readonly weights: readonly number[]
  readonly balances: Balances
}

export const NEUTRAL_WEIGHTS: readonly number[] = Array<number>(ASSETS).fill(NEUTRAL_WEIGHT)

/** Bit `a` is set iff balance `a` is negative; zero has sign 0. */
export function signBits(balances: Balances): bigint[] {
  return balances.map((balance) => (balance < 0n ? 1n : 0n))
}

/** The low bit first. */
export function packBits(bits: readonly bigint[]): bigint {
  return bits.reduce((sum, bit, i) => sum | (bit << BigInt(i)), 0n)
}

/** Eight weights of 4 bits, asset 0 lowest. */
export function packWeights(weights: readonly number[]): bigint {
  return weights.reduce((sum, weight, a) => sum | (BigInt(weight) << BigInt(4 * a)), 0n)
}

export function unpackWeights(packed: bigint): number[] {
  return Array.from({ length: ASSETS }, (_, a) => Number((packed >> BigInt(4 * a)) & BigInt(MAX_WEIGHT)))
}

/** `Poseidon(owner, viewKey)`. */
export function accountKey(account: Pick<Account, 'owner' | 'viewKey'>): bigint {
  return poseidon([account.owner, account.viewKey])
}

/** `version + index 2^32 + weights 2^64`. */
export function accountMeta(account: Account): bigint {
  return account.version + (BigInt(account.index) << 32n) + (packWeights(account.weights) << 64n)
}

/** The hiding commitment to an account (docs/protocol.md#commitments). */
export function accountLeaf(account: Account): bigint {
  return poseidon(leafInputs(account, accountKey(account)))
}

/** The commitments to many accounts; `hashBatch` may be a faster one. */
export function accountLeaves(accounts: readonly Account[], hashBatch: BatchHash = poseidonBatch): bigint[] {
  const keys = hashBatch(accounts.map(({ owner, viewKey }) => [owner, viewKey]))
  return hashBatch(accounts.map((account, i) => leafInputs(account, keys[i]!)))
}

function leafInputs(account: Account, key: bigint): bigint[] {
  return [key, accountMeta(account), packBits(signBits(account.balances)), ...account.balances.map(abs)]
}

/**
 * The account one version on, with other balances.
 * @throws PlimsollError when the version would reach 2^32
 */
export function rewriteAccount(account: Account, balances: Balances): Account {
  if (account.version + 1n >= VERSION_LIMIT) throw new PlimsollError(`Account ${account.index} has no versions left.`)
  return { ...account, version: account.version + 1n, balances }
}
