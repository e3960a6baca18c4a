import type { Address } from 'viem'
import { PlimsollError } from '../../protocol/errors.ts'
import type { ChainPlace, SystemEvent } from './settlement-history.ts'

/** A thing that an insurer did, or that a checkpoint did with what it had asked for. Cash in base units. */
export type InsurerMove = ChainPlace &
  (
    | { readonly kind: 'insured' | 'cancelled' | 'collected'; readonly cash: bigint }
    | { readonly kind: 'offered'; readonly shares: bigint }
    /** Cash that became shares, shares that became cash; shares that were offered and came back, for want of cash. */
    | { readonly kind: 'converted' | 'redeemed'; readonly cash: bigint; readonly shares: bigint }
    | { readonly kind: 'returned'; readonly shares: bigint }
    /** A part of a token, after a freeze. */
    | { readonly kind: 'pulled'; readonly asset: number; readonly tokenAmount: bigint }
  )

/** Position of an insurer as the contract has it. Cash in base units; offered shares are among the shares. */
interface Position {
  readonly shares: bigint
  readonly offered: bigint
  readonly waiting: bigint
  readonly collectable: bigint
}

/**
 * One insurer's part of the periods, from the events of insurance and escape in order. Everything of a period ends at one price;
 * every division is rounded as the contract rounds it.
 */
export class InsurerHistory {
  readonly moves: InsurerMove[] = []
  /** Shares that everybody offers in the period. */
  #offeredByAll = 0n
  #waiting = 0n
  #offered = 0n
  /** Without those offered. */
  #shares = 0n
  #collectable = 0n

  /** @param own whether the event names the insurer */
  event(event: SystemEvent<'insurance' | 'escape'>, own: boolean): void {
    const place = { block: event.block, transaction: event.transaction }
    switch (event.eventName) {
      case 'Redeeming':
        this.#offeredByAll += event.args.shares
        if (!own) return
        this.#shares -= event.args.shares
        this.#offered += event.args.shares
        this.moves.push({ ...place, kind: 'offered', shares: event.args.shares })
        return
      case 'Converted':
        this.#convert(event.args, place)
        return
      case 'Insured':
        if (!own) return
        this.#waiting += event.args.amount
        this.moves.push({ ...place, kind: 'insured', cash: event.args.amount })
        return
      case 'Cancelled':
        if (!own) return
        this.#waiting = 0n
        this.moves.push({ ...place, kind: 'cancelled', cash: event.args.amount })
        return
      case 'Collected':
        if (!own) return
        this.#collectable -= event.args.amount
        this.moves.push({ ...place, kind: 'collected', cash: event.args.amount })
        return
      case 'SharesPulled':
        if (!own) return
        this.moves.push({ ...place, kind: 'pulled', asset: event.args.asset, tokenAmount: event.args.tokenAmount })
    }
  }

  /** @throws PlimsollError where the contract has another position: an event is not there */
  requirePosition({ shares, offered, waiting, collectable }: Position, insurer: Address): void {
    if (
      shares !== this.#shares + this.#offered ||
      offered !== this.#offered ||
      waiting !== this.#waiting ||
      collectable !== this.#collectable
    )
      throw new PlimsollError(`The events of insurer ${insurer} do not add up to what the contract has of it.`, {
        hint: 'Check --settlement, and that --rpc serves the whole history.',
      })
  }

  #convert(
    { converted, minted, paid, burned }: Extract<SystemEvent<'insurance'>, { eventName: 'Converted' }>['args'],
    place: ChainPlace,
  ): void {
    // What converts nothing has not had it: then the position will not be the contract's.
    if (this.#waiting > 0n && converted > 0n) {
      const shares = (this.#waiting * minted) / converted
      this.moves.push({ ...place, kind: 'converted', cash: this.#waiting, shares })
      this.#shares += shares
      this.#waiting = 0n
    }
    if (this.#offered > 0n) {
      const back = (this.#offered * (this.#offeredByAll - burned)) / this.#offeredByAll
      const cash = (this.#offered * paid) / this.#offeredByAll
      if (back < this.#offered) this.moves.push({ ...place, kind: 'redeemed', cash, shares: this.#offered - back })
      if (back > 0n) this.moves.push({ ...place, kind: 'returned', shares: back })
      this.#shares += back
      this.#collectable += cash
      this.#offered = 0n
    }
    this.#offeredByAll = 0n
  }
}
