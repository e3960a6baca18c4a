import { type Auction, afterFill, availableUnits, lotPrice } from './auction.ts'
import type { AuctionParameters } from './auction-terms.ts'
import { SCALE } from './constants.ts'
import { PlimsollError } from './errors.ts'
import { abs, divUp, max, min } from './integer.ts'
import { takeOldest } from './lots.ts'

/** A taker's wish. Cash in base units. */
export interface Take {
  /** Base units, all of them or none. */
  readonly units: bigint
  /** Cash: the most that the taker pays, or the least that it is paid where the backstop buys. */
  readonly limit: bigint
  /** Unix seconds. */
  readonly now: bigint
}

/** Cash that the backstop may spend, in base units. */
export interface SpendableCash {
  /** The backstop's own, below 0 where it owes. */
  readonly backstop: bigint
  /** The part of custody that is neither claimed nor queued. */
  readonly free: bigint
}

/** One lot's part of a fill. */
export interface FillPart {
  readonly lot: bigint
  readonly units: bigint
  /** As a mark. */
  readonly price: bigint
}

/** A fill at the marks of its round. */
export interface Fill {
  readonly side: 'sell' | 'buy'
  readonly units: bigint
  /** Cash in base units: from the taker, or to it where the backstop buys; rounded once, in the backstop's favor. */
  readonly cash: bigint
  readonly parts: readonly FillPart[]
  /** Value lost against the mark, not below 0, in units of 2^-32 of a base unit of cash. */
  readonly loss: bigint
  /** Value that the auction kept of the penalty, and the penalty, in the same unit; the first is below 0 beyond the penalized price. */
  readonly kept: bigint
  readonly penalty: bigint
}

/**
 * A fill: the oldest lots first, each at its own price.
 * @param paid cash that changes hands all the same, no worse for the backstop than the prices: what an account inside signed, or
 * whole units of the cash token; exactly what the prices come to where it is left out
 * @throws PlimsollError when there is no price, not so much to take in this grid step, the price is beyond the limit, or the backstop
 * has not the cash
 */
export function take(
  auction: Auction,
  { units, limit, now }: Take,
  spendable: SpendableCash,
  parameters: AuctionParameters,
  paid?: bigint,
): { readonly auction: Auction; readonly fill: Fill } {
  const { terms, backstop } = auction
  if (terms === undefined || terms.held || now - terms.time >= parameters.maxAge)
    throw new PlimsollError('There is no price while the asset is held or the round is stale.')
  if (units <= 0n) throw new PlimsollError('A fill is of one unit or more.')
  const available = availableUnits(auction, now, parameters)
  if (units > available)
    throw new PlimsollError(`${units} units are more than the ${available} that can be taken in this grid step.`)
  const { lots, parts } = takeOldest(auction.lots, units)
  const priced = parts.map(({ lot, units }): FillPart => {
    return { lot: lot.id, units, price: lotPrice(auction, lot, now, parameters)! }
  })
  const worth = priced.reduce((sum, { units, price }) => sum + units * price, 0n)
  const buys = backstop < 0n
  const least = buys ? worth / SCALE : divUp(worth, SCALE)
  const cash = paid ?? least
  if (buys ? cash < limit || cash > least : cash > limit || cash < least)
    throw new PlimsollError(`${units} units are at ${least} of cash, beyond the limit of ${limit}.`)
  if (buys && cash > mostSpent(spendable))
    throw new PlimsollError(`The backstop has ${mostSpent(spendable)} of cash to spend, not ${cash}.`)
  // Of a sale the taker pays above `sell`, of a purchase the backstop below `buy`.
  const sign = buys ? -1n : 1n
  const fill: Fill = {
    side: buys ? 'buy' : 'sell',
    units,
    cash,
    parts: priced,
    loss: max(0n, sign * (units * terms.price - cash * SCALE)),
    kept: sign * (cash * SCALE - units * (buys ? terms.buy : terms.sell)),
    penalty: units * abs(terms.price - (buys ? terms.buy : terms.sell)),
  }
  const left = { lots, backstop: backstop - sign * units, units }
  return { auction: afterFill(auction, left, now, parameters), fill }
}

/** Cash that buying back may spend: the backstop's own, as far as it is in free custody. */
function mostSpent({ backstop, free }: SpendableCash): bigint {
  return min(max(0n, backstop), free)
}

/** Running totals of fills, in units of 2^-32 of a base unit of cash. */
export interface FillTotals {
  /** Value that left at a discount by takes from outside since the last record: the insurers' at a freeze. */
  readonly loss: bigint
  readonly kept: bigint
  readonly penalty: bigint
}

export const NO_FILLS: FillTotals = { loss: 0n, kept: 0n, penalty: 0n }

/** @param outside whether tokens left: a take inside is undone by the restored record */
export function addFill(totals: FillTotals, fill: Fill, outside: boolean): FillTotals {
  return {
    loss: totals.loss + (outside ? fill.loss : 0n),
    kept: totals.kept + fill.kept,
    penalty: totals.penalty + fill.penalty,
  }
}

/** Totals after a checkpoint: its record has whatever was taken. */
export function recordFills(totals: FillTotals): FillTotals {
  return { ...totals, loss: 0n }
}

/** Equity of the insurers and the denominator of every share at a freeze, in the unit of values. */
export interface FreezeShares {
  readonly insurers: bigint
  readonly denominator: bigint
}

/**
 * The shares of an escape after takes at a discount: insurers bear it, as far as there is equity of theirs.
 * @param value `V` of the record; @param equity `E` of the record; @param loss total since the record
 */
export function freezeShares(value: bigint, equity: bigint, loss: bigint): FreezeShares {
  const insured = max(0n, equity)
  const borne = min(loss, insured)
  return { insurers: insured - borne, denominator: value + max(0n, -equity) - borne }
}
