import { divDown, max, min } from './integer.ts'

/** Lots that an asset has at most: what loops over them is bounded. */
export const LOTS_MOST = 8

/** Inventory that waits with a clock of its own: 32 + 96 + 64 + 40 bits, one word. */
export interface Lot {
  /** Number in the order in which the lots of the asset began. */
  readonly id: bigint
  /** Base units, above 0. */
  readonly units: bigint
  /** The asset's clock when the lot's began, by weight where parts began at different times. */
  readonly start: bigint
  /** Unix seconds since which the oldest part waits; for display, no price depends on it. */
  readonly since: bigint
}

/** Lots of one side of an asset, the oldest first. */
export type Lots = readonly Lot[]

/** Units of a lot that leave it. */
export interface LotPart {
  readonly lot: Lot
  readonly units: bigint
}

export function unitsOf(lots: Lots): bigint {
  return lots.reduce((sum, { units }) => sum + units, 0n)
}

/**
 * Two neighbors as one lot. The clock is that of both by weight, its start rounded down: so the part that joins turns the older clock back
 * by no more than its weight, and dust, which weighs nothing, not at all.
 * @param setBack clocks that began before it count from there
 */
function mergeLots(older: Lot, younger: Lot, setBack: bigint): Lot {
  const units = older.units + younger.units
  const starts = older.units * max(older.start, setBack) + younger.units * max(younger.start, setBack)
  return { id: older.id, units, start: divDown(starts, units), since: min(older.since, younger.since) }
}

/** The lots with one more, the youngest: beyond eight it joins the youngest there is. */
export function appendLot(lots: Lots, lot: Lot, setBack: bigint): Lots {
  return lots.length < LOTS_MOST ? [...lots, lot] : joinYoungest(lots, lot, setBack)
}

/** The lots with one that becomes part of the youngest. There is at least one. */
export function joinYoungest(lots: Lots, lot: Lot, setBack: bigint): Lots {
  return [...lots.slice(0, -1), mergeLots(lots.at(-1)!, lot, setBack)]
}

/** The lots less so many units of the youngest, and the rest of the units that no lot had. */
export function netYoungest(lots: Lots, units: bigint): { readonly lots: Lots; readonly rest: bigint } {
  const left = [...lots]
  let rest = units
  while (rest > 0n && left.length > 0) {
    const youngest = left.pop()!
    if (youngest.units > rest) left.push({ ...youngest, units: youngest.units - rest })
    rest -= min(rest, youngest.units)
  }
  return { lots: left, rest }
}

/** The lots less so many units of the oldest, and the parts that left. There are so many units. */
export function takeOldest(lots: Lots, units: bigint): { readonly lots: Lots; readonly parts: readonly LotPart[] } {
  const parts: LotPart[] = []
  let rest = units
  let whole = 0
  for (const lot of lots) {
    if (rest === 0n) break
    const taken = min(rest, lot.units)
    parts.push({ lot, units: taken })
    rest -= taken
    if (taken === lot.units) whole++
  }
  const left = lots.slice(whole)
  const last = parts.at(-1)
  if (last !== undefined && last.units < last.lot.units) left[0] = { ...last.lot, units: last.lot.units - last.units }
  return { lots: left, parts }
}
