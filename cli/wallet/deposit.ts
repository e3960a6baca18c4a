import { mkdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isAddressEqual } from 'viem'
import { DirectoryLock } from '../../lib/directory-lock.ts'
import { formatDecimal } from '../../protocol/decimal.ts'
import { PlimsollError } from '../../protocol/errors.ts'
import { MOCK_TOKEN_ABI } from '../../sdk/abi/mock-token.ts'
import { VAULT_ABI } from '../../sdk/abi/vault.ts'
import { type DepositReturnType, deposit, findQueuedAccount, waitForDeposit } from '../../sdk/actions/deposit.ts'
import { parseAmount } from '../../sdk/amount.ts'
import { LOCAL_CHAINS, type SigningClient } from '../../sdk/chain/client.ts'
import { ContractRefusal } from '../../sdk/chain/contract-errors.ts'
import { sendCall } from '../../sdk/chain/send-call.ts'
import { settlementConfig } from '../../sdk/chain/settlement-config.ts'
import type { OwnerWallet } from '../../sdk/owner-wallet.ts'
import type { AssetInfo, DeploymentInfo } from '../../sdk/schemas.ts'
import { toTokenUnits } from '../../sdk/token-units.ts'
import { commandLine } from '../invocation.ts'
import { printJson, printNotice, printText } from '../output.ts'
import { endProgress, stage } from '../progress.ts'
import { assetBySymbol, chainSigner, openWallet, type WalletOptions } from './session.ts'

interface Options extends WalletOptions {
  readonly rpc: readonly string[]
  readonly node: string
  readonly asset: string
  readonly amount: string
  readonly index?: number
  readonly mint?: true
  readonly evenUnderWater?: true
  readonly wait?: true
}

export async function run(options: Options): Promise<void> {
  const wallet = await openWallet(options)
  const { deployment, key } = wallet
  const asset = assetBySymbol(deployment, options.asset)
  const info = deployment.assets[asset]!
  if (!info.spot || info.token === null)
    throw new PlimsollError(`${info.symbol} is a synthetic: there is no token to deposit.`)
  const amount = parseAmount(options.amount, info.decimals, '--amount')
  const signer = await chainSigner(options.rpc, options)
  await requireGenuine(signer, deployment, asset)
  // Two at once would each open an account: the second of this machine waits, and finds the first one's.
  const made = await oneAtATime(`${deployment.settlement}-${key.publicKey[0].toString(16)}`, () =>
    makeDeposit(options, wallet, signer, asset, amount),
  )
  const { depositId, kind, transaction } = made
  const { vault } = deployment
  let status = 'queued'
  if (options.wait) {
    printNotice(`sent: deposit ${depositId}, transaction ${transaction}`)
    stage('waiting for the settlement', 30)
    status = await waitForDeposit(signer, { vault, depositId }).finally(endProgress)
    if (status !== 'settled') process.exitCode = 1
  }
  if (options.json) return printJson({ depositId: Number(depositId), index: made.index, kind, transaction, status })
  printText(
    `${status}: deposit ${depositId} of ${options.amount} ${info.symbol} ${kind === 'open' ? 'opens' : 'to'} account ${made.index}, transaction ${transaction}`,
  )
  if (!options.wait)
    printText(
      `The node takes it up by itself; see: ${commandLine(['wallet', 'balance'], ['node', 'rpc', 'from', 'account'])}`,
    )
}

async function makeDeposit(
  options: Options,
  wallet: OwnerWallet,
  signer: SigningClient,
  asset: number,
  amount: bigint,
): Promise<DepositReturnType> {
  const { deployment, key } = wallet
  const info = deployment.assets[asset]!
  const index =
    options.index ??
    (await wallet.findIndex()) ??
    (await findQueuedAccount(signer, { vault: deployment.vault, publicKey: key.publicKey }))
  const least = index === undefined ? info.minOpen : info.minDeposit
  if (amount < least)
    throw new PlimsollError(
      `--amount is below the least that ${index === undefined ? 'opens an account' : 'is taken'}, ${formatDecimal(least, info.decimals)} ${info.symbol}.`,
    )

  const tokenAmount = toTokenUnits(amount, info, '--amount')
  if (options.mint) await mint(signer, info, tokenAmount)
  const { settlement } = deployment
  const { publicKey } = key
  return deposit(signer, {
    settlement,
    asset,
    amount,
    publicKey,
    ...(index !== undefined && { index }),
    // Whose account it is, is not asked of who names one.
    anyones: options.index !== undefined,
    evenUnderWater: options.evenUnderWater ?? false,
  })
}

/** Runs something in one process of this machine at a time. */
async function oneAtATime<T>(name: string, act: () => Promise<T>): Promise<T> {
  const directory = join(tmpdir(), `plimsoll-deposit-${name.slice(0, 90)}`)
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const lock = await DirectoryLock.await(directory)
  try {
    return await act()
  } finally {
    await lock.release()
  }
}

/**
 * The node says where the money goes, and is not believed: the settlement's own vault and token count.
 * @throws PlimsollError when they differ
 */
async function requireGenuine(
  { read, chainId, url }: SigningClient,
  { chainId: nodeChain, settlement, vault, assets }: DeploymentInfo,
  asset: number,
): Promise<void> {
  if (chainId !== nodeChain)
    throw new PlimsollError(`The node is on chain ${nodeChain}, but ${url} is chain ${chainId}.`)
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
