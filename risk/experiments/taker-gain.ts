import { type Interval, meanInterval } from '../metrics/interval.ts'
import { Random } from '../random.ts'

/** A market and an auction: `sigma` of the price in a square-root second, `rate` of the auction's fall a second, seconds between blocks. */
export interface TakerMarket {
  readonly sigma: number
  readonly rate: number
  readonly blockSeconds: number
}

/** The rate of docs/market.md: the market's deviation between two blocks, once a block. */
export function ruleRate(sigma: number, blockSeconds: number): number {
  return sigma / Math.sqrt(blockSeconds)
}

/**
 * The share of a lot's value that its taker gains in the mean, `1 / (1 + beta)`: the price of the auction over that of the market moves
 * by Brownian motion with drift, and is below 1 by an exponential amount at the first block that finds it there, with blocks at random
 * (Poisson) times (C. Moallemi and D. Robinson, Loss-versus-fair, 2024).
 */
export function takerGain({ sigma, rate, blockSeconds }: TakerMarket): number {
  const beta = (Math.sqrt(rate * rate + (2 * sigma * sigma) / blockSeconds) - rate) / (sigma * sigma)
  return 1 / (1 + beta)
}

/** A simulation of takers: mean gain as a share of the value, and mean seconds from the first passage of the mark's value on. */
export interface TakerRun {
  readonly gain: Interval
  readonly seconds: Interval
}

/**
 * Takers by simulation: an auction begins `premium` above the market; in the first block in which it is at or below it, a taker buys.
 * @param regular blocks at regular times, as on Ethereum, instead of random ones
 */
export function simulateTakers(
  { sigma, rate, blockSeconds }: TakerMarket,
  { lots, premium, seed, regular }: { lots: number; premium: number; seed: number; regular: boolean },
): TakerRun {
  const gains = new Float64Array(lots)
  const seconds = new Float64Array(lots)
  for (let lot = 0; lot < lots; lot++) {
    const random = new Random(seed, lot)
    let z = Math.log1p(premium)
    let at = 0
    // The first block of a regular chain comes at any moment of its interval.
    let wait = regular ? random.uniform() * blockSeconds : random.exponential(1 / blockSeconds)
    for (;;) {
      // The market is a martingale: its logarithm falls by half its variance, which raises the auction's price over it.
      z += (sigma * sigma * wait) / 2 - rate * wait + sigma * Math.sqrt(wait) * random.normal()
      at += wait
      if (z <= 0) break
      wait = regular ? blockSeconds : random.exponential(1 / blockSeconds)
    }
    gains[lot] = -Math.expm1(z)
    seconds[lot] = at
  }
  return { gain: meanInterval(gains), seconds: meanInterval(seconds) }
}
