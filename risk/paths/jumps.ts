import { HOUR } from '../data/series.ts'
import { Random } from '../random.ts'
import { CALIBRATION } from './calibration.ts'
import { type Hawkes, meanIntensity, simulateHawkes } from './hawkes.ts'
import type { PathModel, PathSpec } from './path-model.ts'
import { correlate, correlationRoot, pathAssets } from './spec-assets.ts'

/** Hours of jumps before a path begins that still excite it. */
const PAST = 240

/**
 * Brownian motion with jumps of the whole market: normal in log price, correlated between the assets (R. Merton, Option pricing when
 * underlying stock returns are discontinuous, 1976), at times that excite themselves (Hawkes; as in Y. Ait-Sahalia et al., Modeling financial
 * contagion, 2015). `process` with a branching of 0 is Merton's. Each step's drift makes up for the jumps expected in it, so that
 * every price is a martingale. Deviations are scaled so that the mean variance of an hour is the asset's.
 */
export function jumps(spec: PathSpec, process: Hawkes = CALIBRATION.jumps): PathModel {
  const { assets, notes } = pathAssets(spec)
  const { steps, stepSeconds, seed } = spec
  const count = assets.length
  const hours = stepSeconds / HOUR
  const root = correlationRoot(spec)
  const jumpRoot = correlationRoot(spec, CALIBRATION.jumpCorrelation)
  const rate = meanIntensity(process)
  const kinds = assets.map(({ sigma, calibration: { jumpMean, jumpSigma, calmSigma } }) => {
    const unit = sigma / Math.sqrt(calmSigma ** 2 + rate * (jumpMean ** 2 + jumpSigma ** 2))
    const mean = jumpMean * unit
    const deviation = jumpSigma * unit
    return {
      mean,
      deviation,
      growth: Math.exp(mean + (deviation * deviation) / 2) - 1,
      step: calmSigma * unit * Math.sqrt(hours),
    }
  })
  const independent = new Float64Array(count)
  const shocks = new Float64Array(count)
  const moves = new Float64Array(count)
  return {
    name: spec.model,
    notes,
    fill(path, out) {
      const random = new Random(seed, path)
      const { baseline, branching, decay } = process
      let excitement = simulateHawkes(process, PAST, random).reduce(
        (sum, t) => sum + branching * decay * Math.exp(-decay * (PAST - t)),
        0,
      )
      out.fill(1, 0, count)
      for (let at = count; at < (steps + 1) * count; at += count) {
        const expected = (baseline + excitement) * hours
        for (let a = 0; a < count; a++) independent[a] = random.normal()
        correlate(root, independent, shocks)
        for (let a = 0; a < count; a++) {
          const { step, growth } = kinds[a]!
          moves[a] = step * shocks[a]! - 0.5 * step * step - expected * growth
        }
        const jumped = random.poisson(expected)
        for (let j = 0; j < jumped; j++) {
          for (let a = 0; a < count; a++) independent[a] = random.normal()
          correlate(jumpRoot, independent, shocks)
          for (let a = 0; a < count; a++) moves[a]! += kinds[a]!.mean + kinds[a]!.deviation * shocks[a]!
        }
        excitement = excitement * Math.exp(-decay * hours) + jumped * branching * decay
        for (let a = 0; a < count; a++) out[at + a] = out[at + a - count]! * Math.exp(moves[a]!)
      }
    },
  }
}
