import { type Book, formatMarket } from '../../protocol/book.ts'
import { formatDecimal } from '../../protocol/decimal.ts'
import { type SampleBookAsset, sampleBook } from '../../risk/paths/sample-book.ts'

const FACTORS = {
  collateralFactor: 0.85,
  liabilityFactor: 1.15,
  targetCollateralFactor: 0.8,
  targetLiabilityFactor: 1.2,
  penalty: 0.02,
}
const PRICES = { ETH: 3000, BTC: 60_000, SOL: 150, AVAX: 30, LINK: 15, DOGE: 0.15, WETH: 3000 } as const

/** A seeded book of accounts in the given assets, all within their initial margins. */
export function bookOf(symbols: readonly (keyof typeof PRICES)[], accounts: number, seed = 1, depthRatio = 4): Book {
  const assets = symbols.map((symbol): SampleBookAsset => ({ symbol, price: PRICES[symbol], ...FACTORS }))
  return sampleBook(assets, { seed, accounts, depthRatio })
}

/** The BOOK.json of a book. */
export function bookText(book: Book): string {
  return JSON.stringify({
    ...formatMarket(book),
    accounts: book.accounts.map(({ id, balances }) => ({
      id,
      balances: Object.fromEntries(
        book.assets.flatMap(({ symbol, decimals }, a) =>
          balances[a] === 0n ? [] : [[symbol, formatDecimal(balances[a]!, decimals)]],
        ),
      ),
    })),
  })
}
