import { formatDecimal } from '../../protocol/decimal.ts'
import { PlimsollError } from '../../protocol/errors.ts'
import { cancelInsurance } from '../../sdk/actions/cancel-insurance.ts'
import { collect } from '../../sdk/actions/collect.ts'
import { insurancePosition } from '../../sdk/actions/insurance-position.ts'
import { insure } from '../../sdk/actions/insure.ts'
import { pullInsurance } from '../../sdk/actions/pull-insurance.ts'
import { redeem } from '../../sdk/actions/redeem.ts'
import { chainAssets } from '../../sdk/chain/assets.ts'
import { toTokenUnits } from '../../sdk/token-units.ts'
import { printJson, printText } from '../output.ts'
import { parseAmount } from './amount.ts'
import { amountsBySymbol, listAmounts } from './amounts.ts'
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
  const { settlement } = options
  const assets = await chainAssets(signer.read, settlement)
  const cash = assets[0]!
  let pulled: Record<string, string> | undefined

  if (options.deposit !== undefined) {
    const amount = parseAmount(options.deposit, cash.decimals, '--deposit')
    toTokenUnits(amount, cash, '--deposit')
    await insure(signer, { settlement, amount })
  } else if (options.redeem !== undefined) {
    await redeem(signer, { settlement, shares: parseShares(options.redeem) })
  } else if (options.cancel) {
    await cancelInsurance(signer, { settlement })
  } else if (options.collect) {
    await collect(signer, { settlement })
  } else if (options.pull) {
    pulled = amountsBySymbol(
      assets.map(({ symbol, tokenDecimals }) => ({ symbol, decimals: tokenDecimals })),
      await pullInsurance(signer, { settlement }),
    )
  }

  const { shares, total, offered, ...held } = await insurancePosition(signer, { settlement, insurer: signer.sender })
  const position = {
    shares: String(shares),
    total: String(total),
    offered: String(offered),
    waiting: formatDecimal(held.waiting, cash.decimals),
    collectable: formatDecimal(held.collectable, cash.decimals),
  }
  if (options.json) return printJson({ ...position, ...(pulled === undefined ? {} : { pulled }) })
  if (pulled !== undefined) printText(`Paid to ${signer.sender}: ${listAmounts(pulled)}`)
  printText(`Shares ${position.shares} of ${position.total}, of which ${position.offered} are offered for redemption.`)
  printText(
    `Waiting to become shares: ${position.waiting} ${cash.symbol}. To collect: ${position.collectable} ${cash.symbol}.`,
  )
}

/** A number of shares; undefined for `all` that are not offered yet. */
function parseShares(text: string): bigint | undefined {
  if (!/^(all|[1-9][0-9]{0,77})$/.test(text))
    throw new PlimsollError('--redeem is neither a number of shares nor "all".')
  return text === 'all' ? undefined : BigInt(text)
}
