import { CurveGroup, type GroupName, type Point } from './curve.ts'
import type { Machine } from './machine.ts'
import type { ListSummer, PointLists } from './sum-lists.ts'

/** Scalars' digits in one window, and the points that they multiply. */
export interface WindowRow {
  /** Address of signed 16-bit digits, at most 2^(bits - 1) in magnitude. */
  readonly digits: number
  /** Address of the points, one behind the other. */
  readonly points: number
  /** Address of a byte a point, 0 for one at infinity. */
  readonly finite: number
  readonly count: number
}

/**
 * The part of a multi-scalar multiplication that one window of `bits` bits makes up, as points `p_0 .. p_(bits - 1)` with the sum
 * of `2^j p_j`. Points go into buckets by their digit; the sum of the buckets times their numbers is taken by the upper and
 * the lower halves of the numbers, then by their bits. (Pippenger's method, with all additions affine and in batches.)
 */
export function sumWindow(
  machine: Machine,
  group: GroupName,
  summer: ListSummer,
  rows: readonly WindowRow[],
  bits: number,
): Point[] {
  summer.reset()
  const buckets = summer.sum(bucketLists(machine, group, rows, bits))
  const low = bits >> 1
  const byLow = summer.sum(groupLists(buckets, 2 ** low, (bucket) => bucket % 2 ** low))
  const byHigh = summer.sum(groupLists(buckets, 2 ** (bits - low), (bucket) => bucket >> low))
  const sums = [...summer.sum(bitLists(byLow, low)), ...summer.sum(bitLists(byHigh, bits - low))]
  return sums.map((entry) => readEntry(machine, group, entry))
}

/** The point of an entry of a list, 0 being at infinity. */
export function readEntry(machine: Machine, group: GroupName, entry: number): Point {
  if (entry === 0) return undefined
  const point = machine.readPoint(entry - (entry % 2), group)
  return entry % 2 === 1 ? new CurveGroup(group).negate(point) : point
}

/** A list for every magnitude of a digit, 0 to 2^(bits - 1); the first is empty. */
function bucketLists(machine: Machine, group: GroupName, rows: readonly WindowRow[], bits: number): PointLists {
  const pointBytes = machine.pointBytes(group)
  const lists = 2 ** (bits - 1) + 1
  const starts = new Uint32Array(lists + 1)
  for (const { digits, finite, count } of rows) {
    const [digit, finiteFlags] = [machine.halfWords(digits, count), machine.bytes(finite, count)]
    for (let i = 0; i < count; i++) if (finiteFlags[i] !== 0 && digit[i] !== 0) starts[Math.abs(digit[i]!) + 1]!++
  }
  for (let list = 0; list < lists; list++) starts[list + 1]! += starts[list]!

  const entries = new Uint32Array(starts[lists]!)
  const next = starts.slice()
  for (const { digits, points, finite, count } of rows) {
    const [digit, finiteFlags] = [machine.halfWords(digits, count), machine.bytes(finite, count)]
    for (let i = 0; i < count; i++) {
      const d = digit[i]!
      if (finiteFlags[i] === 0 || d === 0) continue
      entries[next[Math.abs(d)]!++] = points + i * pointBytes + (d < 0 ? 1 : 0)
    }
  }
  return { entries, starts }
}

/** The entries that are not 0, in lists by what `key` makes of their index, without those of key 0. */
function groupLists(entries: Uint32Array, lists: number, key: (index: number) => number): PointLists {
  const members = Array.from({ length: lists }, (): number[] => [])
  entries.forEach((entry, index) => entry !== 0 && key(index) > 0 && members[key(index)]!.push(entry))
  return flatten(members)
}

/** For every bit, the entries in whose index it is set. */
function bitLists(entries: Uint32Array, bits: number): PointLists {
  return flatten(
    Array.from({ length: bits }, (_, bit) => [...entries].filter((entry, index) => entry !== 0 && (index >> bit) & 1)),
  )
}

function flatten(lists: readonly (readonly number[])[]): PointLists {
  const starts = new Uint32Array(lists.length + 1)
  lists.forEach((list, i) => (starts[i + 1] = starts[i]! + list.length))
  return { entries: Uint32Array.from(lists.flat()), starts }
}
