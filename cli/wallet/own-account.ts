import type { Address } from 'viem'
import { recover } from '../../sdk/actions/recover.ts'
import type { RecoveredAccount } from '../../sdk/chain/account-history.ts'
import { type ChainAsset, chainAssets } from '../../sdk/chain/assets.ts'
import { connect, type ReadClient } from '../../sdk/chain/client.ts'
import { refusal } from '../../sdk/chain/contract-errors.ts'
import { ownerKey, type WalletOptions } from './session.ts'

export type ChainOptions = WalletOptions & { readonly rpc: readonly string[]; readonly settlement: Address }

export interface OwnAccount {
  readonly chain: ReadClient
  readonly key: Awaited<ReturnType<typeof ownerKey>>
  readonly assets: readonly ChainAsset[]
  readonly recovered: RecoveredAccount
}

/** One's account from the chain alone. @throws PlimsollError when no deposit ever named the key */
export async function recoverAccount(options: ChainOptions, atCheckpoint: boolean): Promise<OwnAccount> {
  const chain = await connect(options.rpc)
  const { settlement, index } = options
  try {
    const assets = await chainAssets(chain.read, settlement)
    const key = await ownerKey(options, chain.chainId, settlement)
    return { chain, key, assets, recovered: await recover(chain, { settlement, key, index, atCheckpoint }) }
  } catch (error) {
    throw refusal(error, 'the history')
  }
}
