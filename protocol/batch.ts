import { DISTRESS, INBOX } from './constants.ts'
import { PlimsollError } from './errors.ts'
import { type Closing, closingWord, parseClosingWord } from './forced-close.ts'
import type { Envelope } from './health.ts'
import { offsets, STEP, VALUES, WRITE, width } from './layout.ts'
import { fromField, toField } from './public-vector.ts'
import { OP, writingOperation } from './transact.ts'

const RESOLVED = offsets(VALUES.resolve)
const TRANSACTED = offsets(VALUES.transact)
const WRITTEN = offsets(WRITE)
const STEPPED = offsets(STEP)
/** Slots of a resolve and of a transact. */
export const [RESOLVED_SLOTS, TRANSACTED_SLOTS] = [[DISTRESS, INBOX], [INBOX]] as const
const OPS: ReadonlySet<number> = new Set([0, ...Object.values(OP)])
/** Operations that publish a `Closing` with their asset. */
const CLOSES: ReadonlySet<number> = new Set([OP.close, OP.dischargeClose])

/** Size of a sweep circuit: the most moves it makes, and the slots that it names. */
export interface SweepRung {
  readonly steps: number
  readonly window: number
}

/** Steps and window of the circuits a deployment was made for, and the levels of its account tree. */
export interface Shape {
  readonly depth: number
  /** The ladder of sweep circuits, at most four: a batch names its own by its place. */
  readonly sweeps: readonly SweepRung[]
  readonly resolve: { readonly steps: number }
  readonly transact: { readonly steps: number }
}

/** Opens the envelope of an empty slot. */
export interface Opening {
  readonly slot: number
  readonly envelope: Envelope
}

/**
 * Public part of a sweep; the rest of its vector comes from the settlement's own state. How many moves it makes is no part of
 * it. Heads are here, as everywhere in a batch, the blinded ones that the chain has.
 */
export interface SweepBatch {
  readonly circuit: 'sweep'
  /** Place of its circuit among the shape's. */
  readonly rung: number
  /** Strictly increasing slot numbers. */
  readonly window: readonly number[]
  readonly headsAfter: readonly bigint[]
}

/** A rewritten account as published: hiding leaf and ciphertext. All zero for drops and inactive steps. */
export interface Write {
  readonly index: number
  readonly leaf: bigint
  readonly cipher: readonly bigint[]
}

/** Public part of a resolve. */
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
 * Public part of one step of a transact; all zero for an inactive one. A discharge carries R8x as its leaf and R8y, S and
 * the expiry as its cipher, for it writes nothing.
 */
export interface StepPublic extends Write {
  /** See `OP`; 0 for an inactive step. */
  readonly op: number
  readonly asset: number
  /** Base units of the asset. */
  readonly amount: bigint
  /** By operation: Ax and Ay, recipient and queue number, cash and direction, or limit and queue number. */
  readonly u: bigint
  readonly v: bigint
  /** Trade of a forced close, whose `amount` is what was asked for, and of its discharge; undefined for any other operation. */
  readonly closing?: Closing
}

/** Public part of a transact. */
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
      return [...batch.headsAfter]
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
  const asset = step.closing === undefined ? BigInt(step.asset) : closingWord(step.asset, step.closing)
  return [BigInt(step.op), ...writeValues(step), asset, step.amount, step.u, step.v]
}

/** The accounts that a batch rewrites, in order. A discharge and a bounce write nothing. */
export function batchWrites(batch: Batch): readonly Write[] {
  switch (batch.circuit) {
    case 'sweep':
      return []
    case 'resolve':
      return batch.writes.filter(({ leaf }) => leaf !== 0n)
    case 'transact':
      return batch.steps.filter(({ op }) => writingOperation(op) !== undefined)
  }
}

/** The slots whose heads a batch salts anew: of a sweep its window. */
export function batchSlots(batch: Batch): readonly number[] {
  switch (batch.circuit) {
    case 'sweep':
      return batch.window
    case 'resolve':
      return RESOLVED_SLOTS
    case 'transact':
      return TRANSACTED_SLOTS
  }
}

/** @throws PlimsollError where there is no such sweep circuit */
export function rungOf({ sweeps }: Pick<Shape, 'sweeps'>, rung: number): SweepRung {
  const found = sweeps[rung]
  if (found === undefined) throw new PlimsollError(`There is no sweep circuit ${rung}: there are ${sweeps.length}.`)
  return found
}

/** Number of public values of a batch, by its circuit's sizes. */
function valueCount(circuit: Batch['circuit'], rung: number, shape: Shape): number {
  const { resolve, transact } = shape
  switch (circuit) {
    case 'sweep':
      return rungOf(shape, rung).window
    case 'resolve':
      return width(VALUES.resolve) + width(WRITE) * resolve.steps
    case 'transact':
      return width(VALUES.transact) + width(STEP) * transact.steps
  }
}

/**
 * Inverse of `batchValues`. A batch that is no sweep has the rung 0.
 * @throws PlimsollError on another number of values, an operation or a sweep circuit that does not exist
 */
export function parseBatch(
  circuit: Batch['circuit'],
  rung: number,
  window: readonly number[],
  values: readonly bigint[],
  shape: Shape,
): Batch {
  const count = valueCount(circuit, rung, shape)
  if (values.length !== count) throw new PlimsollError(`A ${circuit} has ${count} values, not ${values.length}.`)
  if (circuit === 'sweep') return { circuit, rung, window, headsAfter: values }
  const active = Number(values[0])
  if (circuit === 'transact') {
    return {
      circuit,
      active,
      rootAfter: values[TRANSACTED.rootAfter]!,
      inboxAfter: values[TRANSACTED.inboxAfter]!,
      validUntil: values[TRANSACTED.validUntil]!,
      steps: rows(values, width(VALUES.transact), width(STEP)).map(parseStep),
    }
  }
  return {
    circuit,
    active,
    rootAfter: values[RESOLVED.rootAfter]!,
    distressAfter: values[RESOLVED.distressAfter]!,
    inboxAfter: values[RESOLVED.inboxAfter]!,
    backstopDelta: values.slice(RESOLVED.delta, RESOLVED.badDebt).map(fromField),
    badDebt: values[RESOLVED.badDebt]!,
    writes: rows(values, width(VALUES.resolve), width(WRITE)).map(parseWrite),
  }
}

function rows(values: readonly bigint[], from: number, each: number): (readonly bigint[])[] {
  return Array.from({ length: (values.length - from) / each }, (_, i) =>
    values.slice(from + each * i, from + each * (i + 1)),
  )
}

function parseWrite(row: readonly bigint[]): Write {
  const { index, leaf, cipher } = WRITTEN
  return { index: Number(row[index]), leaf: row[leaf]!, cipher: row.slice(cipher, width(WRITE)) }
}

function parseStep(row: readonly bigint[]): StepPublic {
  const op = row[STEPPED.op]!
  if (!OPS.has(Number(op))) throw new PlimsollError(`There is no operation ${op}.`)
  const asset = row[STEPPED.asset]!
  return {
    op: Number(op),
    ...parseWrite(row.slice(STEPPED.index)),
    ...(CLOSES.has(Number(op)) ? parseClosingWord(asset) : { asset: Number(asset) }),
    amount: row[STEPPED.amount]!,
    u: row[STEPPED.u]!,
    v: row[STEPPED.v]!,
  }
}
