import { PlimsollError } from '../protocol/errors.ts'
import { HISTORY_SYMBOLS, type HistorySymbol, requireHistory } from '../risk/data/history.ts'
import { DAY, parseDate } from '../risk/evaluation/calendar.ts'

/**
 * The seconds of a period from its first to its last day, both included.
 * @throws PlimsollError naming the option that is wrong
 */
export function parsePeriod(from: string, to: string): { readonly from: number; readonly until: number } {
  const period = { from: parseDate(from, '--from'), until: parseDate(to, '--to') + DAY }
  if (period.from >= period.until) throw new PlimsollError(`--from ${from} is after --to ${to}.`)
  return period
}

/** Assets of the history by their symbols, all of them where none are named. @throws PlimsollError naming one that is not there */
export function requireAssets(symbols: readonly string[] | undefined): readonly HistorySymbol[] {
  const assets = symbols?.map(requireHistory) ?? HISTORY_SYMBOLS
  const twice = assets.find((symbol, i) => assets.indexOf(symbol) < i)
  if (twice !== undefined) throw new PlimsollError(`--assets names ${twice} twice.`)
  return assets
}
