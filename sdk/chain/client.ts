import {
  type Account,
  type Address,
  type Chain,
  createPublicClient,
  createWalletClient,
  defineChain,
  type Hex,
  http,
  isAddressEqual,
  type PublicClient,
  type Transport,
  type WalletClient,
} from 'viem'
import { type PrivateKeyAccount, privateKeyToAccount } from 'viem/accounts'
import { PlimsollError } from '../../protocol/errors.ts'

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
 * The same with an account that signs: the one named, or the key of the environment, or a local chain's unlocked account.
 * @param options.variable environment variable with the private key; @param options.from unlocked account of a local chain
 */
export async function connectSigner(
  url: string,
  { variable = PRIVATE_KEY_VARIABLE, from }: { variable?: string; from?: Address } = {},
): Promise<SigningClient> {
  const client = await connect(url)
  const local = LOCAL_CHAINS.includes(client.chainId)
  const account = from === undefined ? privateKeyOf(variable) : undefined
  if (account === undefined && !local)
    throw new PlimsollError(`${variable} is not set.`, { hint: 'It holds the private key that signs.' })
  const transport = http(url, { retryCount: 2, timeout: 60_000 })
  const chain = chainOf(client.chainId, url)
  const unlocked = account === undefined ? await createWalletClient({ chain, transport }).getAddresses() : []
  const sender =
    account ?? (from === undefined ? unlocked[0] : unlocked.find((address) => isAddressEqual(address, from)))
  if (sender === undefined)
    throw new PlimsollError(
      from === undefined
        ? `The chain at ${url} has no unlocked account.`
        : `${from} is not an unlocked account of ${url}.`,
      { hint: `Set ${variable}.` },
    )
  const write = createWalletClient({ account: sender, chain, transport })
  return { ...client, sender: write.account.address, write, patience: PATIENCE }
}

/** The key of an environment variable; undefined where it is not set. @throws PlimsollError when it is no private key */
export function privateKeyOf(variable: string): PrivateKeyAccount | undefined {
  const key = process.env[variable]
  if (key === undefined) return undefined
  if (!/^0x[0-9a-fA-F]{64}$/.test(key))
    throw new PlimsollError(
      `${variable} is not a private key: 0x and 64 hexadecimal digits, not 0 nor beyond the curve's order.`,
    )
  try {
    return privateKeyToAccount(key as Hex)
  } catch {
    throw new PlimsollError(
      `${variable} is not a private key: 0x and 64 hexadecimal digits, not 0 nor beyond the curve's order.`,
    )
  }
}

function chainOf(id: number, url: string): Chain {
  return defineChain({
    id,
    name: `chain ${id}`,
    nativeCurrency: { name: 'Ether', symbol: 'ETH', decimals: 18 },
    rpcUrls: { default: { http: [url] } },
  })
}
