import { randomBytes } from 'node:crypto'
import type { Account } from '../protocol/account.ts'
import { FIELD } from '../protocol/constants.ts'
import type { Balances } from '../protocol/health.ts'

/** Secrets and weights that an import knows of an account. */
export interface ImportedAccount {
  readonly balances: Balances
  readonly weights: readonly number[]
}

/** A field element nobody can guess: 256 bits of the platform's generator, reduced. */
function secret(): bigint {
  return BigInt(`0x${randomBytes(32).toString('hex')}`) % FIELD
}

/**
 * Accounts of a trusted import, indexed in order, under fresh random keys. There are no owners with keys of their own
 * until deposits exist: the owner's commitment is as random as the view key.
 */
export function importAccounts(accounts: readonly ImportedAccount[]): Account[] {
  return accounts.map(({ balances, weights }, index) => ({
    owner: secret(),
    viewKey: secret(),
    index,
    version: 0n,
    weights,
    balances,
  }))
}
