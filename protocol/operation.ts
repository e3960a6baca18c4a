import type { Address } from 'viem'
import { type Account, NEUTRAL_WEIGHTS, packWeights } from './account.ts'
import { chargedHealthDown, mostConcentrated } from './concentration.ts'
import { ASSETS, EXPIRY_LIMIT, FIELD, MAX_WEIGHT, SCALE, TARGET_THRESHOLD, VERSION_LIMIT, WORD } from './constants.ts'
import { isOwnerPoint, type Point } from './curve.ts'
import { Refusal, type RefusalCode } from './errors.ts'
import { balancesAfterClosing, type Close, closeRefusal, closing } from './forced-close.ts'
import { type Balances, initialHealth, isOversize } from './health.ts'
import { abs } from './integer.ts'
import { ownerHash } from './keys.ts'
import type { Marks } from './marks.ts'
import { KIND, type Message, messageHash, type SigningDomain } from './messages.ts'
import { isSignatureForm, type Signature, type SignatureCheck, verifySignature } from './signature.ts'

/** Amounts in base units, times in unix seconds. `expiry` and `version` are signed. */
interface Signed {
  readonly index: number
  readonly version: bigint
  readonly expiry: bigint
  readonly signature: Signature
}

/** A deposit that makes an account; of 0 where it was taken back. */
export interface Open {
  readonly kind: 'open'
  readonly depositId: number
  readonly index: number
  readonly publicKey: Point
  readonly asset: number
  readonly amount: bigint
}

/** A deposit into an account, by anyone; of 0 where it was taken back. Bounced where the balance would reach 2^64. */
export interface TopUp {
  readonly kind: 'topup'
  readonly depositId: number
  readonly index: number
  readonly asset: number
  readonly amount: bigint
}

export interface Withdraw extends Signed {
  readonly kind: 'withdraw'
  readonly asset: number
  readonly amount: bigint
  readonly recipient: Address
  /** To be paid in full or to wait: not cut by a checkpoint at which the backstop is under water. */
  readonly inFull?: boolean | undefined
}

/** Half of a trade: direction 1 gets `x` of the asset for `y` of cash, 0 gives it. The other half has the same link. */
export interface Trade extends Signed {
  readonly kind: 'trade'
  readonly asset: number
  readonly direction: 0 | 1
  readonly x: bigint
  readonly y: bigint
  readonly link: bigint
}

/** A trade against the backstop. */
export interface Unwind extends Signed {
  readonly kind: 'unwind'
  readonly asset: number
  readonly direction: 0 | 1
  readonly x: bigint
  readonly y: bigint
}

export interface Preferences extends Signed {
  readonly kind: 'preferences'
  readonly weights: readonly number[]
}

/**
 * A withdrawal from the forced queue; discharged where it cannot be served. Signed for its place there, not a version.
 */
export interface Forced {
  readonly kind: 'forced'
  readonly queueNumber: bigint
  readonly index: number
  readonly asset: number
  readonly amount: bigint
  readonly recipient: Address
  /** As for `Withdraw`. */
  readonly inFull?: boolean | undefined
  readonly expiry: bigint
  readonly signature: Signature
}

/** The sequencer shares an account's view key anew, by its key in force. Nobody signs it, and nothing else changes. */
export interface Rekey {
  readonly kind: 'rekey'
  readonly index: number
}

export type Operation = Open | TopUp | Withdraw | Trade | Unwind | Preferences | Forced | Close | Rekey
export type SignedOperation = Withdraw | Trade | Unwind | Preferences | Forced | Close
/** Operations of which it takes no marks to say what they lead to. */
type UnpricedOperation = Exclude<Operation, Close>

/** Whether an operation comes from the forced queue: signed for its number there, and discharged where it cannot be served. */
export function isQueued(operation: Operation): operation is Forced | Close {
  return operation.kind === 'forced' || operation.kind === 'close'
}

/** Circumstances by which an operation is judged, besides the account. */
export interface Judgement {
  /** Marks of the latest round; undefined before the first. */
  readonly marks: Marks | undefined
  readonly domain: SigningDomain
  /** The owner's; undefined where none is known, as for accounts of a trusted import. */
  readonly publicKey: Point | undefined
  /** Unix seconds; what is carried out expires no earlier. */
  readonly now: bigint
  /** `verifySignature`, or of a caller that remembers what it verified. */
  readonly verify?: SignatureCheck | undefined
}

/** Bit of `extra` above a recipient's address: the withdrawal is to be paid in full or to wait. */
const IN_FULL = 1n << 160n

/** Destination of a withdrawal as its owner signs it, `extra`: the recipient, and `IN_FULL` or not. */
export function payee({ recipient, inFull }: Pick<Withdraw, 'recipient' | 'inFull'>): bigint {
  return BigInt(recipient) + (inFull ? IN_FULL : 0n)
}

/** The message that the owner signs. */
export function operationMessage(operation: SignedOperation): Message {
  const { kind, index, expiry } = operation
  const base = { kind: KIND[kind], index, expiry, asset: 0, direction: 0, x: 0n, y: 0n, extra: 0n }
  switch (operation.kind) {
    case 'withdraw':
    case 'forced': {
      const nonce = operation.kind === 'forced' ? operation.queueNumber : operation.version
      return { ...base, nonce, asset: operation.asset, x: operation.amount, extra: payee(operation) }
    }
    case 'trade':
    case 'unwind': {
      const { version, asset, direction, x, y } = operation
      return {
        ...base,
        nonce: version,
        asset,
        direction,
        x,
        y,
        extra: operation.kind === 'trade' ? operation.link : 0n,
      }
    }
    case 'preferences':
      return { ...base, nonce: operation.version, extra: packWeights(operation.weights) }
    case 'close': {
      const { queueNumber, asset, direction, amount, limit } = operation
      return { ...base, nonce: queueNumber, asset, direction, x: amount, y: limit }
    }
  }
}

/** Balances after an operation, of whatever size. @param marks of the round: a close trades at them */
export function balancesAfter(balances: Balances, operation: UnpricedOperation, marks?: Marks): Balances
export function balancesAfter(balances: Balances, operation: Operation, marks: Marks): Balances
export function balancesAfter(balances: Balances, operation: Operation, marks?: Marks): Balances {
  if (operation.kind === 'close')
    return balancesAfterClosing(balances, operation.asset, closing(balances, operation, marks![operation.asset]!))
  const after = [...balances]
  if (operation.kind === 'preferences' || operation.kind === 'rekey') return after
  const { asset } = operation
  if (operation.kind === 'trade' || operation.kind === 'unwind') {
    const sign = operation.direction === 1 ? 1n : -1n
    after[asset]! += sign * operation.x
    after[0]! -= sign * operation.y
  } else {
    after[asset]! += operation.kind === 'open' || operation.kind === 'topup' ? operation.amount : -operation.amount
  }
  return after
}

export function fits(balances: Balances): boolean {
  return balances.every((balance) => abs(balance) < WORD)
}

/** Withdrawals and trades end at the initial margin, its charge for concentration included, or without a liability. */
export function meetsInitial(balances: Balances, marks: Marks): boolean {
  return balances.every((balance) => balance >= 0n) || chargedHealthDown(balances, marks) >= TARGET_THRESHOLD
}

/**
 * Refusal of a trade to an account that stays below its initial margin (docs/protocol.md#transact, the exception): it must shrink the
 * position without turning it, at a price no worse than a liquidation's, and improve `T`, without the charge for concentration. Nothing is rounded.
 */
function exceptionRefusal(
  balances: Balances,
  { asset, direction, x, y }: Pick<Trade, 'asset' | 'direction' | 'x' | 'y'>,
  marks: Marks,
): RefusalCode | undefined {
  const after = balances
    .with(asset, balances[asset]! + (direction === 1 ? x : -x))
    .with(0, balances[0]! + (direction === 1 ? -y : y))
  if (abs(balances[asset]!) - abs(after[asset]!) !== x) return 'TRADE_NOT_SHRINKING'
  const { sell, buy } = marks[asset]!
  if (direction === 1 ? y * SCALE > x * buy : y * SCALE < x * sell) return 'TRADE_PRICE'
  return initialHealth(after, marks) > initialHealth(balances, marks) ? undefined : 'TRADE_NOT_IMPROVING'
}

/** Messages by operation: what waits is judged again and again, and its message takes the longest of it. */
const messages = new WeakMap<object, { readonly domain: SigningDomain; readonly message: bigint }>()

/** Message that the owner of an operation signed. */
function signedMessage(domain: SigningDomain, operation: SignedOperation): bigint {
  const known = messages.get(operation)
  if (known?.domain.chainId === domain.chainId && known.domain.settlement === domain.settlement) return known.message
  const message = messageHash(domain, operationMessage(operation))
  messages.set(operation, { domain, message })
  return message
}

/**
 * Refusal of an operation that would not be carried out now, or undefined: the first of form, account, version, expiry,
 * signature, range of the balances, a price of what is traded, size, target; of a close its position, limit and range. A top-up
 * that is bounced and a forced request that is discharged are carried out; for the latter this says why it is.
 */
export function checkOperation(
  account: Account | undefined,
  operation: Operation,
  judgement: Judgement,
): Refusal | undefined {
  const { marks, domain, publicKey, now, verify = verifySignature } = judgement
  const malformed = formRefusal(operation)
  if (malformed !== undefined) return malformed
  if (operation.kind === 'open') {
    return account === undefined
      ? undefined
      : new Refusal('ACCOUNT_EXISTS', `Account ${operation.index} exists already.`)
  }
  if (account === undefined) return new Refusal('UNKNOWN_ACCOUNT', `There is no account ${operation.index}.`)
  if (account.version + 2n > VERSION_LIMIT)
    return new Refusal('VERSION_LIMIT', `Account ${operation.index} has no versions left.`)
  if (operation.kind === 'topup') return undefined

  const known = publicKey !== undefined && ownerHash(publicKey) === account.owner
  if (operation.kind === 'rekey')
    return known
      ? undefined
      : new Refusal('BAD_REQUEST', `Account ${operation.index} was imported: there is no owner to share a key with.`)
  if (!isQueued(operation)) {
    if (operation.version !== account.version)
      return new Refusal(
        'STALE_VERSION',
        `Account ${operation.index} is at version ${account.version}, not ${operation.version}.`,
      )
    if (operation.expiry < now) return expired()
  }
  if (!known || !verify(publicKey, signedMessage(domain, operation), operation.signature)) {
    return new Refusal('BAD_SIGNATURE', `The signature is not that of the owner of account ${operation.index}.`)
  }
  if (operation.kind === 'preferences') return undefined
  if (operation.kind === 'close') {
    if (marks === undefined) return noRound()
    // The expiry last, as below.
    const refused = closeRefusal(account.balances, operation, marks[operation.asset]!)
    return refused ?? (operation.expiry < now ? expired() : undefined)
  }

  const after = balancesAfter(account.balances, operation)
  if (!fits(after)) return new Refusal('BALANCE_TOO_LARGE', 'A balance would be 2^64 base units or more.')
  if (marks === undefined) return noRound()
  if ((operation.kind === 'trade' || operation.kind === 'unwind') && marks[operation.asset]!.price === 0n)
    return new Refusal('UNKNOWN_ASSET', `Asset ${operation.asset} has no price: there is none of it to trade.`)
  if (isOversize(after, marks))
    return new Refusal('SIZE_TOO_LARGE', 'The balances would be worth 2^95 or more at the scale of the marks.')
  // Last: a request that deserves it is discharged whenever it expires.
  if (meetsInitial(after, marks)) return operation.expiry < now ? expired() : undefined
  if (operation.kind === 'withdraw' || operation.kind === 'forced' || meetsInitial(account.balances, marks))
    return targetTooLow(after, marks)
  const code = exceptionRefusal(account.balances, operation, marks)
  return code === undefined ? undefined : new Refusal(code, EXCEPTION_MESSAGES[code]!)
}

const EXCEPTION_MESSAGES: Partial<Record<RefusalCode, string>> = {
  TRADE_NOT_SHRINKING: 'An account that stays below its target may only shrink a position, and not turn it.',
  TRADE_PRICE: 'An account that stays below its target may not trade at a worse price than a liquidation would.',
  TRADE_NOT_IMPROVING: 'An account that stays below its target may only trade what brings it nearer.',
}

function noRound(): Refusal {
  return new Refusal('NO_FRESH_ROUND', 'There is no round with prices yet.')
}

function expired(): Refusal {
  return new Refusal('EXPIRED', 'The operation has expired.')
}

function targetTooLow(balances: Balances, marks: Marks): Refusal {
  if (initialHealth(balances, marks) < TARGET_THRESHOLD)
    return new Refusal('TARGET_TOO_LOW', 'The account would end below its target.')
  return new Refusal(
    'TOO_CONCENTRATED',
    `The account would end below its initial margin by the charge for concentration, most of it for asset ${mostConcentrated(balances, marks)}: its position there is large for the market's depth.`,
  )
}

/**
 * Refusal of an operation that is not the other half of a trade, or undefined: the same link, asset and amounts, opposite directions, and two
 * accounts.
 */
export function halfRefusal(first: Trade, second: Operation | undefined): Refusal | undefined {
  if (second?.kind !== 'trade' || second.link !== first.link)
    return new Refusal('TRADE_NOT_LINKED', 'Half a trade is not followed by its other half, of the same link.')
  const opposite =
    second.asset === first.asset &&
    second.x === first.x &&
    second.y === first.y &&
    second.direction !== first.direction &&
    second.index !== first.index
  return opposite
    ? undefined
    : new Refusal(
        'TRADE_MISMATCH',
        'The other half of this trade is of another asset, amount or price, of the same side, or of the same account.',
      )
}

/** @throws Refusal unless every trade is followed by its other half */
export function requireWholeTrades(operations: readonly Operation[]): void {
  for (let i = 0; i < operations.length; i++) {
    const operation = operations[i]!
    if (operation.kind !== 'trade') continue
    const refused = halfRefusal(operation, operations[++i])
    if (refused !== undefined) throw refused
  }
}

/** Refusal of an operation for its form, whatever the account is; undefined for none. */
function formRefusal(operation: Operation): Refusal | undefined {
  const bad = (message: string) => new Refusal('BAD_REQUEST', message)
  if (!Number.isInteger(operation.index) || operation.index < 0 || operation.index >= 2 ** 32)
    return bad('The index of an account is a whole number below 2^32.')
  if ('publicKey' in operation && !isOwnerPoint(operation.publicKey))
    return bad('The public key is not a point that the contract takes.')
  if ('expiry' in operation && (operation.expiry < 0n || operation.expiry >= EXPIRY_LIMIT))
    return bad('The expiry does not fit 40 bits.')
  if ('signature' in operation && !isSignatureForm(operation.signature))
    return new Refusal('BAD_SIGNATURE', 'The signature is malformed.')
  if (operation.kind === 'preferences') {
    const { weights } = operation
    const sound =
      weights.length === ASSETS &&
      weights.every((weight) => Number.isInteger(weight) && weight >= 1 && weight <= MAX_WEIGHT)
    return sound
      ? undefined
      : new Refusal('BAD_WEIGHTS', `Preferences are ${ASSETS} whole numbers from 1 to ${MAX_WEIGHT}.`)
  }
  if (operation.kind === 'rekey') return undefined
  const { asset } = operation
  const isTrade = operation.kind === 'trade' || operation.kind === 'unwind'
  if (
    !Number.isInteger(asset) ||
    asset < 0 ||
    asset >= ASSETS ||
    ((isTrade || operation.kind === 'close') && asset === 0)
  )
    return new Refusal('UNKNOWN_ASSET', `There is no asset ${asset} for this.`)
  if (isTrade) {
    const { x, y } = operation
    if (x < 0n || x >= WORD || y < 0n || y >= WORD) return bad('An amount does not fit 64 bits.')
    if (operation.kind === 'trade' && (operation.link <= 0n || operation.link >= FIELD))
      return new Refusal('TRADE_NOT_LINKED', 'The link of a trade is a number between 0 and r.')
    return x === 0n && y === 0n ? new Refusal('AMOUNT_ZERO', 'The trade is of nothing.') : undefined
  }
  if (operation.amount < 0n || operation.amount >= WORD) return bad('The amount does not fit 64 bits.')
  if (operation.kind === 'close' && (operation.limit < 0n || operation.limit >= WORD))
    return bad('The limit of the price does not fit 64 bits.')
  // Of a deposit that its depositor took back nothing is left but its place in the queue.
  if (operation.amount === 0n && operation.kind !== 'open' && operation.kind !== 'topup')
    return new Refusal('AMOUNT_ZERO', 'The amount is 0.')
  if ('recipient' in operation && !isRecipient(operation.recipient))
    return new Refusal('BAD_RECIPIENT', 'The recipient is not an address other than 0.')
  return undefined
}

/** Whether assets can be sent there: an address other than 0. */
export function isRecipient(recipient: string): recipient is `0x${string}` {
  return /^0x[0-9a-fA-F]{40}$/.test(recipient) && BigInt(recipient) > 0n
}

/** The account that a deposit opens: of version 0, its balances still to come. */
export function newAccount(publicKey: Point, viewKey: bigint, index: number): Account {
  return {
    owner: ownerHash(publicKey),
    viewKey,
    index,
    version: 0n,
    weights: NEUTRAL_WEIGHTS,
    balances: Array<bigint>(ASSETS).fill(0n),
  }
}
