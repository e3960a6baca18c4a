import { garchVariances } from '../volatility/garch.ts'
import { historyHours } from './history-hours.ts'
import { hourPaths } from './hour-paths.ts'
import type { PathModel, PathSpec } from './path-model.ts'
import { correlationRoot, hourGrid, pathAssets } from './spec-assets.ts'

/** Hours at the start of the history whose conditional variances are not used. */
const WARM_UP = 500
/** No single hour moves a price by more than this, in log price: a shock of a calm hour met by a wild variance. */
const MOST = 1.5

/**
 * Filtered historical simulation (G. Barone-Adesi, K. Giannopoulos and L. Vosper, VaR without correlations for portfolios of derivative
 * securities, 1999): hours of the history, all assets together, each move divided by its conditional deviation (GJR), drawn with
 * replacement and multiplied by the deviation that the path has reached. A path begins with the deviations of a random hour of the history.
 * Within the hour the price wanders as it did in the hour drawn, scaled alike.
 */
export function fhs(spec: PathSpec): PathModel {
  const { assets, notes } = pathAssets(spec)
  const hours = historyHours(assets)
  const count = assets.length
  const scaleOf = assets.map(({ sigma, calibration }) => sigma / calibration.sigma)
  const conditional = assets.map(({ calibration: { gjr } }, a) => {
    const next = garchVariances(hours.moves[a]!, gjr)
    // Shifted: entry i is the variance that hour i was expected to have.
    return next.map((_, i) => next[Math.max(0, i - 1)]!)
  })
  const residuals = assets.map((_, a) =>
    standardized(hours.moves[a]!.map((r, i) => (Math.exp(r) - 1) / Math.sqrt(conditional[a]![i]!))),
  )
  const wander = assets.map((_, a) => hours.variances[a]!.map((v, i) => v / conditional[a]![i]!))
  const state = new Float64Array(count)
  const drawn = hours.count - WARM_UP
  const fill = hourPaths({
    grid: hourGrid(spec),
    steps: spec.steps,
    seed: spec.seed,
    root: correlationRoot(spec),
    process: (random, { move, variance }) => {
      const first = WARM_UP + random.integer(drawn)
      for (let a = 0; a < count; a++) state[a] = conditional[a]![first]!
      return () => {
        const hour = WARM_UP + random.integer(drawn)
        for (let a = 0; a < count; a++) {
          const { omega, alpha, gamma, beta } = assets[a]!.calibration.gjr
          const v = state[a]!
          // Simple returns have mean 0, so that the price is a martingale; the bound is far out.
          const r = Math.max(-MOST, Math.min(MOST, Math.log(Math.max(1e-9, 1 + residuals[a]![hour]! * Math.sqrt(v)))))
          state[a] = omega + (r < 0 ? alpha + gamma : alpha) * r * r + beta * v
          const scale = scaleOf[a]!
          move[a] = r * scale
          variance[a] = wander[a]![hour]! * v * scale * scale
        }
      }
    },
  })
  return { name: spec.model, notes, about: hours.note, fill }
}

/** Residuals of mean 0 and variance 1: beyond 1, what the recursion adds would grow by the hour. */
function standardized(column: Float64Array): Float64Array {
  const used = column.subarray(WARM_UP)
  const mean = used.reduce((sum, x) => sum + x, 0) / used.length
  const deviation = Math.sqrt(used.reduce((sum, x) => sum + (x - mean) ** 2, 0) / used.length)
  return column.map((x) => (x - mean) / deviation)
}
