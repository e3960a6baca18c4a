import { historyHours } from './history-hours.ts'
import { hourPaths } from './hour-paths.ts'
import type { PathModel, PathSpec } from './path-model.ts'
import { correlationRoot, hourGrid, pathAssets } from './spec-assets.ts'

/** Mean length of a block in hours: long enough for a crash and what it sets off. */
const MEAN_BLOCK = 24

/**
 * The stationary bootstrap (D. Politis and J. Romano, 1994) of the history: blocks of hours of all assets together, of geometric length
 * with a mean of a day, from anywhere, the end joined to the beginning. Nothing is assumed of the returns but that tomorrow's day may
 * be any past one.
 */
export function bootstrap(spec: PathSpec): PathModel {
  const { assets, notes } = pathAssets(spec)
  const hours = historyHours(assets)
  const scaleOf = assets.map(({ sigma, calibration }) => sigma / calibration.sigma)
  const fill = hourPaths({
    grid: hourGrid(spec),
    steps: spec.steps,
    seed: spec.seed,
    root: correlationRoot(spec),
    process: (random, { move, variance }) => {
      let hour = random.integer(hours.count)
      return () => {
        for (let a = 0; a < assets.length; a++) {
          move[a] = hours.moves[a]![hour]! * scaleOf[a]!
          variance[a] = hours.variances[a]![hour]! * scaleOf[a]! ** 2
        }
        hour = random.uniform() < 1 / MEAN_BLOCK ? random.integer(hours.count) : (hour + 1) % hours.count
      }
    },
  })
  return { name: spec.model, notes, about: hours.note, fill }
}
