import { PlimsollError } from './errors.ts'
import type { Envelope } from './health.ts'
import { fromField, toField } from './public-vector.ts'

/** Elements of a resolve's values before its writes, and of one write; of a transact's before its steps, and of one step. */
const RESOLVE_VALUES = 13
const WRITE_VALUES = 5
const TRANSACT_VALUES = 4
const STEP_VALUES = 10
/** Operations from this one on write nothing. */
const FIRST_READING_OP = 8
/** The highest operation number, see `OP`. */
const MAX_OP = 9n

/** Steps and window of the circuits a deployment was made for, and the levels of its account tree. */
export interface Shape {
  readonly depth: number
  readonly sweep: { readonly steps: number; readonly window: number }
  readonly resolve: { readonly steps: number }
  readonly transact: { readonly steps: number }
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

/**
 * What one step of a transact publishes; all zero for an inactive one. A discharge carries R8x as its leaf and R8y, S and
 * the expiry as its cipher, for it writes nothing.
 */
export interface StepPublic extends Write {
  /** See `OP`; 0 for an inactive step. */
  readonly op: number
  readonly asset: number
  /** Base units of the asset. */
  readonly amount: bigint
  /** By operation: Ax and Ay, recipient and queue number, or cash and direction. */
  readonly u: bigint
  readonly v: bigint
}

/** What a transact publishes. */
export interface TransactBatch {
  readonly circuit: 'transact'
  readonly active: number
  readonly rootAfter: bigint
  readonly inboxAfter: bigint
  /** Unix seconds: what the owners signed expires no earlier. */
  readonly validUntil: bigint
  /** One a step of the circuit. */
  readonly steps: readonly StepPublic[]
}

export type Batch = SweepBatch | ResolveBatch | TransactBatch

/** Values of a batch as the settlement contract takes them: the part of D that is not in its storage. */
export function batchValues(batch: Batch): bigint[] {
  switch (batch.circuit) {
    case 'sweep':
      return [BigInt(batch.active), ...batch.headsAfter]
    case 'resolve':
      return [
        BigInt(batch.active),
        batch.rootAfter,
        batch.distressAfter,
        batch.inboxAfter,
        ...batch.backstopDelta.map(toField),
        batch.badDebt,
        ...batch.writes.flatMap(writeValues),
      ]
    case 'transact':
      return [
        BigInt(batch.active),
        batch.rootAfter,
        batch.inboxAfter,
        batch.validUntil,
        ...batch.steps.flatMap(stepValues),
      ]
  }
}

export function writeValues(write: Write): bigint[] {
  return [BigInt(write.index), write.leaf, ...write.cipher]
}

export function stepValues(step: StepPublic): bigint[] {
  return [BigInt(step.op), ...writeValues(step), BigInt(step.asset), step.amount, step.u, step.v]
}

/** The accounts that a batch rewrites, in order. A discharge and a bounce write nothing. */
export function batchWrites(batch: Batch): readonly Write[] {
  switch (batch.circuit) {
    case 'sweep':
      return []
    case 'resolve':
      return batch.writes.filter(({ leaf }) => leaf !== 0n)
    case 'transact':
      return batch.steps.filter(({ op }) => op > 0 && op < FIRST_READING_OP)
  }
}

/** How many values a batch has, by its circuit's sizes. */
export function valueCount(circuit: Batch['circuit'], { sweep, resolve, transact }: Shape): number {
  switch (circuit) {
    case 'sweep':
      return 1 + sweep.window
    case 'resolve':
      return RESOLVE_VALUES + WRITE_VALUES * resolve.steps
    case 'transact':
      return TRANSACT_VALUES + STEP_VALUES * transact.steps
  }
}

/** Inverse of `batchValues`. @throws PlimsollError on another number of values, or an operation that does not exist */
export function parseBatch(
  circuit: Batch['circuit'],
  window: readonly number[],
  values: readonly bigint[],
  shape: Shape,
): Batch {
  if (values.length !== valueCount(circuit, shape))
    throw new PlimsollError(`A ${circuit} has ${valueCount(circuit, shape)} values, not ${values.length}.`)
  const active = Number(values[0])
  if (circuit === 'sweep') return { circuit, window, active, headsAfter: values.slice(1) }
  if (circuit === 'transact') {
    const steps = rows(values, TRANSACT_VALUES, STEP_VALUES).map(parseStep)
    return { circuit, active, rootAfter: values[1]!, inboxAfter: values[2]!, validUntil: values[3]!, steps }
  }
  return {
    circuit,
    active,
    rootAfter: values[1]!,
    distressAfter: values[2]!,
    inboxAfter: values[3]!,
    backstopDelta: values.slice(4, 12).map(fromField),
    badDebt: values[12]!,
    writes: rows(values, RESOLVE_VALUES, WRITE_VALUES).map(parseWrite),
  }
}

function rows(values: readonly bigint[], from: number, width: number): (readonly bigint[])[] {
  return Array.from({ length: (values.length - from) / width }, (_, i) =>
    values.slice(from + width * i, from + width * (i + 1)),
  )
}

function parseWrite(row: readonly bigint[]): Write {
  return { index: Number(row[0]), leaf: row[1]!, cipher: row.slice(2, WRITE_VALUES) }
}

function parseStep([op, ...row]: readonly bigint[]): StepPublic {
  if (op! > MAX_OP) throw new PlimsollError(`There is no operation ${op}.`)
  return { op: Number(op), ...parseWrite(row), asset: Number(row[5]), amount: row[6]!, u: row[7]!, v: row[8]! }
}
