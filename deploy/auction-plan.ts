import { object } from '../protocol/book.ts'
import { FACTOR_ONE } from '../protocol/constants.ts'
import { parseDecimal } from '../protocol/decimal.ts'
import { PlimsollError } from '../protocol/errors.ts'
import type { Json, JsonObject } from '../protocol/json.ts'
import { requireKnown } from './plan-fields.ts'

/** Settings of the liquidation market, as its contract takes them (docs/market.md#price). */
export interface AuctionPlan {
  /** Milliseconds between blocks of the settlement chain. */
  readonly blockTime: number
  /** From the penalized price to the end of a way, in 1/10^4 of the mark. */
  readonly floorDiscount: number
  /** Move of the market that a grid step may sell, in 1/10^4. */
  readonly maxImpact: number
}

/** Those that the laboratory measured (docs/risk.md#auctions). */
export const DEFAULT_AUCTION: AuctionPlan = { blockTime: 12_000, floorDiscount: 500, maxImpact: 200 }

const MILLISECONDS = 3
const BLOCK_TIME_MOST = 3_600_000n
const FLOOR_DISCOUNT_MOST = 2_000n

/**
 * Takes what is the liquidation market's out of a market: `auction`.
 * @throws PlimsollError naming the offending field by its path
 */
export function takeAuction(market: JsonObject): { readonly market: JsonObject; readonly auction: AuctionPlan } {
  const { auction, ...rest } = market
  if (auction === undefined) return { market: rest, auction: DEFAULT_AUCTION }
  const fields = object(auction, 'auction')
  requireKnown(fields, Object.keys(DEFAULT_AUCTION), 'auction')
  const { blockTime, floorDiscount, maxImpact } = DEFAULT_AUCTION
  return {
    market: rest,
    auction: {
      blockTime: between(fields.blockTime, 'auction.blockTime', MILLISECONDS, 1n, BLOCK_TIME_MOST) ?? blockTime,
      floorDiscount:
        between(fields.floorDiscount, 'auction.floorDiscount', 4, 0n, FLOOR_DISCOUNT_MOST) ?? floorDiscount,
      maxImpact: between(fields.maxImpact, 'auction.maxImpact', 4, 1n, FACTOR_ONE) ?? maxImpact,
    },
  }
}

function between(
  value: Json | undefined,
  path: string,
  decimals: number,
  least: bigint,
  most: bigint,
): number | undefined {
  if (value === undefined) return undefined
  const parsed = parseDecimal(value, decimals, path)
  if (parsed < least || parsed > most) throw new PlimsollError(`${path} is out of range.`)
  return Number(parsed)
}
