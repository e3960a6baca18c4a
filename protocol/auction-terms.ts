import { FACTOR_ONE } from './constants.ts'
import { abs, divUp, max, min, squareRootDown } from './integer.ts'
import { QUANTILE_SECONDS } from './margin-rule.ts'
import type { AssetMarks } from './marks.ts'

/** Bits of fraction of a clock: lots count the share of their way that is behind them, the whole way is `WAY`. */
const WAY_BITS = 32n
export const WAY = 1n << WAY_BITS
/** Bits of fraction of the premium that a way begins with. */
const PREMIUM_BITS = 16n
/** The premium is at most a fifth of the mark, however wild the market is. */
const PREMIUM_MOST = (1n << PREMIUM_BITS) / 5n
/** The whole way takes between 10 minutes and 2 hours. */
const DURATION_LEAST = 600n
const DURATION_MOST = 7_200n
const Q48 = 48n

/** Settings of the liquidation market of a deployment (docs/market.md#price). */
export interface AuctionParameters {
  /** Seconds: rounds are at least so far apart, and a round's price lets clocks run that long. */
  readonly roundMin: bigint
  /** Seconds from which on a round is stale: then there is no price. */
  readonly maxAge: bigint
  /** Milliseconds between blocks of the settlement chain. */
  readonly blockTime: bigint
  /** Distance from the penalized price to the end of the way, as a share of the mark, in 1/10^4. */
  readonly floorDiscount: bigint
  /** Move of the market that a grid step may sell, in 1/10^4. */
  readonly maxImpact: bigint
}

/** The part of the margin rule's reading that prices a lot: integers times 2^48. */
export interface AuctionReading {
  readonly s5: bigint
  readonly quantile: bigint
}

/** The terms of an asset's auction in a round: fixed until the next one. Prices as marks. */
export interface AuctionTerms {
  /** Number of the round. */
  readonly round: bigint
  /** Unix seconds of the round. */
  readonly time: bigint
  /** Whether the asset is held: then there is no price and clocks stand. */
  readonly held: boolean
  readonly price: bigint
  readonly sell: bigint
  readonly buy: bigint
  /** Premium that a way begins with, in 1/2^16 of the mark, rounded up. */
  readonly premium: bigint
  /** Seconds of the whole way of a sale, and of a purchase. */
  readonly saleDuration: bigint
  readonly purchaseDuration: bigint
  /** Most units that a grid step trades; undefined without a depth. */
  readonly cap: bigint | undefined
}

/** Both ends of a way, as marks: a sale falls from `start` to `end`, a purchase rises. */
export interface Way {
  readonly start: bigint
  readonly end: bigint
}

/**
 * The terms of an asset in a round (docs/market.md#price).
 * @param depth in base units; 0 where there is none, and then no cap
 */
export function auctionTerms(
  { round, time, held }: Pick<AuctionTerms, 'round' | 'time' | 'held'>,
  { price, sell, buy }: Pick<AssetMarks, 'price' | 'sell' | 'buy'>,
  depth: bigint,
  { s5, quantile }: AuctionReading,
  parameters: AuctionParameters,
): AuctionTerms {
  const { maxAge, blockTime, floorDiscount, maxImpact } = parameters
  const premium = premiumUp(quantile, maxAge)
  const marks = { price, sell, buy, premium }
  const durationOf = (way: Way) => durationUp(way, price, s5, blockTime)
  return {
    round,
    time,
    held,
    ...marks,
    saleDuration: durationOf(saleWay(marks, floorDiscount)),
    purchaseDuration: durationOf(purchaseWay(marks, floorDiscount)),
    cap: depth === 0n ? undefined : max(1n, (depth * maxImpact) / FACTOR_ONE),
  }
}

/** The way of a sale: from above the mark down to `floorDiscount` below the penalized price; both ends rounded up. */
export function saleWay(
  { price, sell, premium }: Pick<AuctionTerms, 'price' | 'sell' | 'premium'>,
  floorDiscount: bigint,
): Way {
  return {
    start: price + premiumOf(price, premium),
    end: max(0n, sell - (price * floorDiscount) / FACTOR_ONE),
  }
}

/** The way of a purchase: from below the mark up to `floorDiscount` above the penalized price; both ends rounded down. */
export function purchaseWay(
  { price, buy, premium }: Pick<AuctionTerms, 'price' | 'buy' | 'premium'>,
  floorDiscount: bigint,
): Way {
  return { start: price - premiumOf(price, premium), end: buy + (price * floorDiscount) / FACTOR_ONE }
}

/** Price at a point of a way, linear in it: of a sale rounded up, of a purchase down, the better for the backstop. */
export function priceOnWay({ start, end }: Way, clock: bigint): bigint {
  const at = min(clock, WAY)
  return start > end ? start - (((start - end) * at) >> WAY_BITS) : start + (((end - start) * at) >> WAY_BITS)
}

/** The last point of a way at which its price is not worse for the backstop than `price`; its beginning where none is. */
export function pointOf({ start, end }: Way, price: bigint): bigint {
  const length = abs(start - end)
  const passed = start > end ? start - price : price - start
  if (passed < 0n) return 0n
  return passed >= length ? WAY : (((passed + 1n) << WAY_BITS) - 1n) / length
}

/** The share of a way that so many seconds are, rounded down. */
export function wayDown(seconds: bigint, duration: bigint): bigint {
  return (seconds << WAY_BITS) / duration
}

/** The quantile of six hours brought to `maxAge` seconds by the square root of time, in 1/2^16, rounded up. */
function premiumUp(quantile: bigint, maxAge: bigint): bigint {
  const root = squareRootUp(divUp(maxAge << (2n * PREMIUM_BITS), QUANTILE_SECONDS))
  return min(PREMIUM_MOST, divUp(quantile * root, 1n << Q48))
}

function premiumOf(price: bigint, premium: bigint): bigint {
  return divUp(price * premium, 1n << PREMIUM_BITS)
}

/**
 * Seconds of a way whose price moves by `sigma / sqrt(dt)` a second, `sigma = sqrt(s5 / 3600)` the deviation of a second and `dt` the
 * time between blocks, rounded up, between 10 minutes and 2 hours: its length over the mark times `sqrt(3600 dt / s5)`.
 */
function durationUp({ start, end }: Way, price: bigint, s5: bigint, blockTime: bigint): bigint {
  // 3600 dt in milliseconds is 18/5 of a second squared; 48 bits are the scale of s5, 64 that of the root's square.
  const root = squareRootUp(divUp((18n * blockTime) << (Q48 + 64n), 5n * max(1n, s5)))
  return max(DURATION_LEAST, min(DURATION_MOST, divUp(abs(start - end) * root, price << 32n)))
}

function squareRootUp(value: bigint): bigint {
  const root = squareRootDown(value)
  return root * root === value ? root : root + 1n
}
