import type { Address } from 'viem'
import type { OwnerKey } from '../../protocol/keys.ts'
import { chainAssets } from '../../sdk/chain/assets.ts'
import { type SigningClient, type WalletProvider, withProvider, withSigner } from '../../sdk/chain/client.ts'
import { deriveOwnerKey, type TypedDataSigner } from '../../sdk/owner-key.ts'
import { OwnerWallet } from '../../sdk/owner-wallet.ts'
import type { DeploymentInfo } from '../../sdk/schemas.ts'
import { chain } from './chain.ts'
import { type Config, client } from './node.ts'

/** An owner who is here: its Ethereum account, and the key of its account inside, which is in memory only. */
export interface Session {
  readonly address: Address
  readonly signer: SigningClient
  /** Number of the key, of those that come from the Ethereum key. */
  readonly number: number
  readonly key: OwnerKey
  /** The account that was chosen of those of the key; undefined: its first. */
  readonly index: number | undefined
  readonly settlement: Address
  /** Undefined while no node answers: then there is the chain alone. */
  readonly wallet: OwnerWallet | undefined
  readonly assets: readonly SessionAsset[]
}

/** An asset as node or chain know it. */
export interface SessionAsset extends Pick<DeploymentInfo['assets'][number], 'symbol' | 'decimals' | 'tokenDecimals'> {
  readonly token: Address | null
}

/** A wallet of the browser. */
export interface FoundWallet {
  readonly name: string
  readonly provider: WalletProvider
}

/** Wallets that announce themselves (EIP-6963), and the one that is just there (EIP-1193). */
export async function findWallets(): Promise<readonly FoundWallet[]> {
  const found: FoundWallet[] = []
  const take = (event: Event) => {
    const { info, provider } = (event as CustomEvent<{ info: { name?: unknown }; provider: WalletProvider }>).detail
    found.push({ name: String(info.name ?? 'a wallet').slice(0, 40), provider })
  }
  addEventListener('eip6963:announceProvider', take)
  dispatchEvent(new Event('eip6963:requestProvider'))
  await new Promise((resolve) => setTimeout(resolve, 50))
  removeEventListener('eip6963:announceProvider', take)
  const plain = (globalThis as { ethereum?: WalletProvider }).ethereum
  if (plain !== undefined && !found.some(({ provider }) => provider === plain))
    found.push({ name: "the browser's wallet", provider: plain })
  return found
}

/** Accounts that a development chain holds unlocked. */
export async function localAccounts(): Promise<readonly Address[]> {
  const { read } = await chain()
  return (await read.request({ method: 'eth_accounts' } as never)) as Address[]
}

/** Connects with an account of the development chain. */
export async function openLocal(config: Config, address: Address): Promise<Session> {
  const signer = await withSigner(await chain(), address)
  return open(config, signer)
}

/** Connects with a wallet of the browser, which asks its owner. */
export async function openWallet(config: Config, { provider }: FoundWallet): Promise<Session> {
  const [address] = (await provider.request({ method: 'eth_requestAccounts' })) as Address[]
  if (address === undefined) throw new Error('The wallet gave no account.')
  return open(config, await withProvider(await chain(), provider, address))
}

/** The same owner with another of its keys, which the wallet is asked for, or another account of the same key. */
export async function another(config: Config, session: Session, number: number, index?: number): Promise<Session> {
  return open(config, session.signer, { number, index, key: number === session.number ? session.key : undefined })
}

async function open(
  { settlement, chainId }: Config,
  signer: SigningClient,
  { number = 0, index, key: known }: { number?: number; index?: number | undefined; key?: OwnerKey | undefined } = {},
): Promise<Session> {
  // Signed twice: a wallet that signs differently each time would lose the account.
  const sign: TypedDataSigner = (typedData) => signer.write.signTypedData(typedData)
  const key = known ?? (await deriveOwnerKey(sign, chainId, settlement, number))
  const deployment = await client.deployment().catch(() => undefined)
  if (deployment !== undefined && deployment.settlement.toLowerCase() !== settlement.toLowerCase())
    throw new Error(`The node is of the settlement ${deployment.settlement}, this page of ${settlement}.`)
  const assets = deployment?.assets ?? (await chainAssets(signer.read, settlement))
  return {
    address: signer.sender,
    signer,
    number,
    key,
    index,
    settlement,
    wallet: deployment === undefined ? undefined : OwnerWallet.open(client, deployment, key, index),
    assets,
  }
}
