import { ASSETS } from '../../protocol/constants.ts'
import type { Clearing } from './clearing.ts'

/** A model of how sales move prices. */
export interface MarketImpact {
  readonly name: string
  /** Move of `ln p` that selling `net` base units at once brings about, negative for a sale; `depth` in base units. */
  logMove(net: number, depth: number): number
  /** Seconds after which half of a move is undone; infinite where moves stay. */
  readonly halfLife: number
  /**
   * Whether takers sell at the worse of the price at which they took over and the one a step later, instead of at the latter: where
   * paths are made of the extremes of bars, an account is liquidated at the very low, and what follows is a rebound that no taker can
   * count on.
   */
  readonly adverse?: boolean
}

const UNIT = 2 ** 32
/** Sales and purchases move no price by more than a factor of some thousand: a market without depth is not taken to infinity. */
const MOST_MOVED = 7

export function clipMove(move: number): number {
  return Math.min(MOST_MOVED, Math.max(-MOST_MOVED, move))
}

/**
 * The other side of every liquidation, whoever it is: it pays the accounts, and sells what it took over in the next step, into a market
 * that its own sales move. Its profit is counted by the day, in base units of cash.
 */
export class Backstop implements Clearing {
  #depths: readonly number[]
  readonly #impact: MarketImpact
  readonly #decay: number
  /** Inventory that waits to be sold, in base units; negative where it is short. */
  readonly #pending = new Float64Array(ASSETS)
  /** The moves of `ln p` that sales have made. */
  readonly #moved = new Float64Array(ASSETS)
  /** Prices at which what waits was taken over. */
  readonly #takenAt = new Float64Array(ASSETS)
  #profits: number[] = []
  #day = 0
  /** The day on which what waits was taken over: what its sale brings belongs to that. */
  #taken = 0
  /** The difference between the price before takers' sales and what they fetched. */
  impactCost = 0

  /** @param depths in base units by asset, cash included */
  constructor(depths: readonly number[], impact: MarketImpact, stepSeconds: number) {
    this.#depths = depths
    this.#impact = impact
    this.#decay = 2 ** -(stepSeconds / impact.halfLife)
  }

  begin(): void {
    this.#pending.fill(0)
    this.#moved.fill(0)
    this.#profits = []
    this.#day = 0
    this.#taken = 0
    this.impactCost = 0
  }

  setMarket(depths: readonly number[]): void {
    this.#depths = depths
  }

  beginStep(day: number): void {
    this.#day = day
  }

  /** The price of a step, after what waits has been sold into it; `free` is the price without any sales of the engine's. */
  sellPending(a: number, free: number): number {
    let moved = this.#moved[a]!
    const pending = this.#pending[a]!
    if (moved === 0 && pending === 0) return free
    moved *= this.#decay
    if (pending !== 0) {
      const price = free * Math.exp(moved)
      const move = clipMove(this.#impact.logMove(pending, this.#depths[a]!))
      this.#sell(a, pending, price, move)
      this.#pending[a] = 0
      moved = clipMove(moved + move)
    }
    this.#moved[a] = moved
    return free * Math.exp(moved)
  }

  /** Books a sale at the mean of the price on its way. */
  #sell(a: number, pending: number, price: number, move: number): void {
    const before =
      this.#impact.adverse !== true
        ? price
        : pending > 0
          ? Math.min(price, this.#takenAt[a]!)
          : Math.max(price, this.#takenAt[a]!)
    const fetched = move === 0 ? before : before * (Math.expm1(move) / move)
    this.#earn(this.#taken, (pending * fetched) / UNIT)
    this.impactCost += (pending * (before - fetched)) / UNIT
  }

  /** Takes over what an account traded, for `paid` base units of cash, at the prices of the step. */
  take(before: readonly bigint[], traded: readonly bigint[], paid: bigint, prices: Float64Array): void {
    this.#taken = this.#day
    this.#earn(this.#day, -Number(paid))
    for (let a = 1; a < before.length; a++) {
      if (traded[a] === 0n) continue
      this.#takenAt[a] = prices[a]!
      this.#pending[a]! += before[a]! > 0n ? Number(traded[a]!) : -Number(traded[a]!)
    }
  }

  /** Sells what is left at the last prices. */
  close(prices: Float64Array): void {
    for (let a = 1; a < this.#depths.length; a++) {
      const pending = this.#pending[a]!
      if (pending === 0) continue
      const move = clipMove(this.#impact.logMove(pending, this.#depths[a]!))
      this.#sell(a, pending, prices[a]!, move)
      this.#pending[a] = 0
    }
  }

  /** Profit of a day, in base units of cash; negative for a loss. */
  profit(day: number): number {
    return this.#profits[day] ?? 0
  }

  #earn(day: number, amount: number): void {
    this.#profits[day] = (this.#profits[day] ?? 0) + amount
  }
}
