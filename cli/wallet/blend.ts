import { formatDecimal } from '../../protocol/decimal.ts'
import { blend } from '../../sdk/actions/blend.ts'
import { pairWarnings } from '../../sdk/both-halves.ts'
import type { TradeTerms } from '../../sdk/owner-wallet.ts'
import type { DeploymentInfo } from '../../sdk/schemas.ts'
import { printJson, printNotice, printText } from '../output.ts'
import { endProgress, stage } from '../progress.ts'
import { explained, noticeAgain, openOperations } from './outcome.ts'
import { otherWallet } from './own-pair.ts'
import { openWallet, type WalletOptions } from './session.ts'

interface Options extends WalletOptions {
  readonly node: string
  readonly withAccount?: number
  readonly withIndex?: number
  readonly within: number
  readonly expiresIn: number
  readonly voidWaiting?: true
}

/** Carries a random share across to a second account of one's own and a random share back, at random times. */
export async function run(options: Options): Promise<void> {
  const wallet = await openWallet(options)
  const { deployment } = wallet
  const { withAccount, withIndex } = options
  const named = withAccount ?? (withIndex === undefined ? options.account + 1 : options.account)
  const { other, indices } = await otherWallet(
    wallet,
    options,
    { account: named, ...(withIndex !== undefined && { index: withIndex }) },
    'with',
  )
  for (const each of [wallet, other]) await openOperations(each, options)
  const warnings = pairWarnings(wallet, indices)
  for (const warning of warnings) printNotice(warning)
  printNotice(
    `within ${options.within} seconds a random share goes across, and a random share of that comes back: let it run`,
  )
  stage('waiting for a random time', options.within / 2)
  const { trades } = await blend(wallet, {
    other,
    within: options.within,
    expiresIn: options.expiresIn,
    wait: { onAgain: noticeAgain },
    onTrade: ({ halves }) => {
      endProgress()
      printNotice(`accepted: operations ${halves[0].id} and ${halves[1].id}`)
      stage('waiting for the settlement', 30)
    },
  })
    .catch((error: unknown) => {
      throw explained(error, wallet)
    })
    .finally(endProgress)
  const listed = trades.map(({ from, to, terms, state }) => ({
    id: state.id,
    status: state.status,
    ...(state.code !== undefined && { code: state.code }),
    from,
    to,
    ...partsOf(deployment, terms),
  }))
  const broken = trades.find(({ state }) => state.status !== 'settled')
  if (broken !== undefined) process.exitCode = broken.state.status === 'failed' ? 1 : 3
  if (options.json) return printJson({ accounts: indices, complete: broken === undefined, trades: listed, warnings })
  for (const { id, status, code, from, to, gives, takes } of listed)
    printText(
      `${status}${code === undefined ? '' : ` (${code})`}: account ${from} to ${to}, ${[gives, takes && `the debt of ${takes}`].filter(Boolean).join(' and ')}, operation ${id}`,
    )
  if (broken !== undefined)
    printText('It ended there. What was settled stays as it is; the same command begins another blend.')
}

/** Parts of a trade of a blend, in decimals: the amount that goes from one account to the other, and the debt that goes with it. */
function partsOf(
  { assets }: DeploymentInfo,
  { asset, direction, x, y }: TradeTerms,
): { gives?: string; takes?: string } {
  const units = x === 0n ? undefined : `${formatDecimal(x, assets[asset]!.decimals)} ${assets[asset]!.symbol}`
  const cash = y === 0n ? undefined : `${formatDecimal(y, assets[0]!.decimals)} ${assets[0]!.symbol}`
  const [gives, takes] = direction === 0 ? [units, cash] : [cash, units]
  return { ...(gives !== undefined && { gives }), ...(takes !== undefined && { takes }) }
}
