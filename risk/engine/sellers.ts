import {
  type Auction,
  availableUnits,
  changeBackstop,
  lotPrice,
  NO_AUCTION,
  openRound,
} from '../../protocol/auction.ts'
import { addFill, type FillTotals, NO_FILLS, take } from '../../protocol/auction-fill.ts'
import { type AuctionParameters, auctionTerms } from '../../protocol/auction-terms.ts'
import { FACTOR_ONE, PRICE_MIN } from '../../protocol/constants.ts'
import { divUp, max } from '../../protocol/integer.ts'
import type { MarketOptions } from './clearing.ts'

/** An asset's marks in a round, as the sellers need them. */
export interface SellerRound {
  readonly time: number
  /** Price mark. */
  readonly price: number
  /** In 1/10^4. */
  readonly penalty: number
  /** In base units. */
  readonly depth: number
  /** The margin rule's reading: a variance of an hour and a share. */
  readonly variance: number
  readonly quantile: number
}

/** Units that can be had at one price now. */
export interface Offer {
  readonly units: number
  readonly price: number
}

/** A rule that sells one asset's inventory, or buys it back: prices in time, by rounds. Seconds are those of the path. */
export interface Seller {
  /** Base units, negative where the backstop is short. */
  readonly inventory: number
  /** Value kept of penalties, and penalties, in 2^-32 of a base unit of cash. */
  readonly totals: Pick<FillTotals, 'kept' | 'penalty'>
  begin(): void
  round(round: SellerRound): void
  change(delta: bigint, now: number): void
  /** Offers now, in the order in which they have to be taken. */
  offers(now: number): readonly Offer[]
  /** Sells (or buys back) so many of the offers' units. @returns the cash that changes hands, in base units */
  take(units: bigint, now: number): number
}

/** Cash is no bound here: the laboratory's backstop pays whatever it has to. */
const ALL_CASH = { backstop: 1n << 120n, free: 1n << 120n }
const Q48 = 2 ** 48
/** An amount in floating point is off by less than this share, as a power of 2. */
const ALL_BITS = 48n
const NO_TOTALS: Pick<FillTotals, 'kept' | 'penalty'> = { kept: 0n, penalty: 0n }

/** The liquidation market of docs/market.md: the reference machine itself. */
export class LotSeller implements Seller {
  readonly #parameters: AuctionParameters
  readonly #dust: boolean
  #auction: Auction = NO_AUCTION
  #rounds = 0n
  totals = NO_FILLS

  constructor({ parameters, dust = false }: MarketOptions) {
    this.#parameters = parameters
    this.#dust = dust
  }

  begin(): void {
    this.#auction = NO_AUCTION
    this.#rounds = 0n
    this.totals = NO_FILLS
  }

  get inventory(): number {
    return Number(this.#auction.backstop)
  }

  round({ time, price, penalty, depth, variance, quantile }: SellerRound): void {
    const mark = max(PRICE_MIN, BigInt(Math.floor(price)))
    const cut = BigInt(penalty)
    const marks = {
      price: mark,
      sell: (mark * (FACTOR_ONE - cut)) / FACTOR_ONE,
      buy: divUp(mark * (FACTOR_ONE + cut), FACTOR_ONE),
    }
    const reading = { s5: BigInt(Math.floor(variance * Q48)), quantile: BigInt(Math.floor(quantile * Q48)) }
    // A round of the same second takes the place of the one before.
    const now = BigInt(Math.floor(time))
    if (now !== this.#auction.terms?.time) this.#rounds++
    const at = { round: this.#rounds, time: now, held: false }
    const terms = auctionTerms(at, marks, BigInt(Math.floor(depth)), reading, this.#parameters)
    this.#auction = openRound(this.#auction, terms, this.#parameters)
    const { backstop } = this.#auction
    if (this.#dust && backstop !== 0n) this.change(backstop > 0n ? 1n : -1n, time)
  }

  change(delta: bigint, now: number): void {
    this.#auction = changeBackstop(this.#auction, delta, BigInt(Math.floor(now)), 'resolve', this.#parameters)
  }

  offers(now: number): readonly Offer[] {
    const at = BigInt(Math.floor(now))
    let left = Number(availableUnits(this.#auction, at, this.#parameters))
    const offers: Offer[] = []
    for (const lot of this.#auction.lots) {
      if (left <= 0) break
      const units = Math.min(left, Number(lot.units))
      offers.push({ units, price: Number(lotPrice(this.#auction, lot, at, this.#parameters)) })
      left -= units
    }
    return offers
  }

  take(units: bigint, now: number): number {
    const at = BigInt(Math.floor(now))
    const limit = this.#auction.backstop < 0n ? 0n : 1n << 200n
    // Floats do not have every amount of many decimals: nearly all is all.
    const available = availableUnits(this.#auction, at, this.#parameters)
    const wanted = available - units <= available >> ALL_BITS ? available : units
    const { auction, fill } = take(this.#auction, { units: wanted, limit, now: at }, ALL_CASH, this.#parameters)
    this.#auction = auction
    this.totals = addFill(this.totals, fill, true)
    return Number(fill.cash)
  }
}

/**
 * The contracts' first auction, which lots took the place of: all of an asset at one price, from the mark to the penalized price in
 * so many seconds since the asset's last liquidation.
 */
export class ClockSeller implements Seller {
  readonly #seconds: number
  readonly #dust: boolean
  #inventory = 0n
  #began = 0
  #price = 0
  #sell = 0
  #buy = 0
  totals = NO_TOTALS

  constructor({ unwindSeconds, dust = false }: MarketOptions) {
    this.#seconds = unwindSeconds
    this.#dust = dust
  }

  begin(): void {
    this.#inventory = 0n
    this.#began = 0
    this.totals = NO_TOTALS
  }

  get inventory(): number {
    return Number(this.#inventory)
  }

  round({ time, price, penalty }: SellerRound): void {
    if (this.#dust) this.#began = time
    this.#price = Math.floor(price)
    this.#sell = price * (1 - penalty / 1e4)
    this.#buy = price * (1 + penalty / 1e4)
  }

  change(delta: bigint, now: number): void {
    this.#inventory += delta
    this.#began = now
  }

  offers(now: number): readonly Offer[] {
    if (this.#inventory === 0n) return []
    const way = Math.min(1, (now - this.#began) / this.#seconds)
    const end = this.#inventory > 0n ? this.#sell : this.#buy
    return [{ units: Math.abs(this.inventory), price: this.#price + (end - this.#price) * way }]
  }

  take(wanted: bigint, now: number): number {
    const buys = this.#inventory < 0n
    const all = buys ? -this.#inventory : this.#inventory
    const units = all - wanted <= all >> ALL_BITS ? all : wanted
    const cash = (Number(units) * this.offers(now)[0]!.price) / 2 ** 32
    this.#inventory += buys ? units : -units
    const kept = buys ? Number(units) * this.#buy - cash * 2 ** 32 : cash * 2 ** 32 - Number(units) * this.#sell
    const penalty = Number(units) * (buys ? this.#buy - this.#price : this.#price - this.#sell)
    this.totals = {
      kept: this.totals.kept + BigInt(Math.round(kept)),
      penalty: this.totals.penalty + BigInt(Math.round(penalty)),
    }
    return cash
  }
}
