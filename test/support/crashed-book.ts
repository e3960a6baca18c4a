import { formatDecimal } from '../../protocol/decimal.ts'
import { mulberry32, sampleAccounts } from '../../risk/paths/sample-accounts.ts'
import type { LooseBook } from './books.ts'

const CASH_DECIMALS = 6
const ASSETS = [
  { symbol: 'ETH', decimals: 8, price: 194.61, depth: '2500' },
  { symbol: 'BTC', decimals: 8, price: 7935.12, depth: '90.5' },
  { symbol: 'SOL', decimals: 6, price: 21.34, depth: '41000' },
] as const

/**
 * A book of seeded accounts of all shapes, weights included, after the prices have moved by the given factors: those of ETH,
 * BTC and SOL. Ids begin with `holder-`.
 */
export function crashedBook(seed: number, count: number, moves: readonly [number, number, number]): LooseBook {
  const random = mulberry32(seed)
  const accounts = sampleAccounts(seed, count, ASSETS, { bankrupt: true })
  const weight = () => 1 + Math.floor(15 * random())
  return {
    assets: [
      { symbol: 'USD', decimals: CASH_DECIMALS },
      ...ASSETS.map(({ symbol, decimals, price, depth }, i) => ({
        symbol,
        decimals,
        depth,
        price: (price * moves[i]!).toFixed(4),
        collateralFactor: '0.85',
        liabilityFactor: '1.15',
        targetCollateralFactor: '0.8',
        targetLiabilityFactor: '1.2',
        penalty: '0.02',
      })),
    ],
    minLiability: '50',
    accounts: accounts.map(({ balances }, i) => ({
      id: `holder-${i}`,
      balances: {
        USD: formatDecimal(balances[0]!, CASH_DECIMALS),
        ...Object.fromEntries(
          ASSETS.map(({ symbol, decimals }, a) => [symbol, formatDecimal(balances[a + 1]!, decimals)]),
        ),
      },
      weights: { ETH: weight(), BTC: weight(), SOL: weight() },
    })),
  }
}
