import { ADDITION_COST, BATCH_ADDITIONS } from './addition-batch.ts'
import { windowCount } from './digits.ts'
import type { DoublingsTask } from './doublings.ts'
import type { Kernel } from './kernel.ts'
import type { Machine } from './machine.ts'
import type { ProvingKey } from './proving-key.ts'

/** Arrays of points of a key, in the order of their tables. */
export const TABLE_ARRAYS = ['a', 'b2', 'c', 'h'] as const

/** Points that are kept of each, including itself. */
export const MULTIPLES = 4
/** Sizes of windows of which so many as there are multiples make up a whole number of sets. */
export const TABLE_BITS = [11, 13, 16] as const
export type TableBits = (typeof TABLE_BITS)[number]

/** Address of the points `2^(shift t) P`, t = 1 .. `MULTIPLES - 1`, one behind the other for each point P of an array. */
export type PointTable = number

/** Multiples of all points of a key, so that a quarter of the sets of buckets serves all windows. */
export interface KeyTables extends Readonly<Record<(typeof TABLE_ARRAYS)[number], PointTable>> {
  /** Size of the windows; the shift is that of a quarter of all windows. */
  readonly bits: TableBits
  /** Place of all tables. */
  readonly pointer: number
  readonly bytes: number
}

/** The size of windows that suits a key's tables. */
export function tableBits(key: ProvingKey): TableBits {
  const points = (key.c.count + key.h.count + key.a.count + ADDITION_COST.g2 * key.b2.count) / (2 + ADDITION_COST.g2)
  // As without tables, but with fewer sets.
  const cost = (bits: number) => windowCount(bits) * (points + 2 ** bits / MULTIPLES)
  return TABLE_BITS.reduce((best, bits) => (cost(bits) < cost(best) ? bits : best))
}

/** Bytes of a key's tables. */
export function tableBytes(machine: Machine, key: ProvingKey): number {
  return (
    (MULTIPLES - 1) * TABLE_ARRAYS.reduce((sum, name) => sum + key[name].count * machine.pointBytes(key[name].group), 0)
  )
}

/** Finds memory for a key's tables. @throws PlimsollError where there is none left */
export function allocateTables({ arena, machine }: Kernel, key: ProvingKey, bits = tableBits(key)): KeyTables {
  const bytes = tableBytes(machine, key)
  const pointer = arena.allocate(bytes)
  let next = pointer
  const tables = TABLE_ARRAYS.map((name) => {
    const table = next
    next += (MULTIPLES - 1) * key[name].count * machine.pointBytes(key[name].group)
    return [name, table] as const
  })
  return { ...(Object.fromEntries(tables) as Record<(typeof TABLE_ARRAYS)[number], PointTable>), bits, pointer, bytes }
}

/** The tasks that make a key's tables, in rounds: those of a round can be carried out at once, the rounds one after the other. */
export function* tableRounds(
  { machine, pool }: Kernel,
  key: ProvingKey,
  tables: KeyTables,
): Generator<readonly DoublingsTask[]> {
  const doublings = (tables.bits * windowCount(tables.bits)) / MULTIPLES
  for (const name of TABLE_ARRAYS) {
    const { group, points, count } = key[name]
    const pointBytes = machine.pointBytes(group)
    const stride = (MULTIPLES - 1) * pointBytes
    for (let multiple = 1; multiple < MULTIPLES; multiple++) {
      const target = tables[name] + (multiple - 1) * pointBytes
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
