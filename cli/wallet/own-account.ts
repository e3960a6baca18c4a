import type { Address } from 'viem'
import { recover } from '../../sdk/actions/recover.ts'
import type { RecoveredAccount } from '../../sdk/chain/account-history.ts'
import { type ChainAsset, chainAssets } from '../../sdk/chain/assets.ts'
import { connect, type ReadClient } from '../../sdk/chain/client.ts'
import { refusal } from '../../sdk/chain/contract-errors.ts'
import { settlementConfig } from '../../sdk/chain/settlement-config.ts'
import { ownerKey, type WalletOptions } from './session.ts'

export type ChainOptions = WalletOptions & { readonly rpc: readonly string[]; readonly settlement: Address }

export interface OwnAccount {
  readonly chain: ReadClient
  readonly key: Awaited<ReturnType<typeof ownerKey>>
  readonly assets: readonly ChainAsset[]
  readonly recovered: RecoveredAccount
  /** Whether a former key of the sequencer opens the account: there was a handover, and no rekey since. */
  readonly readableByFormerKey: boolean
}

/** One's account from the chain alone. @throws PlimsollError when no deposit ever named the key */
export async function recoverAccount(options: ChainOptions, atCheckpoint: boolean): Promise<OwnAccount> {
  const chain = await connect(options.rpc)
  const { settlement, index } = options
  try {
    const assets = await chainAssets(chain.read, settlement)
    const key = await ownerKey(options, chain.chainId, settlement)
    const recovered = await recover(chain, { settlement, key, index, atCheckpoint })
    const { sequencerKey } = await settlementConfig(chain.read, settlement)
    const readableByFormerKey = recovered.sequencer.join() !== sequencerKey.join()
    return { chain, key, assets, recovered, readableByFormerKey }
  } catch (error) {
    throw refusal(error, 'the history')
  }
}
