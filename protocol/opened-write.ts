import { type Account, accountLeaf } from './account.ts'
import type { Write } from './batch.ts'
import { decryptAccount } from './cipher.ts'
import { PlimsollError } from './errors.ts'

/** An account after a write of it, opened with its view key. @throws PlimsollError when the ciphertext is not the leaf's */
export function accountAfter(before: Account, { leaf, cipher }: Pick<Write, 'leaf' | 'cipher'>): Account {
  return requireLeaf({ ...before, version: before.version + 1n, ...decryptAccount(cipher, leaf, before.viewKey) }, leaf)
}

/** The account itself. @throws PlimsollError unless it has the leaf */
export function requireLeaf(account: Account, leaf: bigint): Account {
  if (accountLeaf(account) === leaf) return account
  throw new PlimsollError(`Version ${account.version} of account ${account.index} is not what its ciphertext says.`)
}
