import type { Address, PublicClient } from 'viem'
import type { Point } from '../../protocol/curve.ts'
import { PlimsollError } from '../../protocol/errors.ts'
import { sharedViewKey } from '../../protocol/keys.ts'
import { SETTLEMENT_ABI } from '../../sdk/abi/settlement.ts'
import { openingsOf, type RecoveredAccount, SettlementHistory } from '../../sdk/chain/account-history.ts'
import { connect, type ReadClient } from '../../sdk/chain/client.ts'
import { refusal } from '../../sdk/chain/contract-errors.ts'
import { chooseIndex } from '../../sdk/owner-wallet.ts'
import { type ChainAsset, chainAssets } from './chain-assets.ts'
import { ownerKey, type WalletOptions } from './session.ts'

export type ChainOptions = WalletOptions & { readonly rpc: string; readonly settlement: Address }

export interface OwnAccount {
  readonly chain: ReadClient
  readonly key: Awaited<ReturnType<typeof ownerKey>>
  readonly assets: readonly ChainAsset[]
  readonly recovered: RecoveredAccount
}

const NO_ACCOUNT = 'There is no account of this key.'

/** One's account from the chain alone. @throws PlimsollError when no deposit ever named the key */
export async function recoverAccount(options: ChainOptions, atCheckpoint: boolean): Promise<OwnAccount> {
  const chain = await connect(options.rpc)
  const { settlement } = options
  try {
    const assets = await chainAssets(chain.read, settlement)
    const key = await ownerKey(options, chain.chainId, settlement)
    const { sequencerKey } = await chain.read.readContract({
      address: settlement,
      abi: SETTLEMENT_ABI,
      functionName: 'config',
    })
    const history = await SettlementHistory.read(chain.read, settlement, { atCheckpoint })
    const index = chooseIndex(history.indices(key.publicKey), options.index)
    if (index === undefined) throw new PlimsollError(NO_ACCOUNT, { hint: 'Check --account, and the Ethereum key.' })
    return {
      chain,
      key,
      assets,
      recovered: history.account(index, key.publicKey, sharedViewKey(key.secret, sequencerKey)),
    }
  } catch (error) {
    throw refusal(error, 'the history')
  }
}

/** Index of a key's account. @throws PlimsollError when there is none */
export async function findIndex(
  read: PublicClient,
  settlement: Address,
  publicKey: Point,
  chosen: number | undefined,
): Promise<number> {
  const [x, y] = publicKey
  const own = (await openingsOf(read, settlement)).filter(
    (entry) => entry.publicKey[0] === x && entry.publicKey[1] === y,
  )
  const index = chooseIndex(
    own.map((entry) => entry.index),
    chosen,
  )
  if (index === undefined) throw new PlimsollError(NO_ACCOUNT, { hint: 'Check --account, and the Ethereum key.' })
  return index
}
