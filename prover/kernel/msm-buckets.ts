import { type BucketRow, BucketSummer } from './bucket-sums.ts'
import { CurveGroup, type GroupName, type Point } from './curve.ts'
import type { Machine } from './machine.ts'
import type { PointLists } from './sum-lists.ts'

/**
 * The part of a multi-scalar multiplication that one set of 2^(bits - 1) buckets makes up, as points `p_0 .. p_(bits - 1)` with the sum
 * of `2^j p_j`. Points go into buckets by their digit; the sum of the buckets times their numbers is taken by the upper and
 * the lower halves of the numbers, then by their bits. (Pippenger's method, with all additions affine and in batches.)
 */
export function sumBuckets(
  machine: Machine,
  group: GroupName,
  workspace: number,
  rows: readonly BucketRow[],
  bits: number,
): Point[] {
  const summer = new BucketSummer(machine, group, workspace, bits)
  for (const row of rows) summer.add(row)
  const buckets = summer.entries()
  const { lists } = summer
  lists.reset()
  const low = bits >> 1
  const byLow = lists.sum(groupLists(buckets, 0, low))
  const byHigh = lists.sum(groupLists(buckets, low, bits - low))
  const sums = [...lists.sum(bitLists(byLow, low)), ...lists.sum(bitLists(byHigh, bits - low))]
  return sums.map((entry) => readEntry(machine, group, entry))
}

/** The point of an entry of a list, 0 being at infinity. */
export function readEntry(machine: Machine, group: GroupName, entry: number): Point {
  if (entry === 0) return undefined
  const point = machine.readPoint(entry - (entry % 2), group)
  return entry % 2 === 1 ? new CurveGroup(group).negate(point) : point
}

/** The entries that are not 0, in lists by some bits of their index, without those for which these bits are 0. */
function groupLists(entries: Uint32Array, shift: number, bits: number): PointLists {
  const lists = 2 ** bits
  const mask = lists - 1
  const ends = new Uint32Array(lists + 1)
  for (let i = 0; i < entries.length; i++) if (entries[i] !== 0) ends[((i >> shift) & mask) + 1]!++
  ends[1] = 0
  for (let list = 1; list <= lists; list++) ends[list]! += ends[list - 1]!
  const starts = ends.slice()
  const grouped = new Uint32Array(starts[lists]!)
  for (let i = 0; i < entries.length; i++) {
    const list = (i >> shift) & mask
    if (entries[i] !== 0 && list > 0) grouped[ends[list]!++] = entries[i]!
  }
  return { entries: grouped, starts }
}

/** For every bit, the entries in whose index it is set. */
function bitLists(entries: Uint32Array, bits: number): PointLists {
  const lists = Array.from({ length: bits }, (_, bit) => entries.filter((entry, i) => entry !== 0 && (i >> bit) & 1))
  const starts = new Uint32Array(bits + 1)
  lists.forEach((list, i) => (starts[i + 1] = starts[i]! + list.length))
  const joined = new Uint32Array(starts[bits]!)
  lists.forEach((list, i) => joined.set(list, starts[i]))
  return { entries: joined, starts }
}
