import {
  type AuctionParameters,
  type AuctionTerms,
  pointOf,
  priceOnWay,
  purchaseWay,
  saleWay,
  WAY,
  type Way,
  wayDown,
} from './auction-terms.ts'
import { PlimsollError } from './errors.ts'
import { abs, max, min } from './integer.ts'
import { appendLot, joinYoungest, type Lot, type Lots, netYoungest, unitsOf } from './lots.ts'
import { GRID_SECONDS } from './margin-rule.ts'

/** Units that wait stay below this: 2^32 accounts of a word each hold and owe no more. */
const UNITS_LIMIT = 1n << 96n

/** A grid step whose room is less than this part of its cap has sold it: dust that is left out of it does not keep the clock running. */
const ROOM_PARTS = 8n
/** A lot of less than this part of the inventory is dust: nobody takes it, so its price says nothing of what the rest is worth. */
const FRONT_PARTS = 16n

/**
 * The liquidation market of one asset (docs/market.md#lots): two words and a word a lot. An immutable value; every function
 * gives the next one. Clocks count ways in 1/2^32, below 2^64.
 */
export interface Auction {
  /** Units that the backstop holds, or is short of where it is below 0: the lots' sum, with its sign. */
  readonly backstop: bigint
  /** The oldest first. */
  readonly lots: Lots
  /** Number of the next lot. */
  readonly nextId: bigint
  /** Round in which the youngest lot began; what resolves bring later in that round joins it. */
  readonly youngestRound: bigint
  /** Clock of the asset at `from`, in the latest round. */
  readonly clock: bigint
  /** Unix seconds from which the clock runs on: the latest round, the first lot, or the next grid step where this one has sold its part. */
  readonly from: bigint
  /** Clocks that began before this count from here: where the last outage or hold set them back to. */
  readonly setBack: bigint
  /** Terms of the latest round; undefined before the first. */
  readonly terms: AuctionTerms | undefined
  /** Grid step of the last fill (unix seconds over `GRID_SECONDS`), and the units traded in it. */
  readonly step: bigint
  readonly traded: bigint
}

/** An asset without inventory and without a round. */
export const NO_AUCTION: Auction = {
  backstop: 0n,
  lots: [],
  nextId: 0n,
  youngestRound: 0n,
  clock: 0n,
  from: 0n,
  setBack: 0n,
  terms: undefined,
  step: 0n,
  traded: 0n,
}

/** The reason for which the backstop's balance changes: what a resolve brings is a lot, anything else joins one. */
export type ChangeKind = 'resolve' | 'other'

/**
 * A round: clocks run up to it, at most `roundMin`, by the terms of before, not at all where the asset was held; new terms are in force.
 * Clocks go back so far that no lot is cheaper than the front lot was just before, unless it is at the beginning of its way: what a new mark brings
 * is no gift to whoever is first. After an outage (`maxAge` or more without a round) or a hold nor is any cheaper than the new mark.
 * @param terms terms of the round, no earlier than the latest
 */
export function openRound(auction: Auction, terms: AuctionTerms, parameters: AuctionParameters): Auction {
  const before = auction.terms
  if (before === undefined) return { ...auction, terms, from: terms.time }
  const clock = clockAt(auction, terms.time, parameters)
  const from = max(auction.from, terms.time)
  const next = { ...auction, terms, clock, from }
  // While it is held nothing is sold: what counts is where clocks stand once there is a price.
  if (terms.held || auction.lots.length === 0) return next
  const way = wayOf(next, terms, parameters)
  const interrupted = before.held || terms.time - before.time >= parameters.maxAge
  const frontPrice = priceOnWay(
    wayOf(auction, before, parameters),
    lotClock(auction, frontLot(auction), terms.time, parameters),
  )
  const most = pointOf(way, interrupted ? better(auction, frontPrice, terms.price) : frontPrice)
  return { ...next, setBack: max(auction.setBack, clock - most) }
}

/** The oldest lot that is no dust; there is one, as eight lots at most make up the inventory. The auction has lots. */
export function frontLot({ lots, backstop }: Auction): Lot {
  return lots.find(({ units }) => units * FRONT_PARTS >= abs(backstop))!
}

/** The price that is better for the backstop. */
function better({ backstop }: Auction, a: bigint, b: bigint): bigint {
  return backstop < 0n ? min(a, b) : max(a, b)
}

/**
 * A change of the backstop's balance of the asset. Opposite to what waits it nets it out, the youngest first, and what is left begins a lot
 * of the other side. Else what resolves of one round bring is one lot, and any other change joins the youngest; beyond eight lots
 * the two youngest merge.
 * @param delta units, signed
 * @param now unix seconds, no earlier than the latest round
 * @throws PlimsollError before the first round, or when more than 2^96 units would wait
 */
export function changeBackstop(
  auction: Auction,
  delta: bigint,
  now: bigint,
  kind: ChangeKind,
  parameters: AuctionParameters,
): Auction {
  if (delta === 0n) return auction
  const { terms, setBack } = auction
  if (terms === undefined) throw new PlimsollError('There is no round yet: nothing can be liquidated.')
  const backstop = auction.backstop + delta
  if (abs(backstop) >= UNITS_LIMIT) throw new PlimsollError('More than 2^96 units would wait in the auction.')
  const isOpposite = auction.backstop < 0n !== delta < 0n
  let { lots, youngestRound, nextId, from } = auction
  let units = abs(delta)
  if (isOpposite) {
    const count = lots.length
    ;({ lots, rest: units } = netYoungest(lots, units))
    // A lot that is now the youngest began in an earlier round.
    if (lots.length < count) youngestRound = 0n
  }
  if (units > 0n) {
    // The first lot finds the clock standing, which runs from now on: nothing counted from it meanwhile.
    const start = lots.length === 0 ? auction.clock : clockAt(auction, now, parameters)
    if (lots.length === 0) from = max(from, now)
    const lot: Lot = { id: nextId, units, start, since: now }
    const joins = lots.length > 0 && (kind === 'other' || youngestRound === terms.round)
    lots = joins ? joinYoungest(lots, lot, setBack) : appendLot(lots, lot, setBack)
    if (lots.at(-1)!.id === nextId) nextId++
    if (!joins) youngestRound = terms.round
  }
  return { ...auction, backstop, lots, youngestRound, nextId, from }
}

/**
 * Clock of the asset: that at `from`, and the seconds since by the terms of the latest round, up to `roundMin` after it, none while the
 * asset is held.
 */
export function clockAt(auction: Auction, now: bigint, { roundMin }: AuctionParameters): bigint {
  const { clock, from, terms, backstop } = auction
  if (terms === undefined || terms.held) return clock
  const duration = backstop < 0n ? terms.purchaseDuration : terms.saleDuration
  return clock + wayDown(max(0n, min(now, terms.time + roundMin) - from), duration)
}

/**
 * The auction after a fill of the oldest lots: less inventory. Where the grid step has little room left the clock stands until the next one, and
 * whatever is beyond the mark goes back to it, as after a hold: nothing sells meanwhile, and a discount that paid for the move of the market is a
 * gift to whoever is first once that move is undone.
 */
export function afterFill(
  auction: Auction,
  { lots, backstop, units }: Pick<Auction, 'lots' | 'backstop'> & { readonly units: bigint },
  now: bigint,
  parameters: AuctionParameters,
): Auction {
  const step = now / GRID_SECONDS
  const traded = tradedInStep(auction, now) + units
  const { terms } = auction
  const after = { ...auction, lots, backstop, step, traded }
  const next = (step + 1n) * GRID_SECONDS
  const cap = terms?.cap
  if (terms === undefined || cap === undefined || (cap - traded) * ROOM_PARTS >= cap || auction.from >= next)
    return after
  const clock = clockAt(auction, now, parameters)
  const setBack = max(auction.setBack, clock - pointOf(wayOf(auction, terms, parameters), terms.price))
  return { ...after, clock, from: next, setBack }
}

/**
 * The share of its way that is behind a lot, in 1/2^32, at most `WAY`. A `roundMin` that was shortened since may have the clock behind the
 * lot's start.
 */
export function lotClock(auction: Auction, lot: Lot, now: bigint, parameters: AuctionParameters): bigint {
  return max(0n, min(WAY, clockAt(auction, now, parameters) - max(lot.start, auction.setBack)))
}

/** Price of a lot as a mark; undefined while the asset is held or the round stale. */
export function lotPrice(auction: Auction, lot: Lot, now: bigint, parameters: AuctionParameters): bigint | undefined {
  const { terms } = auction
  if (terms === undefined || terms.held || now - terms.time >= parameters.maxAge) return undefined
  return priceOnWay(wayOf(auction, terms, parameters), lotClock(auction, lot, now, parameters))
}

/** Units that can be taken now: what waits, as far as the grid step has room; 0 without a price. */
export function availableUnits(auction: Auction, now: bigint, { maxAge }: AuctionParameters): bigint {
  const { terms, lots } = auction
  if (terms === undefined || terms.held || now - terms.time >= maxAge) return 0n
  const room = terms.cap === undefined ? undefined : max(0n, terms.cap - tradedInStep(auction, now))
  const waiting = unitsOf(lots)
  return room === undefined ? waiting : min(waiting, room)
}

/** Units traded in the grid step of `now`. */
function tradedInStep({ step, traded }: Auction, now: bigint): bigint {
  return step === now / GRID_SECONDS ? traded : 0n
}

function wayOf({ backstop }: Auction, terms: AuctionTerms, { floorDiscount }: AuctionParameters): Way {
  return backstop < 0n ? purchaseWay(terms, floorDiscount) : saleWay(terms, floorDiscount)
}
