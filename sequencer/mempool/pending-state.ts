import { backstopTakes, type Custody } from '../../chain/custody.ts'
import type { Account } from '../../protocol/account.ts'
import { type Auction, availableUnits, changeBackstop } from '../../protocol/auction.ts'
import { take } from '../../protocol/auction-fill.ts'
import type { Point } from '../../protocol/curve.ts'
import { PlimsollError, Refusal } from '../../protocol/errors.ts'
import { type Close, type Closing, closing } from '../../protocol/forced-close.ts'
import { type Forced, halfRefusal, type Operation, type Unwind, type Withdraw } from '../../protocol/operation.ts'
import type { SignatureCheck } from '../../protocol/signature.ts'
import type { System } from '../../protocol/system.ts'
import { OP, type Outcome, operationOutcome, PRICELESS } from '../../protocol/transact.ts'

/** Refusal of a unit of operations, and which of them it is about. */
export interface PendingRefusal {
  readonly refusal: Refusal
  readonly position: number
}

/**
 * Accounts, backstop and free custody as they would be after operations that are not settled yet. It says of one operation
 * after the other whether circuit and contract would take it, and leaves the system itself alone.
 */
export class PendingState {
  readonly #system: System
  readonly #custody: Custody
  /** Operations must not expire before this. */
  readonly #validUntil: bigint
  readonly #verify: SignatureCheck
  readonly #changed = new Map<number, Account>()
  readonly #opened = new Map<number, Point>()
  readonly #free: bigint[]
  /** The backstop's cash, and what it sells or buys back. */
  #cash: bigint
  readonly #auctions: Auction[]

  constructor(system: System, custody: Custody, validUntil: bigint, verify: SignatureCheck) {
    this.#system = system
    this.#custody = custody
    this.#validUntil = validUntil
    this.#verify = verify
    this.#free = [...custody.free]
    this.#cash = system.ledger.backstop[0]!
    this.#auctions = [...custody.auctions]
  }

  account(index: number): Account | undefined {
    return this.#changed.get(index) ?? this.#system.accounts.at(index)
  }

  /** Carries out one operation, or the two halves of a trade; nothing where it returns a refusal. */
  attempt(operations: readonly Operation[]): PendingRefusal | undefined {
    const written: Account[] = []
    const refused = this.#try(operations, written)
    if (refused !== undefined) return refused
    // What writes nothing, such as the discharge of a forced request, moves nothing either.
    if (written.length > 0) for (const operation of operations) this.#book(operation)
    for (const account of written) this.#changed.set(account.index, account)
    return undefined
  }

  /** The same without carrying it out. */
  check(operations: readonly Operation[]): PendingRefusal | undefined {
    return this.#try(operations, [])
  }

  #try(operations: readonly Operation[], written: Account[]): PendingRefusal | undefined {
    for (const [position, operation] of operations.entries()) {
      try {
        const [first] = operations
        const mismatch = position > 0 && first?.kind === 'trade' ? halfRefusal(first, operation) : undefined
        if (mismatch !== undefined) throw mismatch
        this.#requireCustody(operation)
        const { next } = this.#execute(operation)
        if (next !== undefined) written.push(next)
      } catch (error) {
        if (error instanceof Refusal) return { refusal: error, position }
        throw error
      }
    }
    return undefined
  }

  /** Whether a forced request would be discharged. */
  discharges(request: Forced | Close): boolean {
    return this.#execute(request).next === undefined
  }

  #execute(operation: Operation): Outcome {
    const { ledger, publicKeys, secret } = this.#system
    const publicKey =
      operation.kind === 'open'
        ? operation.publicKey
        : (publicKeys.at(operation.index) ?? this.#opened.get(operation.index))
    return operationOutcome(this.account(operation.index), operation, {
      marks: ledger.marks,
      domain: ledger.domain,
      publicKey,
      now: this.#validUntil,
      secret,
      verify: this.#verify,
    })
  }

  /** Checks of the contract besides what the circuit proves. */
  #requireCustody(operation: Operation): void {
    const custody = this.#custody
    if (custody.frozen)
      throw new Refusal('FROZEN', 'The system is frozen: owners leave with their share by the escape.')
    const priced = !PRICELESS.has(OP[operation.kind])
    if (priced && !custody.fresh) throw new Refusal('NO_FRESH_ROUND', 'There is no round with fresh prices now.')
    // An asset that is not deployed has marks of 0: said before what the circuit proves of the trade.
    if (operation.kind === 'trade' && this.#system.ledger.marks?.[operation.asset]?.price === 0n)
      throw new Refusal('UNKNOWN_ASSET', `There is no asset ${operation.asset}.`)
    if (operation.kind === 'withdraw') this.#requireFree(operation)
    if (operation.kind === 'forced') this.#requireServed(operation)
    if (operation.kind === 'unwind') this.#requireBackstop(operation)
    if (operation.kind === 'close') this.#requireTaken(operation)
  }

  /** A forced withdrawal is served out of free custody; to be discharged it needs none, but that the clock of such requests goes on. */
  #requireServed(request: Forced): void {
    if (!this.discharges(request)) this.#requireFree(request)
    else if (this.#custody.stands)
      throw new Refusal('UNAVAILABLE', 'No forced withdrawal is discharged while an asset is held.')
  }

  #requireFree({ asset, amount }: Withdraw | Forced): void {
    if (!this.#custody.spot[asset])
      throw new Refusal('NOT_SPOT', `Asset ${asset} has no token: it cannot be withdrawn.`)
    if (amount % this.#custody.unitsPerTokenUnit[asset]! !== 0n)
      throw new Refusal(
        'AMOUNT_NOT_REPRESENTABLE',
        `A withdrawal of asset ${asset} is a multiple of ${this.#custody.unitsPerTokenUnit[asset]} base units.`,
      )
    if (amount > this.#free[asset]!)
      throw new Refusal(
        'FREE_CUSTODY',
        `Of asset ${asset} no more than ${this.#free[asset]} base units can be withdrawn now: the rest is lent out or waits to be claimed.`,
      )
  }

  /** A forced close waits, to be served as to be discharged, while the backstop does not take it. */
  #requireTaken(close: Close): void {
    const { asset, direction } = close
    const units = this.discharges(close) ? close.amount : this.#closing(close).x
    if (!backstopTakes(this.#custody, asset, this.#auctions[asset]!, direction === 1 ? -units : units))
      throw new Refusal(
        'BACKSTOP_CLOSED',
        `The backstop takes no forced close of ${units} base units of asset ${asset} now.`,
      )
  }

  #closing(close: Close): Closing {
    return closing(this.account(close.index)!.balances, close, this.#system.ledger.marks![close.asset]!)
  }

  #requireBackstop(unwind: Unwind): void {
    const { asset, direction, x } = unwind
    if (x === 0n) throw new Refusal('AMOUNT_ZERO', 'A trade with the backstop is of something.')
    const auction = this.#auctions[asset]!
    const held = direction === 1 ? auction.backstop : -auction.backstop
    if (held <= 0n)
      throw new Refusal(
        'BACKSTOP_SIDE',
        `The backstop does not ${direction === 1 ? 'hold' : 'owe'} any of asset ${asset}.`,
      )
    if (x > held)
      throw new Refusal(
        'BACKSTOP_AMOUNT',
        `The backstop ${direction === 1 ? 'holds' : 'owes'} ${held} base units of asset ${asset}, not ${x}.`,
      )
    const { now, auctionParameters } = this.#custody
    const available = availableUnits(auction, now, auctionParameters)
    if (auction.terms !== undefined && !auction.terms.held && x > available)
      throw new Refusal(
        'BACKSTOP_AMOUNT',
        `The backstop trades ${available} base units of asset ${asset} more until the quarter of an hour is over, not ${x}.`,
      )
    try {
      this.#unwound(unwind)
    } catch (error) {
      if (error instanceof PlimsollError) throw new Refusal('BACKSTOP_PRICE', error.message)
      throw error
    }
  }

  /** The auction after a trade with the backstop. @throws PlimsollError where the contract would refuse it */
  #unwound({ asset, x, y }: Unwind): Auction {
    const auction = this.#auctions[asset]!
    const { now, auctionParameters } = this.#custody
    const spendable = { backstop: this.#cash, free: this.#free[0]! }
    return take(auction, { units: x, limit: y, now }, spendable, auctionParameters, y).auction
  }

  #book(operation: Operation): void {
    if (operation.kind === 'open') this.#opened.set(operation.index, operation.publicKey)
    if (operation.kind === 'withdraw' || operation.kind === 'forced') this.#free[operation.asset]! -= operation.amount
    if (operation.kind === 'unwind') {
      this.#auctions[operation.asset] = this.#unwound(operation)
      this.#cash += operation.direction === 1 ? operation.y : -operation.y
    }
    if (operation.kind === 'close') {
      const { asset } = operation
      const { now, auctionParameters } = this.#custody
      const { direction, x, y } = this.#closing(operation)
      const units = direction === 1 ? -x : x
      this.#auctions[asset] = changeBackstop(this.#auctions[asset]!, units, now, 'resolve', auctionParameters)
      this.#cash += direction === 1 ? y : -y
    }
  }
}
