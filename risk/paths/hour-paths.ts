import { Random } from '../random.ts'
import { correlate, type HourGrid } from './spec-assets.ts'

/** The next hour of a path, asset by asset. */
export interface Hour {
  /** Log return over the hour. */
  readonly move: Float64Array
  /** Variance of the hour by which the price wanders between its two ends. */
  readonly variance: Float64Array
}

/** Begins a path: returns what fills `hour` anew, hour after hour. */
export type HourProcess = (random: Random, hour: Hour) => () => void

export interface HourPathsOptions {
  readonly grid: HourGrid
  readonly steps: number
  readonly seed: number
  /** Root of the correlation within an hour. */
  readonly root: readonly Float64Array[]
  readonly process: HourProcess
}

/**
 * Paths of a model that moves by the hour, at steps within it: a Brownian bridge of the hour's variance joins its two ends, correlated
 * like the hours are. Where the variance of the bridge is that of the hour's move, so is the variance at every step in between: i/n of
 * it after i of n steps, `(i/n)^2` from the move and `(i/n)(1 - i/n)` from the bridge. The hourly points do not depend on the step.
 */
export function hourPaths({
  grid: { stepsPerHour, hoursPerStep },
  steps,
  seed,
  root,
  process,
}: HourPathsOptions): (path: number, out: Float64Array) => void {
  const assets = root.length
  const hour: Hour = { move: new Float64Array(assets), variance: new Float64Array(assets) }
  const logs = new Float64Array(assets)
  const independent = new Float64Array(assets)
  const shocks = new Float64Array(assets)
  const wander = new Float64Array((stepsPerHour + 1) * assets)
  return (path, out) => {
    const next = process(new Random(seed, path, 0), hour)
    const bridges = new Random(seed, path, 1)
    logs.fill(0)
    out.fill(1, 0, assets)
    for (let step = 1; step <= steps; ) {
      if (stepsPerHour === 1) {
        for (let h = 0; h < hoursPerStep; h++) {
          next()
          for (let a = 0; a < assets; a++) logs[a]! += hour.move[a]!
        }
        for (let a = 0; a < assets; a++) out[step * assets + a] = Math.exp(logs[a]!)
        step++
        continue
      }
      next()
      for (let i = 1; i <= stepsPerHour; i++) {
        for (let a = 0; a < assets; a++) independent[a] = bridges.normal()
        correlate(root, independent, shocks)
        for (let a = 0; a < assets; a++) wander[i * assets + a] = wander[(i - 1) * assets + a]! + shocks[a]!
      }
      for (let i = 1; i <= stepsPerHour && step <= steps; i++, step++) {
        const share = i / stepsPerHour
        for (let a = 0; a < assets; a++) {
          const bridge = wander[i * assets + a]! - share * wander[stepsPerHour * assets + a]!
          out[step * assets + a] = Math.exp(
            logs[a]! + share * hour.move[a]! + Math.sqrt(hour.variance[a]! / stepsPerHour) * bridge,
          )
        }
      }
      for (let a = 0; a < assets; a++) logs[a]! += hour.move[a]!
    }
  }
}
