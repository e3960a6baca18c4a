import { hourPaths } from './hour-paths.ts'
import type { PathModel, PathSpec } from './path-model.ts'
import { correlate, correlationRoot, hourGrid, pathAssets } from './spec-assets.ts'

/**
 * Student's t by the hour: all assets share one random variance an hour, `(f - 2) / 2` over a gamma of shape `f / 2`, of mean 1, and given
 * it move as correlated normals (the multivariate t). `f` is the mean of the assets' degrees of freedom in their GJR fits. Given the
 * variance the drift is minus half of it, so that every price is a martingale though the mean of a log-t's exponential does not exist.
 */
export function student(spec: PathSpec): PathModel {
  const { assets, notes } = pathAssets(spec)
  const root = correlationRoot(spec)
  const freedom = assets.reduce((sum, { calibration }) => sum + calibration.gjr.freedom, 0) / assets.length
  const independent = new Float64Array(assets.length)
  const shocks = new Float64Array(assets.length)
  const fill = hourPaths({
    grid: hourGrid(spec),
    steps: spec.steps,
    seed: spec.seed,
    root,
    process:
      (random, { move, variance }) =>
      () => {
        const mixed = (freedom - 2) / 2 / random.gamma(freedom / 2)
        for (let a = 0; a < assets.length; a++) independent[a] = random.normal()
        correlate(root, independent, shocks)
        for (let a = 0; a < assets.length; a++) {
          const v = assets[a]!.sigma ** 2 * mixed
          variance[a] = v
          move[a] = Math.sqrt(v) * shocks[a]! - v / 2
        }
      },
  })
  return { name: spec.model, notes, fill }
}
