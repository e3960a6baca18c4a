import { mean, sampleCorrelation, sampleStandardDeviation } from 'simple-statistics'
import { HISTORY_START, HISTORY_SYMBOLS, type HistorySymbol, loadCutHistory } from '../data/history.ts'
import { joinSeries } from '../data/joint.ts'
import { HOUR, sliceSeries } from '../data/series.ts'
import { ewma } from '../volatility/ewma.ts'
import { fitGarch, type Garch } from '../volatility/garch.ts'
import { type Hourly, hourly } from '../volatility/hourly.ts'
import { fitHawkes, type Hawkes } from './hawkes.ts'

/** An asset as the parametric models know it; variances are of log returns an hour. */
export interface AssetCalibration {
  /** Standard deviation of an hour. */
  readonly sigma: number
  /** GJR with Student's t by maximum likelihood; its `freedom` also shapes `student`. */
  readonly gjr: Garch
  /** Mean and deviation of a jump, and deviation of an hour without, all over `sigma`. */
  readonly jumpMean: number
  readonly jumpSigma: number
  readonly calmSigma: number
}

export interface Calibration {
  readonly assets: Readonly<Record<HistorySymbol, AssetCalibration>>
  /** Correlations of hourly log returns, and of those in hours with a jump, over the hours that all six assets have; in their order. */
  readonly correlation: readonly (readonly number[])[]
  readonly jumpCorrelation: readonly (readonly number[])[]
  /** Jumps of the market. */
  readonly jumps: Hawkes
}

/** A jump: an hour in which an asset moved more than so many of its deviations of the last days. */
const JUMP_DEVIATIONS = 5
/** Decay an hour of the variance that jumps are measured by, slow since the model's own is constant: a half-life of 30 days. */
const JUMP_DECAY = 0.5 ** (1 / 720)

/** Fits all constants to the history with wicks cut; some ten seconds. */
export function calibrate(): Calibration {
  const series = HISTORY_SYMBOLS.map((symbol) => sliceSeries(loadCutHistory(symbol), HISTORY_START, Infinity))
  const data = series.map(hourly)
  const assets = Object.fromEntries(data.map((one, a) => [HISTORY_SYMBOLS[a]!, calibrateAsset(one)])) as Record<
    HistorySymbol,
    AssetCalibration
  >
  const joint = joinSeries(series).series.map(hourly)
  const jumped = anyOf(joint.map(jumpHours))
  const jumpRows = joint.map(({ log }) => Array.from(log).filter((_, i) => jumped[i]))
  return {
    assets,
    correlation: correlations(joint.map(({ log }) => Array.from(log))),
    jumpCorrelation: correlations(jumpRows),
    jumps: marketJumps(data),
  }
}

function correlations(columns: readonly number[][]): number[][] {
  return columns.map((x, i) => columns.map((y, j) => (i === j ? 1 : sampleCorrelation(x, y))))
}

function anyOf(flags: readonly (readonly boolean[])[]): boolean[] {
  return flags[0]!.map((_, i) => flags.some((one) => one[i]))
}

function jumpHours(data: Hourly): boolean[] {
  const variances = ewma(data, JUMP_DECAY)
  return Array.from(data.log, (r, i) => i > 200 && Math.abs(r) > JUMP_DEVIATIONS * Math.sqrt(variances[i - 1]!))
}

function calibrateAsset(data: Hourly): AssetCalibration {
  const sigma = sampleStandardDeviation(Array.from(data.log))
  const jumped = jumpHours(data)
  const jumps = Array.from(data.log).filter((_, i) => jumped[i])
  const calm = Array.from(data.log).filter((_, i) => !jumped[i])
  const gjr = fitGarch(data.log, { asymmetric: true, targeting: true })
  const { omega, alpha, gamma, beta, freedom } = gjr
  return {
    sigma,
    gjr: { omega, alpha, gamma, beta, freedom },
    jumpMean: mean(jumps) / sigma,
    jumpSigma: sampleStandardDeviation(jumps) / sigma,
    calmSigma: sampleStandardDeviation(calm) / sigma,
  }
}

/** Jumps of ETH or BTC as one process: an hour in which either jumped is an event in its middle. */
function marketJumps(data: readonly Hourly[]): Hawkes {
  const times = new Set<number>()
  for (const one of data.slice(0, 2)) jumpHours(one).forEach((jumped, i) => jumped && times.add(one.time[i]!))
  const start = data[0]!.time[0]!
  const events = [...times].map((time) => (time - start) / HOUR).sort((a, b) => a - b)
  return fitHawkes(events, (data[0]!.time.at(-1)! - start) / HOUR)
}
