import { hourPaths } from './hour-paths.ts'
import type { PathModel, PathSpec } from './path-model.ts'
import { correlate, correlationRoot, hourGrid, pathAssets } from './spec-assets.ts'

/** Hours before a path begins over which its variances find their way from their mean. */
const BURN_IN = 240
/** No hour's variance is more than so many times the mean: e^(sigma sqrt 900) is beyond any hour seen. */
const MOST = 900

/**
 * GJR-GARCH by the hour, each asset with its own fit (variance targeting, see calibration.ts), shocks that are jointly t as in
 * `student`, with constant correlation (T. Bollerslev, 1990). A path begins with the variances of a market in its usual fluctuation.
 */
export function gjr(spec: PathSpec): PathModel {
  const { assets, notes } = pathAssets(spec)
  const root = correlationRoot(spec)
  const count = assets.length
  const freedom = assets.reduce((sum, { calibration }) => sum + calibration.gjr.freedom, 0) / count
  // In units of each asset's long-run variance.
  const models = assets.map(({ calibration: { gjr } }) => ({ ...gjr, omega: 1 - gjr.alpha - gjr.gamma / 2 - gjr.beta }))
  const independent = new Float64Array(count)
  const shocks = new Float64Array(count)
  const conditional = new Float64Array(count)
  const fill = hourPaths({
    grid: hourGrid(spec),
    steps: spec.steps,
    seed: spec.seed,
    root,
    process: (random, { move, variance }) => {
      conditional.fill(1)
      const next = () => {
        const mixed = (freedom - 2) / 2 / random.gamma(freedom / 2)
        for (let a = 0; a < count; a++) independent[a] = random.normal()
        correlate(root, independent, shocks)
        for (let a = 0; a < count; a++) {
          const { omega, alpha, gamma, beta } = models[a]!
          const v = Math.min(conditional[a]! * mixed, MOST)
          const shock = Math.sqrt(v) * shocks[a]!
          conditional[a] = Math.min(
            MOST,
            omega + (shock < 0 ? alpha + gamma : alpha) * shock * shock + beta * conditional[a]!,
          )
          const { sigma } = assets[a]!
          variance[a] = v * sigma * sigma
          move[a] = sigma * shock - variance[a]! / 2
        }
      }
      for (let h = 0; h < BURN_IN; h++) next()
      return next
    },
  })
  return { name: spec.model, notes, fill }
}
