import { QUOTE_DECIMALS } from '../protocol/book.ts'
import type { Balances } from '../protocol/health.ts'
import { assetMarks, fillMarks, type Marks, priceMarkDown, type RiskParameters } from '../protocol/marks.ts'
import { jointPath, readCandles } from '../risk/data/candles.ts'
import { sampleAccounts } from '../risk/paths/sample-accounts.ts'

export const CASH_DECIMALS = 6
const DECIMALS = 8
const FACTORS = {
  collateralFactor: 8_500n,
  liabilityFactor: 11_500n,
  targetCollateralFactor: 8_000n,
  targetLiabilityFactor: 12_000n,
  penalty: 200n,
}
const PARAMETERS: Readonly<Record<'ETH' | 'BTC', RiskParameters>> = {
  ETH: { ...FACTORS, depth: 250_000n * 10n ** BigInt(DECIMALS) },
  BTC: { ...FACTORS, depth: 20_000n * 10n ** BigInt(DECIMALS) },
}
export const MIN_LIABILITY = 50n * 10n ** BigInt(CASH_DECIMALS)

/** Accounts of a seed at the first prices of two files of hourly candles, and the marks of every tick. */
export function crashMarket(
  eth: string,
  btc: string,
  count: number,
  seed: number,
): { accounts: Balances[]; ticks: Marks[] } {
  const path = jointPath(readCandles(eth), readCandles(btc), [eth, btc])
  const prices = path[0]!.map((price) => Number(price) / 10 ** QUOTE_DECIMALS)
  const accounts = sampleAccounts(
    seed,
    count,
    prices.map((price) => ({ price, decimals: DECIMALS })),
  ).map((account) => account.balances)
  return { accounts, ticks: path.map(([eth, btc]) => marksAt(eth, btc)) }
}

function marksAt(eth: bigint, btc: bigint): Marks {
  const marks = (price: bigint, name: 'ETH' | 'BTC') =>
    assetMarks(priceMarkDown(price, QUOTE_DECIMALS, CASH_DECIMALS, DECIMALS), PARAMETERS[name], name)
  return fillMarks([marks(eth, 'ETH'), marks(btc, 'BTC')])
}
