import { PlimsollError } from '../../protocol/errors.ts'

/** The models of price impact by the names of the command line. */
export const IMPACTS = ['none', 'linear', 'sqrt'] as const
export type ImpactName = (typeof IMPACTS)[number]

/**
 * The move of ln price by a net sale of `sold` units (a purchase is negative) into a market of `depth` units, positive for a fall.
 * `depth` is the size that, at the slope of the book, moves the price by 100 %.
 *
 * - `linear`: `sold / depth` (A. Kyle, Continuous auctions and insider trading, 1985: impact is proportional to the order).
 * - `sqrt`: `sign(sold) sqrt(0.01 |sold| / depth)`, the square-root law (B. Toth et al., Anomalous price impact and the critical nature of
 *   liquidity in financial markets, 2011), scaled to agree with the linear model at a move of 1 %: below it the square root moves more, beyond less.
 */
export function logMove(impact: ImpactName, sold: number, depth: number): number {
  if (impact === 'none' || sold === 0) return 0
  if (!(depth > 0))
    throw new PlimsollError(
      'An asset without depth cannot be sold with impact: give it a depth, or take --impact none.',
    )
  const size = sold / depth
  return impact === 'linear' ? size : Math.sign(size) * Math.sqrt(Math.abs(size) * AGREE)
}

/** The move in ln price at which the two models agree. */
const AGREE = 0.01

/**
 * The part that is left after `seconds` of a displacement that recovers with `halfLife` seconds (the transient impact of A. Obizhaeva and J. Wang,
 * Optimal trading strategy and supply/demand dynamics, 2013, with an exponential kernel); 1 where the half-life is infinite.
 */
export function recovery(seconds: number, halfLife: number): number {
  return halfLife === Infinity ? 1 : 0.5 ** (seconds / halfLife)
}
