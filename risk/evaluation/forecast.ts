import type { Interval } from '../metrics/interval.ts'
import { type AssetScore, pinballLosses, ratioInterval, score } from './score.ts'
import { type AssetForecasts, type ForecastOptions, walkForward } from './walk-forward.ts'

/** The output of `risk forecast`. */
export interface ForecastReport {
  readonly horizonHours: number
  readonly quantile: number
  readonly assets: readonly AssetScore[]
  /** Bounds of the ratio to EWMA, by asset and model; for people. */
  readonly intervals: readonly (readonly Interval[])[]
}

/**
 * Forecasts and scores, in the order of the assets and models asked for.
 * @throws PlimsollError where an asset has no hour to evaluate
 */
export function forecastReport(options: ForecastOptions): ForecastReport {
  const { models } = options
  // Everything is compared with the daily EWMA, shown or not.
  const needed = models.includes('ewma') ? models : [...models, 'ewma' as const]
  return scoreForecasts(walkForward({ ...options, models: needed }), options)
}

/** Scores of forecasts that have been made, among them those of ewma. */
export function scoreForecasts(
  results: readonly AssetForecasts[],
  { horizon, share, models }: Pick<ForecastOptions, 'horizon' | 'share' | 'models'>,
): ForecastReport {
  return {
    horizonHours: horizon,
    quantile: share,
    assets: results.map((result) => score(result, { horizon, share }, models)),
    intervals: results.map((result) => {
      const losses = (model: string) =>
        pinballLosses(result, result.models.find((one) => one.model === model)!.quantiles, share)
      const base = losses('ewma')
      return models.map((model) => ratioInterval(losses(model), base))
    }),
  }
}
