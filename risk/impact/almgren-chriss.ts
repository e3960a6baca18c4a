import { PlimsollError } from '../../protocol/errors.ts'

/** An inventory to be sold, its market and the seller's aversion to risk (R. Almgren and N. Chriss, Optimal execution of portfolio transactions, 2000). */
export interface Liquidation {
  /** Units to sell. */
  readonly units: number
  /** Time for it, in seconds, and the number of equal intervals. */
  readonly seconds: number
  readonly intervals: number
  /** Volatility of the price: quote per unit per root second. */
  readonly sigma: number
  /** Permanent impact: quote per unit, for each unit sold. */
  readonly permanent: number
  /** Temporary impact: quote per unit, for each unit a second of selling speed. */
  readonly temporary: number
  /** Aversion: cost in quote that is worth one quote^2 less variance; 0 sells at an even pace. */
  readonly aversion: number
}

export interface Schedule {
  /** Units still held at the start of each interval and, last, at the end (0). */
  readonly holdings: Float64Array
  /** Expected cost against the first price, in quote. */
  readonly cost: number
  /** Variance of the cost, in quote^2. */
  readonly variance: number
}

/**
 * The optimal schedule with linear impact (equations 16 to 20 there): holdings fall like `sinh(kappa (T - t)) / sinh(kappa T)`, where
 * `2 (cosh(kappa tau) - 1) / tau^2 = aversion sigma^2 / eta`, `eta = temporary - permanent tau / 2`.
 * @throws PlimsollError where eta is not above 0: no schedule would be the cheapest
 */
export function almgrenChriss(liquidation: Liquidation): Schedule {
  const { units, seconds, intervals, sigma, permanent, temporary, aversion } = liquidation
  const tau = seconds / intervals
  const eta = temporary - (permanent * tau) / 2
  if (!(eta > 0))
    throw new PlimsollError('The permanent impact of an interval is beyond its temporary one: take shorter intervals.')
  const square = (aversion * sigma * sigma) / eta
  // cosh x - 1 = 2 sinh(x / 2)^2, which keeps its digits where x is small.
  const kappa = (2 * Math.asinh((Math.sqrt(square) * tau) / 2)) / tau
  const holdings = Float64Array.from({ length: intervals + 1 }, (_, i) => {
    const left = seconds - i * tau
    // sinh(k a) / sinh(k b) without overflow; evenly where there is no aversion.
    return (
      units *
      (kappa * seconds < 1e-6
        ? left / seconds
        : Math.exp(kappa * (left - seconds)) * (Math.expm1(-2 * kappa * left) / Math.expm1(-2 * kappa * seconds)))
    )
  })
  holdings[intervals] = 0
  return { holdings, ...scheduleCost(holdings, liquidation) }
}

/** Expected cost and variance of any schedule (equations 4 and 5 there, without the fixed cost of half a spread). */
export function scheduleCost(
  holdings: Float64Array,
  { units, seconds, intervals, sigma, permanent, temporary }: Liquidation,
): Omit<Schedule, 'holdings'> {
  const tau = seconds / intervals
  let squares = 0
  let held = 0
  for (let i = 1; i <= intervals; i++) {
    squares += (holdings[i - 1]! - holdings[i]!) ** 2
    held += holdings[i]! ** 2
  }
  const eta = temporary - (permanent * tau) / 2
  return { cost: (permanent * units * units) / 2 + (eta / tau) * squares, variance: sigma * sigma * tau * held }
}
