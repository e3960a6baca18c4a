import { formatDecimal, formatRatioDown } from '../../protocol/decimal.ts'
import { PlimsollError } from '../../protocol/errors.ts'
import { cancelInsurance } from '../../sdk/actions/cancel-insurance.ts'
import { collect } from '../../sdk/actions/collect.ts'
import { type InsurancePositionReturnType, insurancePosition } from '../../sdk/actions/insurance-position.ts'
import { type InsuranceValueReturnType, insuranceValue, type SharePrice } from '../../sdk/actions/insurance-value.ts'
import { insure } from '../../sdk/actions/insure.ts'
import { pullInsurance } from '../../sdk/actions/pull-insurance.ts'
import { redeem } from '../../sdk/actions/redeem.ts'
import { parseAmount } from '../../sdk/amount.ts'
import { amountsBySymbol, listAmounts } from '../../sdk/amounts.ts'
import { type ChainAsset, chainAssets } from '../../sdk/chain/assets.ts'
import { SHARES_PER_UNIT } from '../../sdk/chain/insurance-shares.ts'
import { toTokenUnits } from '../../sdk/token-units.ts'
import { printJson, printText } from '../output.ts'
import { tellInsuranceHistory } from './insurance-history.ts'
import type { ChainOptions } from './own-account.ts'
import { chainSigner } from './session.ts'

interface Options extends ChainOptions {
  readonly deposit?: string
  readonly redeem?: string
  readonly cancel?: true
  readonly collect?: true
  readonly pull?: true
  readonly history?: true
  /** Shares, as `wallet redeem` takes them. */
  readonly shares?: string
}

const ACTIONS = ['deposit', 'redeem', 'cancel', 'collect', 'pull', 'history'] as const
/** Digits of a price of shares beyond those of cash. */
const PRICE_DIGITS = 6

/** Puts cash behind the backstop against shares of it, takes it out again, and shows what one has there. */
export async function run(options: Options): Promise<void> {
  const chosen = ACTIONS.filter((action) => options[action] !== undefined)
  if (chosen.length > 1) throw new PlimsollError(`Choose one of --${chosen.join(' and --')}.`)
  const signer = await chainSigner(options.rpc, options)
  const { settlement } = options
  const assets = await chainAssets(signer.read, settlement)
  const cash = assets[0]!
  if (options.history) return tellInsuranceHistory(signer, settlement, signer.sender, assets, options.json)
  let pulled: Record<string, string> | undefined

  if (options.deposit !== undefined) {
    const amount = parseAmount(options.deposit, cash.decimals, '--deposit')
    toTokenUnits(amount, cash, '--deposit')
    await insure(signer, { settlement, amount })
  } else if (options.redeem !== undefined) {
    await redeem(signer, { settlement, shares: parseShares(options.redeem, '--redeem') })
  } else if (options.shares !== undefined) {
    await redeem(signer, { settlement, shares: parseShares(options.shares, '--shares') })
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

  const blockNumber = await signer.read.getBlockNumber()
  const held = await insurancePosition(signer, { settlement, insurer: signer.sender, blockNumber })
  const position = {
    shares: String(held.shares),
    total: String(held.total),
    offered: String(held.offered),
    waiting: formatDecimal(held.waiting, cash.decimals),
    collectable: formatDecimal(held.collectable, cash.decimals),
    ...worthOf(held, await insuranceValue(signer, { settlement, blockNumber }), cash),
  }
  if (options.json) return printJson({ ...position, ...(pulled === undefined ? {} : { pulled }) })
  if (pulled !== undefined) printText(`Paid to ${signer.sender}: ${listAmounts(pulled)}`)
  printText(`Shares ${position.shares} of ${position.total}, of which ${position.offered} are offered for redemption.`)
  const { worth, perShare } = position
  if (worth === null || perShare === null)
    printText('What they are worth is not known: an asset of the backstop has no price now, or the system is frozen.')
  else
    printText(
      `Worth ${worth.price ?? 'nothing'} ${cash.symbol} at the price of new shares, ${worth.redemption} if redeemed. ${perShare.shares} shares ${perShare.price === null ? 'are not sold now' : `cost ${perShare.price}`} and give ${perShare.redemption}.`,
    )
  printText(
    `Waiting to become shares: ${position.waiting} ${cash.symbol}. To collect: ${position.collectable} ${cash.symbol}.`,
  )
}

/** Worth of shares at both prices, and the prices, of as many shares as a unit of cash was at first. */
function worthOf({ shares }: InsurancePositionReturnType, value: InsuranceValueReturnType, { decimals }: ChainAsset) {
  if (value === undefined) return { worth: null, perShare: null }
  const lot = SHARES_PER_UNIT * 10n ** BigInt(decimals)
  const worthAt = (price: SharePrice) => formatRatioDown(shares * price.cash, price.shares, decimals)
  const priceOf = (price: SharePrice) =>
    formatRatioDown(lot * 10n ** BigInt(PRICE_DIGITS) * price.cash, price.shares, decimals + PRICE_DIGITS)
  const { entry, redemption } = value
  return {
    worth: { price: entry === undefined ? null : worthAt(entry), redemption: worthAt(redemption) },
    perShare: {
      shares: String(lot),
      price: entry === undefined ? null : priceOf(entry),
      redemption: priceOf(redemption),
    },
  }
}

/** A number of shares; undefined for `all` that are not offered yet. */
function parseShares(text: string, flag: string): bigint | undefined {
  if (!/^(all|[1-9][0-9]{0,77})$/.test(text))
    throw new PlimsollError(`${flag} is neither a number of shares nor "all".`)
  return text === 'all' ? undefined : BigInt(text)
}
