import { type Address, parseEventLogs } from 'viem'
import { EXPIRY_LIMIT } from '../../protocol/constants.ts'
import type { Point } from '../../protocol/curve.ts'
import { formatDecimal } from '../../protocol/decimal.ts'
import { PlimsollError } from '../../protocol/errors.ts'
import { KIND, messageHash } from '../../protocol/messages.ts'
import { payee } from '../../protocol/operation.ts'
import { sign } from '../../protocol/signature.ts'
import { FORCED_ABI } from '../../sdk/abi/forced.ts'
import { VAULT_ABI } from '../../sdk/abi/vault.ts'
import { REQUEST } from '../../sdk/actions/refundable.ts'
import { connect, type SigningClient } from '../../sdk/chain/client.ts'
import { refusal } from '../../sdk/chain/contract-errors.ts'
import { ownerOf } from '../../sdk/chain/owner-of.ts'
import { sendCall } from '../../sdk/chain/send-call.ts'
import { settlementConfig } from '../../sdk/chain/settlement-config.ts'
import { PlimsollClient } from '../../sdk/client.ts'
import { printJson, printText } from '../output.ts'
import { parseAmount } from './amount.ts'
import { chainAssets } from './chain-assets.ts'
import { toTokenUnits } from './deposit.ts'
import { report, submit } from './outcome.ts'
import { findIndex } from './own-account.ts'
import { assetBySymbol, chainSigner, openWallet, ownerKey, requireSettlement, type WalletOptions } from './session.ts'

interface Options extends WalletOptions {
  readonly asset?: string
  readonly amount?: string
  readonly to?: Address
  readonly expiresIn: number
  readonly forced?: true
  readonly inFull?: true
  readonly claim?: number
  readonly wait?: true
}

/** Seconds by which a forced request's signature outlives what the contract demands, so that a slow block does not matter. */
const SPARE = 600n

export async function run(options: Options): Promise<void> {
  if (options.claim !== undefined) {
    if (options.asset !== undefined || options.amount !== undefined || options.forced)
      throw new PlimsollError('--claim takes no --asset, --amount or --forced: the withdrawal has them.')
    return claim(options, options.claim)
  }
  const { asset, amount, to } = options
  if (asset === undefined || amount === undefined || to === undefined)
    throw new PlimsollError('A withdrawal needs --asset, --amount and --to.')
  if (BigInt(to) === 0n) throw new PlimsollError('--to is the address 0, which nobody has.')
  const wanted = { ...options, asset, amount, to }
  return options.forced ? force(wanted) : withdraw(wanted)
}

async function withdraw(options: Options & { asset: string; amount: string; to: Address }): Promise<void> {
  if (options.node === undefined)
    throw new PlimsollError('A withdrawal needs --node.', { hint: 'Without a node there is --forced.' })
  const wallet = await openWallet({ ...options, node: options.node })
  const asset = assetBySymbol(wallet.deployment, options.asset)
  const { spot, symbol, decimals } = wallet.deployment.assets[asset]!
  if (!spot) throw new PlimsollError(`${symbol} is a synthetic: there is no token to withdraw.`)
  const amount = parseAmount(options.amount, decimals, '--amount')
  await report(wallet.client, await submit(() => wallet.withdraw(asset, amount, options.to, options)), options)
}

async function force(options: Options & { asset: string; amount: string; to: Address }): Promise<void> {
  const { rpc, settlement } = options
  if (rpc === undefined || settlement === undefined)
    throw new PlimsollError('--forced needs --rpc and --settlement: it is for when there is no node.')
  const signer = await chainSigner(rpc, options)
  const { read } = signer
  const assets = await chainAssets(read, settlement)
  const asset = assets.findIndex(({ symbol, token }) => symbol === options.asset && token !== null)
  if (asset < 0)
    throw new PlimsollError(`There is no token ${JSON.stringify(options.asset)}.`, {
      hint: `There are ${assets
        .filter(({ token }) => token !== null)
        .map(({ symbol }) => symbol)
        .join(', ')}.`,
    })
  const amount = parseAmount(options.amount, assets[asset]!.decimals, '--amount')
  const key = await ownerKey(options, signer.chainId, settlement)
  const index = await findIndex(read, settlement, key.publicKey, options.index)
  const { vault } = await settlementConfig(read, settlement)
  const forced = {
    address: await read.readContract({ address: vault, abi: VAULT_ABI, functionName: 'forced' }),
    abi: FORCED_ABI,
  } as const
  const { bond, forcedFee } = await read.readContract({ ...forced, functionName: 'config' })
  // What the contract would refuse in the end must not cost a fee before.
  toTokenUnits(amount, assets[asset]!)
  await read
    .readContract({
      address: vault,
      abi: VAULT_ABI,
      functionName: 'requireWithdrawable',
      args: [BigInt(asset), amount],
    })
    .catch((error: unknown) => {
      throw refusal(error, `a withdrawal of ${options.amount} ${options.asset}`)
    })

  // Requests that wait before this one push its deadline out: the contract says how far a signature has to reach.
  if ((await read.readContract({ ...forced, functionName: 'earliestExpiry' })) + SPARE >= BigInt(EXPIRY_LIMIT))
    throw new PlimsollError('The queue of forced requests is so long that no signature could outlive it.')
  const number = await reserve(signer, forced, index, key.publicKey, bond + forcedFee)
  const expiry = (await read.readContract({ ...forced, functionName: 'earliestExpiry' })) + SPARE
  const inFull = options.inFull ?? false
  const message = messageHash(
    { chainId: BigInt(signer.chainId), settlement: BigInt(settlement) },
    {
      kind: KIND.forced,
      index,
      nonce: number,
      expiry,
      asset,
      direction: 0,
      x: amount,
      y: 0n,
      extra: payee({ recipient: options.to, inFull }),
    },
  )
  const { r8, s } = sign(key, message)
  const receipt = await sendCall(signer, {
    ...forced,
    functionName: 'submit',
    args: [number, asset, amount, options.to, Number(expiry), r8, s, inFull],
  })
  const { deadline } = parseEventLogs({ abi: FORCED_ABI, eventName: 'Submitted', logs: receipt.logs })[0]!.args
  if (options.json)
    return printJson({ queueNumber: Number(number), deadline: Number(deadline), transaction: receipt.transactionHash })
  printText(
    `Request ${number} is filed: to be served by ${deadline} of the contract's clock, or else the system stalls. Transaction ${receipt.transactionHash}`,
  )
  printText('Once it is served, plimsoll wallet refund takes the bond back.')
}

/** A place in the queue: one that an earlier run got, and never came to use, is used. @throws PlimsollError when a request waits */
async function reserve(
  signer: SigningClient,
  forced: { readonly address: Address; readonly abi: typeof FORCED_ABI },
  index: number,
  publicKey: Point,
  value: bigint,
): Promise<bigint> {
  const number = await signer.read.readContract({ ...forced, functionName: 'requestOf', args: [index, signer.sender] })
  if (number === 0n) {
    const { logs } = await sendCall(signer, {
      ...forced,
      functionName: 'reserve',
      args: [index, ownerOf(publicKey)],
      value,
    })
    return parseEventLogs({ abi: FORCED_ABI, eventName: 'Reserved', logs })[0]!.args.number
  }
  const { state } = await signer.read.readContract({ ...forced, functionName: 'request', args: [number] })
  if (state !== REQUEST.reserved)
    throw new PlimsollError(`Request ${number} of ${signer.sender} for account ${index} waits already.`, {
      hint: 'There is one at a time.',
    })
  return number
}

async function claim(options: Options, id: number): Promise<void> {
  if (options.rpc === undefined) throw new PlimsollError('--claim needs --rpc.')
  const signer = await chainSigner(options.rpc, options)
  const vault = await vaultOf(options)
  const { asset } = await signer.read
    .readContract({ address: vault, abi: VAULT_ABI, functionName: 'withdrawal', args: [BigInt(id)] })
    .catch(() => {
      throw new PlimsollError(`There is no withdrawal ${id}.`)
    })
  const [, tokenDecimals] = await signer.read.readContract({
    address: vault,
    abi: VAULT_ABI,
    functionName: 'assetInfo',
    args: [asset],
  })
  const receipt = await sendCall(signer, { address: vault, abi: VAULT_ABI, functionName: 'claim', args: [BigInt(id)] })
  const { tokenAmount } = parseEventLogs({ abi: VAULT_ABI, eventName: 'Claimed', logs: receipt.logs })[0]!.args
  const paid = formatDecimal(tokenAmount, tokenDecimals)
  if (options.json) return printJson({ paid, transaction: receipt.transactionHash })
  printText(`Withdrawal ${id} paid ${paid}, transaction ${receipt.transactionHash}`)
}

async function vaultOf({ node, rpc, settlement }: Options): Promise<Address> {
  if (node !== undefined) {
    const deployment = await new PlimsollClient({ node }).deployment()
    requireSettlement(deployment, settlement)
    return deployment.vault
  }
  if (settlement === undefined) throw new PlimsollError('--claim needs --node or --settlement.')
  const { read } = await connect(rpc!)
  return (await settlementConfig(read, settlement)).vault
}
