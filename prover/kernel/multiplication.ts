import { ADDITION_COST } from './addition-batch.ts'
import type { BucketRow } from './bucket-sums.ts'
import type { GroupName, Point } from './curve.ts'
import { windowCount } from './digits.ts'
import type { Kernel } from './kernel.ts'
import type { PointArray } from './key-points.ts'
import { MULTIPLES, type PointTable } from './key-tables.ts'
import type { Machine } from './machine.ts'

/** Signed digits of scalars: digit `w` of scalar `i` is the 16-bit word `w scalars + i` from an address on. */
export interface DigitArray {
  readonly pointer: number
  readonly scalars: number
  readonly bits: number
}

/** Points, their multiples if there are any, and their scalars, of which `first` is the one of index 0. */
export interface MultiplicationTerm {
  readonly points: PointArray
  readonly table: PointTable | undefined
  readonly digits: DigitArray
  readonly first: number
}

interface BucketTask {
  readonly multiplication: number
  /** Set of buckets: those of the windows that are this number modulo the number of sets. */
  readonly set: number
  readonly group: GroupName
  readonly rows: readonly BucketRow[]
  /** About how long it takes. */
  readonly cost: number
}

// Tasks for each thread, so that they end at about the same time.
const TASKS_A_THREAD = 3

/**
 * Multi-scalar multiplications: the sum of each one's terms. All are of one size of windows, and each has tables for all terms or for none.
 */
export async function multiply(
  { machine, pool }: Kernel,
  multiplications: readonly (readonly MultiplicationTerm[])[],
): Promise<Point[]> {
  const { bits } = multiplications[0]![0]!.digits
  const entries = multiplications.map((terms) => terms.reduce((sum, term) => sum + term.points.count, 0))
  const costs = multiplications.map((terms, i) => ADDITION_COST[terms[0]!.points.group] * entries[i]!)
  const total = costs.reduce((sum, cost) => sum + cost, 0)
  const tasks = multiplications.flatMap((terms, multiplication): BucketTask[] => {
    const { group } = terms[0]!.points
    const sets = setCount(terms[0]!)
    const parts = Math.max(1, Math.ceil((costs[multiplication]! / total) * ((TASKS_A_THREAD * pool.size) / sets)))
    return Array.from({ length: sets * parts }, (_, i) => {
      const [set, part] = [i % sets, Math.floor(i / sets)]
      const rows = terms.flatMap((term) => rowsOf(machine, term, sets, set, part / parts, (part + 1) / parts))
      return { multiplication, set, group, rows, cost: costs[multiplication]! / sets / parts }
    })
  })
  tasks.sort((a, b) => b.cost - a.cost)
  const sums = await Promise.all(tasks.map(({ group, rows }) => pool.run('buckets', { group, rows, bits })))
  return Promise.all(
    multiplications.map((terms, multiplication) => {
      const points: Point[][] = Array.from({ length: setCount(terms[0]!) * bits }, () => [])
      tasks.forEach((task, i) => {
        if (task.multiplication === multiplication)
          for (const [bit, point] of sums[i]!.entries()) points[task.set * bits + bit]!.push(point)
      })
      return pool.run('combine', { group: terms[0]!.points.group, points })
    }),
  )
}

function setCount({ table, digits }: MultiplicationTerm): number {
  return windowCount(digits.bits) / (table === undefined ? 1 : MULTIPLES)
}

/** Rows of one set of buckets, with the points of a part of a term. */
function rowsOf(
  machine: Machine,
  { points, table, digits, first }: MultiplicationTerm,
  sets: number,
  set: number,
  from: number,
  to: number,
): BucketRow[] {
  const [start, end] = [Math.floor(from * points.count), Math.floor(to * points.count)]
  const pointBytes = machine.pointBytes(points.group)
  const row = (address: number, multiples: number, window: number): BucketRow => ({
    points: address + start * multiples * pointBytes,
    multiples,
    indices: points.indices + 4 * start,
    count: end - start,
    digits: digits.pointer + 2 * (window * digits.scalars + first),
    scalarStride: 2,
    multipleStride: 2 * sets * digits.scalars,
  })
  return [row(points.points, 1, set), ...(table === undefined ? [] : [row(table, MULTIPLES - 1, set + sets)])]
}
