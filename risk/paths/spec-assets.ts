import { CholeskyDecomposition, Matrix } from 'ml-matrix'
import { PlimsollError } from '../../protocol/errors.ts'
import { HISTORY_SYMBOLS, type HistorySymbol, historyOf } from '../data/history.ts'
import { HOUR } from '../data/series.ts'
import type { AssetCalibration } from './calibrate.ts'
import { CALIBRATION } from './calibration.ts'
import type { PathSpec } from './path-model.ts'

/** Hours of a year of 365 days. */
const HOURS_PER_YEAR = 8760

/** An asset of a path as the models see it. */
export interface PathAsset {
  /** The asset whose history is used. */
  readonly history: HistorySymbol
  readonly calibration: AssetCalibration
  /** Standard deviation of an hour: that of `--sigma`, or the history's. */
  readonly sigma: number
}

/** Correlation of a pair of which one asset has no history: the mean of the pairs that have. */
const UNKNOWN_CORRELATION = (() => {
  const pairs = CALIBRATION.correlation.flatMap((row, i) => row.filter((_, j) => j < i))
  return pairs.reduce((sum, x) => sum + x, 0) / pairs.length
})()

/** Two assets that follow the same coin, and pairs of `--correlation 1`: just short of singular. */
const SAME = 1 - 1e-9

/**
 * The assets of a specification, and what a reader should know of the choice.
 * @throws PlimsollError where an asset has no history and the model cannot do without
 */
export function pathAssets({ model, symbols, sigma }: PathSpec): {
  readonly assets: readonly PathAsset[]
  readonly notes: readonly string[]
} {
  const notes: string[] = []
  const assets = symbols.map((symbol): PathAsset => {
    const found = historyOf(symbol)
    const fromHistory = model === 'fhs' || model === 'bootstrap'
    if (found === undefined && (fromHistory || sigma === undefined)) {
      const instead = fromHistory ? 'take gbm, student, gjr or jumps with --sigma' : 'give --sigma'
      throw new PlimsollError(
        `${symbol} has no history (there is one of ${HISTORY_SYMBOLS.join(', ')}), which the model ${model} needs.`,
        {
          hint: `For such an asset ${instead}.`,
        },
      )
    }
    if (found === undefined && model !== 'gbm')
      notes.push(`${symbol} has no history: its moves have the shape of ETH's at the given volatility.`)
    else if (found !== undefined && found !== symbol && sigma === undefined) notes.push(`${symbol} moves as ${found}.`)
    const history = found ?? 'ETH'
    const calibration = CALIBRATION.assets[history]
    return { history, calibration, sigma: sigma === undefined ? calibration.sigma : sigma / Math.sqrt(HOURS_PER_YEAR) }
  })
  return { assets, notes }
}

/**
 * The lower triangular root of the assets' correlations, row by row: that of `--correlation`, or of the history.
 * @throws PlimsollError where no assets could be correlated so
 */
export function correlationRoot(
  { symbols, correlation }: Pick<PathSpec, 'symbols' | 'correlation'>,
  matrix = CALIBRATION.correlation,
): Float64Array[] {
  const n = symbols.length
  const found = symbols.map(historyOf)
  if (correlation !== undefined && n > 1 && !(correlation > -1 / (n - 1) && correlation <= 1)) {
    throw new PlimsollError(
      `${n} assets cannot all have a correlation of ${correlation}: it must be above ${(-1 / (n - 1)).toPrecision(3)} and at most 1.`,
    )
  }
  const pair = (i: number, j: number) => {
    if (i === j) return 1
    if (correlation !== undefined) return Math.min(correlation, SAME)
    const [a, b] = [found[i], found[j]]
    if (a === undefined || b === undefined) return UNKNOWN_CORRELATION
    return a === b ? SAME : matrix[HISTORY_SYMBOLS.indexOf(a)]![HISTORY_SYMBOLS.indexOf(b)]!
  }
  const full = Matrix.zeros(n, n)
  for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) full.set(i, j, pair(i, j))
  const root = new CholeskyDecomposition(full)
  if (!root.isPositiveDefinite()) throw new PlimsollError('No assets can be correlated like this: give --correlation.')
  return root.lowerTriangularMatrix.to2DArray().map((row) => Float64Array.from(row))
}

/** Correlated standard normals from independent ones: `out = root independent`. */
export function correlate(root: readonly Float64Array[], independent: Float64Array, out: Float64Array): void {
  for (let a = 0; a < root.length; a++) {
    const row = root[a]!
    let sum = 0
    for (let b = 0; b <= a; b++) sum += row[b]! * independent[b]!
    out[a] = sum
  }
}

/** The place of steps in hours: several an hour, or several hours each. */
export interface HourGrid {
  readonly stepsPerHour: number
  readonly hoursPerStep: number
}

/** @throws PlimsollError where steps neither divide an hour nor are whole hours */
export function hourGrid({ model, stepSeconds }: PathSpec): HourGrid {
  if (HOUR % stepSeconds === 0) return { stepsPerHour: HOUR / stepSeconds, hoursPerStep: 1 }
  if (stepSeconds % HOUR === 0) return { stepsPerHour: 1, hoursPerStep: stepSeconds / HOUR }
  throw new PlimsollError(
    `The model ${model} moves by the hour: ${stepSeconds} seconds a step neither divide an hour nor are whole hours.`,
    {
      hint: 'Take 300, for example, or the model gbm.',
    },
  )
}
