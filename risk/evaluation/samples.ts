import { HISTORY_START, type HistorySymbol, loadHistory } from '../data/history.ts'
import { HOUR } from '../data/series.ts'
import {
  type FormulaConstants,
  type FormulaFit,
  type FormulaForm,
  fitFormula,
  type Sample,
  type Scales,
  SYMMETRIC,
  scales,
} from '../volatility/formula.ts'
import { drops, type Hourly, hourly, realizedVariances } from '../volatility/hourly.ts'

/** Hours at the start of a history that no fit uses: the averages have still to forget where they started. */
const WARM_UP = 336

/** An asset's history made ready for forecasts of one horizon. */
export interface Prepared {
  readonly symbol: HistorySymbol
  readonly horizon: number
  readonly hourly: Hourly
  readonly scales: Scales
  readonly form: FormulaForm
  readonly drops: Float64Array
  readonly realized: Float64Array
  /** The first moment from which hours are used. */
  readonly begin: number
}

export function prepare(symbol: HistorySymbol, horizon: number, form: FormulaForm = SYMMETRIC): Prepared {
  const data = hourly(loadHistory(symbol))
  return {
    symbol,
    horizon,
    hourly: data,
    scales: scales(data, form),
    form,
    drops: drops(data, horizon),
    realized: realizedVariances(data, horizon),
    begin: Math.max(HISTORY_START, data.time[0]! + WARM_UP * HOUR),
  }
}

/** The hours whose forecast and outcome both lie before `cut` (seconds), as a fit made then may use them. */
export function trainingRows({ hourly: { time }, drops, begin, horizon }: Prepared, cut: number): number[] {
  const rows: number[] = []
  for (let i = 0; i < time.length && time[i]! + horizon * HOUR <= cut; i++) {
    if (time[i]! >= begin && !Number.isNaN(drops[i]!)) rows.push(i)
  }
  return rows
}

/** The data of a fit of the formula: the averages and the drops of the hours before `cut`. */
export function formulaSample(prepared: Prepared, cut: number): Sample {
  const rows = trainingRows(prepared, cut)
  const pick = (column: Float64Array) => Float64Array.from(rows, (row) => column[row]!)
  const [fast, middle, slow] = prepared.scales
  return { scales: [pick(fast), pick(middle), pick(slow)], drops: pick(prepared.drops) }
}

/** The assets on which the formula was fitted, here and in the constants that run on chain. */
export const TRAINING_ASSETS: readonly HistorySymbol[] = ['ETH', 'BTC']

/** Hours that a fit needs: some twelve weeks. */
export const LEAST_TRAINING = 2000

/** Fits the formula to all hours of the assets before `cut` (seconds); undefined where one of them has too few. */
export function trainFormula(
  assets: readonly HistorySymbol[],
  cut: number,
  horizon: number,
  share: number,
  form: FormulaForm = SYMMETRIC,
): FormulaFit | undefined {
  const samples = assets.map((symbol) => formulaSample(prepare(symbol, horizon, form), cut))
  return samples.some(({ drops }) => drops.length < LEAST_TRAINING) ? undefined : fitFormula(samples, share)
}

/** The asymmetric form's constants for an hour and 1 %, fitted likewise: `plimsoll risk train --form downside`. */
export const FROZEN_DOWNSIDE: FormulaConstants = { C0: 1.847e-4, C1: 10.81, C2: 5.879, C3: 4.239 }

/**
 * Constants fitted once to ETH and BTC up to the end of 2021 at a quantile of 1 %, and never again: the one-hour form, and the six-hour
 * form that the margin rule uses (there as integers over 2^48 and 2^8).
 */
export const FROZEN: Readonly<Record<number, FormulaConstants>> = {
  1: { C0: 2.284e-4, C1: 9.092, C2: 3.809, C3: 0 },
  6: { C0: 615_590_000_000 / 2 ** 48, C1: 8233 / 2 ** 8, C2: 7088 / 2 ** 8, C3: 894 / 2 ** 8 },
}
export const FROZEN_SHARE = 0.01
/** The end of the data that frozen constants, and those of other horizons and quantiles, were fitted to: 2022-01-01. */
export const FROZEN_CUT = Date.UTC(2022, 0, 1) / 1000
