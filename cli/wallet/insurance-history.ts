import type { Address } from 'viem'
import { formatDecimal, formatRatioDown } from '../../protocol/decimal.ts'
import { insuranceHistory } from '../../sdk/actions/insurance-history.ts'
import type { ChainAsset } from '../../sdk/chain/assets.ts'
import type { ReadClient } from '../../sdk/chain/client.ts'
import { printJson, printText } from '../output.ts'

/** Decimals of the yield of a year, a ratio. */
const YIELD_DECIMALS = 6

/** Tells what an insurer did, what checkpoints made of it, and what it yielded. */
export async function tellInsuranceHistory(
  client: ReadClient,
  settlement: Address,
  insurer: Address,
  assets: readonly ChainAsset[],
  json: true | undefined,
): Promise<void> {
  const cash = assets[0]!
  const history = await insuranceHistory(client, { settlement, insurer })
  const inCash = (amount: bigint) => formatDecimal(amount, cash.decimals)
  const events = history.moves.map(({ block, timestamp, transaction, ...move }) => ({
    block: Number(block),
    time: new Date(1_000 * Number(timestamp)).toISOString(),
    transaction,
    kind: move.kind,
    ...('cash' in move && { cash: inCash(move.cash) }),
    ...('shares' in move && { shares: String(move.shares) }),
    ...(move.kind === 'pulled' && {
      asset: assets[move.asset]!.symbol,
      amount: formatDecimal(move.tokenAmount, assets[move.asset]!.tokenDecimals),
    }),
  }))
  const { paidIn, paidOut, worth, gain, annual } = history.yield
  const result = {
    paidIn: inCash(paidIn),
    paidOut: inCash(paidOut),
    worth: worth === undefined ? null : inCash(worth),
    gain: gain === undefined ? null : inCash(gain),
    yield:
      annual === undefined
        ? null
        : formatRatioDown(annual.numerator * 10n ** BigInt(YIELD_DECIMALS), annual.denominator, YIELD_DECIMALS),
  }
  if (json) return printJson({ events, ...result })
  for (const { block, time, kind, ...what } of events) {
    const parts = [
      what.cash !== undefined && `${what.cash} ${cash.symbol}`,
      what.shares !== undefined && `${what.shares} shares`,
      what.asset !== undefined && `${what.amount} ${what.asset}`,
    ].filter((part) => part !== false)
    printText(`block ${block}, ${time}: ${kind} ${parts.join(', ')}`)
  }
  printText(
    `${result.paidIn} ${cash.symbol} became shares, ${result.paidOut} came of them; what is left would give ${result.worth ?? 'what is not known now'}.`,
  )
  if (result.gain !== null)
    printText(
      `Gain ${result.gain} ${cash.symbol}${result.yield === null ? '' : `, ${formatDecimal((annual!.numerator * 10_000n) / annual!.denominator, 2)} % a year of what stood behind the backstop`}.`,
    )
}
