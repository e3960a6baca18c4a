import { type Address, isAddressEqual } from 'viem'
import { PlimsollError } from '../../protocol/errors.ts'
import type { OwnerKey } from '../../protocol/keys.ts'
import { connect, LOCAL_CHAINS, type SigningClient, withSigner } from '../../sdk/chain/client.ts'
import { PlimsollClient } from '../../sdk/client.ts'
import { deriveOwnerKey, type TypedDataSigner } from '../../sdk/owner-key.ts'
import { OwnerWallet } from '../../sdk/owner-wallet.ts'
import type { DeploymentInfo } from '../../sdk/schemas.ts'
import { printNotice } from '../output.ts'
import { openSigner, privateKeyOf } from '../signer.ts'

/** Environment variable with the user's Ethereum key. */
const WALLET_KEY_VARIABLE = 'PLIMSOLL_WALLET_KEY'

/** Options that every command of the wallet takes; which of them it insists on is its own affair. */
export interface WalletOptions {
  readonly from?: Address
  readonly account: number
  /** Number of the account among those of the key. */
  readonly index?: number
  readonly json?: true
  readonly node?: string
  readonly rpc?: readonly string[]
  readonly settlement?: Address
}

interface EthereumKey {
  readonly address: Address
  readonly sign: TypedDataSigner
}

/** @throws PlimsollError when no key is named, or the chain does not hold it */
async function ethereumKey({ from, rpc }: WalletOptions): Promise<EthereumKey> {
  if (from === undefined) {
    const account = privateKeyOf(WALLET_KEY_VARIABLE)
    if (account === undefined)
      throw new PlimsollError(`${WALLET_KEY_VARIABLE} is not set.`, {
        hint: 'It holds your Ethereum private key; on a local chain --from names an unlocked account.',
      })
    return { address: account.address, sign: (typedData) => account.signTypedData(typedData) }
  }
  if (rpc === undefined) throw new PlimsollError('--from needs --rpc, the chain that signs.')
  const client = await connect(rpc)
  if (!LOCAL_CHAINS.includes(client.chainId))
    throw new PlimsollError(`--from is for local chains, and ${client.url} is chain ${client.chainId}.`, {
      hint: `Set ${WALLET_KEY_VARIABLE}.`,
    })
  const { write } = await withSigner(client, from)
  return { address: from, sign: (typedData) => write.signTypedData(typedData) }
}

/** A client that sends transactions with the user's Ethereum key. */
export function chainSigner(rpc: readonly string[], { from }: WalletOptions): Promise<SigningClient> {
  return openSigner(rpc, { variable: WALLET_KEY_VARIABLE, ...(from === undefined ? {} : { from }) })
}

/** The account's key, for a settlement. */
export async function ownerKey(
  options: WalletOptions,
  chainId: number,
  settlement: Address,
): Promise<OwnerKey & { ethereum: Address }> {
  const { address, sign } = await ethereumKey(options)
  return { ...(await deriveOwnerKey(sign, chainId, settlement, options.account)), ethereum: address }
}

/** The owner's side of a node. */
export async function openWallet(options: WalletOptions & { node: string }): Promise<OwnerWallet> {
  const client = new PlimsollClient({ node: options.node })
  const deployment = await client.deployment()
  requireSettlement(deployment, options.settlement)
  const wallet = OwnerWallet.open(
    client,
    deployment,
    await ownerKey(options, deployment.chainId, deployment.settlement),
    options.index,
  )
  // Whatever happens to this process or to the node: the id tells later what became of it.
  wallet.onDoubt = (id) => printNotice(`signed, and not answered yet: operation ${id}`)
  return wallet
}

/**
 * The settlement that is named, or else the one that the node is of. A node is not asked where a settlement is named: recovery
 * and exit are for when it is gone.
 * @throws PlimsollError where neither is named, or the node does not answer
 */
export async function namedSettlement({
  node,
  settlement,
}: Pick<WalletOptions, 'node' | 'settlement'>): Promise<Address> {
  if (settlement !== undefined) return settlement
  if (node !== undefined) return (await new PlimsollClient({ node }).deployment()).settlement
  throw new PlimsollError('The settlement is not named.', {
    hint: 'Give --settlement, or --node for that of a node; or set PLIMSOLL_SETTLEMENT or PLIMSOLL_NODE.',
  })
}

/** @throws PlimsollError when the node is of another settlement than the one named */
function requireSettlement({ settlement }: DeploymentInfo, named: Address | undefined): void {
  if (named !== undefined && !isAddressEqual(named, settlement))
    throw new PlimsollError(`The node is of the settlement ${settlement}, not ${named}.`)
}

/** Position of an asset. @throws PlimsollError when there is no such symbol */
export function assetBySymbol(deployment: DeploymentInfo, symbol: string): number {
  const position = deployment.assets.findIndex((asset) => asset.symbol === symbol)
  if (position < 0)
    throw new PlimsollError(`There is no asset ${JSON.stringify(symbol)}.`, {
      hint: `There are ${deployment.assets.map((asset) => asset.symbol).join(', ')}.`,
    })
  return position
}
