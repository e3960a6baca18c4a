import assert from 'node:assert/strict'
import {
  type Auction,
  availableUnits,
  changeBackstop,
  clockAt,
  frontLot,
  lotClock,
  lotPrice,
  NO_AUCTION,
  openRound,
} from '../../protocol/auction.ts'
import { addFill, type Fill, freezeShares, NO_FILLS, recordFills, take } from '../../protocol/auction-fill.ts'
import {
  type AuctionParameters,
  auctionTerms,
  pointOf,
  priceOnWay,
  purchaseWay,
  saleWay,
  WAY,
} from '../../protocol/auction-terms.ts'
import { FACTOR_ONE, PRICE_MIN, SCALE } from '../../protocol/constants.ts'
import { abs, max } from '../../protocol/integer.ts'
import { LOTS_MOST, unitsOf } from '../../protocol/lots.ts'
import { startMargin } from '../../protocol/margin-rule.ts'
import { type AssetMarks, assetMarks } from '../../protocol/marks.ts'
import { Random } from './random.ts'

const PARAMETERS: AuctionParameters = {
  roundMin: 300n,
  maxAge: 900n,
  blockTime: 2_000n,
  floorDiscount: 500n,
  maxImpact: 200n,
}
/** 100 of cash a whole unit: an asset of 8 decimals against cash of 6. */
const PRICE = SCALE
const DEPTH = 10n ** 13n
const CALM = startMargin(PRICE, 0n, 1000n)
const PLENTY = { backstop: 1n << 100n, free: 1n << 100n }

function marksAt(price: bigint, penalty = 200n): AssetMarks {
  return assetMarks(
    price,
    {
      collateralFactor: 8500n,
      liabilityFactor: 11_500n,
      targetCollateralFactor: 8200n,
      targetLiabilityFactor: 11_800n,
      penalty,
      depth: DEPTH,
    },
    'asset',
  )
}

interface RoundOptions {
  readonly price?: bigint
  readonly held?: boolean
  readonly depth?: bigint
  readonly reading?: { readonly s5: bigint; readonly quantile: bigint }
}

/** The next round of an asset. */
function round(auction: Auction, time: bigint, options: RoundOptions = {}): Auction {
  const { price = PRICE, held = false, depth = DEPTH, reading = CALM } = options
  const number = (auction.terms?.round ?? 0n) + 1n
  return openRound(
    auction,
    auctionTerms({ round: number, time, held }, marksAt(price), depth, reading, PARAMETERS),
    PARAMETERS,
  )
}

const resolve = (auction: Auction, delta: bigint, now: bigint) =>
  changeBackstop(auction, delta, now, 'resolve', PARAMETERS)

/** Rounds every five minutes, up to and with one at `until`. */
function rounds(auction: Auction, until: bigint, options: RoundOptions = {}): Auction {
  let next = auction
  for (let t = auction.terms!.time + PARAMETERS.roundMin; t <= until; t += PARAMETERS.roundMin)
    next = round(next, t, options)
  return next
}

const priceOf = (auction: Auction, now: bigint, i = 0) => lotPrice(auction, auction.lots[i]!, now, PARAMETERS)

function check(auction: Auction, now: bigint): void {
  assert.equal(unitsOf(auction.lots), abs(auction.backstop))
  assert.ok(auction.lots.length <= LOTS_MOST)
  // The widths of docs/market.md: a lot is a word, an asset two.
  const fits = (value: bigint, bits: bigint) => {
    if (value < 0n || value >> bits !== 0n) assert.fail(`${value} in ${bits} bits`)
  }
  for (const { id, units, start, since } of auction.lots) {
    fits(id, 32n)
    fits(units, 96n)
    fits(start, 64n)
    fits(since, 40n)
  }
  const { clock, setBack, from, step, traded, nextId, youngestRound } = auction
  for (const [value, bits] of [
    [clock, 64n],
    [setBack, 64n],
    [from, 40n],
    [step, 28n],
    [traded, 96n],
    [nextId, 32n],
    [youngestRound, 32n],
  ] as const)
    fits(value, bits)
  fits(auction.terms!.premium, 14n)
  fits(auction.terms!.saleDuration, 13n)
  fits(auction.terms!.purchaseDuration, 13n)
  auction.lots.forEach((lot, i) => {
    assert.ok(lot.units > 0n)
    // The oldest first, and none from the future.
    if (i > 0) assert.ok(lot.start >= auction.lots[i - 1]!.start && lot.id > auction.lots[i - 1]!.id)
    assert.ok(lotClock(auction, lot, now, PARAMETERS) >= 0n)
  })
}

describe('terms of the liquidation market', () => {
  it('are those of the formulas, rounded for the backstop, in calm and wild markets', () => {
    const random = new Random(15)
    for (let i = 0; i < 20_000; i++) {
      const price = max(PRICE_MIN, random.magnitude(60))
      const penalty = BigInt(random.integer(0, 1000))
      const s5 = random.magnitude(56)
      const quantile = 1n + random.magnitude(54)
      const parameters = {
        ...PARAMETERS,
        maxAge: BigInt(random.integer(301, 7200)),
        blockTime: BigInt(random.integer(1, 60_000)),
        floorDiscount: BigInt(random.integer(0, 2000)),
      }
      const marks = marksAt(price, penalty)
      const at = { round: 1n, time: 0n, held: false }
      const terms = auctionTerms(at, marks, DEPTH, { s5, quantile }, parameters)
      const premium = Math.min(0.2, (Number(quantile) / 2 ** 48) * Math.sqrt(Number(parameters.maxAge) / 21_600))
      const shown = Number(terms.premium) / 65_536
      assert.ok(Math.abs(shown - premium) < 3e-5 + 1e-4 * premium && shown <= 0.2, `${shown} ${premium}`)
      for (const [way, duration, sign] of [
        [saleWay(terms, parameters.floorDiscount), terms.saleDuration, 1n],
        [purchaseWay(terms, parameters.floorDiscount), terms.purchaseDuration, -1n],
      ] as const) {
        assert.ok(sign * (way.start - price) > 0n)
        assert.ok(sign * (way.end - (sign > 0n ? marks.sell : marks.buy)) <= 0n)
        assert.ok(way.end >= 0n && way.end < 1n << 64n && way.start < 1n << 64n)
        const sigma = Math.sqrt(Math.max(1, Number(s5)) / 2 ** 48 / 3600)
        const length = Number(abs(way.start - way.end)) / Number(price)
        const seconds = (length * Math.sqrt(Number(parameters.blockTime) / 1000)) / sigma
        const clipped = Math.min(7200, Math.max(600, seconds))
        assert.ok(Number(duration) >= clipped - 1e-6 * clipped && Number(duration) < clipped * (1 + 1e-6) + 1.001)
        // The price is that of the mark or better up to its point, and not one later, unless the way ends there.
        const point = pointOf(way, price)
        assert.ok(sign * (priceOnWay(way, point) - price) >= 0n)
        if (point < WAY) assert.ok(sign * (priceOnWay(way, point + 1n) - price) < 0n)
        assert.equal(pointOf(way, way.start + sign), 0n)
        assert.equal(pointOf(way, way.end), WAY)
        // A point is the last of its price: a round that changes nothing sets nothing back.
        const some = random.bits(32)
        assert.ok(pointOf(way, priceOnWay(way, some)) >= some)
      }
    }
  })

  it('refuse nothing at the edges: a collapsed price, no variance, no depth, no penalty', () => {
    const at = { round: 1n, time: 0n, held: false }
    const collapsed = auctionTerms(at, marksAt(1n), 0n, { s5: 0n, quantile: 0n }, PARAMETERS)
    assert.equal(collapsed.sell, 0n)
    assert.equal(saleWay(collapsed, 500n).end, 0n)
    assert.equal(collapsed.cap, undefined)
    assert.equal(collapsed.saleDuration, 7200n)
    const none = auctionTerms(at, marksAt(PRICE, 0n), 1n, CALM, { ...PARAMETERS, floorDiscount: 0n })
    assert.equal(saleWay(none, 0n).end, PRICE)
    assert.equal(pointOf(saleWay(none, 0n), PRICE), WAY)
    // A grid step can always sell something.
    assert.equal(none.cap, 1n)
    const wild = auctionTerms(at, marksAt(PRICE), DEPTH, { s5: 1n << 55n, quantile: 1n << 54n }, PARAMETERS)
    assert.equal(wild.premium, 13_107n)
    assert.equal(wild.saleDuration, 600n)
  })

  it('are known by hand: 1 % an hour and blocks of 2 seconds', () => {
    // s5 = 1e-4: sigma = 0.01 / 60 a square-root second, so the price moves by 1.1785e-4 a second.
    const s5 = BigInt(Math.round(1e-4 * 2 ** 48))
    const quantile = BigInt(Math.round(0.06 * 2 ** 48))
    const terms = auctionTerms(
      { round: 1n, time: 0n, held: false },
      marksAt(PRICE),
      DEPTH,
      { s5, quantile },
      PARAMETERS,
    )
    assert.equal(terms.premium, 803n) // 6 % times sqrt(900 / 21600): 1.2247 %, up to the next 65,536th
    assert.equal(terms.saleDuration, 698n) // 1.2253 + 2 + 5 % over 1.1785e-4: 697.9 seconds
    assert.equal(terms.cap, (DEPTH * 200n) / FACTOR_ONE)
  })
})

describe('lots', () => {
  it('sum to the backstop, in order, no clock turned back beyond its weight, values exact, over 10^5 fills and changes', () => {
    const random = new Random(2015)
    let auction = round(NO_AUCTION, 1_000n)
    let now = 1_000n
    let fills = 0
    let changes = 0
    let flips = 0
    let full = 0
    let roundsWithLots = 0
    let interruptions = 0
    /** The vault's view: units and cash that came and went. */
    let brought = 0n
    let units = 0n
    let cash = 0n
    let worth = 0n
    let totals = NO_FILLS
    for (let i = 0; i < 270_000; i++) {
      // Now and then nobody takes for a while, and lots pile up.
      const crowded = i % 4_000 < 800
      const kind = random.integer(0, crowded ? 4 : 16)
      if (kind < 2) {
        // A round: mostly in time, sometimes late, rarely after an outage; the market moves.
        now = auction.terms!.time + BigInt(random.pick([300, 301, 420, 899, 900, 5_000]))
        const price = max(PRICE_MIN, (PRICE * BigInt(random.integer(8_000, 12_000))) / FACTOR_ONE)
        const s5 = BigInt(random.integer(1, 2 ** 31 - 1)) * BigInt(random.integer(1, 64))
        const before = auction
        const isHeld = random.chance(0.1)
        const depth = random.pick([0n, DEPTH, DEPTH << 16n])
        auction = round(auction, now, { price, held: isHeld, depth, reading: { s5, quantile: 1n << 44n } })
        assert.ok(auction.clock >= before.clock && auction.setBack >= before.setBack)
        check(auction, now)
        if (isHeld || auction.lots.length === 0) continue
        // A round makes nothing cheaper than the front was, nor than the mark after an interruption, but at the beginning of a way.
        roundsWithLots++
        const sign = auction.backstop < 0n ? -1n : 1n
        const wayAt = (at: Auction) => (sign < 0n ? purchaseWay : saleWay)(at.terms!, PARAMETERS.floorDiscount)
        const frontPrice = priceOnWay(wayAt(before), lotClock(before, frontLot(before), now, PARAMETERS))
        const isInterrupted = before.terms!.held || now - before.terms!.time >= PARAMETERS.maxAge
        if (isInterrupted) interruptions++
        const { start } = wayAt(auction)
        for (const lot of auction.lots) {
          const offered = lotPrice(auction, lot, now, PARAMETERS)!
          assert.ok(offered === start || sign * (offered - frontPrice) >= 0n)
          if (isInterrupted) assert.ok(offered === start || sign * (offered - auction.terms!.price) >= 0n)
        }
        continue
      }
      now += BigInt(random.integer(0, 60))
      if (kind < 5) {
        changes++
        const delta =
          (random.magnitude(50) + 1n) * (random.chance(crowded ? 0.95 : 0.6) === auction.backstop >= 0n ? 1n : -1n)
        const before = auction
        auction = changeBackstop(auction, delta, now, random.chance(0.8) ? 'resolve' : 'other', PARAMETERS)
        brought += delta
        check(auction, now)
        assert.equal(auction.backstop, before.backstop + delta)
        if (before.backstop !== 0n && before.backstop < 0n !== auction.backstop < 0n && auction.backstop !== 0n) flips++
        if (auction.lots.length === LOTS_MOST) full++
        if (before.backstop < 0n === delta < 0n && before.lots.length > 0) {
          // All but the youngest stand as they were; the youngest is turned back by its weight, rounded to its advantage.
          const youngest = before.lots.at(-1)!
          const last = before.lots.length - 1
          assert.deepEqual(auction.lots.slice(0, last), before.lots.slice(0, last))
          const kept = auction.lots[last]!
          const from = max(youngest.start, before.setBack)
          assert.ok(max(kept.start, auction.setBack) >= from)
          const at = clockAt(auction, now, PARAMETERS)
          if (kept.units > youngest.units) {
            assert.equal(kept.units, youngest.units + abs(delta))
            assert.equal(kept.start, from + ((at - from) * abs(delta)) / kept.units)
          }
        }
        continue
      }
      const available = availableUnits(auction, now, PARAMETERS)
      if (available === 0n) {
        const one = { units: 1n, limit: 1n << 90n, now }
        if (i % 16 === 0) assert.throws(() => take(auction, one, PLENTY, PARAMETERS), /no price|can be taken/)
        continue
      }
      const wanted = random.chance(0.05) ? available : 1n + (random.bits(60) % available)
      const buys = auction.backstop < 0n
      const before = auction
      const quoted = before.lots.map((lot) => lotPrice(before, lot, now, PARAMETERS)!)
      // The oldest is the cheapest to a taker.
      for (let k = 1; k < quoted.length; k++)
        assert.ok(buys ? quoted[k]! <= quoted[k - 1]! : quoted[k]! >= quoted[k - 1]!)
      let fill: Fill
      ;({ auction, fill } = take(auction, { units: wanted, limit: buys ? 0n : 1n << 90n, now }, PLENTY, PARAMETERS))
      fills++
      check(auction, now)
      assert.equal(abs(auction.backstop), abs(before.backstop) - wanted)
      assert.equal(
        fill.parts.reduce((sum, part) => sum + part.units, 0n),
        wanted,
      )
      const exact = fill.parts.reduce((sum, part) => sum + part.units * part.price, 0n)
      const favor = buys ? exact - fill.cash * SCALE : fill.cash * SCALE - exact
      assert.ok(favor >= 0n && favor < SCALE, 'rounded once, for the backstop')
      // One unit of cash less than that is refused, tried now and then: errors are dear.
      const limit = buys ? fill.cash + 1n : fill.cash - 1n
      if (i % 16 === 0) {
        assert.throws(() => take(before, { units: wanted, limit, now }, PLENTY, PARAMETERS), /beyond the limit/)
        take(before, { units: wanted, limit: fill.cash, now }, PLENTY, PARAMETERS)
      }
      const sign = buys ? -1n : 1n
      units += sign * wanted
      cash += sign * fill.cash
      worth += sign * exact
      totals = addFill(totals, fill, true)
    }
    // What was brought is what was taken and what waits; cash is what prices said, up to the rounding of each fill.
    assert.equal(brought, units + auction.backstop)
    assert.ok(cash * SCALE >= worth && cash * SCALE - worth < BigInt(fills) * SCALE)
    assert.ok(totals.loss >= 0n && totals.penalty > 0n)
    assert.ok(fills > 100_000 && changes > 40_000, `${fills} fills, ${changes} changes`)
    assert.ok(
      roundsWithLots > 5_000 && interruptions > 1_000,
      `${roundsWithLots} rounds, ${interruptions} interruptions`,
    )
    assert.ok(flips > 500 && full > 500, `${flips} flips, ${full} times full`)
  }).timeout(60_000)

  it('fall in price from above the mark through the penalized price to the floor, and buy back in the mirror', () => {
    for (const sign of [1n, -1n]) {
      let auction = resolve(round(NO_AUCTION, 0n), sign * 10n ** 10n, 0n)
      const { terms } = auction
      const way = sign > 0n ? saleWay(terms!, 500n) : purchaseWay(terms!, 500n)
      assert.equal(priceOf(auction, 0n), way.start)
      let last = way.start
      let passedMark = false
      for (let t = 0n; t <= 9_000n; t += 60n) {
        if (t > 0n && t % 300n === 0n) auction = round(auction, t)
        const price = priceOf(auction, t)!
        assert.ok(sign * (last - price) >= 0n, 'monotone')
        if (!passedMark && sign * (PRICE - price) > 0n) passedMark = true
        last = price
      }
      assert.ok(passedMark)
      // Each round rounds the way down a little: the end is reached a little late, and never passed.
      assert.equal(priceOf(auction, 9_000n), way.end)
      assert.equal(lotClock(auction, auction.lots[0]!, 9_000n, PARAMETERS), WAY)
    }
  })

  it('of one round are one, of another round another; opposite ones net out, the youngest first', () => {
    let auction = resolve(round(NO_AUCTION, 0n), 100n, 10n)
    auction = resolve(auction, 50n, 20n)
    assert.deepEqual(
      auction.lots.map(({ units }) => units),
      [150n],
    )
    auction = resolve(round(auction, 300n), 40n, 300n)
    auction = changeBackstop(round(auction, 600n), 5n, 600n, 'other', PARAMETERS)
    assert.deepEqual(
      auction.lots.map(({ units }) => units),
      [150n, 45n],
    )
    auction = resolve(auction, -50n, 600n)
    assert.deepEqual(
      auction.lots.map(({ units, id }) => [units, id]),
      [[145n, 0n]],
    )
    // What comes back after the youngest is gone is no part of an older lot.
    auction = resolve(auction, 7n, 600n)
    assert.deepEqual(
      auction.lots.map(({ units }) => units),
      [145n, 7n],
    )
    auction = resolve(auction, -160n, 700n)
    assert.deepEqual(
      auction.lots.map(({ units, since }) => [units, since]),
      [[8n, 700n]],
    )
    assert.equal(auction.backstop, -8n)
    assert.equal(priceOf(auction, 700n), purchaseWay(auction.terms!, 500n).start)
    auction = resolve(auction, 8n, 700n)
    assert.deepEqual([auction.lots, auction.backstop], [[], 0n])
  })

  it('are not turned back by dust, in their round or later, nor by a thousand lots', () => {
    const big = 10n ** 12n
    let auction = resolve(round(NO_AUCTION, 0n), big, 0n)
    const undisturbed = rounds(auction, 1_200n)
    for (let t = 300n; t <= 1_200n; t += 300n) {
      auction = round(auction, t)
      for (let k = 0; k < 50; k++) auction = resolve(auction, 1n, t)
    }
    assert.equal(auction.lots.length, 5)
    assert.equal(priceOf(auction, 1_200n), priceOf(undisturbed, 1_200n), 'to the last bit')
    // Dust that joins the lot itself, a thousand times.
    let joined = undisturbed
    for (let k = 0; k < 1000; k++) joined = changeBackstop(joined, 1n, 1_200n, 'other', PARAMETERS)
    const moved = priceOf(joined, 1_200n)! - priceOf(undisturbed, 1_200n)!
    assert.ok(moved >= 0n && moved * 10n ** 8n <= PRICE, `${moved}`)

    // 1,000 lots in as many rounds, dust before and after a big one: eight words, and the big one clears in its time.
    let many = resolve(round(NO_AUCTION, 0n), 3n, 0n)
    let bigSince = 0n
    for (let k = 1n; k <= 1000n; k++) {
      many = round(many, 300n * k)
      if (k === 500n) bigSince = 300n * k
      many = resolve(many, k === 500n ? big : 3n, 300n * k)
      assert.ok(many.lots.length <= LOTS_MOST)
      if (k === 550n) {
        const last = lotClock(many, many.lots.at(-1)!, 300n * k, PARAMETERS)
        assert.equal(last, WAY, `${300n * k - bigSince} seconds later at the end of its way`)
      }
    }
    assert.equal(many.backstop, big + 1000n * 3n)
    const { fill } = take(many, { units: 3n * 7n + 10n ** 11n, limit: 1n << 80n, now: 300_000n }, PLENTY, PARAMETERS)
    assert.equal(fill.parts.length, 8)
  })

  it('merge by weight in a cascade, between the two clocks', () => {
    let auction = round(NO_AUCTION, 0n)
    for (let k = 0n; k < 8n; k++) auction = resolve(round(auction, 300n * (k + 1n)), 100n, 300n * (k + 1n))
    const eighth = auction.lots[7]!
    auction = round(auction, 2_700n)
    const now = clockAt(auction, 2_700n, PARAMETERS)
    auction = resolve(auction, 300n, 2_700n)
    assert.equal(auction.lots.length, 8)
    const merged = auction.lots[7]!
    assert.deepEqual([merged.units, merged.id, merged.since], [400n, eighth.id, eighth.since])
    assert.equal(merged.start, eighth.start + ((now - eighth.start) * 300n) / 400n)
  })
})

describe('the clock of the market', () => {
  it('counts roundMin after each round, stands while the asset is held, and gives no price when stale', () => {
    const auction = resolve(round(NO_AUCTION, 0n), 10n ** 9n, 0n)
    assert.equal(clockAt(auction, 300n, PARAMETERS), clockAt(auction, 899n, PARAMETERS))
    assert.ok(clockAt(auction, 299n, PARAMETERS) < clockAt(auction, 300n, PARAMETERS))
    assert.notEqual(priceOf(auction, 899n), undefined)
    assert.equal(priceOf(auction, 900n), undefined)
    assert.equal(availableUnits(auction, 900n, PARAMETERS), 0n)
    assert.throws(() => take(auction, { units: 1n, limit: 1n << 80n, now: 900n }, PLENTY, PARAMETERS), /no price/)
    // Rounds every 600 seconds: half the speed.
    assert.equal(round(auction, 600n).clock, round(auction, 300n).clock)

    const held = round(auction, 300n, { held: true })
    assert.equal(clockAt(held, 600n, PARAMETERS), held.clock)
    assert.equal(priceOf(held, 300n), undefined)
    assert.equal(availableUnits(held, 300n, PARAMETERS), 0n)
    assert.throws(() => take(held, { units: 1n, limit: 1n << 80n, now: 300n }, PLENTY, PARAMETERS), /held/)
    const still = rounds(held, 3_000n, { held: true })
    assert.equal(still.clock, held.clock)
    // Liquidations go on meanwhile; their lots begin with no way behind them.
    const more = resolve(still, 5n, 3_000n)
    assert.equal(lotClock(more, more.lots.at(-1)!, 3_000n, PARAMETERS), 0n)
  })

  it('is set back by an outage or a hold to where the price passes the mark, if it was later, and only then', () => {
    const begun = resolve(round(NO_AUCTION, 0n), 10n ** 9n, 0n)
    const late = rounds(begun, 3_000n)
    assert.ok(priceOf(late, 3_000n)! < late.terms!.sell)
    for (const [resumed, now] of [
      [round(late, 3_900n), 3_900n],
      [round(late, 100_000n), 100_000n],
      [round(rounds(round(late, 3_300n, { held: true }), 3_600n, { held: true }), 3_900n), 3_900n],
    ] as const) {
      const price = priceOf(resumed, now)!
      assert.ok(price >= PRICE && price - PRICE <= PRICE >> 16n, 'at the mark')
      assert.ok(priceOf(resumed, now + 60n)! < PRICE, 'and on from there')
    }
    // 899 seconds without a round are none.
    assert.ok(priceOf(round(late, 3_899n), 3_899n)! < late.terms!.sell)
    // A lot before the mark stays where it is.
    const quiet = { reading: { s5: 1n << 30n, quantile: 1n << 45n } }
    const early = rounds(resolve(round(NO_AUCTION, 0n, quiet), 10n ** 9n, 0n), 300n, quiet)
    assert.ok(priceOf(early, 300n)! > PRICE)
    assert.equal(lotClock(round(early, 9_000n, quiet), early.lots[0]!, 9_000n, PARAMETERS), 2n * early.clock)
    assert.equal(round(early, 9_000n, quiet).setBack, 0n)
  })

  it('leaves nobody a lot at the old mark in the first block after an outage', () => {
    // A lot at its floor; an outage in which the market rises by a fifth; in the first block a taker is faster than the first round.
    const late = rounds(resolve(round(NO_AUCTION, 0n), 10n ** 9n, 0n), 3_600n)
    const now = 7_200n
    assert.throws(() => take(late, { units: 1n, limit: 1n << 80n, now }, PLENTY, PARAMETERS), /no price/)
    const resumed = round(late, now, { price: (PRICE * 12n) / 10n })
    const { fill } = take(resumed, { units: 10n ** 8n, limit: 1n << 80n, now }, PLENTY, PARAMETERS)
    assert.ok(fill.cash * SCALE >= ((PRICE * 12n) / 10n) * 10n ** 8n)
    assert.equal(fill.loss, 0n)
  })

  it('keeps the way that is behind a lot when the market quickens: the price does not jump', () => {
    const calm = rounds(
      resolve(round(NO_AUCTION, 0n, { reading: { s5: 1n << 30n, quantile: 1n << 44n } }), 10n ** 9n, 0n),
      1_500n,
      {
        reading: { s5: 1n << 30n, quantile: 1n << 44n },
      },
    )
    const before = priceOf(calm, 1_800n)!
    const wild = round(calm, 1_800n, { reading: { s5: 1n << 40n, quantile: 1n << 44n } })
    assert.ok(wild.terms!.saleDuration < calm.terms!.saleDuration / 4n)
    assert.equal(priceOf(wild, 1_800n), before)
  })
})

describe('a round with another mark', () => {
  const quiet = { s5: 1n << 33n, quantile: 1n << 44n }
  const late = () =>
    rounds(resolve(round(NO_AUCTION, 0n, { reading: quiet }), 10n ** 9n, 0n), 1_500n, { reading: quiet })

  it('that is lower leaves the price where it was, as far as the premium goes; one that is higher raises it', () => {
    const auction = late()
    const before = priceOf(auction, 1_800n)!
    assert.ok(before < PRICE)
    for (const percent of [100n, 99n, 98n]) {
      const price = priceOf(round(auction, 1_800n, { price: (PRICE * percent) / 100n, reading: quiet }), 1_800n)!
      assert.ok(price >= before && (price - before) * 10n ** 6n < PRICE, `${percent} %: ${price} for ${before}`)
    }
    const far = round(auction, 1_800n, { price: (PRICE * 9n) / 10n, reading: quiet })
    assert.equal(priceOf(far, 1_800n), saleWay(far.terms!, 500n).start)
    const higher = round(auction, 1_800n, { price: (PRICE * 11n) / 10n, reading: quiet })
    assert.ok(abs(priceOf(higher, 1_800n)! - (before * 11n) / 10n) * 10n ** 6n < PRICE)
  })

  it('is no gift either where dust that nobody takes is the oldest lot, at the end of its way', () => {
    const at = (auction: Auction, i: number) => priceOf(auction, 4_800n, i)!
    let auction = resolve(round(NO_AUCTION, 0n, { reading: quiet }), 10n ** 9n / 16n, 0n)
    auction = resolve(rounds(auction, 3_000n, { reading: quiet }), 10n ** 9n, 3_000n)
    auction = rounds(auction, 4_500n, { reading: quiet })
    assert.equal(at(auction, 0), saleWay(auction.terms!, 500n).end)
    const before = at(auction, 1)
    const after = round(auction, 4_800n, { price: (PRICE * 99n) / 100n, reading: quiet })
    for (const i of [0, 1]) assert.ok(at(after, i) >= before)
  })

  it('is no gift to whoever is first in it, whatever the penalty or the premium become', () => {
    const auction = late()
    const before = priceOf(auction, 1_800n)!
    const at = { round: 99n, time: 1_800n, held: false }
    for (const penalty of [100n, 200n, 1000n])
      for (const quantile of [1n << 42n, 1n << 46n]) {
        const terms = auctionTerms(at, marksAt(PRICE, penalty), DEPTH, { ...quiet, quantile }, PARAMETERS)
        assert.ok(priceOf(openRound(auction, terms, PARAMETERS), 1_800n)! >= before)
      }
  })
})

describe('fills', () => {
  it('take no more in a grid step than moves the market by maxImpact, of either side, and again in the next', () => {
    const cap = (DEPTH * 200n) / FACTOR_ONE
    for (const sign of [1n, -1n]) {
      let auction = resolve(round(NO_AUCTION, 900n), sign * 3n * cap, 900n)
      const limit = sign > 0n ? 1n << 90n : 0n
      assert.equal(availableUnits(auction, 900n, PARAMETERS), cap)
      assert.throws(() => take(auction, { units: cap + 1n, limit, now: 900n }, PLENTY, PARAMETERS), /grid step/)
      ;({ auction } = take(auction, { units: cap - 1n, limit, now: 900n }, PLENTY, PARAMETERS))
      ;({ auction } = take(auction, { units: 1n, limit, now: 1_500n }, PLENTY, PARAMETERS))
      assert.equal(availableUnits(auction, 1_799n, PARAMETERS), 0n)
      auction = round(auction, 1_800n)
      assert.equal(availableUnits(auction, 1_800n, PARAMETERS), cap)
      // Half the depth: half the cap, of what is left of the step.
      ;({ auction } = take(auction, { units: cap / 4n, limit, now: 1_800n }, PLENTY, PARAMETERS))
      auction = round(auction, 2_100n, { depth: DEPTH / 2n })
      assert.equal(availableUnits(auction, 2_100n, PARAMETERS), cap / 4n)
      auction = round(auction, 2_400n, { depth: 0n })
      assert.equal(availableUnits(auction, 2_400n, PARAMETERS), abs(auction.backstop))
    }
  })

  it('that sell what a grid step may stop the clock at the mark until the next one; dust that is left out does not keep it running', () => {
    const cap = (DEPTH * 200n) / FACTOR_ONE
    const quiet = { reading: { s5: 1n << 28n, quantile: 1n << 44n } }
    let auction = round(NO_AUCTION, 0n, quiet)
    auction = resolve(auction, 10n * cap, 0n)
    auction = rounds(auction, 1_800n, quiet)
    assert.ok(priceOf(auction, 1_800n)! < PRICE)
    // Seven eighths leave an eighth of room: the clock runs. One unit more, and it stands.
    const limit = 1n << 90n
    const most = take(auction, { units: cap - cap / 8n, limit, now: 1_800n }, PLENTY, PARAMETERS).auction
    assert.ok(priceOf(most, 1_860n)! < priceOf(auction, 1_800n)!)
    auction = take(auction, { units: cap - cap / 8n + 1n, limit, now: 1_800n }, PLENTY, PARAMETERS).auction
    const standing = priceOf(auction, 1_800n)!
    assert.ok(standing >= PRICE && standing - PRICE <= 1n)
    assert.equal(priceOf(auction, 2_099n), standing)
    for (const t of [2_100n, 2_400n]) {
      auction = round(auction, t, quiet)
      assert.equal(priceOf(auction, t + 299n), standing)
    }
    // What room there is can still be had, and the clock runs on with the next grid step.
    const rest = { units: cap / 8n - 1n, limit, now: 2_400n }
    assert.equal(priceOf(take(auction, rest, PLENTY, PARAMETERS).auction, 2_699n), standing)
    auction = round(auction, 2_700n, quiet)
    assert.equal(priceOf(auction, 2_700n), standing)
    assert.ok(priceOf(auction, 2_760n)! < PRICE)
  })

  it('of a purchase end where the cash does: the backstop spends what is its own and free', () => {
    const auction = resolve(round(NO_AUCTION, 0n), -(10n ** 9n), 0n)
    const all = { units: 10n ** 9n, limit: 0n, now: 0n }
    const { fill } = take(auction, all, PLENTY, PARAMETERS)
    assert.equal(fill.side, 'buy')
    for (const spendable of [
      { backstop: fill.cash, free: fill.cash },
      { backstop: fill.cash, free: 1n << 90n },
    ])
      take(auction, all, spendable, PARAMETERS)
    for (const spendable of [
      { backstop: fill.cash - 1n, free: 1n << 90n },
      { backstop: 1n << 90n, free: fill.cash - 1n },
      { backstop: -1n, free: 1n << 90n },
    ])
      assert.throws(() => take(auction, all, spendable, PARAMETERS), /cash to spend/)
    // A sale needs none.
    take(
      resolve(round(NO_AUCTION, 0n), 5n, 0n),
      { units: 5n, limit: 1n << 60n, now: 0n },
      { backstop: -5n, free: 0n },
      PARAMETERS,
    )
  })

  it('are refused without a round, without units, beyond what waits', () => {
    assert.throws(() => take(NO_AUCTION, { units: 1n, limit: 1n, now: 0n }, PLENTY, PARAMETERS), /no price/)
    assert.throws(() => resolve(NO_AUCTION, 1n, 0n), /no round/)
    const auction = resolve(round(NO_AUCTION, 0n), 5n, 0n)
    assert.throws(() => take(auction, { units: 0n, limit: 1n, now: 0n }, PLENTY, PARAMETERS), /one unit/)
    assert.throws(() => take(auction, { units: 6n, limit: 1n << 60n, now: 0n }, PLENTY, PARAMETERS), /more than the 5/)
    assert.equal(changeBackstop(auction, 0n, 0n, 'other', PARAMETERS), auction)
    assert.throws(() => resolve(auction, 1n << 96n, 0n), /2\^96/)
  })

  it('count what auctions kept of the penalty, and what insurers bear at a freeze', () => {
    const begun = resolve(round(NO_AUCTION, 0n), 10n ** 9n, 0n)
    const early = take(begun, { units: 10n ** 8n, limit: 1n << 80n, now: 0n }, PLENTY, PARAMETERS).fill
    // Above the mark more than the penalty is kept, and nothing is lost.
    assert.ok(early.kept > early.penalty && early.loss === 0n)
    const late = rounds(begun, 9_000n)
    const last = take(late, { units: 10n ** 8n, limit: 1n << 80n, now: 9_000n }, PLENTY, PARAMETERS).fill
    // At the floor, five points beyond the penalized price, of a penalty of two.
    assert.ok(Math.abs(Number(last.kept) / Number(last.penalty) + 2.5) < 1e-6)
    assert.equal(last.loss, 10n ** 8n * PRICE - last.cash * SCALE)
    let totals = addFill(NO_FILLS, early, true)
    totals = addFill(totals, last, true)
    totals = addFill(totals, last, false)
    assert.deepEqual(totals, {
      loss: last.loss,
      kept: early.kept + 2n * last.kept,
      penalty: early.penalty + 2n * last.penalty,
    })
    assert.deepEqual(recordFills(totals), { ...totals, loss: 0n })
    // A purchase above the mark loses too.
    const short = rounds(resolve(round(NO_AUCTION, 0n), -(10n ** 9n), 0n), 9_000n)
    const bought = take(short, { units: 10n ** 8n, limit: 0n, now: 9_000n }, PLENTY, PARAMETERS).fill
    assert.equal(bought.loss, bought.cash * SCALE - 10n ** 8n * PRICE)
    assert.ok(bought.kept < 0n)
  })

  it("leave owners the formula's share at an escape, as long as there is equity to bear the loss", () => {
    const random = new Random(99)
    for (let i = 0; i < 5_000; i++) {
      const value = 1_000_000n + random.bits(80)
      const equity = (random.chance(0.5) ? 1n : -1n) * (random.bits(80) % (value / 2n))
      const owners = value - equity
      const loss = random.bits(82) % (value / 2n)
      const { insurers, denominator } = freezeShares(value, equity, loss)
      assert.equal(insurers + owners, denominator, 'all of what is there is shared out')
      assert.ok(insurers >= 0n)
      if (loss <= max(0n, equity)) assert.equal(denominator, value - loss, 'owners get their equity of it')
      else assert.ok(insurers === 0n && denominator === owners)
    }
    assert.deepEqual(freezeShares(100n, 20n, 5n), { insurers: 15n, denominator: 95n })
    assert.deepEqual(freezeShares(100n, 20n, 50n), { insurers: 0n, denominator: 80n })
    assert.deepEqual(freezeShares(100n, -20n, 5n), { insurers: 0n, denominator: 120n })
  })
})
