import { PlimsollError } from '../../protocol/errors.ts'
import type { HistorySymbol } from '../data/history.ts'
import { lowerBound } from '../data/series.ts'
import { ewma } from '../volatility/ewma.ts'
import { DOWNSIDE, type FormulaConstants, formulaQuantiles, SYMMETRIC, scales } from '../volatility/formula.ts'
import { fitGarch, type Garch, garchVariances, horizonVariance } from '../volatility/garch.ts'
import { fitHar, harMeans, harVariances } from '../volatility/har.ts'
import { formatDate, yearOf, yearStart } from './calendar.ts'
import { upperQuantile } from './coverage.ts'
import {
  FROZEN,
  FROZEN_CUT,
  FROZEN_DOWNSIDE,
  FROZEN_SHARE,
  LEAST_TRAINING,
  type Prepared,
  prepare,
  TRAINING_ASSETS,
  trainFormula,
  trainingRows,
} from './samples.ts'

/** The models of falls by the names of the command line. */
export const FORECAST_MODELS = ['formula', 'ewma', 'garch', 'gjr', 'har', 'downside'] as const
export type ForecastModel = (typeof FORECAST_MODELS)[number]

export interface ForecastOptions {
  readonly assets: readonly HistorySymbol[]
  /** Forecasts made from this second up to and without `until`. */
  readonly from: number
  readonly until: number
  /** Hours ahead. */
  readonly horizon: number
  /** Share of the hours whose fall should be beyond the forecast. */
  readonly share: number
  readonly models: readonly ForecastModel[]
  /** Whether the formula, too, is fitted again each 1 January, to ETH and BTC. */
  readonly refit: boolean
  readonly onProgress?: (line: string) => void
}

/** Forecasts of one model over the evaluated hours of an asset. */
export interface ModelForecasts {
  readonly model: ForecastModel
  /** The fall that should be exceeded with probability `share`; a share of the price. */
  readonly quantiles: Float64Array
  /** Expected squared log returns of the horizon, summed. */
  readonly variances: Float64Array
}

export interface AssetForecasts {
  readonly symbol: HistorySymbol
  /** The moment of each forecast, in seconds. */
  readonly times: Float64Array
  readonly drops: Float64Array
  readonly realized: Float64Array
  readonly models: readonly ModelForecasts[]
}

/**
 * Forecasts every hour of the assets as it could have been forecast: each model is fitted on each 1 January to all hours before it, and
 * used until the next. An asset whose history begins later starts on the first 1 January with enough of it.
 * @throws PlimsollError where an asset has no hour to evaluate
 */
export function walkForward(options: ForecastOptions): AssetForecasts[] {
  const formula = formulaByYear(options)
  return options.assets.map((symbol) => forecastAsset(symbol, options, formula))
}

/** A model's forecasts after every hour of an asset, fitted to the rows before a cut. */
interface Fitted {
  readonly quantiles: Float64Array
  readonly variances: Float64Array
}

/** The two forms of the formula by the names of their models. */
export const FORMS = { formula: SYMMETRIC, downside: DOWNSIDE } as const
type FormName = keyof typeof FORMS

type FormulaByYear = (name: FormName, year: number) => FormulaConstants

function frozen(name: FormName, horizon: number, share: number): FormulaConstants | undefined {
  if (share !== FROZEN_SHARE) return undefined
  if (name === 'formula') return FROZEN[horizon]
  return horizon === 1 ? FROZEN_DOWNSIDE : undefined
}

function formulaByYear({ horizon, share, refit, onProgress }: ForecastOptions): FormulaByYear {
  const fits = new Map<string, FormulaConstants>()
  return (name, year) => {
    const kept = frozen(name, horizon, share)
    if (!refit && kept !== undefined) return kept
    const cut = refit ? yearStart(year) : FROZEN_CUT
    let fit = fits.get(`${name} ${cut}`)
    if (fit === undefined) {
      onProgress?.(`fitting the formula to the hours before ${formatDate(cut)}`)
      fit = trainFormula(TRAINING_ASSETS, cut, horizon, share, FORMS[name])
      if (fit === undefined) {
        throw new PlimsollError(
          `The formula cannot be fitted to the hours before ${formatDate(cut)}: there are fewer than ${LEAST_TRAINING}.`,
        )
      }
      fits.set(`${name} ${cut}`, fit)
    }
    return fit
  }
}

function forecastAsset(symbol: HistorySymbol, options: ForecastOptions, formula: FormulaByYear): AssetForecasts {
  const { horizon, share, models, onProgress } = options
  const prepared = prepare(symbol, horizon)
  const { time } = prepared.hourly
  const years = new Map<number, number[]>()
  let skipped = 0
  for (let i = lowerBound(time, options.from); i < time.length && time[i]! < options.until; i++) {
    if (Number.isNaN(prepared.drops[i]!)) continue
    const year = yearOf(time[i]!)
    let rows = years.get(year)
    if (rows === undefined) {
      rows = trainingRows(prepared, yearStart(year)).length < LEAST_TRAINING ? [] : [i]
      if (rows.length === 0) skipped++
      years.set(year, rows)
    } else if (rows.length > 0) rows.push(i)
  }
  const evaluated = [...years.values()].flat()
  if (evaluated.length === 0) {
    const [first, last] = [formatDate(time[0]!), formatDate(time.at(-1)!)]
    const why =
      skipped > 0
        ? `no year of it has ${LEAST_TRAINING} hours before it to fit the models to`
        : 'it has none of these hours'
    throw new PlimsollError(
      `${symbol} cannot be evaluated from ${formatDate(options.from)} to ${formatDate(options.until - 1)}: ${why}; its history is of ${first} to ${last}.`,
    )
  }
  const results = models.map((model): ModelForecasts => {
    const quantiles = new Float64Array(evaluated.length)
    const variances = new Float64Array(evaluated.length)
    const fitTo = fitter(model, prepared, share, formula)
    let at = 0
    for (const [year, rows] of years) {
      if (rows.length === 0) continue
      onProgress?.(`${symbol}: ${model}, ${year}`)
      const fitted = fitTo(trainingRows(prepared, yearStart(year)), year)
      for (const row of rows) {
        quantiles[at] = fitted.quantiles[row]!
        variances[at++] = fitted.variances[row]!
      }
    }
    return { model, quantiles, variances }
  })
  const pick = (column: Float64Array) => Float64Array.from(evaluated, (row) => column[row]!)
  return { symbol, times: pick(time), drops: pick(prepared.drops), realized: pick(prepared.realized), models: results }
}

type Fit = (rows: readonly number[], year: number) => Fitted

function fitter(model: ForecastModel, prepared: Prepared, share: number, formula: FormulaByYear): Fit {
  const { hourly, horizon, realized } = prepared
  /** The quantile of a variance model is `c sigma`, `c` the quantile of drop over sigma in the training rows. */
  const scaled = (variances: Float64Array, rows: readonly number[]): Fitted => {
    const sigmas = variances.map(Math.sqrt)
    const c = upperQuantile(
      Float64Array.from(rows, (row) => prepared.drops[row]! / sigmas[row]!),
      share,
    )
    return { quantiles: sigmas.map((sigma) => c * sigma), variances }
  }
  switch (model) {
    case 'formula':
    case 'downside': {
      const averages = model === 'formula' ? prepared.scales : scales(hourly, FORMS[model])
      return (rows, year) => {
        const quantiles = formulaQuantiles(averages, formula(model, year))
        // The multiple of q^2 that is least in QLIKE over the training rows.
        const factor = rows.reduce((sum, row) => sum + realized[row]! / quantiles[row]! ** 2, 0) / rows.length
        return { quantiles, variances: quantiles.map((q) => factor * q * q) }
      }
    }
    case 'ewma': {
      const variances = ewma(hourly).map((v) => Math.max(v, 1e-12) * horizon)
      return (rows) => scaled(variances, rows)
    }
    case 'garch':
    case 'gjr': {
      let start: Garch | undefined
      return (rows) => {
        const returns = Float64Array.from(rows, (row) => hourly.log[row]!)
        const fit = fitGarch(returns, { asymmetric: model === 'gjr', ...(start === undefined ? {} : { start }) })
        start = fit
        return scaled(
          garchVariances(hourly.log, fit).map((next) => horizonVariance(next, fit, horizon)),
          rows,
        )
      }
    }
    case 'har': {
      const means = harMeans(hourly)
      return (rows) => {
        const har = fitHar(means, rows, (row) => realized[row]! / horizon)
        return scaled(
          harVariances(means, har).map((v) => v * horizon),
          rows,
        )
      }
    }
  }
}
