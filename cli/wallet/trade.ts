import { formatDecimal } from '../../protocol/decimal.ts'
import { PlimsollError } from '../../protocol/errors.ts'
import { newLink, trade } from '../../sdk/actions/trade.ts'
import { backstopCash, unwind } from '../../sdk/actions/unwind.ts'
import { parseAmount } from '../../sdk/amount.ts'
import type { OwnerWallet, TradeTerms } from '../../sdk/owner-wallet.ts'
import { acceptanceOf, decodeProposal, encodeProposal, linkOf, type Proposal } from '../../sdk/trade-link.ts'
import { commandLine } from '../invocation.ts'
import { printNotice, printText } from '../output.ts'
import { type HandInOptions, report, submit } from './outcome.ts'
import { assetBySymbol, openWallet, type WalletOptions } from './session.ts'

interface Options extends WalletOptions {
  readonly node: string
  readonly asset?: string
  readonly buy?: string
  readonly sell?: string
  readonly for?: string
  readonly link?: string
  readonly accept?: string
  readonly backstop?: true
  readonly expiresIn: number
  readonly wait?: true
  readonly again?: true
  readonly voidWaiting?: true
}

export async function run(options: Options): Promise<void> {
  if (options.accept !== undefined) return acceptTrade(options, options.accept)
  const { asset: symbol, for: cash } = options
  if (symbol === undefined || cash === undefined)
    throw new PlimsollError('A trade needs --asset, --for, and --buy or --sell; or --accept with a link.')
  if ((options.buy === undefined) === (options.sell === undefined))
    throw new PlimsollError('A trade has either --buy or --sell.')
  if (options.backstop && options.link !== undefined)
    throw new PlimsollError('--link is for a trade with an account, --backstop has none.')
  const link = options.link === undefined ? newLink() : linkOf(options.link)
  const wallet = await openWallet(options)
  const { deployment } = wallet
  const asset = assetBySymbol(deployment, symbol)
  if (asset === 0) throw new PlimsollError(`${symbol} is cash itself: name the asset that is traded for it.`)
  const [text, option] =
    options.buy === undefined ? ([options.sell!, '--sell'] as const) : ([options.buy, '--buy'] as const)
  const x = parseAmount(text, deployment.assets[asset]!.decimals, option)
  const y = parseAmount(cash, deployment.assets[0]!.decimals, '--for')
  const terms = { asset, direction: options.buy === undefined ? 0 : 1, x, y } as const
  const { expiresIn } = options
  if (options.backstop) {
    const accepted = await submit(
      wallet,
      options,
      (other) => other.kind === 'unwind' && isSameTrade(other, terms),
      () => unwind(wallet, { ...terms, expiresIn }),
    ).catch((error: unknown) => explain(error, wallet, terms))
    return report(wallet.client, accepted, options, { wallet })
  }
  // A first half has a link of its own, which one of the same terms that waits has already.
  const joined = options.link === undefined && !options.again ? ((await waitingLink(wallet, terms)) ?? link) : link
  await half(wallet, options, { ...terms, link: joined })
}

/** Signs the other half of the trade that a link carries. */
async function acceptTrade(options: Options, text: string): Promise<void> {
  for (const name of ['asset', 'buy', 'sell', 'for', 'link', 'backstop'] as const)
    if (options[name] !== undefined)
      throw new PlimsollError(`--accept takes no --${name}: the link has the terms of the trade.`)
  const wallet = await openWallet(options)
  const { deployment } = wallet
  const accepted = acceptanceOf(deployment, decodeProposal(deployment, text))
  const { direction, asset, x, y } = accepted
  const [{ symbol, decimals }, own] = [deployment.assets[asset]!, deployment.assets[0]!]
  const cash = `${formatDecimal(y, own.decimals)} ${own.symbol}`
  const units = `${formatDecimal(x, decimals)} ${symbol}`
  if ((direction === 1 ? y : x) === 0n) printNotice(`you get ${direction === 1 ? units : cash} for nothing`)
  else printNotice(`you ${direction === 1 ? 'buy' : 'sell'} ${units} for ${cash}`)
  await half(wallet, options, accepted)
}

/** Hands in half of a trade, and says by which link the other is signed. */
export async function half(
  wallet: OwnerWallet,
  options: HandInOptions & { readonly expiresIn: number },
  proposal: Proposal,
): Promise<void> {
  const accepted = await submit(
    wallet,
    options,
    (other) => other.kind === 'trade' && other.link === proposal.link && isSameTrade(other, proposal),
    () => trade(wallet, { ...proposal, expiresIn: options.expiresIn }),
  )
  const link = encodeProposal(wallet.deployment, proposal)
  await report(wallet.client, accepted, options, { extra: { link }, wallet })
  if (accepted.status === 'waiting' && !options.json)
    printText(
      `The other side signs its half with: ${commandLine(['wallet', 'trade', '--accept', link, '--node', options.node])}`,
    )
}

export function isSameTrade(a: TradeTerms, b: TradeTerms): boolean {
  return a.asset === b.asset && a.direction === b.direction && a.x === b.x && a.y === b.y
}

/** The link of half a trade of the same terms that waits. */
export async function waitingLink(wallet: OwnerWallet, terms: TradeTerms): Promise<bigint | undefined> {
  for (const { status, operation } of await wallet.operations())
    if (status === 'waiting' && operation.kind === 'trade' && isSameTrade(operation, terms)) return operation.link
  return undefined
}

/** The node's refusal; of a price, with the one that would do, in decimals. */
async function explain(
  error: unknown,
  { client, deployment: { assets } }: OwnerWallet,
  { asset, direction, x }: { asset: number; direction: 0 | 1; x: bigint },
): Promise<never> {
  if (!(error instanceof PlimsollError) || !error.message.startsWith('BACKSTOP_PRICE')) throw error
  const { offers } = await client.round()
  const cash = formatDecimal(backstopCash(offers[asset]!, direction, x), assets[0]!.decimals)
  const amount = `${formatDecimal(x, assets[asset]!.decimals)} ${assets[asset]!.symbol}`
  throw new PlimsollError(
    `BACKSTOP_PRICE: The backstop ${direction === 1 ? `sells ${amount} for ${cash} ${assets[0]!.symbol} or more` : `pays ${cash} ${assets[0]!.symbol} or less for ${amount}`} now.`,
  )
}
