import {
  type Batch,
  batchValues,
  type Opening,
  type ResolveBatch,
  rungOf,
  type Shape,
  type SweepBatch,
  stepValues,
  type TransactBatch,
  writeValues,
} from './batch.ts'
import { ASSETS, DISTRESS, EXPIRY_LIMIT, FIELD, INBOX, TRADED, WORD } from './constants.ts'
import { IDENTITY, type Point } from './curve.ts'
import { PlimsollError } from './errors.ts'
import { type Envelope, isCovered } from './health.ts'
import { TRANSACT_MARKS } from './layout.ts'
import { LIQUIDATION_MARKS, type Marks, NO_MARKS } from './marks.ts'
import type { SigningDomain } from './messages.ts'
import { toField } from './public-vector.ts'
import { EMPTY_HEAD } from './stack.ts'
import { OP, PRICELESS } from './transact.ts'

const NO_BOUNDS: readonly bigint[] = Array<bigint>(TRADED).fill(0n)

/** |x| of a backstop change stays below this, as in the contract. */
const DELTA_LIMIT = 1n << 127n

/** The chain, contract and sequencer that a deployment's signatures and view keys are bound to. */
export interface Domain extends SigningDomain {
  /** The sequencer's public key. */
  readonly sequencer: Point
}

/** Domain of a ledger that never transacts. */
export const NO_DOMAIN: Domain = { chainId: 0n, settlement: 0n, sequencer: IDENTITY }

/**
 * The public state, and the rules by which batches change it: what the settlement contract keeps in storage, for those
 * who replay it off chain. It never sees an account.
 */
export class Ledger {
  readonly shape: Shape
  readonly minLiability: bigint
  /** Its sequencer is the one in force: a handover changes it. */
  domain: Domain
  /**
   * Number of keys that the sequencer has had, that in force included: proofs are bound to it, so that a handover voids those that
   * were made before. 1 where there was none.
   */
  era = 1
  root: bigint
  /** Blinded heads of the slots' stacks: see `blindHead`. */
  readonly heads: bigint[]
  readonly envelopes: (Envelope | undefined)[]
  /** Marks of the latest round; undefined before the first. */
  marks: Marks | undefined
  /**
   * Assets that batches moved to the backstop, signed. On a chain checkpoints, insurers and donors move it too: the
   * vault's figure counts.
   */
  readonly backstop: bigint[] = Array<bigint>(ASSETS).fill(0n)
  badDebt = 0n
  /** Total holdings of the accounts, besides those of a trusted import at its time. */
  readonly accounts: bigint[] = Array<bigint>(ASSETS).fill(0n)

  constructor(
    shape: Shape,
    slots: number,
    minLiability: bigint,
    root: bigint,
    inbox: bigint,
    domain: Domain = NO_DOMAIN,
  ) {
    this.shape = shape
    this.minLiability = minLiability
    this.domain = domain
    this.root = root
    this.heads = Array<bigint>(slots).fill(EMPTY_HEAD)
    this.heads[INBOX] = inbox
    this.envelopes = Array<Envelope | undefined>(slots).fill(undefined)
  }

  clone(): Ledger {
    const copy = new Ledger(this.shape, this.heads.length, this.minLiability, this.root, EMPTY_HEAD, this.domain)
    copy.heads.splice(0, copy.heads.length, ...this.heads)
    copy.envelopes.splice(0, copy.envelopes.length, ...this.envelopes)
    copy.backstop.splice(0, ASSETS, ...this.backstop)
    copy.accounts.splice(0, ASSETS, ...this.accounts)
    copy.era = this.era
    copy.marks = this.marks
    copy.badDebt = this.badDebt
    return copy
  }

  /**
   * @throws PlimsollError unless the slot exists, is empty and is neither distress nor inbox, and bounds fit 64 bits
   */
  open({ slot, envelope }: Opening): void {
    if (!Number.isInteger(slot) || slot <= INBOX || slot >= this.heads.length)
      throw new PlimsollError(`Slot ${slot} cannot have an envelope.`)
    if (this.heads[slot] !== EMPTY_HEAD)
      throw new PlimsollError(`Slot ${slot} is not empty: its envelope cannot change.`)
    for (const bounds of [envelope.floors, envelope.ceilings]) {
      if (bounds.length !== TRADED || bounds.some((bound) => bound < 0n || bound >= WORD)) {
        throw new PlimsollError(`Slot ${slot}: an envelope needs ${TRADED} floors and ceilings below 2^64.`)
      }
    }
    this.envelopes[slot] = envelope
  }

  /** Puts another key of the sequencer's in force, the next or that of an era. */
  handOver(sequencer: Point, era = this.era + 1): void {
    this.domain = { ...this.domain, sequencer }
    this.era = era
  }

  isCovered(slot: number): boolean {
    const envelope = this.envelopes[slot]
    return this.marks !== undefined && envelope !== undefined && isCovered(envelope, this.marks)
  }

  /**
   * Complete at the latest round: distress and inbox are empty and every other non-empty slot is covered
   * (docs/protocol.md#health-and-envelopes).
   */
  isComplete(): boolean {
    if (this.marks === undefined) return false
    return this.heads.every((head, slot) => head === EMPTY_HEAD || (slot > INBOX && this.isCovered(slot)))
  }

  /**
   * The public vector D of a batch against this state (docs/protocol.md#public-vectors-and-signals). @throws
   * PlimsollError on a batch the contract would refuse
   */
  vector(batch: Batch): bigint[] {
    if (batchValues(batch).some((value) => value < 0n || value >= FIELD))
      throw new PlimsollError('An element of D is not below r.')
    switch (batch.circuit) {
      case 'sweep':
        return this.#sweepVector(batch)
      case 'resolve':
        return this.#resolveVector(batch)
      case 'transact':
        return this.#transactVector(batch)
    }
  }

  /** Applies a batch whose proof has been checked against `vector(batch)`. */
  apply(batch: Batch): void {
    if (batch.circuit === 'sweep') {
      batch.window.forEach((slot, w) => (this.heads[slot] = batch.headsAfter[w]!))
      return
    }
    this.root = batch.rootAfter
    this.heads[INBOX] = batch.inboxAfter
    if (batch.circuit === 'transact') {
      this.#applySteps(batch)
      return
    }
    this.heads[DISTRESS] = batch.distressAfter
    batch.backstopDelta.forEach((delta, a) => this.#fromBackstop(a, -delta))
    this.badDebt += batch.badDebt
  }

  /** Trades between accounts cancel out, and the rest is public. */
  #applySteps({ steps }: TransactBatch): void {
    for (const { op, asset, amount, u, v, closing } of steps) {
      if (op === OP.open || op === OP.topup) this.accounts[asset]! += amount
      if (op === OP.withdraw || op === OP.forced) this.accounts[asset]! -= amount
      if (op === OP.unwind) {
        const sign = v === 1n ? 1n : -1n
        this.#fromBackstop(asset, sign * amount)
        this.#fromBackstop(0, -sign * u)
      }
      if (op === OP.close) {
        const sign = closing!.direction === 1 ? 1n : -1n
        this.#fromBackstop(asset, sign * closing!.x)
        this.#fromBackstop(0, -sign * closing!.y)
      }
    }
  }

  #fromBackstop(asset: number, amount: bigint): void {
    this.accounts[asset]! += amount
    this.backstop[asset]! -= amount
  }

  #sweepVector({ rung, window, headsAfter }: SweepBatch): bigint[] {
    const { window: width } = rungOf(this.shape, rung)
    if (window.length !== width || headsAfter.length !== width) throw new PlimsollError(`A sweep names ${width} slots.`)
    window.forEach((slot, w) => {
      if (!Number.isInteger(slot) || slot < 0) throw new PlimsollError(`${slot} is not a slot.`)
      if (w > 0 && slot <= window[w - 1]!) throw new PlimsollError('The slots of a window must strictly increase.')
      if (slot > INBOX && this.envelopes[slot] === undefined)
        throw new PlimsollError(`Slot ${slot} of the window was never opened.`)
    })
    const bounds = window.map((slot) => this.envelopes[slot] ?? { floors: NO_BOUNDS, ceilings: NO_BOUNDS })
    return [
      ...window.map((slot) => this.heads[slot]!),
      ...headsAfter,
      ...window.map((slot) => (slot <= INBOX ? 1n : 0n)),
      ...bounds.flatMap((envelope) => envelope.floors),
      ...bounds.flatMap((envelope) => envelope.ceilings),
    ]
  }

  #resolveVector(batch: ResolveBatch): bigint[] {
    const { steps } = this.shape.resolve
    if (this.marks === undefined) throw new PlimsollError('A resolve needs a round.')
    if (batch.active > steps || batch.writes.length !== steps) throw new PlimsollError(`A resolve has ${steps} steps.`)
    if (batch.backstopDelta.some((delta) => delta <= -DELTA_LIMIT || delta >= DELTA_LIMIT))
      throw new PlimsollError('A backstop change is 2^127 or more.')
    return [
      BigInt(batch.active),
      this.root,
      batch.rootAfter,
      this.heads[DISTRESS]!,
      batch.distressAfter,
      this.heads[INBOX]!,
      batch.inboxAfter,
      this.minLiability,
      ...this.marks.slice(1).flatMap((asset) => LIQUIDATION_MARKS.map((name) => asset[name])),
      ...batch.backstopDelta.map(toField),
      batch.badDebt,
      ...batch.writes.flatMap(writeValues),
    ]
  }

  #transactVector(batch: TransactBatch): bigint[] {
    const { steps } = this.shape.transact
    if (batch.active > steps || batch.steps.length !== steps) throw new PlimsollError(`A transact has ${steps} steps.`)
    const priced = batch.steps.some(({ op }) => !PRICELESS.has(op))
    if (priced && this.marks === undefined) throw new PlimsollError('A transact of this kind needs a round.')
    if (batch.validUntil >= EXPIRY_LIMIT)
      throw new PlimsollError('The time until which a transact is valid does not fit 40 bits.')
    const marks = priced ? this.marks!.slice(1) : Array<typeof NO_MARKS>(TRADED).fill(NO_MARKS)
    const { chainId, settlement, sequencer } = this.domain
    return [
      BigInt(batch.active),
      this.root,
      batch.rootAfter,
      this.heads[INBOX]!,
      batch.inboxAfter,
      chainId,
      settlement,
      ...sequencer,
      batch.validUntil,
      ...marks.flatMap((asset) => TRANSACT_MARKS.map((name) => asset[name])),
      ...marks.map(({ concentration }) => concentration),
      ...batch.steps.flatMap(stepValues),
    ]
  }
}
