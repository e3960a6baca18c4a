import {
  type Account,
  type Address,
  type Chain,
  createPublicClient,
  createWalletClient,
  defineChain,
  getAddress,
  isAddressEqual,
  type LocalAccount,
  type PublicClient,
  type Transport,
  type WalletClient,
} from 'viem'
import { PlimsollError } from '../../protocol/errors.ts'
import { ChainFailure } from './chain-failure.ts'
import { ChainEndpoint, type EndpointOptions } from './endpoint.ts'

/** Chains on which development keys and mock feeds are allowed. */
export const LOCAL_CHAINS: readonly number[] = [31337, 1337]

export interface ReadClient {
  /** Name of the endpoints in messages: without what providers take for a key. */
  readonly url: string
  /** The endpoint through which everything is asked. */
  readonly endpoint: ChainEndpoint
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

/**
 * A connection with a chain through one endpoint or several, of which any answers what another does not.
 * @throws PlimsollError when a URL is none, nothing answers, or the endpoints serve different chains
 */
export async function connect(rpc: string | readonly string[], options: EndpointOptions = {}): Promise<ReadClient> {
  const endpoint = new ChainEndpoint(rpc, options)
  const chainId = await endpoint.chainId().catch((error: unknown) => {
    if (!(error instanceof ChainFailure)) throw error
    throw new ChainFailure(`No JSON-RPC endpoint answers at ${endpoint.name}. ${error.message}`, {
      hint: 'Check --rpc.',
    })
  })
  return { url: endpoint.name, endpoint, chainId, read: readClient(endpoint.transport(), chainId, endpoint.name) }
}

/** A client of viem that reads through a transport. */
export function readClient(transport: Transport, chainId: number, name: string): PublicClient<Transport, Chain> {
  // A local chain mines at once: waiting for blocks would only cost time.
  const pollingInterval = LOCAL_CHAINS.includes(chainId) ? 50 : 2_000
  return createPublicClient({ chain: chainOf(chainId, name), transport, pollingInterval, cacheTime: 0 })
}

/**
 * The same with an account that signs: one that holds its own key, or the address of an account that the endpoint holds
 * unlocked, its first where none is named.
 * @throws PlimsollError when nothing answers, or the endpoint does not hold such an account
 */
export async function connectSigner(
  rpc: string | readonly string[],
  account?: LocalAccount | Address,
  options: EndpointOptions = {},
): Promise<SigningClient> {
  return withSigner(await connect(rpc, options), account)
}

/** A connection with an account that signs, as `connectSigner` takes it. @throws PlimsollError as `connectSigner` */
export async function withSigner(client: ReadClient, account?: LocalAccount | Address): Promise<SigningClient> {
  const transport = client.endpoint.transport()
  const chain = chainOf(client.chainId, client.url)
  const sender = typeof account === 'object' ? account : await unlockedAccount(client, account)
  const write = createWalletClient({ account: sender, chain, transport })
  return { ...client, sender: write.account.address, write, patience: PATIENCE }
}

/** A wallet of a browser, as EIP-1193 has it. */
export interface WalletProvider {
  request(question: { method: string; params?: unknown }): Promise<unknown>
}

/**
 * A connection with an account of a browser's wallet: the wallet signs and sends, the endpoint is read.
 * @throws PlimsollError when the wallet is on another chain
 */
export async function withProvider(
  client: ReadClient,
  provider: WalletProvider,
  account: Address,
): Promise<SigningClient> {
  const id = Number(await provider.request({ method: 'eth_chainId' }))
  if (id !== client.chainId)
    throw new PlimsollError(`The wallet is on chain ${id}, the settlement on chain ${client.chainId}.`, {
      hint: 'Switch the wallet to that chain.',
    })
  const endpoint = client.endpoint.transport()
  const transport: Transport = (options) => {
    const reading = endpoint(options)
    const request = (question: { method: string; params?: unknown }) =>
      WALLETS.includes(question.method) ? provider.request(question) : reading.request(question as never)
    return { ...reading, request: request as typeof reading.request }
  }
  const write = createWalletClient({ account, chain: chainOf(client.chainId, client.url), transport })
  return { ...client, sender: getAddress(account), write, patience: PATIENCE }
}

/** Methods that only a wallet can serve. */
const WALLETS = ['eth_sendTransaction', 'eth_signTypedData_v4', 'personal_sign', 'eth_accounts', 'eth_requestAccounts']

/** @throws PlimsollError when the endpoint holds no account, or not the one that is named */
async function unlockedAccount({ url, read }: ReadClient, named: Address | undefined): Promise<Address> {
  const unlocked = ((await read.request({ method: 'eth_accounts' } as never)) as Address[]).map((one) =>
    getAddress(one),
  )
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
