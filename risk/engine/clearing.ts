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
