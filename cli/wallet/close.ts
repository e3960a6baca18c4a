import { isAddressEqual } from 'viem'
import { formatDecimal } from '../../protocol/decimal.ts'
import { PlimsollError } from '../../protocol/errors.ts'
import { abs, min } from '../../protocol/integer.ts'
import { requestClose } from '../../sdk/actions/request-close.ts'
import { parseAmount } from '../../sdk/amount.ts'
import type { ChainAsset } from '../../sdk/chain/assets.ts'
import { PlimsollClient } from '../../sdk/client.ts'
import { parseLimit } from '../../sdk/close-limit.ts'
import { printJson, printNotice, printText } from '../output.ts'
import { type ChainOptions, recoverAccount } from './own-account.ts'
import { noticeCost } from './place-cost.ts'
import { chainSigner } from './session.ts'

type Options = ChainOptions & {
  readonly asset: string
  readonly amount?: string
  readonly limit?: string
}

export async function run(options: Options): Promise<void> {
  const { rpc, settlement } = options
  const signer = await chainSigner(rpc, options)
  // The side and the size of the position are what the chain says, whatever a node would.
  const { assets, key, recovered } = await recoverAccount(options, false)
  const asset = synthetic(await withSymbols(options, assets), options.asset)
  const { decimals } = assets[asset]!
  const position = recovered.account.balances[asset]!
  if (position === 0n)
    throw new PlimsollError(`Account ${recovered.account.index} has no position in ${options.asset}.`, {
      hint: 'plimsoll wallet recover shows what it has.',
    })
  const direction = position < 0n ? 1 : 0
  const wanted = options.amount === undefined ? abs(position) : parseAmount(options.amount, decimals, '--amount')
  const amount = min(wanted, abs(position))
  const limit =
    options.limit === undefined
      ? undefined
      : parseLimit(options.limit, direction, assets[0]!, assets[asset]!, '--limit')
  const side = direction === 1 ? 'short' : 'long'
  const shown = formatDecimal(amount, decimals)
  const filed = await requestClose(signer, {
    settlement,
    key,
    index: recovered.account.index,
    asset,
    direction,
    amount,
    limit,
    onCost: (cost) => {
      printNotice(
        `${shown} ${options.asset} of the ${side} position, or what is left of it then, go to the backstop at the price of a round after this request, the penalty of a liquidation ${direction === 1 ? 'added' : 'taken off'}: the sequencer chooses the round, and until then everybody sees the request`,
      )
      noticeCost(
        cost,
        limit === undefined
          ? 'there is no such position then'
          : 'the limit is missed or there is no such position then',
      )
    },
  })
  const { queueNumber, deadline, transaction } = filed
  if (options.json)
    return printJson({
      queueNumber: Number(queueNumber),
      deadline: Number(deadline),
      side,
      amount: shown,
      limit: options.limit ?? null,
      transaction,
    })
  printText(
    `Request ${queueNumber} is filed, to close ${shown} ${options.asset} of the ${side} position at a round after this one: to be served by ${deadline} s of the contract's clock, which runs while its prices are fresh, or else the system stalls. Transaction ${transaction}`,
  )
  printText('Once it is served, plimsoll wallet refund takes the bond back.')
}

/** The assets by the symbols of a node, where one is named: the chain has none of synthetics. */
async function withSymbols(
  { node, settlement }: Options,
  assets: readonly ChainAsset[],
): Promise<readonly Pick<ChainAsset, 'symbol' | 'token'>[]> {
  if (node === undefined) return assets
  const deployment = await new PlimsollClient({ node }).deployment()
  if (!isAddressEqual(deployment.settlement, settlement))
    throw new PlimsollError(`The node is of the settlement ${deployment.settlement}, not ${settlement}.`)
  return assets.map((asset, a) => ({ ...asset, symbol: deployment.assets[a]!.symbol }))
}

/** Position of a synthetic. @throws PlimsollError where there is no such one, or it has a token */
function synthetic(assets: readonly Pick<ChainAsset, 'symbol' | 'token'>[], symbol: string): number {
  const asset = assets.findIndex((one) => one.symbol === symbol)
  const synthetics = assets.filter(({ token }) => token === null).map((one) => one.symbol)
  const hint = synthetics.length === 0 ? 'There is no synthetic.' : `Synthetics are ${synthetics.join(', ')}.`
  if (asset < 0) throw new PlimsollError(`There is no asset ${JSON.stringify(symbol)}.`, { hint })
  if (assets[asset]!.token !== null)
    throw new PlimsollError(`${symbol} has a token: only positions in synthetics are closed by force.`, {
      hint: `${hint} Tokens leave by plimsoll wallet withdraw --forced, and what an account owes of them is repaid by a deposit.`,
    })
  return asset
}
