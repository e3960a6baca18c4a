import { BASE_FIELD } from './bigint-field.ts'
import type { GroupName } from './curve.ts'
import { SCALAR_WORDS, signedDigits, windowCount } from './digits.ts'
import { type GeneratorTable, makeGeneratorTable } from './generator-table.ts'
import type { Kernel } from './kernel.ts'
import type { Machine } from './machine.ts'
import { readEntry } from './msm-buckets.ts'
import { SCALAR_BYTES, type Scalars } from './scalars.ts'
import { ListSummer, type PointLists, summerBytes } from './sum-lists.ts'
import { ENCODED_POINT_BYTES } from './zkey.ts'

/** Some scalars to multiply a generator by, and where the points go. */
export interface MultiplesTask {
  readonly table: GeneratorTable
  readonly scalars: Scalars
  /** Address of the encoded points. */
  readonly encoded: number
  /** Address of the element 2^256. */
  readonly factor: number
}

// Digits of one task: enough to share inversions, few enough for their sums to stay in a core's cache.
const TASK_DIGITS = 1 << 14
// Tables of 22 MB in G1 and 45 MB in G2: beyond, waiting for memory costs more than the additions that it saves.
const MAXIMUM_BITS = 15

/** Gives threads the workspaces that `FixedBase` needs. */
export function reserveFixedBase(kernel: Kernel): void {
  const { machine } = kernel
  kernel.reserveWorkspaces(summerBytes(machine, 'g2', TASK_DIGITS) + TASK_DIGITS * machine.pointBytes('g2'))
}

/** Multiplies a group's generator by many scalars, by adding up multiples from a table. */
export class FixedBase {
  readonly #kernel: Kernel
  readonly #table: GeneratorTable
  readonly #factor: number

  private constructor(kernel: Kernel, table: GeneratorTable) {
    this.#kernel = kernel
    this.#table = table
    const { arena, machine } = kernel
    this.#factor = arena.allocate(machine.elementBytes)
    machine.base.write(machine.view, this.#factor, (1n << 256n) % BASE_FIELD)
  }

  /** With a table whose size suits about so many scalars. */
  static async make(kernel: Kernel, group: GroupName, scalars: number): Promise<FixedBase> {
    reserveFixedBase(kernel)
    return new FixedBase(kernel, await makeGeneratorTable(kernel, group, tableBits(scalars)))
  }

  /**
   * The generator times each scalar, as points of a `.zkey` file one behind the other: a view of the kernel's memory. `onPoints`
   * is called with numbers of points that are done.
   */
  async multiply({ pointer, count }: Scalars, onPoints: (points: number) => void = () => {}): Promise<Uint8Array> {
    const { arena, machine, pool } = this.#kernel
    const { group, bits } = this.#table
    const encodedBytes = ENCODED_POINT_BYTES[group]
    const encoded = arena.allocate(count * encodedBytes)
    const size = Math.floor(TASK_DIGITS / windowCount(bits))
    const tasks: Promise<void>[] = []
    for (let first = 0; first < count; first += size) {
      const scalars = { pointer: pointer + SCALAR_BYTES * first, count: Math.min(size, count - first) }
      const task = { table: this.#table, scalars, encoded: encoded + first * encodedBytes, factor: this.#factor }
      tasks.push(pool.run('generatorMultiples', task).then(() => onPoints(scalars.count)))
    }
    await Promise.all(tasks)
    return machine.bytes(encoded, count * encodedBytes)
  }
}

/** The window size that takes the fewest additions, the table's included. */
function tableBits(scalars: number): number {
  const cost = (bits: number) => windowCount(bits) * (scalars + 2 ** (bits - 1))
  let best = 4
  for (let bits = 5; bits <= MAXIMUM_BITS; bits++) if (cost(bits) < cost(best)) best = bits
  return best
}

/** Carries out a task of `FixedBase`, in a workspace as it reserves it. */
export function multiplyGenerator(
  machine: Machine,
  workspace: number,
  { table, scalars, encoded, factor }: MultiplesTask,
): void {
  const { group } = table
  const pointBytes = machine.pointBytes(group)
  const summer = new ListSummer(machine, group, workspace, TASK_DIGITS)
  const sums = summer.sum(digitLists(machine, table, scalars))

  const elements = workspace + summerBytes(machine, group, TASK_DIGITS)
  const points = machine.bytes(elements, scalars.count * pointBytes)
  sums.forEach((sum, i) => {
    if (sum === 0) points.fill(0, i * pointBytes, (i + 1) * pointBytes)
    else if (sum % 2 === 0) points.set(machine.bytes(sum, pointBytes), i * pointBytes)
    else machine.writePoint(elements + i * pointBytes, readEntry(machine, group, sum)!)
  })
  const pairs = (scalars.count * pointBytes) / (2 * machine.elementBytes)
  machine.call.fp_exportTimes!(elements, encoded, pairs, factor)
}

/** For each scalar, the multiples that add up to it. */
function digitLists(machine: Machine, { group, bits, pointer }: GeneratorTable, scalars: Scalars): PointLists {
  const { count } = scalars
  const windows = windowCount(bits)
  const digits = new Int16Array(count * windows)
  signedDigits(machine.words(scalars.pointer, SCALAR_WORDS * count), digits, count, bits, 0, count)

  const pointBytes = machine.pointBytes(group)
  const windowBytes = 2 ** (bits - 1) * pointBytes
  const entries = new Uint32Array(digits.length)
  const starts = new Uint32Array(count + 1)
  let length = 0
  for (let i = 0; i < count; i++) {
    for (let window = 0; window < windows; window++) {
      const digit = digits[window * count + i]!
      if (digit === 0) continue
      const point = pointer + window * windowBytes + (Math.abs(digit) - 1) * pointBytes
      entries[length++] = point + (digit < 0 ? 1 : 0)
    }
    starts[i + 1] = length
  }
  return { entries, starts }
}
