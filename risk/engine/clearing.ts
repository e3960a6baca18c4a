import type { AuctionParameters } from '../../protocol/auction-terms.ts'

/** The other side of every liquidation: it pays the accounts, and gets rid of what it took over. Cash in base units, as floats. */
export interface Clearing {
  /** The difference between the price before takers' sales and what they fetched. */
  readonly impactCost: number
  /** Back to the start of a path. */
  begin(): void
  /** Depths in base units, and penalties in 1/10^4, by asset, cash included. */
  setMarket(depths: readonly number[], penalties: readonly number[]): void
  beginStep(day: number): void
  /** The price of a step, after what was sold on the way to it; `free` is the price without any sales of the engine's. */
  sellPending(a: number, free: number): number
  /** Takes over what an account traded, for `paid` base units of cash, at the prices of the step. */
  take(before: readonly bigint[], traded: readonly bigint[], paid: bigint, prices: Float64Array): void
  /** Sells what is left at the last prices. */
  close(prices: Float64Array): void
  /** Profit of a day, in base units of cash; negative for a loss. */
  profit(day: number): number
}

/**
 * The ways in which inventory is sold: `immediate` in the next step at the market; `auction` by docs/market.md; `clock` as the contracts
 * had it before: one price for all of an asset, from the mark to the penalized price, beginning anew with each liquidation.
 */
export const CLEARINGS = ['immediate', 'auction', 'clock'] as const
export type ClearingName = (typeof CLEARINGS)[number]

/**
 * Whoever takes of the inventory what pays. Cash and cost in whole units of cash.
 * `trader`: sells on at once, as much as pays to its last unit. `keeper`: the same, of its own cash, and keeps what it took, which moves no
 * market. `pool`: the protocol's own taker, which sells on all of what there is, or a half, a quarter and so on of it, where that brings its
 * price and the caller's tip; what it brings beyond them is the backstop's.
 */
export type Taker =
  | { readonly kind: 'trader'; readonly gas: number }
  | { readonly kind: 'keeper'; readonly gas: number; readonly cash: number }
  | { readonly kind: 'pool'; readonly tip: number }

/** A market of takers, block by block. Plain data. */
export interface MarketOptions {
  readonly clearing: 'auction' | 'clock'
  readonly parameters: AuctionParameters
  /** Seconds between blocks. */
  readonly blockSeconds: number
  /** Seconds between rounds. */
  readonly roundSeconds: number
  /** Seconds from the mark to the penalized price; of `clock` only. */
  readonly unwindSeconds: number
  /** Share of its value that a sale in the market costs a taker, beside its impact. */
  readonly fee: number
  /** Cost of a fill to its taker, in whole units of cash. */
  readonly gas: number
  /** Whether somebody has one unit liquidated in every round, to turn clocks back. */
  readonly dust?: boolean
  /** Takers of a block, in an order that is drawn; one `trader` where they are not given. */
  readonly takers?: readonly Taker[]
  /** The margin rule's reading where the rule is off: a variance of an hour and a quantile; by the prices where it is not given. */
  readonly reading?: { readonly variance: number; readonly quantile: number }
  /** Whether marks leave out what takers' sales move the price by: the feed is of markets beside which their pool is small. */
  readonly isAside?: boolean
  /**
   * Another draw of what is not known: of prices between the steps, of who comes first, and of the moment of a block within its interval, at
   * the end of which it is where this is not given.
   */
  readonly seed?: number
}

/** The clocks of a deployment by default (`deploy/deploy.ts`), blocks of 12 seconds, a pool of 5 basis points. */
export const MARKET_DEFAULTS: Omit<MarketOptions, 'clearing'> = {
  parameters: { roundMin: 300n, maxAge: 900n, blockTime: 12_000n, floorDiscount: 500n, maxImpact: 200n },
  blockSeconds: 12,
  roundSeconds: 300,
  unwindSeconds: 3600,
  fee: 0.0005,
  gas: 5,
}

/** @returns undefined for `immediate` */
export function marketOf(clearing: ClearingName, changes: Partial<MarketOptions> = {}): MarketOptions | undefined {
  return clearing === 'immediate' ? undefined : { ...MARKET_DEFAULTS, ...changes, clearing }
}
