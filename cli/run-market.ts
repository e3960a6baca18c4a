import type { SourceKind } from '../deploy/oracle-plan.ts'
import { formatDecimal } from '../protocol/decimal.ts'
import { readMarket } from './read-market.ts'

const FACTORS = `"collateralFactor": "0.85", "liabilityFactor": "1.15", "targetCollateralFactor": "0.8", "targetLiabilityFactor": "1.2", "penalty": "0.02"`

/** A MARKET.json for a local chain: three assets with mock tokens, and a synthetic. */
export const EXAMPLE = `{
  "assets": [
    { "symbol": "USD", "decimals": 6 },
    { "symbol": "ETH", "decimals": 8, "price": "200", "depth": "250000",
      ${FACTORS} },
    { "symbol": "BTC", "decimals": 8, "price": "8000", "depth": "10000",
      ${FACTORS} },
    { "symbol": "ETH-PERP", "decimals": 8, "price": "200", "depth": "250000",
      ${FACTORS} }
  ],
  "minLiability": "50",
  "custody": {
    "USD": { "cap": "10000000", "minOpen": "10", "minDeposit": "1" },
    "ETH": { "cap": "50000", "minOpen": "0.05", "minDeposit": "0.01" },
    "BTC": { "cap": "1000", "minOpen": "0.001", "minDeposit": "0.0001" }
  }
}`

/** Facts of an asset that `deploy` would make. */
export interface MarketAsset {
  readonly symbol: string
  readonly decimals: number
  /** In cash; undefined for the cash itself. */
  readonly price: string | undefined
  /** False for a synthetic. */
  readonly custody: boolean
  /** Null where there is none, or where `deploy` makes a mock token. */
  readonly token: string | null
  /** Kinds of the sources that the market names; of none, deploy makes a mock feed or takes the one of --feed. */
  readonly sources: readonly SourceKind[]
}

/** The assets of a MARKET.json. @throws PlimsollError naming the file, and the field that is wrong */
export async function checkMarket(path: string): Promise<MarketAsset[]> {
  const { market, custody, oracles } = await readMarket(path)
  const prices = market.assets.slice(1).map((asset) => ('price' in asset ? asset.price : 0n))
  return market.assets.map(({ symbol, decimals }, a) => ({
    symbol,
    decimals,
    price: a === 0 ? undefined : formatDecimal(prices[a - 1]!, 18),
    custody: Object.hasOwn(custody, symbol),
    token: custody[symbol]?.token ?? null,
    sources: Object.hasOwn(oracles.assets, symbol) ? oracles.assets[symbol]!.sources.map(({ kind }) => kind) : [],
  }))
}
