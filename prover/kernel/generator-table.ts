import { CurveGroup, type GroupName } from './curve.ts'
import { windowCount } from './digits.ts'
import type { Kernel } from './kernel.ts'
import type { Machine } from './machine.ts'
import { ListSummer, type PointLists } from './sum-lists.ts'

/** The multiples `d 2^(bits w) G` of a group's generator, for each window `w` and d = 1 .. 2^(bits - 1), in this order. */
export interface GeneratorTable {
  readonly group: GroupName
  readonly bits: number
  /** Address of the points. */
  readonly pointer: number
}

/** Makes a table on all threads, whose workspaces hold at least 2^(bits - 2) sums. */
export async function makeGeneratorTable(
  { arena, machine, pool }: Kernel,
  group: GroupName,
  bits: number,
): Promise<GeneratorTable> {
  const curve = new CurveGroup(group)
  const count = 2 ** (bits - 1)
  const windowBytes = count * machine.pointBytes(group)
  const pointer = arena.allocate(windowCount(bits) * windowBytes)
  const tasks: Promise<void>[] = []
  let base = curve.generator
  for (let window = 0; window < windowCount(bits); window++) {
    const multiples = pointer + window * windowBytes
    machine.writePoint(multiples, base)
    tasks.push(pool.run('multiples', { group, multiples, count }))
    base = curve.multiply(base, 1n << BigInt(bits))!
  }
  await Promise.all(tasks)
  return { group, bits, pointer }
}

/** Fills in the multiples 2 .. count of the point at an address, one behind the other; `count` is a power of two. */
export function fillMultiples(
  machine: Machine,
  group: GroupName,
  workspace: number,
  multiples: number,
  count: number,
): void {
  const pointBytes = machine.pointBytes(group)
  const summer = new ListSummer(machine, group, workspace, count / 2)
  const points = machine.bytes(multiples, count * pointBytes)
  for (let known = 1; known < count; known *= 2) {
    summer.reset()
    const sums = summer.sum(pairsWithLast(multiples, known, pointBytes))
    sums.forEach((sum, i) => points.set(machine.bytes(sum, pointBytes), (known + i) * pointBytes))
  }
}

/** Each of some points, one behind the other, with the last of them. */
function pairsWithLast(points: number, count: number, pointBytes: number): PointLists {
  const entries = new Uint32Array(2 * count)
  for (let i = 0; i < count; i++) entries.set([points + i * pointBytes, points + (count - 1) * pointBytes], 2 * i)
  return { entries, starts: Uint32Array.from({ length: count + 1 }, (_, i) => 2 * i) }
}
