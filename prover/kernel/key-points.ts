import { PlimsollError } from '../../protocol/errors.ts'
import { BASE_FIELD, inverse } from './bigint-field.ts'
import { CurveGroup, type GroupName, type Point } from './curve.ts'
import type { Kernel } from './kernel.ts'
import { alignedWords } from './section-file.ts'
import { ENCODED_POINT_BYTES } from './zkey.ts'

/** Finite points in the kernel's memory, one behind the other, and to each the index of its scalar. */
export interface PointArray {
  readonly group: GroupName
  readonly points: number
  /** Address of 32-bit indices, in ascending order. */
  readonly indices: number
  readonly count: number
}

/** Points of a section of a key's file, and some behind them; undefined is at infinity. */
export interface PointSource {
  readonly group: GroupName
  readonly file: Uint8Array
  readonly extra: readonly Point[]
}

/** Points of a key on their way into the kernel's memory: first imported, then checked, each by all threads. */
export class LoadingPoints {
  readonly #kernel: Kernel
  readonly #name: string
  readonly #arrays: readonly PointArray[]
  readonly #sources: readonly PointSource[]
  /** Address from which on memory is only wanted for the import. */
  readonly #mark: number
  readonly #canonical: Promise<readonly boolean[][]>

  /** Begins the import. `name` is what errors call the file. */
  constructor(kernel: Kernel, name: string, sources: readonly PointSource[]) {
    const { arena, machine } = kernel
    this.#kernel = kernel
    this.#name = name
    this.#sources = sources
    const words = sources.map(({ file }) => alignedWords(file))
    const finite = sources.map(({ group }, i) => finiteIndices(words[i]!, ENCODED_POINT_BYTES[group] / 4))
    this.#arrays = sources.map(({ group, file, extra }, i) => {
      const loaded = file.length / ENCODED_POINT_BYTES[group]
      const all = [...finite[i]!, ...extra.flatMap((point, at) => (point === undefined ? [] : [loaded + at]))]
      const indices = arena.allocate(4 * all.length)
      machine.words(indices, all.length).set(all)
      // One more, as points are checked in pairs.
      return { group, points: arena.allocate((all.length + 1) * machine.pointBytes(group)), indices, count: all.length }
    })
    this.#mark = arena.used
    const factor = arena.allocate(machine.elementBytes)
    machine.base.write(machine.view, factor, (machine.base.radix * inverse(1n << 256n, BASE_FIELD)) % BASE_FIELD)
    this.#canonical = Promise.all(this.#arrays.map((array, i) => this.#import(array, words[i]!, finite[i]!, factor)))
  }

  /** The points, not yet checked. @throws PlimsollError where a coordinate is not below the modulus */
  async imported(): Promise<readonly PointArray[]> {
    if ((await this.#canonical).flat().includes(false))
      throw new PlimsollError(`${this.#name} has a coordinate that is not below the base field's modulus.`)
    const { arena, machine } = this.#kernel
    arena.release(this.#mark)
    this.#arrays.forEach(({ group, points, count }, i) => {
      const extra = this.#sources[i]!.extra.filter((point) => point !== undefined)
      const behind = [...extra, new CurveGroup(group).generator]
      const pointBytes = machine.pointBytes(group)
      for (const [at, point] of behind.entries())
        machine.writePoint(points + (count - extra.length + at) * pointBytes, point)
    })
    return this.#arrays
  }

  /** Whether all points are on their curve. */
  async check(): Promise<boolean> {
    const { machine, pool } = this.#kernel
    const checks = this.#arrays.map(({ group, points, count }) => {
      const constant = this.#kernel.arena.allocate(machine.pointBytes(group))
      for (const [i, part] of new CurveGroup(group).constant.entries())
        machine.base.write(machine.view, constant + i * machine.elementBytes, part)
      return pool.split('checkPoints', count + (count % 2), 2, (first, end) => ({
        group,
        points: points + first * machine.pointBytes(group),
        count: end - first,
        constant,
      }))
    })
    return !(await Promise.all(checks)).flat().includes(false)
  }

  #import(
    { group, points }: PointArray,
    encoded: Uint32Array,
    finite: readonly number[],
    factor: number,
  ): Promise<boolean[]> {
    const { arena, machine, pool } = this.#kernel
    const width = ENCODED_POINT_BYTES[group] / 4
    const pointer = arena.allocate(4 * width * finite.length)
    const words = machine.words(pointer, width * finite.length)
    // A run of finite points at a time.
    for (let start = 0, end = 1; start < finite.length; start = end++) {
      while (end < finite.length && finite[end]! - finite[start]! === end - start) end++
      const from = finite[start]!
      words.set(encoded.subarray(from * width, (from + end - start) * width), start * width)
    }
    return pool.split('importElements', words.length / 8, 2, (first, end) => ({
      field: 'fp',
      words: pointer + 32 * first,
      elements: points + machine.elementBytes * first,
      count: end - first,
      factor,
    }))
  }
}

/** Indices of the points that are not all zeros, which is how a file has one at infinity. */
function finiteIndices(encoded: Uint32Array, width: number): number[] {
  const indices: number[] = []
  for (let start = 0; start < encoded.length; start += width) {
    let any = 0
    for (let word = start; word < start + width; word++) any |= encoded[word]!
    if (any !== 0) indices.push(start / width)
  }
  return indices
}
