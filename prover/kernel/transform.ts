import type { Machine } from './machine.ts'

/** Powers of a root of unity: `size + 1` elements, the last one 1 again. */
export interface RootTable {
  readonly pointer: number
  /** The root's order, a power of two. */
  readonly size: number
}

/** An array of `2^log` slots to transform, with roots of at least that order. */
export interface TransformArray {
  readonly data: number
  readonly log: number
  readonly roots: RootTable
}

interface Level {
  readonly radix: 2 | 4
  /** log2 of the number of slots of each of the `radix` parts of a block. */
  readonly partLog: number
}

// Slots that one thread transforms without a look at the others: 20 KB or so, which a core's first cache holds.
const ROW_LOG = 8

/** The levels from the largest blocks to the smallest; the ones below a row's size are a row's own. */
function levels(log: number): Level[] {
  const list: Level[] = log % 2 === 1 ? [{ radix: 2, partLog: log - 1 }] : []
  for (let partLog = log - (log % 2) - 2; partLog >= 0; partLog -= 2) list.push({ radix: 4, partLog })
  return list
}

/** log2 of a row; an array is as many rows, one behind the other, as it takes. */
export function rowLog(log: number): number {
  return Math.min(ROW_LOG, log - (log % 2))
}

/**
 * The levels of a transform whose blocks are larger than a row, for the columns from `first` to before `end` of all rows:
 * `inverse` ones in the order of decimation in frequency, the others in that of decimation in time.
 */
export function transformColumns(
  machine: Machine,
  array: TransformArray,
  inverse: boolean,
  first: number,
  end: number,
): void {
  const row = rowLog(array.log)
  const upper = levels(array.log).filter(({ radix, partLog }) => 2 ** partLog * radix > 2 ** row)
  for (const level of inverse ? upper : upper.toReversed()) {
    const blockSlots = level.radix * 2 ** level.partLog
    for (let block = 0; block < 2 ** array.log; block += blockSlots) {
      for (let start = 0; start < 2 ** level.partLog; start += 2 ** row)
        butterflies(machine, array, inverse, level, block, start + first, end - first, 1)
    }
  }
}

/** The levels within a row, for the rows from `first` to before `end`. */
export function transformRows(
  machine: Machine,
  array: TransformArray,
  inverse: boolean,
  first: number,
  end: number,
): void {
  const row = rowLog(array.log)
  const lower = levels(array.log).filter(({ radix, partLog }) => 2 ** partLog * radix <= 2 ** row)
  for (let index = first; index < end; index++) {
    for (const level of inverse ? lower : lower.toReversed()) {
      const blocks = 2 ** row / (level.radix * 2 ** level.partLog)
      butterflies(machine, array, inverse, level, index * 2 ** row, 0, 2 ** level.partLog, blocks)
    }
  }
}

/** One level of some blocks, for `count` slots of each part from `start` on. */
function butterflies(
  machine: Machine,
  { data, roots }: TransformArray,
  inverse: boolean,
  { radix, partLog }: Level,
  block: number,
  start: number,
  count: number,
  blocks: number,
): void {
  const { call, elementBytes } = machine
  const slotBytes = 2 * elementBytes
  const stride = roots.size / (radix * 2 ** partLog)
  const [origin, step] = inverse
    ? [roots.pointer + roots.size * elementBytes, -stride * elementBytes]
    : [roots.pointer, stride * elementBytes]
  const quarter = origin + (inverse ? -1 : 1) * Math.floor(roots.size / 4) * elementBytes
  const run = call[`ntt_${inverse ? 'dif' : 'dit'}${radix}`]!
  run(
    data + (block + start) * slotBytes,
    2 ** partLog * slotBytes,
    count,
    blocks,
    origin,
    origin + start * step,
    step,
    quarter,
  )
}

/** The level across lanes, of an array of 2n elements in n slots, for the slots from `first` to before `end`. */
export function transformSplit(
  machine: Machine,
  { data, roots }: TransformArray,
  inverse: boolean,
  first: number,
  end: number,
): void {
  const { call, elementBytes } = machine
  const step = (inverse ? -1 : 1) * elementBytes
  const origin = inverse ? roots.pointer + roots.size * elementBytes : roots.pointer
  call[inverse ? 'ntt_splitDif' : 'ntt_splitDit']!(
    data + first * 2 * elementBytes,
    end - first,
    origin + first * step,
    step,
  )
}

/** The index whose `bits` lowest bits are those of another in reverse. */
export function reverseBits(index: number, bits: number): number {
  let reversed = 0
  for (let bit = 0; bit < bits; bit++) reversed |= ((index >> bit) & 1) << (bits - 1 - bit)
  return reversed
}
