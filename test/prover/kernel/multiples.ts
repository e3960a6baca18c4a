import assert from 'node:assert/strict'
import { modulo, SCALAR_FIELD } from '../../../prover/kernel/bigint-field.ts'
import { CurveGroup, type GroupName, type Point } from '../../../prover/kernel/curve.ts'
import type { Machine } from '../../../prover/kernel/machine.ts'
import { readEntry } from '../../../prover/kernel/msm-buckets.ts'

const tables = new Map<GroupName, NonNullable<Point>[]>()

/** The generator times a small number above 0. */
export function smallMultiple(group: GroupName, factor: number): NonNullable<Point> {
  const curve = new CurveGroup(group)
  const table = tables.get(group) ?? [curve.generator]
  tables.set(group, table)
  while (table.length < factor) table.push(curve.add(table.at(-1)!, curve.generator)!)
  return table[factor - 1]!
}

/** The generator times any integer. */
export function multiple(group: GroupName, factor: bigint): Point {
  const curve = new CurveGroup(group)
  if (factor < 0n) return curve.negate(multiple(group, -factor))
  if (factor > 0n && factor <= 300n) return smallMultiple(group, Number(factor))
  return curve.multiply(curve.generator, modulo(factor, SCALAR_FIELD))
}

/** The multiples 1 to `count` of the generator in memory, for entries of lists. */
export class Multiples {
  readonly #machine: Machine
  readonly #group: GroupName
  readonly #pointer: number

  constructor(machine: Machine, group: GroupName, pointer: number, count: number) {
    this.#machine = machine
    this.#group = group
    this.#pointer = pointer
    for (let i = 1; i <= count; i++) machine.writePoint(this.#address(i), smallMultiple(group, i))
  }

  static bytes(machine: Machine, group: GroupName, count: number): number {
    return machine.pointBytes(group) * count
  }

  /** The entry of a multiple, negative ones included. */
  entry(factor: number): number {
    return this.#address(Math.abs(factor)) + (factor < 0 ? 1 : 0)
  }

  /** Compares an entry's point with a multiple of the generator. */
  assertEntry(entry: number, factor: number | bigint, message: string): void {
    assert.deepEqual(readEntry(this.#machine, this.#group, entry), multiple(this.#group, BigInt(factor)), message)
  }

  #address(factor: number): number {
    return this.#pointer + (factor - 1) * this.#machine.pointBytes(this.#group)
  }
}

/** Fills memory with a pattern; the returned function checks that it is still there. */
export function guard(machine: Machine, pointer: number, bytes: number): () => void {
  machine.bytes(pointer, bytes).fill(0xa5)
  return () =>
    assert.ok(
      machine.bytes(pointer, bytes).every((byte) => byte === 0xa5),
      'Memory behind a workspace was written to.',
    )
}
