import { formatDecimal } from '../../protocol/decimal.ts'
import { marksOfRow } from '../../protocol/marks.ts'
import { newLink, trade } from '../../sdk/actions/trade.ts'
import { transferTerms } from '../../sdk/actions/transfer.ts'
import { parseAmount } from '../../sdk/amount.ts'
import { type BothHalves, bothSettled, otherSide, pairWarnings } from '../../sdk/both-halves.ts'
import type { OwnerWallet, TradeTerms } from '../../sdk/owner-wallet.ts'
import type { OperationRequest, OwnOperation } from '../../sdk/schemas.ts'
import { printNotice } from '../output.ts'
import { endProgress, stage } from '../progress.ts'
import { explained, type HandInOptions, noticeAgain, openOperations, report, submit } from './outcome.ts'
import { otherWallet } from './own-pair.ts'
import { assetBySymbol, openWallet, type WalletOptions } from './session.ts'
import { half, isSameTrade, waitingLink } from './trade.ts'

interface Options extends WalletOptions, HandInOptions {
  readonly node: string
  readonly json?: true
  readonly asset: string
  readonly amount: string
  readonly toAccount?: number
  readonly toIndex?: number
  readonly expiresIn: number
}

/** Gives units or cash to another account for nothing: to one's own at once, to somebody else's by a link. */
export async function run(options: Options): Promise<void> {
  const wallet = await openWallet(options)
  const { deployment, client } = wallet
  const asset = assetBySymbol(deployment, options.asset)
  const { decimals, symbol } = deployment.assets[asset]!
  const amount = parseAmount(options.amount, decimals, '--amount')
  const what = `${formatDecimal(amount, decimals)} ${symbol}`
  const { toAccount, toIndex } = options
  const own = toAccount !== undefined || toIndex !== undefined
  const pair = own
    ? await otherWallet(
        wallet,
        options,
        { ...(toAccount !== undefined && { account: toAccount }), ...(toIndex !== undefined && { index: toIndex }) },
        'to',
      )
    : undefined
  const terms = transferTerms((await client.round()).marks.map(marksOfRow), asset, amount)
  if (pair === undefined) {
    printNotice(`you give ${what} for nothing to whoever signs the other half first: hand the link to nobody else`)
    const link = (options.again ? undefined : await waitingLink(wallet, terms)) ?? newLink()
    return half(wallet, options, { ...terms, link })
  }
  const { other, indices } = pair
  const warnings = [
    `account ${indices[0]} gives ${what} to account ${indices[1]} for nothing`,
    ...pairWarnings(wallet, indices),
  ]
  for (const warning of warnings) printNotice(warning)
  const both = await signBoth(wallet, other, terms, options)
  const { link, halves } = both
  if (options.wait) {
    printNotice(`accepted: operations ${halves[0].id} and ${halves[1].id}`)
    stage('waiting for the settlement', 30)
  }
  const state = options.wait
    ? await bothSettled(both, { onAgain: noticeAgain })
        .catch((error: unknown) => {
          throw explained(error, wallet)
        })
        .finally(endProgress)
    : halves[0]
  const extra = {
    from: String(indices[0]),
    to: String(indices[1]),
    asset: symbol,
    amount: formatDecimal(amount, decimals),
    other: halves[1].id,
    link: `0x${link.toString(16)}`,
    ...(options.json && { warnings: warnings.join('; ') }),
  }
  await report(client, state, options, { extra, ...(state.status === 'settled' && { wallet }) })
}

/** Both halves, of which those that an earlier call left open are not signed again. */
async function signBoth(
  wallet: OwnerWallet,
  other: OwnerWallet,
  terms: TradeTerms,
  options: Options,
): Promise<BothHalves> {
  const is = (wanted: TradeTerms) => (operation: OperationRequest) =>
    operation.kind === 'trade' && isSameTrade(operation, wanted)
  const known = options.again ? undefined : linkAmong(await wallet.operations(), is(terms))
  const link = known ?? newLink()
  // The first half is not to wait for one that cannot be signed.
  if (known === undefined) await openOperations(other, options)
  const ofLink = (wanted: TradeTerms) => (operation: OperationRequest) =>
    is(wanted)(operation) && operation.kind === 'trade' && operation.link === link
  const { expiresIn } = options
  const first = await submit(wallet, options, ofLink(terms), () => trade(wallet, { ...terms, link, expiresIn }))
  const theirs = otherSide(terms)
  try {
    const second = await submit(other, options, ofLink(theirs), () => trade(other, { ...theirs, link, expiresIn }))
    return { owner: wallet, other, link, halves: [first, second] }
  } catch (error) {
    if (first.existing === undefined) await wallet.cancel(first.id).catch(() => {})
    throw error
  }
}

/** Link of an open trade of the same terms. */
function linkAmong(
  operations: readonly OwnOperation[],
  isSame: (operation: OperationRequest) => boolean,
): bigint | undefined {
  for (const { status, operation } of operations)
    if (status !== 'failed' && status !== 'settled' && operation.kind === 'trade' && isSame(operation))
      return operation.link
  return undefined
}
