import { fileURLToPath } from 'node:url'
import { type Book, parseBook } from '../protocol/book.ts'
import { formatDecimal } from '../protocol/decimal.ts'
import { jointPath, readCandles } from '../risk/data/candles.ts'
import { sampleAccounts } from '../risk/paths/sample-accounts.ts'

export const DEMO_ACCOUNTS = 64
export const DEMO_SYMBOLS = ['ETH', 'BTC'] as const
export const DEMO_CASH_DECIMALS = 6
const SEED = 12
const DAY = '2020-03-12'
const POINTS_PER_HOUR = 4

/** Price points of the day, quarter of an hour apart: time, and quotes in 1/10^18. */
interface Tick {
  readonly unix: number
  readonly quotes: readonly [bigint, bigint]
}

/** Price points of the demo's day, in order. */
export function demoTicks(): Tick[] {
  const file = (symbol: string) =>
    fileURLToPath(new URL(`../risk/data/crashes/${symbol}USDT_1h_2020-03_black_thursday.csv`, import.meta.url))
  const from = Date.parse(`${DAY}T00:00:00Z`) / 1_000
  const [eth, btc] = DEMO_SYMBOLS.map((symbol) =>
    readCandles(file(symbol)).filter(({ unix }) => unix >= from && unix < from + 86_400),
  ) as [ReturnType<typeof readCandles>, ReturnType<typeof readCandles>]
  return jointPath(eth, btc, DEMO_SYMBOLS).map((quotes, i) => ({ unix: from + (i * 3_600) / POINTS_PER_HOUR, quotes }))
}

/** Market at a price point, and 64 seeded accounts of mixed shape, one of them bankrupt, that suit its prices. */
export function demoBook({ quotes }: Tick): Book {
  const prices = quotes.map((quote) => Number(quote) / 1e18)
  const depths = { ETH: '40000', BTC: '2500' }
  const accounts = sampleAccounts(
    SEED,
    DEMO_ACCOUNTS,
    prices.map((price) => ({ price, decimals: 8 })),
    { bankrupt: true },
  )
  return parseBook(
    JSON.stringify({
      assets: [
        { symbol: 'USD', decimals: DEMO_CASH_DECIMALS },
        ...DEMO_SYMBOLS.map((symbol, i) => ({
          symbol,
          decimals: 8,
          price: formatDecimal(quotes[i]!, 18),
          collateralFactor: '0.85',
          liabilityFactor: '1.15',
          targetCollateralFactor: '0.8',
          targetLiabilityFactor: '1.2',
          penalty: '0.02',
          depth: depths[symbol],
        })),
      ],
      minLiability: '50',
      accounts: accounts.map(({ shape, balances }, i) => ({
        id: `${shape} ${i}`,
        balances: {
          USD: formatDecimal(balances[0]!, DEMO_CASH_DECIMALS),
          ETH: formatDecimal(balances[1]!, 8),
          BTC: formatDecimal(balances[2]!, 8),
        },
      })),
    }),
  )
}
