import type { Address } from 'viem'
import type { Account } from '../../protocol/account.ts'
import type { PlimsollError } from '../../protocol/errors.ts'
import type { OwnerKey } from '../../protocol/keys.ts'
import type { RecoveredAccount } from '../chain/account-history.ts'
import type { ChainFailure } from '../chain/chain-failure.ts'
import type { ReadClient } from '../chain/client.ts'
import { recover } from './recover.ts'

export interface CompareAccountParameters {
  readonly settlement: Address
  /** The owner's key. */
  readonly key: OwnerKey
  /** The account as a node has it. */
  readonly told: Pick<Account, 'index' | 'version' | 'balances' | 'weights'>
}

/** Something of an account of which node and chain say different things. */
export interface AccountDifference {
  readonly what: 'version' | 'balance' | 'preference'
  /** Number of the asset; undefined for the version. */
  readonly asset: number | undefined
  readonly node: bigint
  readonly chain: bigint
}

export interface CompareAccountReturnType {
  readonly recovered: RecoveredAccount
  readonly differences: readonly AccountDifference[]
}

export type CompareAccountErrorType = PlimsollError | ChainFailure

/**
 * Compares one's account as a node has it with what the chain published, from which it is rebuilt; nothing where they agree. A node that
 * is honest may be a settlement ahead or behind: ask both again before anything is made of a difference.
 * @throws PlimsollError when the chain has no such account of the key, ChainFailure when it does not answer
 * @example
 * import { compareAccount } from '../../sdk/actions/compare-account.ts'
 *
 * const { account } = await owner.read()
 * const { differences } = await compareAccount(signer, { settlement, key, told: account })
 */
export async function compareAccount(
  client: ReadClient,
  { settlement, key, told }: CompareAccountParameters,
): Promise<CompareAccountReturnType> {
  const recovered = await recover(client, { settlement, key, index: told.index })
  const { version, balances, weights } = recovered.account
  const differences: AccountDifference[] = []
  const compare = (what: AccountDifference['what'], asset: number | undefined, node: bigint, chain: bigint) => {
    if (node !== chain) differences.push({ what, asset, node, chain })
  }
  compare('version', undefined, told.version, version)
  for (const [asset, balance] of balances.entries()) compare('balance', asset, told.balances[asset] ?? 0n, balance)
  for (const [asset, weight] of weights.entries())
    compare('preference', asset, BigInt(told.weights[asset] ?? 0), BigInt(weight))
  return { recovered, differences }
}
