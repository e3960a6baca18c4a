import { type Address, isAddressEqual, parseEventLogs, type TransactionReceipt } from 'viem'
import type { Point } from '../../protocol/curve.ts'
import { formatDecimal } from '../../protocol/decimal.ts'
import { PlimsollError } from '../../protocol/errors.ts'
import { MOCK_TOKEN_ABI } from '../../sdk/abi/mock-token.ts'
import { TOKEN_ABI } from '../../sdk/abi/token.ts'
import { VAULT_ABI } from '../../sdk/abi/vault.ts'
import { LOCAL_CHAINS, type SigningClient } from '../../sdk/chain/client.ts'
import { ContractRefusal } from '../../sdk/chain/contract-errors.ts'
import { ownerOf } from '../../sdk/chain/owner-of.ts'
import { sendCall } from '../../sdk/chain/send-call.ts'
import { settlementConfig } from '../../sdk/chain/settlement-config.ts'
import type { AssetInfo, DeploymentInfo } from '../../sdk/schemas.ts'
import { tokenUnitsPerUnit, unitsPerTokenUnit } from '../../sdk/token-units.ts'
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
  readonly mint?: true
  readonly evenUnderWater?: true
  readonly wait?: true
}

const OPEN = 1
const POLL = 500
const PATIENCE = 600_000

export async function run(options: Options): Promise<void> {
  const wallet = await openWallet(options)
  const { deployment, key } = wallet
  const asset = assetBySymbol(deployment, options.asset)
  const info = deployment.assets[asset]!
  if (!info.spot || info.token === null)
    throw new PlimsollError(`${info.symbol} is a synthetic: there is no token to deposit.`)
  const amount = parseAmount(options.amount, info.decimals, '--amount')
  const signer = await chainSigner(options.rpc, options)
  await requireGenuine(signer, deployment, asset, options)
  const index =
    options.index ?? (await wallet.findIndex()) ?? (await findQueued(signer, deployment.vault, key.publicKey))
  const least = index === undefined ? info.minOpen : info.minDeposit
  if (amount < least)
    throw new PlimsollError(
      `--amount is below the least that ${index === undefined ? 'opens an account' : 'is taken'}, ${formatDecimal(least, info.decimals)} ${info.symbol}.`,
    )

  // A top-up names the owner: in a reorganization it credits nobody else. Of an account of somebody else's, whose it is now.
  const owner =
    options.index === undefined
      ? ownerOf(key.publicKey)
      : await signer.read.readContract({
          address: deployment.vault,
          abi: VAULT_ABI,
          functionName: 'ownerOf',
          args: [options.index],
        })
  const tokenAmount = toTokenUnits(amount, info)
  if (options.mint) await mint(signer, info, tokenAmount)
  await approve(signer, info.token, deployment.vault, tokenAmount)
  const [x, y] = key.publicKey
  const receipt =
    index === undefined
      ? await sendCall(signer, {
          address: deployment.vault,
          abi: VAULT_ABI,
          functionName: 'open',
          args: [asset, tokenAmount, x, y, options.evenUnderWater ?? false],
          value: deployment.openingFee,
        })
      : await sendCall(signer, {
          address: deployment.vault,
          abi: VAULT_ABI,
          functionName: 'topUp',
          args: [index, owner, asset, tokenAmount],
        })
  const { id, index: credited } = deposited(receipt)
  let status = 'queued'
  if (options.wait) {
    progress('waiting for the settlement')
    status = await settled(signer, deployment.vault, id).finally(endProgress)
    if (status !== 'settled') process.exitCode = 1
  }
  const kind = index === undefined ? 'open' : 'topup'
  if (options.json)
    return printJson({
      depositId: Number(id),
      index: Number(credited),
      kind,
      transaction: receipt.transactionHash,
      status,
    })
  printText(
    `${status}: deposit ${id} of ${options.amount} ${info.symbol} ${kind === 'open' ? 'opens' : 'to'} account ${credited}, transaction ${receipt.transactionHash}`,
  )
  if (!options.wait) printText(`The node takes it up by itself; see: plimsoll wallet balance --node ${options.node}`)
}

/**
 * The node says where the money goes, and is not believed: the settlement's own vault and token count.
 * @throws PlimsollError when they differ
 */
async function requireGenuine(
  { read, chainId }: SigningClient,
  { chainId: nodeChain, settlement, vault, assets }: DeploymentInfo,
  asset: number,
  { rpc }: Options,
): Promise<void> {
  if (chainId !== nodeChain)
    throw new PlimsollError(`The node is on chain ${nodeChain}, but ${rpc} is chain ${chainId}.`)
  const config = await settlementConfig(read, settlement)
  const [token, tokenDecimals, decimals] = await read.readContract({
    address: config.vault,
    abi: VAULT_ABI,
    functionName: 'assetInfo',
    args: [asset],
  })
  const said = assets[asset]!
  if (
    !isAddressEqual(config.vault, vault) ||
    !isAddressEqual(token, said.token!) ||
    tokenDecimals !== said.tokenDecimals ||
    decimals !== said.decimals
  ) {
    throw new PlimsollError(
      `The node's vault or token of ${said.symbol} is not that of the settlement ${settlement}: nothing is sent.`,
    )
  }
}

/** @throws PlimsollError off local chains, or where the token is no mock */
async function mint(signer: SigningClient, { symbol, token }: AssetInfo, amount: bigint): Promise<void> {
  if (!LOCAL_CHAINS.includes(signer.chainId))
    throw new PlimsollError(
      `--mint is for the mock tokens of local chains, and ${signer.url} is chain ${signer.chainId}.`,
    )
  await sendCall(signer, {
    address: token!,
    abi: MOCK_TOKEN_ABI,
    functionName: 'mint',
    args: [signer.sender, amount],
  }).catch((error: unknown) => {
    throw error instanceof ContractRefusal
      ? new PlimsollError(`The token of ${symbol} is no mock token: nobody can make it with --mint.`)
      : error
  })
}

/** The account that a deposit in the queue is about to open for a key: a second one would be another account. */
async function findQueued({ read }: SigningClient, vault: Address, publicKey: Point): Promise<number | undefined> {
  const contract = { address: vault, abi: VAULT_ABI } as const
  const [first, end] = await read.readContract({ ...contract, functionName: 'depositQueue' })
  for (let id = first; id < end; id++) {
    const { kind, index } = await read.readContract({ ...contract, functionName: 'deposit', args: [id] })
    if (kind !== OPEN) continue
    const owner = await read.readContract({ ...contract, functionName: 'ownerOf', args: [index] })
    if (owner === ownerOf(publicKey)) return index
  }
  return undefined
}

/** @throws PlimsollError when the token has fewer decimals than the amount needs */
export function toTokenUnits(amount: bigint, info: Pick<AssetInfo, 'symbol' | 'decimals' | 'tokenDecimals'>): bigint {
  if (amount % unitsPerTokenUnit(info) !== 0n)
    throw new PlimsollError(
      `--amount has more decimals than the token of ${info.symbol}, which has ${info.tokenDecimals}.`,
    )
  return (amount * tokenUnitsPerUnit(info)) / unitsPerTokenUnit(info)
}

/** Lets the vault take an amount of a token. @throws PlimsollError when there is not as much */
export async function approve(signer: SigningClient, token: Address, vault: Address, amount: bigint): Promise<void> {
  const contract = { address: token, abi: TOKEN_ABI } as const
  const balance = await signer.read.readContract({ ...contract, functionName: 'balanceOf', args: [signer.sender] })
  if (balance < amount) {
    const [decimals, symbol] = [
      await signer.read.readContract({ ...contract, functionName: 'decimals' }),
      await signer.read.readContract({ ...contract, functionName: 'symbol' }).catch(() => token),
    ]
    throw new PlimsollError(
      `${signer.sender} has ${formatDecimal(balance, decimals)} ${symbol}, and the deposit takes ${formatDecimal(amount, decimals)}.`,
    )
  }
  const allowed = await signer.read.readContract({
    ...contract,
    functionName: 'allowance',
    args: [signer.sender, vault],
  })
  if (allowed >= amount) return
  // Some tokens let an allowance only be changed to 0 or from it.
  if (allowed > 0n) await sendCall(signer, { ...contract, functionName: 'approve', args: [vault, 0n] })
  await sendCall(signer, { ...contract, functionName: 'approve', args: [vault, amount] })
}

function deposited(receipt: TransactionReceipt): { id: bigint; index: bigint } {
  const [event] = parseEventLogs({ abi: VAULT_ABI, eventName: 'Deposited', logs: receipt.logs })
  if (event === undefined) throw new PlimsollError(`Transaction ${receipt.transactionHash} has no deposit in it.`)
  return event.args
}

async function settled({ read }: SigningClient, vault: Address, id: bigint): Promise<'settled' | 'bounced'> {
  for (const end = Date.now() + PATIENCE; ; ) {
    const { state } = await read.readContract({ address: vault, abi: VAULT_ABI, functionName: 'deposit', args: [id] })
    if (state !== 0) return state === 1 ? 'settled' : 'bounced'
    if (Date.now() > end)
      throw new PlimsollError(`Deposit ${id} is still in the queue after ${PATIENCE / 1_000} seconds.`, {
        hint: 'If the sequencer is gone, the escape refunds it.',
      })
    await new Promise((resolve) => setTimeout(resolve, POLL))
  }
}
