import { PlimsollError } from './errors.ts'
import type { Envelope } from './health.ts'
import { fromField, toField } from './public-vector.ts'

/** Elements of a resolve's values before its writes, and of one write. */
const RESOLVE_VALUES = 13
const WRITE_VALUES = 5

/** Steps and window of the circuits a deployment was made for, and the levels of its account tree. */
export interface Shape {
  readonly depth: number
  readonly sweep: { readonly steps: number; readonly window: number }
  readonly resolve: { readonly steps: number }
}

/** Opens the envelope of an empty slot. */
export interface Opening {
  readonly slot: number
  readonly envelope: Envelope
}

/** What a sweep publishes; the rest of its vector comes from the settlement's own state. */
export interface SweepBatch {
  readonly circuit: 'sweep'
  /** Strictly increasing slot numbers. */
  readonly window: readonly number[]
  readonly active: number
  readonly headsAfter: readonly bigint[]
}

/** A rewritten account as published: hiding leaf and ciphertext. All zero for drops and inactive steps. */
export interface Write {
  readonly index: number
  readonly leaf: bigint
  readonly cipher: readonly bigint[]
}

/** What a resolve publishes. */
export interface ResolveBatch {
  readonly circuit: 'resolve'
  readonly active: number
  readonly rootAfter: bigint
  readonly distressAfter: bigint
  readonly inboxAfter: bigint
  /** Minus the change of all the accounts' balances, per asset, signed. */
  readonly backstopDelta: readonly bigint[]
  /** In base units of cash. */
  readonly badDebt: bigint
  /** One a step of the circuit. */
  readonly writes: readonly Write[]
}

export type Batch = SweepBatch | ResolveBatch

/** Values of a batch as the settlement contract takes them: the part of D that is not in its storage. */
export function batchValues(batch: Batch): bigint[] {
  if (batch.circuit === 'sweep') return [BigInt(batch.active), ...batch.headsAfter]
  return [
    BigInt(batch.active), batch.rootAfter, batch.distressAfter, batch.inboxAfter,
    ...batch.backstopDelta.map(toField), batch.badDebt, ...batch.writes.flatMap(writeValues),
  ]
}

export function writeValues(write: Write): bigint[] {
  return [BigInt(write.index), write.leaf, ...write.cipher]
}

/** How many values a batch has, by its circuit's sizes. */
export function valueCount(circuit: Batch['circuit'], { sweep, resolve }: Shape): number {
  return circuit === 'sweep' ? 1 + sweep.window : RESOLVE_VALUES + WRITE_VALUES * resolve.steps
}

/** Inverse of `batchValues`. @throws PlimsollError on another number of values */
export function parseBatch(circuit: Batch['circuit'], window: readonly number[], values: readonly bigint[], shape: Shape): Batch {
  if (values.length !== valueCount(circuit, shape)) throw new PlimsollError(`A ${circuit} has ${valueCount(circuit, shape)} values, not ${values.length}.`)
  const active = Number(values[0])
  if (circuit === 'sweep') return { circuit, window, active, headsAfter: values.slice(1) }
  const writes: Write[] = []
  for (let i = RESOLVE_VALUES; i < values.length; i += WRITE_VALUES) {
    writes.push({ index: Number(values[i]), leaf: values[i + 1]!, cipher: values.slice(i + 2, i + WRITE_VALUES) })
  }
  return {
    circuit, active, rootAfter: values[1]!, distressAfter: values[2]!, inboxAfter: values[3]!,
    backstopDelta: values.slice(4, 12).map(fromField), badDebt: values[12]!, writes,
  }
}
