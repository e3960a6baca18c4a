import { type Address, encodeDeployData } from 'viem'
import { loadArtifact } from '../contracts/artifacts.ts'
import { accountLeaves } from '../protocol/account.ts'
import { type Book, QUOTE_DECIMALS } from '../protocol/book.ts'
import { DEFAULT_SLOTS, INBOX } from '../protocol/constants.ts'
import { PlimsollError } from '../protocol/errors.ts'
import { System } from '../protocol/system.ts'
import { hashBatch } from '../prover/kernel/hashing.ts'
import type { KeySet } from '../prover/keys.ts'
import { verifierDirectory, writeVerifierContracts } from '../prover/verifier-contract.ts'
import { importAccounts } from './import-accounts.ts'
import { LOCAL_CHAINS, type SigningClient } from './rpc.ts'
import { refusal, Settlement } from './settlement.ts'
import { Store } from './store.ts'

/** Clocks of section 8, in seconds. */
export interface Clocks {
  readonly provingTime: number
  readonly roundMin: number
  readonly roundShort: number
  readonly maxAge: number
  readonly grace: number
  readonly parameterDelay: number
  /** A feed's answer older than this is stale. */
  readonly heartbeat: number
}

export const DEFAULT_CLOCKS: Clocks = {
  provingTime: 240, roundMin: 300, roundShort: 30, maxAge: 900, grace: 7_200, parameterDelay: 86_400, heartbeat: 3_600,
}

export interface DeployOptions {
  /** Chainlink-compatible feed of each traded symbol; mock feeds at the book's prices where there are none. */
  readonly feeds: Readonly<Record<string, Address>>
  readonly allowDevelopmentKeys: boolean
  /** Where the node's private state goes. */
  readonly data: string
  readonly clocks: Clocks
}

export interface Deployed {
  readonly chainId: number
  readonly settlement: Address
  readonly sweepVerifier: Address
  readonly resolveVerifier: Address
  /** By symbol. */
  readonly feeds: Readonly<Record<string, Address>>
  readonly accounts: number
  readonly data: string
}

/**
 * Refuses a chain on which development keys could cost somebody money, before anything is sent.
 * @throws PlimsollError
 */
export function requireLocalChain(chainId: number, allowDevelopmentKeys: boolean): void {
  if (LOCAL_CHAINS.includes(chainId) || allowDevelopmentKeys) return
  throw new PlimsollError(`These are development keys: whoever made them can forge proofs, and their verifiers refuse the chain id ${chainId}.`, {
    hint: '--allow-development-keys deploys verifiers without that check, --keys takes the keys of a ceremony.',
  })
}

/**
 * Deploys verifiers, settlement and, where none are named, mock feeds; imports the book's accounts under fresh keys, and
 * stores the private state. The book's prices only matter to mock feeds.
 * @throws PlimsollError when the chain or a contract refuses
 */
export async function deploy(book: Book, keys: KeySet, signer: SigningClient, options: DeployOptions): Promise<Deployed> {
  if (keys.origin === 'development') requireLocalChain(signer.chainId, options.allowDevelopmentKeys)
  const traded = book.assets.slice(1)
  if (traded.length === 0) throw new PlimsollError('A deployment needs an asset besides cash.')
  const unknown = Object.keys(options.feeds).find((symbol) => !traded.some((asset) => asset.symbol === symbol))
  if (unknown !== undefined) throw new PlimsollError(`--feed names ${unknown}, which is not a traded asset of the book.`)
  const missing = traded.find((asset) => !Object.hasOwn(options.feeds, asset.symbol))
  if (missing !== undefined && !LOCAL_CHAINS.includes(signer.chainId)) throw new PlimsollError(`No feed is named for ${missing.symbol}.`, { hint: `Add --feed ${missing.symbol}=0x...` })

  await writeVerifierContracts(keys)
  const variant = keys.origin === 'development' && options.allowDevelopmentKeys && !LOCAL_CHAINS.includes(signer.chainId) ? 'VerifierAnyChain' : 'Verifier'
  const verifier = (circuit: 'Sweep' | 'Resolve') =>
    deployContract(signer, `contracts/generated/${verifierDirectory(keys)}/${circuit}Verifier.sol:${circuit}${variant}`, [])
  const sweepVerifier = await verifier('Sweep')
  const resolveVerifier = await verifier('Resolve')

  const feeds: Record<string, Address> = {}
  for (const { symbol, price } of traded) {
    feeds[symbol] = Object.hasOwn(options.feeds, symbol) ? options.feeds[symbol]! : await deployContract(signer, 'MockFeed', [QUOTE_DECIMALS, price])
  }
  const { heartbeat, ...clocks } = options.clocks
  const settlementAddress = await deployContract(signer, 'Settlement', [
    {
      admin: signer.sender, operator: signer.sender, sweepVerifier, resolveVerifier,
      cashDecimals: book.cashDecimals, minLiability: book.minLiability, slots: DEFAULT_SLOTS, ...clocks,
    },
    traded.map(({ symbol, decimals, parameters }) => ({ feed: feeds[symbol], decimals, heartbeat, parameters: contractParameters(parameters) })),
  ])

  const accounts = importAccounts(book.accounts)
  const system = System.genesis(keys.profile, DEFAULT_SLOTS, book.minLiability, accounts, [], hashBatch)
  await Store.create(options.data, { chainId: signer.chainId, settlement: settlementAddress, profile: keys.profile.name }, system)
  const settlement = await Settlement.at(signer, settlementAddress)
  const leaves = accountLeaves(accounts, hashBatch)
  await settlement.send(signer, 'genesis', [system.ledger.root, system.ledger.heads[INBOX]!, leaves])
  return { chainId: signer.chainId, settlement: settlementAddress, sweepVerifier, resolveVerifier, feeds, accounts: accounts.length, data: options.data }
}

function contractParameters({ depth, ...factors }: Book['assets'][number]['parameters']) {
  return { ...Object.fromEntries(Object.entries(factors).map(([name, factor]) => [name, Number(factor)])), depth }
}

async function deployContract(signer: SigningClient, name: string, args: readonly unknown[]): Promise<Address> {
  const { abi, bytecode } = await loadArtifact(name)
  try {
    const hash = await signer.write.sendTransaction({ data: encodeDeployData({ abi, bytecode, args: [...args] }) })
    const { status, contractAddress } = await signer.read.waitForTransactionReceipt({ hash })
    if (status !== 'success' || !contractAddress) throw new PlimsollError(`The deployment of ${name} was reverted.`)
    return contractAddress
  } catch (error) {
    throw refusal(error, `the deployment of ${name}`)
  }
}
