import { quantileSorted } from 'simple-statistics'
import type { HistorySymbol } from '../data/history.ts'
import type { Interval } from '../metrics/interval.ts'
import { Random } from '../random.ts'
import { christoffersen, kupiec, pinball, qlike } from './coverage.ts'
import type { AssetForecasts, ForecastModel } from './walk-forward.ts'

/** Scores of a model on an asset; shares, p-values, plain numbers. */
export interface ModelScore {
  readonly model: ForecastModel
  /** Share of the hours whose fall was beyond the forecast. */
  readonly exceeded: number
  /** Mean pinball loss, a share of the price. */
  readonly pinball: number
  /** Pinball loss over that of the daily EWMA. */
  readonly ratioToEwma: number
  /** Mean QLIKE loss of the variance forecast. */
  readonly qlike: number
  /** p-values of the number of exceedances, and of their independence; of every h-th hour where forecasts of h hours would overlap. */
  readonly kupiec: number
  readonly christoffersen: number
}

export interface AssetScore {
  readonly symbol: HistorySymbol
  readonly hours: number
  readonly models: readonly ModelScore[]
}

export interface ScoreOptions {
  readonly horizon: number
  readonly share: number
}

/** Scores the models of an asset, of which one must be ewma; those of `shown`, in that order. */
export function score(
  { symbol, drops, realized, models }: AssetForecasts,
  { horizon, share }: ScoreOptions,
  shown: readonly ForecastModel[],
): AssetScore {
  const hours = drops.length
  const loss = (quantiles: Float64Array) =>
    quantiles.reduce((sum, q, i) => sum + pinball(drops[i]!, q, share), 0) / hours
  const find = (model: ForecastModel) => models.find((one) => one.model === model)!
  const ofEwma = loss(find('ewma').quantiles)
  return {
    symbol,
    hours,
    models: shown.map((model) => {
      const { quantiles, variances } = find(model)
      const beyond = Array.from(quantiles, (q, i) => drops[i]! > q)
      const apart = beyond.filter((_, i) => i % horizon === 0)
      const mean = loss(quantiles)
      return {
        model,
        exceeded: beyond.filter(Boolean).length / hours,
        pinball: mean,
        ratioToEwma: mean / ofEwma,
        qlike: variances.reduce((sum, v, i) => sum + qlike(realized[i]!, v), 0) / hours,
        kupiec: kupiec(apart.filter(Boolean).length, apart.length, share),
        christoffersen: christoffersen(apart),
      }
    }),
  }
}

const WEEK = 168

/**
 * The ratio of two sums of losses of the same hours with bounds of 95 %: the block bootstrap over whole weeks (a circular one would start
 * anywhere; with two hundred weeks that changes little), drawn together for both, so that what is common cancels.
 */
export function ratioInterval(losses: Float64Array, base: Float64Array, { seed = 1, resamples = 1000 } = {}): Interval {
  const weeks = Math.ceil(losses.length / WEEK)
  const above = new Float64Array(weeks)
  const below = new Float64Array(weeks)
  losses.forEach((loss, i) => {
    above[Math.floor(i / WEEK)]! += loss
    below[Math.floor(i / WEEK)]! += base[i]!
  })
  const sum = (column: Float64Array) => column.reduce((total, x) => total + x, 0)
  const random = new Random(seed, weeks)
  const ratios: number[] = []
  for (let r = 0; r < resamples; r++) {
    let [top, bottom] = [0, 0]
    for (let k = 0; k < weeks; k++) {
      const week = random.integer(weeks)
      top += above[week]!
      bottom += below[week]!
    }
    // Rare losses: a resample may hold none of them, and then says nothing.
    if (bottom > 0) ratios.push(top / bottom)
  }
  if (ratios.length === 0) return { mean: Number.NaN, low: Number.NaN, high: Number.NaN }
  ratios.sort((a, b) => a - b)
  return { mean: sum(above) / sum(below), low: quantileSorted(ratios, 0.025), high: quantileSorted(ratios, 0.975) }
}

/** Pinball losses hour by hour. */
export function pinballLosses({ drops }: AssetForecasts, quantiles: Float64Array, share: number): Float64Array {
  return quantiles.map((q, i) => pinball(drops[i]!, q, share))
}
