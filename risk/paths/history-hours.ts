import { HISTORY_START, type HistorySymbol, loadCutHistory } from '../data/history.ts'
import { joinSeries } from '../data/joint.ts'
import { sliceSeries } from '../data/series.ts'
import { formatDate } from '../evaluation/calendar.ts'
import { parkinson } from '../volatility/realized.ts'
import type { PathAsset } from './spec-assets.ts'

/** The hours that all assets of a path have, with wicks cut; one column an asset. */
export interface HistoryHours {
  readonly count: number
  /** Log returns over the hour, less their mean growth, so that each asset's price has none. */
  readonly moves: readonly Float64Array[]
  /** Parkinson's variance of the hour, scaled so that its mean is that of the squared moves: how much the price wandered within. */
  readonly variances: readonly Float64Array[]
  readonly note: string
}

const loaded = new Map<string, { readonly columns: readonly Column[]; readonly count: number; readonly note: string }>()

interface Column {
  readonly moves: Float64Array
  readonly variances: Float64Array
}

/** The hours of the history that a path draws from; read once a process. */
export function historyHours(assets: readonly PathAsset[]): HistoryHours {
  const symbols = [...new Set(assets.map(({ history }) => history))]
  let hours = loaded.get(symbols.join())
  if (hours === undefined) {
    hours = loadHours(symbols)
    loaded.set(symbols.join(), hours)
  }
  const columns = assets.map((asset) => hours.columns[symbols.indexOf(asset.history)]!)
  const { count, note } = hours
  return { count, note, moves: columns.map(({ moves }) => moves), variances: columns.map(({ variances }) => variances) }
}

function loadHours(symbols: readonly HistorySymbol[]) {
  const joint = joinSeries(symbols.map((symbol) => sliceSeries(loadCutHistory(symbol), HISTORY_START, Infinity)))
  const count = joint.unix.length
  const columns = joint.series.map((series): Column => {
    // Within the hour, open to close: a missing hour then makes no move.
    const raw = series.close.map((price, i) => Math.log(price / series.open[i]!))
    const growth = Math.log(raw.reduce((sum, r) => sum + Math.exp(r), 0) / count)
    const moves = raw.map((r) => r - growth)
    const range = parkinson(series)
    const mean = (column: Float64Array, of: (x: number) => number) => column.reduce((sum, x) => sum + of(x), 0) / count
    const scale = mean(moves, (r) => r * r) / mean(range, (v) => v)
    return { moves, variances: range.map((v) => v * scale) }
  })
  const period = `${formatDate(joint.unix[0]!)} to ${formatDate(joint.unix[count - 1]!)}`
  const cut = joint.series.reduce((sum, { report }) => sum + report.cutLows, 0)
  return {
    count,
    columns,
    note: `Moves are drawn from the ${count} hours from ${period} that ${symbols.join(', ')} have in common${cut > 0 ? `; ${cut} lows further than 30 % below their hour's body were cut` : ''}.`,
  }
}
