import { type Auction, lotPrice, NO_AUCTION } from '../protocol/auction.ts'
import type { AuctionParameters } from '../protocol/auction-terms.ts'
import { ASSETS } from '../protocol/constants.ts'
import { abs, max } from '../protocol/integer.ts'

/** Facts of an asset at a look that only the contracts know, not the reference machine. */
export interface Custody {
  readonly frozen: boolean
  /** There is a round younger than `maxAge`. */
  readonly fresh: boolean
  /** Whether there is a token. */
  readonly spot: readonly boolean[]
  /** Withdrawals are multiples of this many base units. */
  readonly unitsPerTokenUnit: readonly bigint[]
  /** Amount that may be withdrawn, in base units. */
  readonly free: readonly bigint[]
  /** The clock of forced requests stands, as an asset is held: until it goes on no forced withdrawal is discharged. */
  readonly stands: boolean
  /** The backstop was not under water at the last checkpoint. */
  readonly sound: boolean
  /** The most of a synthetic that the backstop's position may come to by forced closes, `2 penalty depth`; 0 of anything else. */
  readonly closeMost: readonly bigint[]
  /** Auctions of the backstop's inventory, by asset; none of cash. */
  readonly auctions: readonly Auction[]
  readonly auctionParameters: AuctionParameters
  /** Unix seconds of the look. */
  readonly now: bigint
}

/** A lot at its price at the look, as a mark; 0 while there is none. */
export interface LotOffer {
  readonly lot: bigint
  readonly units: bigint
  readonly price: bigint
}

/** The lots of an asset, the oldest first, at their prices at the look. */
export function lotOffers({ auctions, auctionParameters, now }: Custody, asset: number): LotOffer[] {
  const auction = auctions[asset]!
  return auction.lots.map((lot) => ({
    lot: lot.id,
    units: lot.units,
    price: lotPrice(auction, lot, now, auctionParameters) ?? 0n,
  }))
}

/**
 * Whether the contract would have the backstop trade in a forced close.
 * @param auction of the asset, as it is before
 * @param delta units that the backstop gets, below 0 that it gives
 */
export function backstopTakes({ sound, closeMost }: Custody, asset: number, auction: Auction, delta: bigint): boolean {
  const { backstop, terms } = auction
  if (!sound || terms === undefined || terms.held) return false
  return abs(backstop + delta) <= max(closeMost[asset]!, abs(backstop))
}

/** Custody of a deployment that nobody can deposit into or withdraw from yet. */
export const NO_CUSTODY: Custody = {
  frozen: false,
  fresh: false,
  spot: Array<boolean>(ASSETS).fill(false),
  unitsPerTokenUnit: Array<bigint>(ASSETS).fill(1n),
  free: Array<bigint>(ASSETS).fill(0n),
  stands: false,
  sound: true,
  closeMost: Array<bigint>(ASSETS).fill(0n),
  auctions: Array<Auction>(ASSETS).fill(NO_AUCTION),
  auctionParameters: { roundMin: 0n, maxAge: 1n, blockTime: 1n, floorDiscount: 0n, maxImpact: 1n },
  now: 0n,
}
