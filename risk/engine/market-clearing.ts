import { ASSETS } from '../../protocol/constants.ts'
import { Random } from '../random.ts'
import { RuleAverages } from '../rule/averages.ts'
import { clipMove, type MarketImpact } from './backstop.ts'
import type { Clearing, MarketOptions, Taker } from './clearing.ts'
import { ClockSeller, LotSeller, type Offer, type Seller } from './sellers.ts'
import { Waiting } from './waiting.ts'

const UNIT = 2 ** 32
/** Halvings by which a taker finds how much pays. */
const HALVINGS = 40
/** Halvings of what waits by which the protocol's own taker looks for a part that pays, as the keeper has it. */
const POOL_HALVINGS = 6

/** A fill, for the record. Cash in base units. */
export interface MarketFill {
  readonly asset: number
  /** Seconds of the path. */
  readonly time: number
  readonly day: number
  /** Value at the mark of the round. */
  readonly value: number
  /** Cash that the backstop got for it, or paid where it bought back. */
  readonly cash: number
  /** Share of the mark that the taker was given: below 0 where it dealt on the backstop's side of the mark. */
  readonly discount: number
  /** The taker's profit after fee and gas. */
  readonly gain: number
  /** Seconds that the units waited, in the mean. */
  readonly waited: number
  /** Variance of an hour by the average of a day, and the six-hour quantile, at the fill. */
  readonly variance: number
  readonly quantile: number
}

/** Units that came to the backstop, negative where it owes them. Seconds of the path. */
export interface Arrival {
  readonly asset: number
  readonly time: number
  readonly day: number
  readonly units: bigint
}

/** Units that are taken, what is asked for them and the mean price that selling them on fetches (both as marks), and by what that moves it. */
interface Trade {
  readonly units: number
  readonly asked: number
  readonly fetched: number
  readonly move: number
}

/** The noise of a draw: of the prices of asset `a` on the way to a step, the first one 1. */
export function bridgeNoise(seed: number, step: number, a: number): Random {
  return new Random(seed, step, a)
}

/**
 * Sells inventory to takers who compete, block by block: in each block whoever is first takes as much as pays after fee, gas and the
 * impact of selling it on. Between the steps of a path prices go along a Brownian bridge of the rule's own variance, whose noise follows from
 * the prices, so that a path has one outcome whoever runs it. Inventory is carried at the market from day to day.
 */
export class MarketClearing implements Clearing {
  readonly fills: MarketFill[] = []
  readonly arrivals: Arrival[] = []
  readonly #takers: readonly Taker[]
  /** Cash of those takers who have only so much, in base units. */
  readonly #cash: number[]
  readonly #cashUnit: number
  readonly #options: MarketOptions
  readonly #impact: MarketImpact
  readonly #stepSeconds: number
  readonly #sellers: readonly Seller[]
  readonly #averages: readonly RuleAverages[]
  /** Arrivals by asset, the oldest first, for the times of waiting. */
  readonly #waiting: readonly Waiting[]
  #depths: readonly number[]
  #penalties: readonly number[]
  readonly #moved = new Float64Array(ASSETS)
  /** Prices without the engine's sales, and with them, at the end of the last step. */
  readonly #free = new Float64Array(ASSETS)
  readonly #last = new Float64Array(ASSETS)
  /** Mark of the latest round. */
  readonly #mark = new Float64Array(ASSETS)
  /** Prices at which the latest part of the inventory was taken over. */
  readonly #takenAt = new Float64Array(ASSETS)
  readonly #roundAt = new Float64Array(ASSETS)
  readonly #bits = new Uint32Array(2)
  readonly #double = new Float64Array(this.#bits.buffer)
  #profits: number[] = []
  #day = 0
  #steps = 0
  impactCost = 0

  /** @param depths in base units; @param penalties in 1/10^4; both by asset, cash included */
  constructor(
    depths: readonly number[],
    penalties: readonly number[],
    options: MarketOptions,
    impact: MarketImpact,
    stepSeconds: number,
    cashDecimals: number,
  ) {
    this.#depths = depths
    this.#penalties = penalties
    this.#options = options
    this.#impact = impact
    this.#stepSeconds = stepSeconds
    this.#cashUnit = 10 ** cashDecimals
    this.#takers = options.takers ?? [{ kind: 'trader', gas: options.gas }]
    this.#cash = this.#takers.map(() => 0)
    this.#sellers = depths.map(() =>
      options.clearing === 'auction' ? new LotSeller(options) : new ClockSeller(options),
    )
    this.#averages = depths.map(() => new RuleAverages())
    this.#waiting = depths.map(() => new Waiting())
  }

  begin(): void {
    this.fills.length = 0
    this.arrivals.length = 0
    this.#takers.forEach((taker, i) => {
      this.#cash[i] = taker.kind === 'keeper' ? taker.cash * this.#cashUnit : Infinity
    })
    for (const seller of this.#sellers) seller.begin()
    for (const waiting of this.#waiting) waiting.clear()
    this.#moved.fill(0)
    this.#roundAt.fill(-1)
    this.#profits = []
    this.#day = 0
    this.#steps = 0
    this.impactCost = 0
  }

  setMarket(depths: readonly number[], penalties: readonly number[]): void {
    this.#depths = depths
    this.#penalties = penalties
  }

  beginStep(day: number): void {
    if (day !== this.#day) {
      for (let a = 1; a < this.#sellers.length; a++) {
        const value = (this.#sellers[a]!.inventory * this.#last[a]!) / UNIT
        if (value === 0) continue
        this.#earn(this.#day, value)
        this.#earn(day, -value)
      }
      this.#day = day
    }
    this.#steps++
  }

  get #now(): number {
    return (this.#steps - 1) * this.#stepSeconds
  }

  sellPending(a: number, free: number): number {
    const now = this.#now
    if (this.#steps === 1) this.#averages[a]!.start(free, now)
    else if (this.#sellers[a]!.inventory === 0) this.#moved[a]! *= this.#decay(this.#stepSeconds)
    else this.#blocks(a, free, now)
    this.#free[a] = free
    const price = free * Math.exp(this.#seen(a))
    this.#last[a] = price
    if (this.#steps > 1) this.#averages[a]!.sample(price, now)
    if (this.#sellers[a]!.inventory !== 0) this.#round(a, now, this.#adverse(a, price))
    return price
  }

  /** The move by sales that marks show. */
  #seen(a: number): number {
    return this.#options.isAside === true ? 0 : this.#moved[a]!
  }

  #decay(seconds: number): number {
    return 2 ** -(seconds / this.#impact.halfLife)
  }

  /** The blocks of a step, with its rounds but the last, which is at its end. */
  #blocks(a: number, free: number, now: number): void {
    const count = Math.max(1, Math.round(this.#stepSeconds / this.#options.blockSeconds))
    const spacing = this.#stepSeconds / count
    const decay = this.#decay(spacing)
    const deviation = Math.sqrt((this.#averages[a]!.variance / 3600) * spacing)
    const random = this.#noise(a, free)
    const { seed } = this.#options
    const moments = seed === undefined ? undefined : new Random(seed, this.#steps, a, 1)
    const end = Math.log(free)
    let at = Math.log(this.#free[a]!)
    const start = now - this.#stepSeconds
    for (let j = 1; j <= count; j++) {
      const left = count - j
      at += (end - at) / (left + 1)
      if (left > 0) at += deviation * Math.sqrt(left / (left + 1)) * random.normal()
      this.#moved[a]! *= decay
      const time = start + (j - (moments?.uniform() ?? 0)) * spacing
      if (left > 0 && time >= this.#roundAt[a]! + this.#options.roundSeconds)
        this.#round(a, time, this.#adverse(a, Math.exp(at + this.#seen(a))))
      this.#offer(a, at, time, moments)
      if (this.#sellers[a]!.inventory === 0) {
        this.#moved[a]! *= this.#decay(spacing * left)
        return
      }
    }
  }

  #noise(a: number, free: number): Random {
    this.#double[0] = free
    const { seed } = this.#options
    return seed === undefined
      ? new Random(this.#bits[0]!, this.#bits[1]!, this.#steps, a)
      : bridgeNoise(seed, this.#steps, a)
  }

  /** The price that counts while inventory waits: where rebounds are not to be counted on, none better than that it was taken over at. */
  #adverse(a: number, price: number): number {
    if (this.#impact.adverse !== true) return price
    return this.#sellers[a]!.inventory > 0 ? Math.min(price, this.#takenAt[a]!) : Math.max(price, this.#takenAt[a]!)
  }

  #round(a: number, time: number, price: number): void {
    const { variance, quantile } = this.#reading(a)
    this.#roundAt[a] = time
    this.#mark[a] = price
    this.#sellers[a]!.round({
      time,
      price,
      penalty: this.#penalties[a]!,
      depth: this.#depths[a]!,
      variance,
      quantile,
    })
  }

  #reading(a: number): { readonly variance: number; readonly quantile: number } {
    return this.#options.reading ?? this.#averages[a]!
  }

  /** A block: whoever is first takes what pays, then the next. */
  #offer(a: number, log: number, time: number, random: Random | undefined): void {
    const count = this.#takers.length
    const first = random === undefined || count === 1 ? 0 : random.integer(count)
    for (let i = 0; i < count && this.#sellers[a]!.inventory !== 0; i++)
      this.#serve(a, (first + i) % count, this.#adverse(a, Math.exp(log + this.#moved[a]!)), time)
  }

  /** A taker's turn. @param price of the market */
  #serve(a: number, number: number, price: number, time: number): void {
    const seller = this.#sellers[a]!
    const side = seller.inventory > 0 ? 1 : -1
    const { fee } = this.#options
    const taker = this.#takers[number]!
    const offers = seller.offers(time)
    const wanted =
      taker.kind === 'pool'
        ? this.#pooled(a, side, price, offers, taker.tip)
        : this.#profitable(a, side, price, offers, this.#cash[number]!)
    if (wanted === undefined) return
    const { units, asked, move, fetched } = wanted
    const brought = units * fetched * (1 - side * fee)
    const beyond = (side * (brought - asked)) / UNIT - (taker.kind === 'pool' ? taker.tip : taker.gas) * this.#cashUnit
    if (beyond < 0) return
    const cash = seller.take(BigInt(units), time)
    this.#earn(this.#day, side * cash)
    if (taker.kind === 'pool') this.#earn(this.#day, beyond)
    if (taker.kind === 'keeper') this.#cash[number]! -= side * cash
    else {
      this.impactCost += (side * units * (price - fetched)) / UNIT
      this.#moved[a] = clipMove(this.#moved[a]! + move)
    }
    const value = (units * this.#mark[a]!) / UNIT
    const discount = side * (1 - cash / value)
    const waited = this.#waiting[a]!.leave(units, time)
    const gain = taker.kind === 'pool' ? 0 : beyond
    const { variance, quantile } = this.#reading(a)
    this.fills.push({ asset: a, time, day: this.#day, value, cash, discount, gain, waited, variance, quantile })
  }

  /** The units whose last one still pays, of the oldest offers on, as far as a taker's cash goes; undefined where none does. */
  #profitable(a: number, side: number, price: number, offers: readonly Offer[], cash: number): Trade | undefined {
    const net = price * (1 - side * this.#options.fee)
    let units = 0
    let asked = 0
    for (const offer of offers) {
      if (side * (net - offer.price) <= 0) break
      const most = this.#paying(a, side, units + offer.units, Math.abs(Math.log(net / offer.price)))
      const affordable = side > 0 ? (cash * UNIT - asked) / offer.price : Infinity
      const taken = Math.floor(Math.min(offer.units, most - units, affordable))
      if (taken <= 0) break
      units += taken
      asked += taken * offer.price
      if (taken < Math.floor(offer.units)) break
    }
    return units > 0 ? this.#trade(a, side, price, units, asked) : undefined
  }

  /** All that is offered, or the greatest of its halves, quarters and so on that brings its price and a tip; undefined where none does. */
  #pooled(a: number, side: number, price: number, offers: readonly Offer[], tip: number): Trade | undefined {
    let units = Math.floor(offers.reduce((sum, offer) => sum + offer.units, 0))
    for (let halving = 0; halving < POOL_HALVINGS && units > 0; halving++, units = Math.floor(units / 2)) {
      let [left, asked] = [units, 0]
      for (const offer of offers) {
        const taken = Math.min(left, offer.units)
        left -= taken
        asked += taken * offer.price
      }
      const trade = this.#trade(a, side, price, units, asked)
      const brought = units * trade.fetched * (1 - side * this.#options.fee)
      if ((side * (brought - asked)) / UNIT >= tip * this.#cashUnit) return trade
    }
    return undefined
  }

  #trade(a: number, side: number, price: number, units: number, asked: number): Trade {
    const move = clipMove(this.#impact.logMove(side * units, this.#depths[a]!))
    return { units, asked, move, fetched: (move === 0 ? 1 : Math.expm1(move) / move) * price }
  }

  /** The most units, up to `limit`, whose last one still pays: those that move the market by no more than `slack`. */
  #paying(a: number, side: number, limit: number, slack: number): number {
    const pays = (units: number) => Math.abs(this.#impact.logMove(side * units, this.#depths[a]!)) <= slack
    if (pays(limit)) return limit
    let [low, high] = [0, limit]
    for (let i = 0; i < HALVINGS; i++) {
      const middle = (low + high) / 2
      if (pays(middle)) low = middle
      else high = middle
    }
    return low
  }

  take(before: readonly bigint[], traded: readonly bigint[], paid: bigint, prices: Float64Array): void {
    const now = this.#now
    this.#earn(this.#day, -Number(paid))
    for (let a = 1; a < this.#sellers.length; a++) {
      if (traded[a] === 0n) continue
      const delta = before[a]! > 0n ? traded[a]! : -traded[a]!
      this.arrivals.push({ asset: a, time: now, day: this.#day, units: delta })
      const seller = this.#sellers[a]!
      if (this.#roundAt[a] !== now) this.#round(a, now, prices[a]!)
      this.#waiting[a]!.arrive(Number(delta), now)
      const held = seller.inventory
      seller.change(delta, now)
      // What nets out brings no price; what joins counts by its size.
      if (held > 0 !== seller.inventory > 0 || held === 0) this.#takenAt[a] = prices[a]!
      else if (held > 0 === delta > 0n)
        this.#takenAt[a]! += ((prices[a]! - this.#takenAt[a]!) * Number(delta)) / seller.inventory
      // The price that counts may have moved with it, and the mark is that of this moment.
      if (seller.inventory !== 0) this.#round(a, now, this.#adverse(a, prices[a]!))
    }
  }

  close(prices: Float64Array): void {
    for (let a = 1; a < this.#sellers.length; a++) {
      const { inventory } = this.#sellers[a]!
      if (inventory === 0) continue
      const move = clipMove(this.#impact.logMove(inventory, this.#depths[a]!))
      const price = this.#adverse(a, prices[a]!)
      const fetched = (move === 0 ? 1 : Math.expm1(move) / move) * price
      this.#earn(this.#day, (inventory * fetched) / UNIT)
      this.impactCost += (inventory * (price - fetched)) / UNIT
    }
  }

  profit(day: number): number {
    return this.#profits[day] ?? 0
  }

  #earn(day: number, amount: number): void {
    this.#profits[day] = (this.#profits[day] ?? 0) + amount
  }

  /** Value at the last prices of what waits. */
  waiting(): number {
    return this.#sellers.reduce((sum, { inventory }, a) => sum + (Math.abs(inventory) * this.#last[a]!) / UNIT, 0)
  }

  /** Share of the penalties that the auctions kept; undefined without fills. */
  recaptured(): number | undefined {
    const kept = this.#sellers.reduce((sum, { totals }) => sum + Number(totals.kept), 0)
    const penalty = this.#sellers.reduce((sum, { totals }) => sum + Number(totals.penalty), 0)
    return penalty === 0 ? undefined : kept / penalty
  }
}
