import { createPublicClient, createWalletClient, http, type Account, type Address, type Chain, type Hex, type PublicClient, type Transport, type WalletClient, defineChain } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { PlimsollError } from '../protocol/errors.ts'

/** Chains on which development keys and mock feeds are allowed. */
export const LOCAL_CHAINS: readonly number[] = [31337, 1337]

/** Environment variable with the operator's private key; a local chain's unlocked account is used without it. */
export const PRIVATE_KEY_VARIABLE = 'PLIMSOLL_PRIVATE_KEY'

export interface ReadClient {
  readonly url: string
  readonly chainId: number
  readonly read: PublicClient<Transport, Chain>
}

export interface SigningClient extends ReadClient {
  readonly sender: Address
  readonly write: WalletClient<Transport, Chain, Account>
}

/** @throws PlimsollError when nothing answers at the URL */
export async function connect(url: string): Promise<ReadClient> {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) throw new PlimsollError(`--rpc ${url} is not an http or https URL.`)
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

/** The same with an account that signs: the key of the environment, or a local chain's unlocked account. */
export async function connectSigner(url: string): Promise<SigningClient> {
  const client = await connect(url)
  const key = process.env[PRIVATE_KEY_VARIABLE]
  if (key === undefined && !LOCAL_CHAINS.includes(client.chainId)) {
    throw new PlimsollError(`${PRIVATE_KEY_VARIABLE} is not set.`, { hint: 'It holds the private key of the operator.' })
  }
  const transport = http(url, { retryCount: 2, timeout: 60_000 })
  const chain = chainOf(client.chainId, url)
  const unlocked = key === undefined ? (await createWalletClient({ chain, transport }).getAddresses())[0] : undefined
  const account = key !== undefined ? privateKeyAccount(key) : unlocked
  if (account === undefined) throw new PlimsollError(`The chain at ${url} has no unlocked account.`, { hint: `Set ${PRIVATE_KEY_VARIABLE}.` })
  const write = createWalletClient({ account, chain, transport })
  return { ...client, sender: write.account.address, write }
}

function privateKeyAccount(key: string) {
  if (!/^0x[0-9a-fA-F]{64}$/.test(key)) throw new PlimsollError(`${PRIVATE_KEY_VARIABLE} is not a private key of 32 bytes in hexadecimal.`)
  return privateKeyToAccount(key as Hex)
}

function chainOf(id: number, url: string): Chain {
  return defineChain({ id, name: `chain ${id}`, nativeCurrency: { name: 'Ether', symbol: 'ETH', decimals: 18 }, rpcUrls: { default: { http: [url] } } })
}
