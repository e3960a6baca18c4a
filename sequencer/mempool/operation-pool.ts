import { type Hex, toHex } from 'viem'
import type { Custody } from '../../chain/custody.ts'
import { PlimsollError, Refusal, type RefusalCode } from '../../protocol/errors.ts'
import { messageHash } from '../../protocol/messages.ts'
import { operationMessage, type Preferences, type Trade, type Unwind, type Withdraw } from '../../protocol/operation.ts'
import type { System } from '../../protocol/system.ts'
import type { Accepted, OperationRequest, OperationState, OperationStatus, OwnOperation } from '../../sdk/schemas.ts'
import { type NodeLog, SILENT } from '../state/node-log.ts'
import { type NodeState, REMEMBERED } from '../state/store.ts'
import type { Journal, JournalEntry } from './journal.ts'
import { PendingState } from './pending-state.ts'
import { SignatureCache } from './signature-cache.ts'

/** Operations that owners sign for the node. */
export type OwnerOperation = Withdraw | Trade | Unwind | Preferences

/** An accepted operation as the reference machine takes it. */
export interface OpenOperation {
  readonly id: Hex
  readonly operation: OwnerOperation
}

/** One operation, or the two halves of a trade, which are carried out together or not at all. */
export type Unit = readonly OpenOperation[]

/** More than this may not wait at a time, and of one account: nobody is to take everybody's places. */
const MAX_OPEN = 10_000
const MAX_OPEN_OF_ACCOUNT = 64
/** Operations of an account that are told to its owner at the most. */
const MAX_LISTED = 256

/** An operation that the node has already. */
export class Duplicate extends Refusal {
  readonly id: Hex

  constructor(id: Hex) {
    super('DUPLICATE', `This operation was accepted before, as ${id}.`)
    this.id = id
  }
}

/** State that a node judges operations by: the system as settled and what the contracts say, as of one block. */
export interface PoolSnapshot {
  readonly state: NodeState
  readonly custody: Custody
  /** Chain time, seconds. */
  readonly now: number
  /** Milliseconds of this process's clock at that time. */
  readonly readAt: number
}

/** Owner of the snapshot that a pool goes by. */
export interface PoolView {
  readonly snapshot: PoolSnapshot
  /** @throws Refusal when the chain has another state than the node */
  requireOwnState(): Promise<void>
}

/** Open operations and what they would lead to, as judged by one snapshot. */
interface Judged {
  readonly snapshot: PoolSnapshot
  /** Accepted and neither settled nor failed, in order of acceptance. */
  readonly open: OpenOperation[]
  readonly pending: PendingState
}

/**
 * Takes owners' operations: each is refused for a reason with a stable code, or is on the disk before it is accepted, and
 * then never forgotten. What is accepted is judged after all that was accepted before it, by the snapshot that its owner shows:
 * whenever that is another, all that it has not settled is judged again.
 */
export class OperationPool {
  /** A signature is verified when its operation comes, or at the start, and not again. */
  readonly signatures = new SignatureCache()
  /** Operations that ended since the start. */
  readonly counts = { settled: 0, failed: new Map<string, number>() }
  readonly #journal: Journal
  readonly #log: NodeLog
  /** Seconds that an operation must be good for when it comes. */
  readonly #lead: number
  readonly #view: PoolView
  #judged: Judged | undefined
  readonly #parsed = new WeakMap<JournalEntry, OpenOperation>()
  /** Versions of accounts from which a rekey is under way. */
  readonly #rekeying = new Map<number, bigint>()
  /** Being proven. */
  readonly #inHand = new Set<Hex>()
  #turn: Promise<unknown> = Promise.resolve()

  /**
   * @param provingTime of the contract: an operation has to be good for twice as long
   * @param view whose snapshot it goes by
   * @param log told of what is accepted and what fails
   */
  constructor(journal: Journal, provingTime: number, view: PoolView, log: NodeLog = SILENT) {
    this.#journal = journal
    this.#log = log
    this.#lead = 2 * provingTime
    this.#view = view
    const { publicKeys } = view.snapshot.state.system
    this.signatures.learn(
      this.#openOperations().flatMap(({ id, operation: { index, signature } }) => {
        const publicKey = publicKeys.at(index)
        // The id is the message. Where it is not, the signature is not remembered as a good one of any other either.
        return publicKey === undefined ? [] : [{ publicKey, message: BigInt(id), signature }]
      }),
    )
  }

  /** The chain's time, by this process's clock since the snapshot. */
  now(): number {
    const { now, readAt } = this.#view.snapshot
    return now + Math.floor((performance.now() - readAt) / 1_000)
  }

  /** @throws Refusal when it is not taken; otherwise it is on the disk */
  accept(request: OperationRequest): Promise<Accepted> {
    return this.#inTurn(() => this.#take(request))
  }

  /**
   * Forgets half a trade that waits, and says what was signed.
   * @throws Refusal when it is something else, or its other half has come
   */
  cancel(id: Hex): Promise<OperationRequest> {
    return this.#inTurn(async () => {
      const entry = this.#entry(id)
      const status = this.#statusOf(entry)
      if (status !== 'waiting')
        throw new Refusal('NOT_WAITING', `This operation is ${status}: only half a trade that waits can be canceled.`)
      await this.recordFailed(new Map([[id, 'CANCELED']])).catch((error: unknown) => {
        throw unwritten(error)
      })
      return entry.body
    })
  }

  /** In the order in which they are to be carried out: a trade has its place where its second half came. */
  units(): Unit[] {
    return unitsOf(this.#now().open)
  }

  /** Halves of trades whose other half has not come. */
  waiting(): OpenOperation[] {
    const { open } = this.#now()
    const paired = new Set(
      unitsOf(open)
        .flat()
        .map(({ id }) => id),
    )
    return open.filter(({ id }) => !paired.has(id))
  }

  /** Number of operations that are accepted and not settled, halves of trades that wait included. */
  openCount(): number {
    return this.#now().open.length
  }

  /** Operations that have not come to an end, halves of trades that wait included. */
  open(): readonly OpenOperation[] {
    return this.#now().open
  }

  /** Accounts whose owners have one under way. */
  busy(): ReadonlySet<number> {
    return new Set(this.open().map(({ operation }) => operation.index))
  }

  /** The version that the owner's next operation has to name. @throws Refusal where there is no such account */
  pendingVersion(index: number): bigint {
    const account = this.#now().pending.account(index)
    if (account === undefined) throw new Refusal('NOT_FOUND', `There is no account ${index}.`)
    return account.version
  }

  /** @throws Refusal where there is no such operation */
  state(id: Hex): OperationState {
    return this.#stateOf(this.#entry(id))
  }

  /** Account that an operation is of. @throws Refusal where there is no such operation */
  accountOf(id: Hex): number {
    return this.#entry(id).body.index
  }

  /** Operations of an account with their terms, the newest first: for its owner. */
  ofAccount(index: number): OwnOperation[] {
    const entries = [...this.#journal.entries()].filter(({ body }) => body.index === index).toReversed()
    return entries.slice(0, MAX_LISTED).map((entry) => {
      const state = this.#stateOf(entry)
      const { transaction } = entry.outcome ?? {}
      return {
        ...state,
        ...(state.status === 'settled' && transaction !== undefined ? { transaction } : {}),
        acceptedAt: entry.at,
        operation: entry.body,
      }
    })
  }

  #entry(id: Hex): JournalEntry {
    const entry = this.#journal.get(id)
    if (entry === undefined) throw new Refusal('NOT_FOUND', `There is no operation ${id}.`)
    return entry
  }

  #stateOf(entry: JournalEntry): OperationState {
    const status = this.#statusOf(entry)
    const code = status === 'failed' ? entry.outcome?.code : undefined
    return { id: entry.id, status, ...(code === undefined ? {} : { code }) }
  }

  /** One after the other. */
  #inTurn<T>(action: () => Promise<T>): Promise<T> {
    const answer = this.#turn.then(action)
    this.#turn = answer.catch(() => {})
    return answer
  }

  /** Says which accounts are to be rekeyed: from now on owners sign for the version after that. */
  rekeying(indices: readonly number[]): void {
    const { accounts } = this.#view.snapshot.state.system
    this.#rekeying.clear()
    for (const index of indices) this.#rekeying.set(index, accounts.at(index)!.version)
    if (indices.length > 0) this.#judged = undefined
  }

  /** Says which operations are being proven now. */
  proving(ids: Iterable<Hex>): void {
    this.#inHand.clear()
    for (const id of ids) this.#inHand.add(id)
  }

  /**
   * Writes down what a state has settled, so that it is known when the state has long forgotten it.
   * @param transaction of the state's latest settlement, if this process sent it
   */
  async recordSettled({ applied, settlements }: NodeState, transaction?: Hex): Promise<void> {
    for (const [id, settlement] of applied) {
      const entry = this.#journal.get(id)
      const sent = settlement === settlements ? transaction : undefined
      const { outcome } = entry ?? {}
      if (
        entry === undefined ||
        (outcome?.settlement === settlement && (sent === undefined || outcome.transaction === sent))
      )
        continue
      if (outcome === undefined) this.counts.settled++
      await this.#journal.record({
        id,
        status: 'settled',
        settlement,
        ...(sent === undefined ? {} : { transaction: sent }),
      })
    }
    this.#judged = undefined
    await this.#journal.compact((entry) => this.#isFinal(entry))
  }

  async recordFailed(failures: ReadonlyMap<Hex, RefusalCode>): Promise<void> {
    for (const [id, code] of failures) {
      await this.#journal.record({ id, status: 'failed', code })
      this.counts.failed.set(code, (this.counts.failed.get(code) ?? 0) + 1)
      const { index, kind } = this.#journal.get(id)?.body ?? {}
      this.#log.info(
        { event: 'failed', id, code, account: index, kind },
        `${kind} ${id} of account ${index} failed: ${code}`,
      )
    }
    this.#judged = undefined
  }

  async #take(request: OperationRequest): Promise<Accepted> {
    await this.#view.requireOwnState()
    const { open, pending, snapshot } = this.#now()
    const { system } = snapshot.state
    const now = this.now()
    const operation = toOperation(request)
    const id = operationId(operation, system)
    if (this.#journal.get(id) !== undefined) throw new Duplicate(id)
    if (open.length >= MAX_OPEN) throw new Refusal('BUSY', 'Too many operations wait to be settled: try again later.')
    if (open.filter(({ operation: { index } }) => index === operation.index).length >= MAX_OPEN_OF_ACCOUNT)
      throw new Refusal(
        'BUSY',
        `Of account ${operation.index} ${MAX_OPEN_OF_ACCOUNT} operations wait to be settled: try again later.`,
      )
    if (Number(operation.expiry) < now + this.#lead)
      throw new Refusal('EXPIRED', `The signature has to be good until ${now + this.#lead} at least.`)
    const entry = { id, operation }
    const other =
      operation.kind === 'trade'
        ? this.waiting().find((half) => half.operation.kind === 'trade' && half.operation.link === operation.link)
        : undefined
    const status = operation.kind === 'trade' && other === undefined ? 'waiting' : 'accepted'
    if (operation.kind === 'trade' && other === undefined) this.#requireFreshLink(operation)
    const unit = other === undefined ? [operation] : [other.operation, operation]
    // Half a trade is judged now, but changes nothing before the other half is there.
    const refused = status === 'waiting' ? pending.check(unit) : pending.attempt(unit)
    if (refused !== undefined) {
      if (refused.position < unit.length - 1) throw gone('can no longer be carried out')
      throw refused.refusal
    }
    try {
      await this.#journal.accept(id, request, now)
    } catch (error) {
      this.#judged = undefined
      throw unwritten(error)
    }
    this.#log.debug(
      { event: 'accepted', id, account: request.index, kind: request.kind },
      `${request.kind} ${id} accepted`,
    )
    // The chain may have moved on while it was written down.
    const judged = this.#now()
    if (!judged.open.some((known) => known.id === id)) {
      judged.open.push(entry)
      if (judged.pending !== pending && status === 'accepted') judged.pending.attempt(unit)
    }
    return { id, status }
  }

  /** @throws Refusal where the link is of a half that somebody else signed and that is gone: this one would wait in vain */
  #requireFreshLink({ link, index }: Trade): void {
    for (const entry of this.#journal.entries()) {
      const { body } = entry
      if (body.kind !== 'trade' || body.link !== link || body.index === index) continue
      const { status, code } = this.#stateOf(entry)
      if (status === 'settled') throw gone('was carried out with another')
      if (status === 'failed') throw gone(`has failed (${code})`)
    }
  }

  /** Open operations, judged by the snapshot that there is now. */
  #now(): Judged {
    const { snapshot } = this.#view
    if (this.#judged?.snapshot === snapshot) return this.#judged
    const { state, custody, now } = snapshot
    const open = this.#openOperations()
    const pending = new PendingState(state.system, custody, BigInt(now), this.signatures.verify)
    for (const [index, version] of this.#rekeying)
      if (pending.account(index)?.version === version) pending.attempt([{ kind: 'rekey', index }])
    const refused = (unit: Unit) => pending.attempt(unit.map(({ operation }) => operation)) !== undefined
    // Once more for what was signed after half a trade, whose place is where its second half came.
    for (const unit of unitsOf(open).filter(refused)) refused(unit)
    this.#judged = { snapshot, open, pending }
    return this.#judged
  }

  #openOperations(): OpenOperation[] {
    return [...this.#journal.entries()]
      .filter((entry) => this.#isOpen(entry))
      .map((entry) => {
        const known = this.#parsed.get(entry) ?? { id: entry.id, operation: toOperation(entry.body) }
        this.#parsed.set(entry, known)
        return known
      })
  }

  /** Whether the state of the chain lacks it. A failure is final, a settlement as far as no reorganization undoes it. */
  #isOpen({ id, outcome }: JournalEntry): boolean {
    const { applied, settlements } = this.#view.snapshot.state
    if (outcome?.status === 'failed' || applied.has(id)) return false
    return outcome?.settlement === undefined || outcome.settlement > settlements - REMEMBERED
  }

  /**
   * Whether it can never be open again, nor be taken again: what failed may be signed for a version that is still the
   * account's.
   */
  #isFinal({ body, outcome }: JournalEntry): boolean {
    const { system, settlements } = this.#view.snapshot.state
    if (outcome?.status === 'failed')
      return body.expiry < this.#view.snapshot.now || body.version < (system.accounts.at(body.index)?.version ?? 0n)
    return outcome?.settlement !== undefined && outcome.settlement <= settlements - REMEMBERED
  }

  #statusOf(entry: JournalEntry): OperationStatus {
    if (entry.outcome?.status === 'failed') return 'failed'
    if (!this.#isOpen(entry)) return 'settled'
    if (this.#inHand.has(entry.id)) return 'proving'
    return this.waiting().some(({ id }) => id === entry.id) ? 'waiting' : 'accepted'
  }
}

function gone(why: string): Refusal {
  return new Refusal(
    'TRADE_GONE',
    `The other half of this trade ${why}: agree anew with whoever signed it, on a new link.`,
  )
}

function unwritten(error: unknown): Refusal {
  return new Refusal(
    'UNAVAILABLE',
    error instanceof PlimsollError ? error.message : 'The operation could not be written down.',
  )
}

/** Whole operations and trades, a trade where its second half came. */
function unitsOf(open: readonly OpenOperation[]): Unit[] {
  const halves = new Map<bigint, OpenOperation>()
  return open.flatMap((entry): Unit[] => {
    const { operation } = entry
    if (operation.kind !== 'trade') return [[entry]]
    const other = halves.get(operation.link)
    halves.delete(operation.link)
    if (other !== undefined) return [[other, entry]]
    halves.set(operation.link, entry)
    return []
  })
}

/** The id of an operation is the message that its owner signed. */
function operationId(operation: OwnerOperation, { ledger }: System): Hex {
  return toHex(messageHash(ledger.domain, operationMessage(operation)), { size: 32 })
}

function toOperation(request: OperationRequest): OwnerOperation {
  return { ...request, version: BigInt(request.version), expiry: BigInt(request.expiry) }
}
