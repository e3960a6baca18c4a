import { HOUR } from '../data/series.ts'
import { Random } from '../random.ts'
import type { PathModel, PathSpec } from './path-model.ts'
import { correlate, correlationRoot, pathAssets } from './spec-assets.ts'

/**
 * Geometric Brownian motion without drift: each step multiplies a price by `exp(s z - s^2 / 2)`, `s` the deviation of a step and `z`
 * correlated normals, so that every price is a martingale.
 */
export function gbm(spec: PathSpec): PathModel {
  const { assets, notes } = pathAssets(spec)
  const { steps, stepSeconds, seed } = spec
  const root = correlationRoot(spec)
  const count = assets.length
  const deviations = Float64Array.from(assets, ({ sigma }) => sigma * Math.sqrt(stepSeconds / HOUR))
  const independent = new Float64Array(count)
  const shocks = new Float64Array(count)
  return {
    name: spec.model,
    notes,
    fill(path, out) {
      const random = new Random(seed, path)
      out.fill(1, 0, count)
      for (let at = count; at < (steps + 1) * count; at += count) {
        for (let a = 0; a < count; a++) independent[a] = random.normal()
        correlate(root, independent, shocks)
        for (let a = 0; a < count; a++) {
          const s = deviations[a]!
          out[at + a] = out[at + a - count]! * Math.exp(s * shocks[a]! - 0.5 * s * s)
        }
      }
    },
  }
}
