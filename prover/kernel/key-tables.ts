import { BATCH_ADDITIONS } from './addition-batch.ts'
import type { DoublingsTask } from './doublings.ts'
import type { Kernel } from './kernel.ts'
import type { Machine } from './machine.ts'
import type { ProvingKey } from './proving-key.ts'

/** Arrays of points of a key, in the order of their tables. */
export const TABLE_ARRAYS = ['a', 'b1', 'b2', 'c', 'h'] as const

/** Size of the windows that tables are for: there are 16. */
export const TABLE_BITS = 16
const WINDOWS = 16
/** Points that are kept of each, including itself. */
const MULTIPLES = 4

/** For each point P of an array the points `2^(shift t) P`, t = 1 .. multiples - 1, one behind the other. */
export interface PointTable {
  readonly pointer: number
  readonly multiples: number
}

/** Multiples of all points of a key, so that four sets of buckets serve all windows. */
export interface KeyTables extends Readonly<Record<(typeof TABLE_ARRAYS)[number], PointTable>> {
  /** Place of all tables. */
  readonly pointer: number
  readonly bytes: number
}

/** Bytes of a key's tables. */
export function tableBytes(machine: Machine, key: ProvingKey): number {
  return (
    (MULTIPLES - 1) * TABLE_ARRAYS.reduce((sum, name) => sum + key[name].count * machine.pointBytes(key[name].group), 0)
  )
}

/** Finds memory for a key's tables. @throws PlimsollError where there is none left */
export function allocateTables({ arena, machine }: Kernel, key: ProvingKey): KeyTables {
  const bytes = tableBytes(machine, key)
  const pointer = arena.allocate(bytes)
  let next = pointer
  const tables = TABLE_ARRAYS.map((name) => {
    const table = { pointer: next, multiples: MULTIPLES }
    next += (MULTIPLES - 1) * key[name].count * machine.pointBytes(key[name].group)
    return [name, table] as const
  })
  return { ...(Object.fromEntries(tables) as Record<(typeof TABLE_ARRAYS)[number], PointTable>), pointer, bytes }
}

/** The tasks that make a key's tables, in rounds: those of a round can be carried out at once, the rounds one after the other. */
export function* tableRounds(
  { machine, pool }: Kernel,
  key: ProvingKey,
  tables: KeyTables,
): Generator<readonly DoublingsTask[]> {
  const doublings = (TABLE_BITS * WINDOWS) / MULTIPLES
  for (const name of TABLE_ARRAYS) {
    const { group, points, count } = key[name]
    const pointBytes = machine.pointBytes(group)
    const stride = (MULTIPLES - 1) * pointBytes
    for (let multiple = 1; multiple < MULTIPLES; multiple++) {
      const target = tables[name].pointer + (multiple - 1) * pointBytes
      const [source, sourceStride] = multiple === 1 ? [points, pointBytes] : [target - pointBytes, stride]
      for (let first = 0; first < count; first += pool.size * BATCH_ADDITIONS) {
        const round: DoublingsTask[] = []
        for (let at = first; at < Math.min(count, first + pool.size * BATCH_ADDITIONS); at += BATCH_ADDITIONS) {
          round.push({
            group,
            source: source + at * sourceStride,
            sourceStride,
            target: target + at * stride,
            targetStride: stride,
            count: Math.min(BATCH_ADDITIONS, count - at),
            doublings,
          })
        }
        yield round
      }
    }
  }
}
