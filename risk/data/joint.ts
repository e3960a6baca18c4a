import { PlimsollError } from '../../protocol/errors.ts'
import { HOUR, type Series } from './series.ts'

/** Candles of several assets over the hours that all of them have, oldest first. */
export interface JointSeries {
  readonly unix: Float64Array
  /** One series an asset, each of the length of `unix`. */
  readonly series: readonly Series[]
  /** Hours that some asset has and another lacks, between the first and the last common one. */
  readonly dropped: number
}

/**
 * Brings several series to their common hours.
 * @throws PlimsollError where they have none
 */
export function joinSeries(series: readonly Series[]): JointSeries {
  const positions = series.map(() => 0)
  const rows: number[][] = series.map(() => [])
  const [first, ...rest] = series
  for (let i = 0; i < first!.unix.length; i++) {
    const hour = first!.unix[i]!
    const common = rest.every((other, a) => {
      let at = positions[a + 1]!
      while (at < other.unix.length && other.unix[at]! < hour) at++
      positions[a + 1] = at
      return other.unix[at] === hour
    })
    if (!common) continue
    rows[0]!.push(i)
    rest.forEach((_, a) => rows[a + 1]!.push(positions[a + 1]!))
  }
  const count = rows[0]!.length
  if (count === 0) throw new PlimsollError(`${series.map(({ symbol }) => symbol).join(', ')} have no hour in common.`)
  const pick = (column: Float64Array, a: number) => Float64Array.from(rows[a]!, (row) => column[row]!)
  const joint = series.map(
    (one, a): Series => ({
      ...one,
      unix: pick(one.unix, a),
      open: pick(one.open, a),
      high: pick(one.high, a),
      low: pick(one.low, a),
      close: pick(one.close, a),
    }),
  )
  const unix = joint[0]!.unix
  return { unix, series: joint, dropped: (unix[count - 1]! - unix[0]!) / HOUR + 1 - count }
}
