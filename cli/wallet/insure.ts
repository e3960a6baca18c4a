import type { Address, PublicClient } from 'viem'
import { formatDecimal } from '../../protocol/decimal.ts'
import { PlimsollError } from '../../protocol/errors.ts'
import { INSURANCE_ABI } from '../../sdk/abi/insurance.ts'
import { VAULT_ABI } from '../../sdk/abi/vault.ts'
import { escapeOf, pullInsurance, requireFrozen } from '../../sdk/actions/exit.ts'
import type { SigningClient } from '../../sdk/chain/client.ts'
import { sendCall } from '../../sdk/chain/send-call.ts'
import { printJson, printText } from '../output.ts'
import { parseAmount } from './amount.ts'
import { amountsBySymbol, listAmounts } from './amounts.ts'
import { type ChainAsset, chainAssets } from './chain-assets.ts'
import { approve, toTokenUnits } from './deposit.ts'
import type { ChainOptions } from './own-account.ts'
import { chainSigner } from './session.ts'

interface Options extends ChainOptions {
  readonly deposit?: string
  readonly redeem?: string
  readonly cancel?: true
  readonly collect?: true
  readonly pull?: true
}

const ACTIONS = ['deposit', 'redeem', 'cancel', 'collect', 'pull'] as const

/** Puts cash behind the backstop against shares of it, takes it out again, and shows what one has there. */
export async function run(options: Options): Promise<void> {
  const chosen = ACTIONS.filter((action) => options[action] !== undefined)
  if (chosen.length > 1) throw new PlimsollError(`Choose one of --${chosen.join(' and --')}.`)
  const signer = await chainSigner(options.rpc, options)
  const assets = await chainAssets(signer.read, options.settlement)
  const route = await escapeOf(signer.read, options.settlement)
  const insurance = await signer.read.readContract({ address: route.vault, abi: VAULT_ABI, functionName: 'insurance' })
  const contract = { address: insurance, abi: INSURANCE_ABI } as const
  const cash = assets[0]!
  let pulled: Record<string, string> | undefined

  if (options.deposit !== undefined) {
    const amount = toTokenUnits(parseAmount(options.deposit, cash.decimals, '--deposit'), cash)
    await approve(signer, cash.token!, route.vault, amount)
    await sendCall(signer, { ...contract, functionName: 'insure', args: [amount] })
  } else if (options.redeem !== undefined) {
    await sendCall(signer, {
      ...contract,
      functionName: 'redeem',
      args: [await sharesToRedeem(signer, insurance, options.redeem)],
    })
  } else if (options.cancel) {
    await sendCall(signer, { ...contract, functionName: 'cancel', args: [] })
  } else if (options.collect) {
    await sendCall(signer, { ...contract, functionName: 'collect', args: [] })
  } else if (options.pull) {
    await requireFrozen(signer.read, route)
    pulled = amountsBySymbol(
      assets.map(({ symbol, tokenDecimals }) => ({ symbol, decimals: tokenDecimals })),
      await pullInsurance(signer, route),
    )
  }

  const position = await positionOf(signer.read, insurance, signer.sender, cash)
  if (options.json) return printJson({ ...position, ...(pulled === undefined ? {} : { pulled }) })
  if (pulled !== undefined) printText(`Paid to ${signer.sender}: ${listAmounts(pulled)}`)
  printText(`Shares ${position.shares} of ${position.total}, of which ${position.offered} are offered for redemption.`)
  printText(
    `Waiting to become shares: ${position.waiting} ${cash.symbol}. To collect: ${position.collectable} ${cash.symbol}.`,
  )
}

async function positionOf(read: PublicClient, insurance: Address, owner: Address, cash: ChainAsset) {
  const contract = { address: insurance, abi: INSURANCE_ABI } as const
  const [[shares, total], [waiting, offered, collectable]] = await Promise.all([
    read.readContract({ ...contract, functionName: 'sharesOf', args: [owner] }),
    read.readContract({ ...contract, functionName: 'position', args: [owner] }),
  ])
  return {
    shares: String(shares),
    total: String(total),
    offered: String(offered),
    waiting: formatDecimal(waiting, cash.decimals),
    collectable: formatDecimal(collectable, cash.decimals),
  }
}

/** @param text A number of shares, or `all` that are not offered yet. */
async function sharesToRedeem({ read, sender }: SigningClient, insurance: Address, text: string): Promise<bigint> {
  const contract = { address: insurance, abi: INSURANCE_ABI, args: [sender] } as const
  const [[shares], [, offered]] = await Promise.all([
    read.readContract({ ...contract, functionName: 'sharesOf' }),
    read.readContract({ ...contract, functionName: 'position' }),
  ])
  const left = shares - offered
  if (!/^(all|[1-9][0-9]{0,77})$/.test(text))
    throw new PlimsollError('--redeem is neither a number of shares nor "all".')
  const wanted = text === 'all' ? left : BigInt(text)
  if (wanted === 0n || wanted > left) throw new PlimsollError(`${sender} has ${left} shares to redeem.`)
  return wanted
}
