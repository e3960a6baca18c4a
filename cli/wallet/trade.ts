import { FIELD, SCALE } from '../../protocol/constants.ts'
import { formatDecimal } from '../../protocol/decimal.ts'
import { PlimsollError } from '../../protocol/errors.ts'
import { newLink, trade } from '../../sdk/actions/trade.ts'
import { unwind } from '../../sdk/actions/unwind.ts'
import type { OwnerWallet } from '../../sdk/owner-wallet.ts'
import { parseAmount } from './amount.ts'
import { report, submit } from './outcome.ts'
import { assetBySymbol, openWallet, type WalletOptions } from './session.ts'

interface Options extends WalletOptions {
  readonly node: string
  readonly asset: string
  readonly buy?: string
  readonly sell?: string
  readonly for: string
  readonly link?: string
  readonly backstop?: true
  readonly expiresIn: number
  readonly wait?: true
}

export async function run(options: Options): Promise<void> {
  if ((options.buy === undefined) === (options.sell === undefined))
    throw new PlimsollError('A trade has either --buy or --sell.')
  if (options.backstop && options.link !== undefined)
    throw new PlimsollError('--link is for a trade with an account, --backstop has none.')
  const link = options.link === undefined ? newLink() : parseLink(options.link)
  const wallet = await openWallet(options)
  const asset = assetBySymbol(wallet.deployment, options.asset)
  if (asset === 0) throw new PlimsollError(`${options.asset} is cash itself: name the asset that is traded for it.`)
  const [text, option] =
    options.buy === undefined ? ([options.sell!, '--sell'] as const) : ([options.buy, '--buy'] as const)
  const x = parseAmount(text, wallet.deployment.assets[asset]!.decimals, option)
  const y = parseAmount(options.for, wallet.deployment.assets[0]!.decimals, '--for')
  const terms = { asset, direction: options.buy === undefined ? 0 : 1, x, y } as const
  const validity = { expiresIn: options.expiresIn }
  if (options.backstop)
    return report(
      wallet.client,
      await submit(wallet, unwind(wallet, { ...terms, ...validity })).catch((error: unknown) =>
        explain(error, wallet, terms),
      ),
      options,
    )
  await report(wallet.client, await submit(wallet, trade(wallet, { ...terms, link, ...validity })), options, {
    link: `0x${link.toString(16)}`,
  })
}

/** The node's refusal; of a price, with the one that would do, in decimals. */
async function explain(
  error: unknown,
  { client, deployment: { assets } }: OwnerWallet,
  { asset, direction, x }: { asset: number; direction: 0 | 1; x: bigint },
): Promise<never> {
  if (!(error instanceof PlimsollError) || !error.message.startsWith('BACKSTOP_PRICE')) throw error
  const { unwindPrices } = await client.round()
  const worth = x * unwindPrices[asset]!
  const cash = formatDecimal((worth + (direction === 1 ? SCALE - 1n : 0n)) / SCALE, assets[0]!.decimals)
  const amount = `${formatDecimal(x, assets[asset]!.decimals)} ${assets[asset]!.symbol}`
  throw new PlimsollError(
    `BACKSTOP_PRICE: The backstop ${direction === 1 ? `sells ${amount} for ${cash} ${assets[0]!.symbol} or more` : `pays ${cash} ${assets[0]!.symbol} or less for ${amount}`} now.`,
  )
}

function parseLink(text: string): bigint {
  const link = /^0x[0-9a-fA-F]{1,64}$/.test(text) ? BigInt(text) : 0n
  if (link === 0n || link >= FIELD)
    throw new PlimsollError('--link is not the link of a trade: a hexadecimal number, as the first half printed it.')
  return link
}
