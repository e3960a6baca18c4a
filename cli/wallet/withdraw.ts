import { type Address, isAddressEqual } from 'viem'
import { formatDecimal } from '../../protocol/decimal.ts'
import { PlimsollError } from '../../protocol/errors.ts'
import { claim } from '../../sdk/actions/claim.ts'
import { findAccount } from '../../sdk/actions/recover.ts'
import { requestWithdrawal } from '../../sdk/actions/request-withdrawal.ts'
import { withdraw } from '../../sdk/actions/withdraw.ts'
import { parseAmount } from '../../sdk/amount.ts'
import { chainAssets } from '../../sdk/chain/assets.ts'
import type { OperationRequest } from '../../sdk/schemas.ts'
import { toTokenUnits } from '../../sdk/token-units.ts'
import { commandLine } from '../invocation.ts'
import { printJson, printText } from '../output.ts'
import { report, submit } from './outcome.ts'
import { noticeCost } from './place-cost.ts'
import { assetBySymbol, chainSigner, namedSettlement, openWallet, ownerKey, type WalletOptions } from './session.ts'

interface Options extends WalletOptions {
  readonly asset?: string
  readonly amount?: string
  readonly to?: Address
  readonly expiresIn: number
  readonly forced?: true
  readonly inFull?: true
  readonly claim?: number
  readonly wait?: true
  readonly again?: true
  readonly voidWaiting?: true
}

export async function run(options: Options): Promise<void> {
  if (options.claim !== undefined) {
    if (options.asset !== undefined || options.amount !== undefined || options.forced)
      throw new PlimsollError('--claim takes no --asset, --amount or --forced: the withdrawal has them.')
    return takeWithdrawal(options, options.claim)
  }
  const { asset, amount, to } = options
  if (asset === undefined || amount === undefined || to === undefined)
    throw new PlimsollError('A withdrawal needs --asset, --amount and --to.')
  if (BigInt(to) === 0n) throw new PlimsollError('--to is the address 0, which nobody has.')
  const wanted = { ...options, asset, amount, to }
  return options.forced ? force(wanted) : handIn(wanted)
}

async function handIn(options: Options & { asset: string; amount: string; to: Address }): Promise<void> {
  if (options.node === undefined)
    throw new PlimsollError('A withdrawal needs --node.', { hint: 'Without a node there is --forced.' })
  const wallet = await openWallet({ ...options, node: options.node })
  const asset = assetBySymbol(wallet.deployment, options.asset)
  const { spot, symbol, decimals } = wallet.deployment.assets[asset]!
  if (!spot) throw new PlimsollError(`${symbol} is a synthetic: there is no token to withdraw.`)
  const amount = parseAmount(options.amount, decimals, '--amount')
  const { to: recipient, inFull, expiresIn } = options
  const handedIn = { ...options, node: options.node }
  const isSame = (other: OperationRequest) =>
    other.kind === 'withdraw' &&
    other.asset === asset &&
    other.amount === amount &&
    isAddressEqual(other.recipient as Address, recipient) &&
    (other.inFull ?? false) === (inFull ?? false)
  const accepted = await submit(wallet, handedIn, isSame, () =>
    withdraw(wallet, { asset, amount, recipient, inFull, expiresIn }),
  )
  await report(wallet.client, accepted, handedIn, { wallet })
  if (!options.json && options.wait && process.exitCode === undefined)
    printText(
      `It can be claimed from the next checkpoint on, which a settlement is that leaves nobody breached. How: ${commandLine(['wallet', 'balance'], ['node', 'rpc', 'from', 'account', 'index'])}`,
    )
}

async function force(options: Options & { asset: string; amount: string; to: Address }): Promise<void> {
  const { rpc, settlement } = options
  if (rpc === undefined || settlement === undefined)
    throw new PlimsollError('--forced needs --rpc and --settlement: it is for when there is no node.')
  const signer = await chainSigner(rpc, options)
  const assets = await chainAssets(signer.read, settlement)
  const asset = assets.findIndex(({ symbol, token }) => symbol === options.asset && token !== null)
  if (asset < 0)
    throw new PlimsollError(`There is no token ${JSON.stringify(options.asset)}.`, {
      hint: `There are ${assets
        .filter(({ token }) => token !== null)
        .map(({ symbol }) => symbol)
        .join(', ')}.`,
    })
  const amount = parseAmount(options.amount, assets[asset]!.decimals, '--amount')
  toTokenUnits(amount, assets[asset]!, '--amount')
  const key = await ownerKey(options, signer.chainId, settlement)
  const index = await findAccount(signer, { settlement, key, index: options.index })
  const { queueNumber, deadline, transaction } = await requestWithdrawal(signer, {
    settlement,
    key,
    index,
    asset,
    amount,
    recipient: options.to,
    inFull: options.inFull,
    onCost: (cost) => noticeCost(cost, 'the account does not have it then, or could not be left so'),
  })
  if (options.json) return printJson({ queueNumber: Number(queueNumber), deadline: Number(deadline), transaction })
  printText(
    `Request ${queueNumber} is filed: to be served by ${deadline} s of the contract's clock, which runs while its prices are fresh, or else the system stalls. Transaction ${transaction}`,
  )
  printText('Once it is served, plimsoll wallet refund takes the bond back.')
}

async function takeWithdrawal(options: Options, id: number): Promise<void> {
  if (options.rpc === undefined) throw new PlimsollError('--claim needs --rpc.')
  const signer = await chainSigner(options.rpc, options)
  const settlement = await namedSettlement(options)
  const { tokenAmount, tokenDecimals, transaction } = await claim(signer, { settlement, withdrawalId: BigInt(id) })
  const paid = formatDecimal(tokenAmount, tokenDecimals)
  if (options.json) return printJson({ paid, transaction })
  printText(`Withdrawal ${id} paid ${paid}, transaction ${transaction}`)
}
