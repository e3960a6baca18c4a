import { type Address, parseEventLogs, type TransactionReceipt } from 'viem'
import { PlimsollError } from '../../protocol/errors.ts'
import { TOKEN_ABI, VAULT_ABI } from '../../sdk/abi.ts'
import type { AssetInfo } from '../../sdk/schemas.ts'
import type { SigningClient } from '../../sequencer/rpc.ts'
import { sendCall } from '../../sequencer/send-call.ts'
import { printJson, printText } from '../output.ts'
import { endProgress, progress } from '../progress.ts'
import { parseAmount } from './amount.ts'
import { assetBySymbol, chainSigner, openWallet, type WalletOptions } from './session.ts'

interface Options extends WalletOptions {
  readonly rpc: string
  readonly node: string
  readonly asset: string
  readonly amount: string
  readonly index?: number
  readonly wait?: true
}

const POLL = 500
const PATIENCE = 600_000

export async function run(options: Options): Promise<void> {
  const wallet = await openWallet(options)
  const { deployment, key } = wallet
  const asset = assetBySymbol(deployment, options.asset)
  const info = deployment.assets[asset]!
  if (!info.spot || info.token === null) throw new PlimsollError(`${info.symbol} is a synthetic: there is no token to deposit.`)
  const amount = parseAmount(options.amount, info.decimals, '--amount')
  const index = options.index ?? (await wallet.findIndex())
  const least = index === undefined ? info.minOpen : info.minDeposit
  if (amount < least) throw new PlimsollError(`--amount is below the least that ${index === undefined ? 'opens an account' : 'is taken'}, ${least} base units of ${info.symbol}.`)
  const signer = await chainSigner(options.rpc, options)
  if (signer.chainId !== deployment.chainId) throw new PlimsollError(`The node is on chain ${deployment.chainId}, but ${options.rpc} is chain ${signer.chainId}.`)

  const tokenAmount = toTokenUnits(amount, info)
  await approve(signer, info.token, deployment.vault, tokenAmount)
  const [x, y] = key.publicKey
  const receipt =
    index === undefined
      ? await sendCall(signer, { address: deployment.vault, abi: VAULT_ABI, functionName: 'open', args: [asset, tokenAmount, x, y], value: deployment.openingFee })
      : await sendCall(signer, { address: deployment.vault, abi: VAULT_ABI, functionName: 'topUp', args: [index, asset, tokenAmount] })
  const { id, index: credited } = deposited(receipt)
  let status = 'queued'
  if (options.wait) {
    progress('waiting for the settlement')
    status = await settled(signer, deployment.vault, id).finally(endProgress)
    if (status !== 'settled') process.exitCode = 1
  }
  const kind = index === undefined ? 'open' : 'topup'
  if (options.json) return printJson({ depositId: Number(id), index: Number(credited), kind, transaction: receipt.transactionHash, status })
  printText(`${status}: deposit ${id} of ${options.amount} ${info.symbol} ${kind === 'open' ? 'opens' : 'to'} account ${credited}, transaction ${receipt.transactionHash}`)
  if (!options.wait) printText(`The node takes it up by itself; see: plimsoll wallet balance --node ${options.node}`)
}

/** @throws PlimsollError when the token has fewer decimals than the amount needs */
export function toTokenUnits(amount: bigint, { symbol, decimals, tokenDecimals }: Pick<AssetInfo, 'symbol' | 'decimals' | 'tokenDecimals'>): bigint {
  if (tokenDecimals >= decimals) return amount * 10n ** BigInt(tokenDecimals - decimals)
  const grain = 10n ** BigInt(decimals - tokenDecimals)
  if (amount % grain !== 0n) throw new PlimsollError(`--amount has more decimals than the token of ${symbol}, which has ${tokenDecimals}.`)
  return amount / grain
}

/** Allows the vault the amount, where it is not allowed yet. @throws PlimsollError when the signer has less */
export async function approve(signer: SigningClient, token: Address, vault: Address, amount: bigint): Promise<void> {
  const contract = { address: token, abi: TOKEN_ABI } as const
  const balance = await signer.read.readContract({ ...contract, functionName: 'balanceOf', args: [signer.sender] })
  if (balance < amount) throw new PlimsollError(`${signer.sender} has ${balance} token units, and the deposit takes ${amount}.`)
  const allowed = await signer.read.readContract({ ...contract, functionName: 'allowance', args: [signer.sender, vault] })
  if (allowed < amount) await sendCall(signer, { ...contract, functionName: 'approve', args: [vault, amount] })
}

function deposited(receipt: TransactionReceipt): { id: bigint; index: bigint } {
  const [event] = parseEventLogs({ abi: VAULT_ABI, eventName: 'Deposited', logs: receipt.logs })
  if (event === undefined) throw new PlimsollError(`Transaction ${receipt.transactionHash} has no deposit in it.`)
  return event.args
}

async function settled({ read }: SigningClient, vault: Address, id: bigint): Promise<'settled' | 'bounced'> {
  for (const end = Date.now() + PATIENCE; ;) {
    const { state } = await read.readContract({ address: vault, abi: VAULT_ABI, functionName: 'deposit', args: [id] })
    if (state !== 0) return state === 1 ? 'settled' : 'bounced'
    if (Date.now() > end) throw new PlimsollError(`Deposit ${id} is still in the queue after ${PATIENCE / 1_000} seconds.`, { hint: 'If the sequencer is gone, the escape refunds it.' })
    await new Promise((resolve) => setTimeout(resolve, POLL))
  }
}
