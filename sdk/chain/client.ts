import {
  type Account,
  type Address,
  type Chain,
  createPublicClient,
  createWalletClient,
  defineChain,
  http,
  isAddressEqual,
  type LocalAccount,
  type PublicClient,
  type Transport,
  type WalletClient,
} from 'viem'
import { PlimsollError } from '../../protocol/errors.ts'

/** Chains on which development keys and mock feeds are allowed. */
export const LOCAL_CHAINS: readonly number[] = [31337, 1337]

export interface ReadClient {
  readonly url: string
  readonly chainId: number
  readonly read: PublicClient<Transport, Chain>
}

export interface SigningClient extends ReadClient {
  readonly sender: Address
  readonly write: WalletClient<Transport, Chain, Account>
  /** Milliseconds that a transaction may be pending before its fee is raised. */
  readonly patience: number
}

/** A few blocks of a slow chain. */
const PATIENCE = 45_000

/** @throws PlimsollError when nothing answers at the URL */
export async function connect(url: string): Promise<ReadClient> {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
    throw new PlimsollError(`--rpc ${url} is not an http or https URL.`)
  const transport = http(url, { retryCount: 2, timeout: 60_000 })
  const chainId = await createPublicClient({ transport })
    .getChainId()
    .catch(() => {
      throw new PlimsollError(`No JSON-RPC endpoint answers at ${url}.`, { hint: 'Check --rpc.' })
    })
  // A local chain mines at once: waiting for blocks would only cost time.
  const pollingInterval = LOCAL_CHAINS.includes(chainId) ? 50 : 2_000
  const read = createPublicClient({ chain: chainOf(chainId, url), transport, pollingInterval, cacheTime: 0 })
  return { url, chainId, read }
}

/**
 * The same with an account that signs: one that holds its own key, or the address of an account that the endpoint holds
 * unlocked, its first where none is named.
 * @throws PlimsollError when nothing answers at the URL, or it does not hold such an account
 */
export async function connectSigner(url: string, account?: LocalAccount | Address): Promise<SigningClient> {
  return withSigner(await connect(url), account)
}

/** A connection with an account that signs, as `connectSigner` takes it. @throws PlimsollError as `connectSigner` */
export async function withSigner(client: ReadClient, account?: LocalAccount | Address): Promise<SigningClient> {
  const { url } = client
  const transport = http(url, { retryCount: 2, timeout: 60_000 })
  const chain = chainOf(client.chainId, url)
  const sender = typeof account === 'object' ? account : await unlockedAccount(client, account)
  const write = createWalletClient({ account: sender, chain, transport })
  return { ...client, sender: write.account.address, write, patience: PATIENCE }
}

/** @throws PlimsollError when the endpoint holds no account, or not the one that is named */
async function unlockedAccount({ url, chainId }: ReadClient, named: Address | undefined): Promise<Address> {
  const unlocked = await createWalletClient({ chain: chainOf(chainId, url), transport: http(url) }).getAddresses()
  const account = named === undefined ? unlocked[0] : unlocked.find((address) => isAddressEqual(address, named))
  if (account !== undefined) return account
  throw new PlimsollError(
    named === undefined
      ? `The chain at ${url} has no unlocked account.`
      : `${named} is not an unlocked account of ${url}.`,
  )
}

function chainOf(id: number, url: string): Chain {
  return defineChain({
    id,
    name: `chain ${id}`,
    nativeCurrency: { name: 'Ether', symbol: 'ETH', decimals: 18 },
    rpcUrls: { default: { http: [url] } },
  })
}
