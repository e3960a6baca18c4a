import type { LiquidationCurve } from './liquidation-curve.ts'

/** The rest that prices come to after a shock, once liquidations have moved them as well. */
export interface Cascade {
  /** Moves of `ln p` by asset of the curve, the shock included. */
  readonly moves: Float64Array
  readonly rounds: number
}

/** Moves of `ln p` that are as good as equal: a thousandth of a basis point. */
const TOLERANCE = 1e-7
const MAX_ROUNDS = 2000

/**
 * The fixed point of `x = shock - Q(x) / depth` nearest to the shock: `x` are moves of `ln p`, `Q` the net sales at `x`, and a sale of
 * `Q` moves `ln p` by `Q / depth` (linear depth). From the shock on, each round sells what the last one's prices demand; `Q` does not
 * fall as prices do in a book of longs, so the rounds approach the fixed point from one side, and the account's positions bound them.
 * Where there is no depth, a price falls to the bottom of the range of marks as soon as anything is sold.
 * @param shock moves of `ln p` by asset
 */
export function cascade(curve: LiquidationCurve, shock: Float64Array): Cascade {
  let moves = Float64Array.from(shock)
  for (let rounds = 1; ; rounds++) {
    const sales = curve.netSales(curve.atMove(moves))
    const next = Float64Array.from(shock, (x, a) =>
      Math.min(20, Math.max(-20, x - (sales[a] === 0 ? 0 : sales[a]! / curve.assets[a]!.depth))),
    )
    const change = next.reduce((most, x, a) => Math.max(most, Math.abs(x - moves[a]!)), 0)
    moves = next
    if (change < TOLERANCE || rounds === MAX_ROUNDS) return { moves, rounds }
  }
}

/**
 * The move of the whole market, in basis points: that of the one asset, or the mean over all, weighted by what accounts hold and owe
 * in each at the present prices.
 */
export function marketMove(curve: LiquidationCurve, moves: Float64Array, only?: number): number {
  if (only !== undefined) return Math.expm1(moves[only]!) * 10_000
  let sum = 0
  let total = 0
  curve.assets.forEach(({ collateral, liabilities }, a) => {
    sum += Math.expm1(moves[a]!) * (collateral + liabilities)
    total += collateral + liabilities
  })
  if (total > 0) return (sum / total) * 10_000
  return moves.length === 0 ? 0 : Math.expm1(moves[0]!) * 10_000
}
