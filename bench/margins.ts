import { parseArgs } from 'node:util'
import { textTable } from '../lib/text-table.ts'
import { HISTORY_SYMBOLS, type HistorySymbol, loadHistory } from '../risk/data/history.ts'
import { procyclicality } from '../risk/experiments/procyclicality.ts'

const { values } = parseArgs({ options: { maintenance: { type: 'string', default: '0.14' } } })
const MAINTENANCE = Number(values.maintenance)
const RISES = 3

/** Calm gap of an asset as a deployment would choose it, in 1/10^4. */
const calm = (symbol: HistorySymbol) => (symbol === 'ETH' || symbol === 'BTC' ? 1000n : 1500n)
const percent = (share: number) => `${(100 * share).toFixed(1)} %`
const day = (unix: number) => new Date(unix * 1000).toISOString().slice(0, 10)

const all = HISTORY_SYMBOLS.map((symbol) => procyclicality(loadHistory(symbol), calm(symbol), MAINTENANCE, RISES))
console.log(`Initial margin over the whole history, maintenance ${percent(MAINTENANCE)}, hour by hour\n`)
console.log(
  textTable(
    ['asset', 'from', 'hours', 'g', 'trough', 'median', 'peak', 'first at', 'peak/trough', 'at ceiling', 'changes/day'],
    all.map((p) => [
      p.symbol,
      day(loadHistory(p.symbol).unix[0]!),
      String(p.hours),
      percent(Number(p.g) / 1e4),
      percent(p.trough),
      percent(p.median),
      percent(p.peak),
      day(p.peakAt),
      (p.peak / p.trough).toFixed(2),
      percent(p.atCeiling),
      p.changesPerDay.toFixed(2),
    ]),
    [2, 3, 4, 5, 6, 8, 9, 10],
  ),
)
console.log('\nWorst rises within a day\n')
console.log(
  textTable(
    ['asset', 'day', 'from', 'to', 'points'],
    all.flatMap((p) =>
      p.rises.map(({ unix, from, to }) => [
        p.symbol,
        day(unix),
        percent(from),
        percent(to),
        (100 * (to - from)).toFixed(0),
      ]),
    ),
    [2, 3, 4],
  ),
)
