import { EigenvalueDecomposition, Matrix } from 'ml-matrix'
import type { LiquidationCurve } from './liquidation-curve.ts'

/** Local slopes of a liquidation curve, by asset of the curve. */
export interface Sensitivity {
  /** `Delta = -dQ / d ln p` at the present prices, in whole units: a hundred times what a fall of 1 % makes be sold. */
  readonly delta: Float64Array
  /** `Gamma = d^2 Q / (d ln p)^2`, in whole units: how fast Delta grows as prices fall. */
  readonly gamma: Float64Array
}

/**
 * Delta and Gamma of net sales `Q` under a fall of all prices, or of that of the asset `only`. They are slopes on the falling side, as it
 * is falls that they foretell: a healthy book sells nothing at its prices, and would have half of the slope if both sides were averaged.
 * As `Q` has a step where an account is breached, they are those of the curve smoothed over `step` basis points: differences between the
 * prices and `step` and `2 step` below.
 */
export function sensitivity(curve: LiquidationCurve, step: number, only?: number): Sensitivity {
  const at = (shock: number) =>
    curve.netSales(curve.atShock(curve.assets.map((_, a) => (only === undefined || only === a ? shock : 0))))
  const [here, below, further] = [at(0), at(-step), at(-2 * step)]
  const near = -Math.log1p(-step / 10_000)
  const far = -Math.log1p((-2 * step) / 10_000)
  return {
    delta: here.map((sales, a) => (below[a]! - sales) / near),
    gamma: here.map((sales, a) => (2 * ((further[a]! - below[a]!) / (far - near) - (below[a]! - sales) / near)) / far),
  }
}

/** `Delta / depth`: how many units of asset `b` a fall that sells one unit makes be sold anew. Infinite where there is no depth. */
export function reproduction(delta: number, depth: number): number {
  if (delta === 0) return 0
  return delta / depth
}

/**
 * The matrix `R_ab = Delta_ab / depth_b`, `Delta_ab = -dQ_b / d ln p_a`: with linear depth a sale of `Q_b` moves `ln p_b` by
 * `Q_b / depth_b`, so a move `x` of `ln p` is followed by one of `R^T x`.
 */
export function reproductionMatrix(curve: LiquidationCurve, step: number): number[][] {
  return curve.assets.map((_, a) =>
    Array.from(sensitivity(curve, step, a).delta, (delta, b) => reproduction(delta, curve.assets[b]!.depth)),
  )
}

/** The greatest modulus of the eigenvalues: from 1 on, what liquidations bring about outgrows what brought them about. */
export function spectralRadius(matrix: readonly (readonly number[])[]): number {
  if (matrix.length === 0) return 0
  if (matrix.some((row) => row.some((entry) => !Number.isFinite(entry)))) return Infinity
  const { realEigenvalues, imaginaryEigenvalues } = new EigenvalueDecomposition(
    new Matrix(matrix.map((row) => [...row])),
  )
  return realEigenvalues.reduce((most, real, i) => Math.max(most, Math.hypot(real, imaginaryEigenvalues[i]!)), 0)
}
