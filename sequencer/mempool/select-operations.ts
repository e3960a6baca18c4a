import type { Hex } from 'viem'
import type { ForcedRequest, WaitingDeposit } from '../../chain/contracts.ts'
import type { Custody } from '../../chain/custody.ts'
import type { RefusalCode } from '../../protocol/errors.ts'
import type { Operation, Rekey } from '../../protocol/operation.ts'
import type { System } from '../../protocol/system.ts'
import { idleRekeys, promisedRekeys } from './add-rekeys.ts'
import type { OperationPool, OwnerOperation, Unit } from './operation-pool.ts'
import { PendingState } from './pending-state.ts'

export interface OperationsToSelect {
  readonly system: System
  readonly custody: Custody
  /** Number of the latest round. */
  readonly round: number
  readonly validUntil: bigint
  readonly forced: readonly ForcedRequest[]
  readonly pool: OperationPool
  readonly deposits: readonly WaitingDeposit[]
  /** The most units of owners' operations; what is beyond waits. */
  readonly most: number
  /** Accounts under a former key of the sequencer. */
  readonly former: readonly number[]
}

export interface OperationSelection {
  /** Each fits the circuit and holds trades whole; with the ids of the owners' operations in it, by unit. */
  readonly batches: readonly {
    readonly operations: readonly Operation[]
    readonly units: readonly (readonly Hex[])[]
  }[]
  /** Accounts that they rekey. */
  readonly rekeyed: readonly number[]
  /** Owners' operations that will never be carried out. */
  readonly failures: ReadonlyMap<Hex, RefusalCode>
  /** Whether a forced request, to be discharged or a close, waits for a round that is younger than it. */
  readonly wantsRound: boolean
}

/** Forced requests that are carried out in one look at the most. */
const MOST_FORCED = 64
/** Batches of nothing but rekeys in one look at the most: owners' operations may come at any time. */
const IDLE_BATCHES = 4

/** Refusals that may pass with time: an operation refused for one waits until it expires. */
const PASSING: ReadonlySet<RefusalCode> = new Set([
  'FREE_CUSTODY',
  'BACKSTOP_PRICE',
  'BACKSTOP_SIDE',
  'BACKSTOP_AMOUNT',
  'NO_FRESH_ROUND',
  'FROZEN',
])

/**
 * Operations to be carried out now, in order: forced requests, then what owners were promised in order of acceptance, then
 * deposits. So nobody's top-up moves the version under an operation that was accepted before; it does where that has to wait,
 * and where the deposit has waited for half of its time. After a handover of the sequencer the steps that are left rekey accounts, and
 * so do some batches where there is nothing else to do.
 */
export function selectOperations({
  system,
  custody,
  round,
  validUntil,
  forced,
  pool,
  deposits,
  most,
  former,
}: OperationsToSelect): OperationSelection {
  const pending = new PendingState(system, custody, validUntil, pool.signatures.verify)
  const units: { operations: readonly Operation[]; ids: readonly Hex[] }[] = []
  const failures = new Map<Hex, RefusalCode>()
  let wantsRound = false
  const rekeyed: number[] = []
  const rekey = (index: number): Rekey | undefined => {
    const operation = { kind: 'rekey', index } as const
    if (pending.attempt([operation]) !== undefined) return undefined
    rekeyed.push(index)
    return operation
  }
  for (const index of promisedRekeys(former, system, pool)) {
    const operation = rekey(index)
    if (operation !== undefined) units.push({ operations: [operation], ids: [] })
  }

  for (const request of forced) {
    if (units.length - rekeyed.length === MOST_FORCED) break
    // The contract goes by its own clock: what expires before the batch does could void it.
    if (request.operation.expiry < validUntil || pending.check([request.operation]) !== undefined) continue
    if (request.round >= round && (request.operation.kind === 'close' || pending.discharges(request.operation))) {
      wantsRound = true
      continue
    }
    pending.attempt([request.operation])
    units.push({ operations: [request.operation], ids: [] })
  }

  /** Accounts with an operation that waits: what was signed after it waits too. */
  const held = new Set<number>()
  const queue = pool.units()
  /** Versions of halves of trades, by account: what was signed after them may yet be carried out. */
  const halves = new Set(
    [...pool.waiting(), ...queue.flatMap((unit) => (unit.length > 1 ? unit : []))]
      .filter(({ operation }) => operation.expiry >= validUntil)
      .map(({ operation: { index, version } }) => `${index} ${version}`),
  )
  /** Units behind half a trade: their turn comes again after the trade, whose place is where its second half came. */
  const behind = new Set<Unit>()
  const followsHalf = ({ index, version }: OwnerOperation) => {
    const account = pending.account(index)
    return account !== undefined && version > account.version && halves.has(`${index} ${account.version}`)
  }
  /** Accounts with an operation whose turn comes at a later look. */
  const later = new Set<number>()
  let taken = 0
  for (const unit of queue) {
    if (taken === most) {
      for (const { operation } of unit) later.add(operation.index)
      continue
    }
    const operations = unit.map(({ operation }) => operation)
    const blocked = operations.some(({ index }) => held.has(index))
    const refused = blocked ? undefined : pending.attempt(operations)
    if (!blocked && refused === undefined) {
      units.push({ operations, ids: unit.map(({ id }) => id) })
      taken++
      continue
    }
    const expired = unit.filter(({ operation }) => operation.expiry < validUntil)
    for (const { id } of expired) failures.set(id, 'EXPIRED')
    const failing = refused === undefined ? undefined : unit[refused.position]!
    if (expired.length > 0) continue
    if (failing !== undefined && followsHalf(failing.operation)) {
      if (!behind.has(unit)) queue.push(unit)
      behind.add(unit)
    } else if (failing === undefined || PASSING.has(refused!.refusal.code)) {
      for (const { index } of operations) held.add(index)
    } else failures.set(failing.id, refused!.refusal.code)
  }
  for (const { id, operation } of pool.waiting()) {
    const account = pending.account(operation.index)
    if (operation.expiry < validUntil) failures.set(id, 'EXPIRED')
    else if (account !== undefined && operation.version < account.version) failures.set(id, 'STALE_VERSION')
  }

  for (const { operation, urgent } of deposits) {
    // The queue is consumed in order.
    if ((later.has(operation.index) && !urgent) || pending.attempt([operation]) !== undefined) break
    units.push({ operations: [operation], ids: [] })
  }
  const { steps } = system.ledger.shape.transact
  const batches = pack(units, steps)
  const touched = new Set(units.flatMap(({ operations }) => operations.map(({ index }) => index)))
  const idle = units.length === 0 ? IDLE_BATCHES * steps : 0
  for (const index of idleRekeys(former, touched, pool)) {
    let batch = batches.find(({ operations }) => operations.length < steps)
    if (batch === undefined && rekeyed.length >= idle) break
    const operation = rekey(index)
    if (operation === undefined) continue
    if (batch === undefined) {
      batch = { operations: [], units: [] }
      batches.push(batch)
    }
    batch.operations.push(operation)
  }
  return { batches, rekeyed, failures, wantsRound }
}

/** A batch as it is filled. */
interface FilledBatch {
  readonly operations: Operation[]
  readonly units: (readonly Hex[])[]
}

function pack(
  units: readonly { operations: readonly Operation[]; ids: readonly Hex[] }[],
  steps: number,
): FilledBatch[] {
  const batches: FilledBatch[] = []
  for (const { operations, ids } of units) {
    let batch = batches.at(-1)
    if (batch === undefined || batch.operations.length + operations.length > steps) {
      batch = { operations: [], units: [] }
      batches.push(batch)
    }
    batch.operations.push(...operations)
    if (ids.length > 0) batch.units.push(ids)
  }
  return batches
}
