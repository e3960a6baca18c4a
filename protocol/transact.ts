import { type Account, accountLeaf } from './account.ts'
import type { StepPublic } from './batch.ts'
import { CIPHER_LENGTH, encryptAccount } from './cipher.ts'
import { Refusal, type RefusalCode } from './errors.ts'
import { type Close, closing } from './forced-close.ts'
import { ownerHash, sharedViewKey } from './keys.ts'
import {
  balancesAfter,
  checkOperation,
  type Forced,
  fits,
  isQueued,
  type Judgement,
  meetsInitial,
  newAccount,
  type Open,
  type Operation,
  payee,
  type TopUp,
} from './operation.ts'
import { isSignatureForm } from './signature.ts'

/** Operation numbers of the public vector. */
export const OP = {
  open: 1,
  topup: 2,
  withdraw: 3,
  trade: 4,
  unwind: 5,
  preferences: 6,
  forced: 7,
  discharge: 8,
  bounce: 9,
  close: 10,
  rekey: 11,
  dischargeClose: 12,
} as const

/** Operations that write nothing. */
const READING: ReadonlySet<keyof typeof OP> = new Set(['discharge', 'bounce', 'dischargeClose'])

/** Operations that no price bears on: they need no round, and a batch of nothing else is proven without marks. */
export const PRICELESS: ReadonlySet<number> = new Set([0, OP.open, OP.topup, OP.preferences, OP.bounce, OP.rekey])

/** The name of an operation that writes an account; undefined for others, and for inactive steps. */
export function writingOperation(op: number): keyof typeof OP | undefined {
  const name = (Object.keys(OP) as (keyof typeof OP)[]).find((key) => OP[key] === op)
  return name === undefined || READING.has(name) ? undefined : name
}

export const INACTIVE_STEP: StepPublic = {
  op: 0,
  index: 0,
  leaf: 0n,
  cipher: Array<bigint>(CIPHER_LENGTH).fill(0n),
  asset: 0,
  amount: 0n,
  u: 0n,
  v: 0n,
}

/** The sequencer's side of an operation. */
export interface Execution extends Judgement {
  /** The sequencer's secret: it makes the view keys of new accounts, and of those that are rekeyed. */
  readonly secret: bigint | undefined
}

/** An operation carried out. */
export interface Applied {
  /** The account afterwards; undefined where nothing is written. */
  readonly next?: Account
  /** Public part of the step. */
  readonly public: StepPublic
  /** Whether the trade is one of an account that stays below its target. */
  readonly exception: boolean
}

/** Outcome of an operation, short of its public part. */
export interface Outcome {
  readonly op: (typeof OP)[keyof typeof OP]
  /** The account afterwards; undefined where nothing is written. */
  readonly next?: Account
}

/**
 * Outcome of an operation on the current account at its index; `execution.now` is the batch's `validUntil`.
 * A top-up that does not fit is bounced, a forced request that cannot be served is discharged.
 * @throws Refusal when there is nothing that a circuit would prove
 */
export function operationOutcome(account: Account | undefined, operation: Operation, execution: Execution): Outcome {
  const refusal = checkOperation(account, operation, execution)
  if (isQueued(operation) && refusal !== undefined && isDischarged(account, operation, refusal, execution))
    return { op: operation.kind === 'close' ? OP.dischargeClose : OP.discharge }
  if (refusal !== undefined) throw refusal

  const before = operation.kind === 'open' ? birth(operation, execution) : account!
  const viewKey = operation.kind === 'rekey' ? newViewKey(execution) : before.viewKey
  const balances = balancesAfter(before.balances, operation, execution.marks!)
  if (operation.kind === 'topup' && !fits(balances)) return { op: OP.bounce }
  const weights = operation.kind === 'preferences' ? operation.weights : before.weights
  return {
    op: OP[operation.kind],
    next: { ...before, viewKey, version: operation.kind === 'open' ? 0n : before.version + 1n, weights, balances },
  }
}

/** Carries out an operation: its outcome (see above) and what is published of it. @throws Refusal likewise */
export function applyOperation(account: Account | undefined, operation: Operation, execution: Execution): Applied {
  const { op, next } = operationOutcome(account, operation, execution)
  if (next === undefined)
    return { exception: false, public: isQueued(operation) ? discharge(operation) : bounce(operation as TopUp) }
  const leaf = accountLeaf(next)
  const exception =
    (operation.kind === 'trade' || operation.kind === 'unwind') && !meetsInitial(next.balances, execution.marks!)
  return {
    next,
    exception,
    public: {
      op,
      index: operation.index,
      leaf,
      cipher: encryptAccount(next, leaf),
      ...publicTerms(operation),
      ...(operation.kind === 'close' && {
        closing: closing(account!.balances, operation, execution.marks![operation.asset]!),
      }),
    },
  }
}

function discharge(request: Forced | Close): StepPublic {
  const {
    index,
    asset,
    amount,
    queueNumber,
    expiry,
    signature: {
      r8: [r8x, r8y],
      s,
    },
  } = request
  const step = { index, leaf: r8x, cipher: [r8y, s, expiry], asset, amount, v: queueNumber }
  return request.kind === 'close'
    ? {
        ...step,
        op: OP.dischargeClose,
        u: request.limit,
        closing: { direction: request.direction, x: 0n, y: 0n },
      }
    : { ...step, op: OP.discharge, u: payee(request) }
}

function bounce({ index, asset, amount }: TopUp): StepPublic {
  return { ...INACTIVE_STEP, op: OP.bounce, index, asset, amount }
}

const DISCHARGING: ReadonlySet<RefusalCode> = new Set([
  'BAD_SIGNATURE',
  'BALANCE_TOO_LARGE',
  'SIZE_TOO_LARGE',
  'TARGET_TOO_LOW',
  'NO_POSITION',
  'LIMIT_MISSED',
  'TOO_CONCENTRATED',
])

/** Whether the circuit proves this refusal of a forced request. Any other is the contract's. */
function isDischarged(
  account: Account | undefined,
  { signature }: Forced | Close,
  { code }: Refusal,
  { publicKey }: Execution,
): boolean {
  if (
    account === undefined ||
    publicKey === undefined ||
    ownerHash(publicKey) !== account.owner ||
    !isSignatureForm(signature)
  )
    return false
  return DISCHARGING.has(code)
}

function birth(operation: Open, { secret }: Execution): Account {
  if (secret === undefined) throw new Refusal('UNAVAILABLE', 'Only the sequencer opens accounts.')
  return newAccount(operation.publicKey, sharedViewKey(secret, operation.publicKey), operation.index)
}

/** The view key that an account's owner shares with the sequencer's key in force. */
function newViewKey({ secret, publicKey }: Execution): bigint {
  if (secret === undefined) throw new Refusal('UNAVAILABLE', 'Only the sequencer rekeys accounts.')
  return sharedViewKey(secret, publicKey!)
}

/** The last four elements of a step: trades and preferences are private. */
function publicTerms(operation: Operation): Pick<StepPublic, 'asset' | 'amount' | 'u' | 'v'> {
  switch (operation.kind) {
    case 'open':
      return { asset: operation.asset, amount: operation.amount, u: operation.publicKey[0], v: operation.publicKey[1] }
    case 'topup':
      return { asset: operation.asset, amount: operation.amount, u: 0n, v: 0n }
    case 'withdraw':
      return { asset: operation.asset, amount: operation.amount, u: payee(operation), v: 0n }
    case 'forced':
      return {
        asset: operation.asset,
        amount: operation.amount,
        u: payee(operation),
        v: operation.queueNumber,
      }
    case 'close':
      return { asset: operation.asset, amount: operation.amount, u: operation.limit, v: operation.queueNumber }
    case 'unwind':
      return { asset: operation.asset, amount: operation.x, u: operation.y, v: BigInt(operation.direction) }
    case 'trade':
    case 'preferences':
    case 'rekey':
      return { asset: 0, amount: 0n, u: 0n, v: 0n }
  }
}
