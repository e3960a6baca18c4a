import assert from 'node:assert/strict'

import type { TransactionReceipt } from 'viem'

import {
  type Auction,
  availableUnits,
  changeBackstop,
  frontLot,
  lotPrice,
  NO_AUCTION,
  openRound,
} from '../../protocol/auction.ts'
import { type Fill, take } from '../../protocol/auction-fill.ts'
import { type AuctionParameters, auctionTerms } from '../../protocol/auction-terms.ts'
import { type Chain, type Contract, startChain } from './chain.ts'
import { AUCTION } from './market.ts'
import { randomizer } from './mirror.ts'

const STEPS = 900
const NO_BOUND = (1n << 256n) - 1n
const SCALE = 1n << 32n

/** Words of the contract's auction that do not depend on when its clock began. */
interface Stored {
  sells: boolean
  lots: { id: number; units: bigint; start: bigint; since: number }[]
  clock: bigint
  setBack: bigint
  from: number
  youngestRound: number
  nextId: number
  step: number
  traded: bigint
  terms: {
    round: bigint
    time: number
    held: boolean
    premium: number
    saleDuration: number
    purchaseDuration: number
    cap: bigint
  }
}

/**
 * The contract and protocol/'s machine, move by move: whatever changes an auction, at any time. Only clocks may differ by a constant, as
 * no round is written where no lots are.
 */
class Both {
  readonly chain: Chain
  readonly stage: Contract
  readonly market: Contract
  readonly random: (end: bigint) => bigint
  readonly pick: (end: number) => number
  readonly counts = new Map<string, number>()
  machine: Auction = NO_AUCTION
  parameters: AuctionParameters = {
    roundMin: 300n,
    maxAge: 900n,
    blockTime: BigInt(AUCTION.blockTime),
    floorDiscount: BigInt(AUCTION.floorDiscount),
    maxImpact: BigInt(AUCTION.maxImpact),
  }
  cash = 0n
  free = 0n
  price = 200n * SCALE
  round = 0n
  epoch = 0n
  loss = 0n

  constructor(chain: Chain, stage: Contract, market: Contract, seed: bigint) {
    this.chain = chain
    this.stage = stage
    this.market = market
    this.random = randomizer(seed)
    this.pick = (end) => Number(this.random(BigInt(end)))
  }

  count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1)
  }

  async time(receipt: TransactionReceipt): Promise<bigint> {
    return (await this.chain.client.getBlock({ blockNumber: receipt.blockNumber })).timestamp
  }

  async later(seconds: bigint): Promise<void> {
    await this.chain.nextBlockAt((await this.chain.now()) + seconds)
  }

  async postRound(): Promise<void> {
    // Mostly in time, now and then after an outage; a move of some percent, or a crash.
    await this.later([310n, 310n, 450n, 900n, 4_000n][this.pick(5)]!)
    const wild = this.pick(6) === 0
    this.price = (this.price * (wild ? 600n + this.random(800n) : 970n + this.random(61n))) / 1_000n
    if (this.price < SCALE / 1_000n || this.price > 10n ** 6n * SCALE) this.price = 200n * SCALE
    const penalty = this.random(10n)
    const marks = {
      price: this.price,
      sell: (this.price * (100n - penalty)) / 100n,
      buy: (this.price * (100n + penalty) + 99n) / 100n,
    }
    const held = this.pick(9) === 0
    const depth = this.pick(3) === 0 ? 0n : 1n + this.random(10n ** BigInt(3 + this.pick(12)))
    const reading = {
      s5: this.random(1n << BigInt(1 + this.pick(50))),
      quantile: this.random(1n << BigInt(1 + this.pick(49))),
    }
    this.round++
    const { roundMin, maxAge } = this.parameters
    const sale = {
      round: this.round,
      time: 0,
      held,
      ...marks,
      depth,
      roundMin: Number(roundMin),
      maxAge: Number(maxAge),
    }
    const time = await this.time(await this.stage.write('post', [sale, reading.s5, reading.quantile]))
    const terms = auctionTerms({ round: this.round, time, held }, marks, depth, reading, this.parameters)
    this.count(held ? 'hold' : wild ? 'crash' : 'round')
    if (this.machine.lots.length > 1 && frontLot(this.machine) !== this.machine.lots[0]) this.count('dust in front')
    this.machine = openRound(this.machine, terms, this.parameters)
  }

  async change(): Promise<void> {
    const kind = this.pick(4) === 0 ? 'other' : 'resolve'
    // Dust, what is usual, and much; mostly on the side there is.
    const size = 1n + this.random(10n ** BigInt([1, 3, 9, 9, 12][this.pick(5)]!))
    const side = this.machine.backstop < 0n ? -1n : 1n
    const delta = size * (this.pick(4) === 0 ? -side : side)
    await this.later(1n + this.random(120n))
    const receipt = await this.stage.write(kind === 'other' ? 'change' : 'resolve', [delta])
    const before = this.machine
    this.machine = changeBackstop(before, delta, await this.time(receipt), kind, this.parameters)
    const began = this.machine.nextId > before.nextId
    assert.deepEqual(
      this.market.events(receipt),
      began
        ? [
            {
              name: 'LotBegan',
              args: {
                asset: 1,
                lot: Number(before.nextId),
                sells: this.machine.backstop > 0n,
                units: this.machine.lots.at(-1)!.units,
              },
            },
          ]
        : [],
    )
    if (this.machine.lots.length === 8 && !began) this.count('merge')
    if (before.backstop > 0n !== this.machine.backstop > 0n && before.backstop !== 0n) this.count('other side')
    if (this.machine.lots.length < before.lots.length) this.count('netted')
  }

  /** Some units at the price there is, inside or outside; or one more than there is to take. */
  async fill(): Promise<void> {
    if (this.machine.backstop < 0n && this.pick(2) === 0) {
      const most = this.pick(2) === 0 ? 10n ** 16n : 10n ** 5n
      this.cash = this.random(most) - most / 1_000n
      this.free = this.random(most)
      await this.stage.write('setCash', [this.cash, this.free])
    }
    const now = await this.chain.now()
    const available = availableUnits(this.machine, now, this.parameters)
    const spendable = { backstop: this.cash, free: this.free }
    if (available === 0n || this.pick(12) === 0) {
      const error =
        this.machine.terms === undefined ||
        this.machine.terms.held ||
        now - this.machine.terms.time >= this.parameters.maxAge
          ? 'NoPrice'
          : available + 1n > this.machine.lots.reduce((sum, { units }) => sum + units, 0n)
            ? 'BeyondInventory'
            : 'BeyondCap'
      await this.market.refuses(error, 'quote', [1n, available + 1n])
      this.count(error)
      return
    }
    const units = this.pick(3) === 0 ? available : 1n + this.random(available)
    const sells = this.machine.backstop > 0n
    const limit = sells ? NO_BOUND : 0n
    let quoted: Fill
    try {
      quoted = take(this.machine, { units, limit, now }, spendable, this.parameters).fill
    } catch {
      await this.market.refuses('BeyondCash', 'quote', [1n, units])
      this.count('BeyondCash')
      return
    }
    assert.deepEqual(await this.market.read('quote', 1n, units), [sells, quoted.cash, quoted.cash])
    await this.market.refuses('BeyondLimit', 'take', [
      1,
      units,
      sells ? quoted.cash - 1n : quoted.cash + 1n,
      this.stage.address,
      '0x',
    ])
    const outside = this.pick(2) === 0
    await this.later(1n)
    // What an account signed is paid, be it more than the price of that second.
    const signed = outside
      ? undefined
      : sells
        ? quoted.cash + this.random(5n)
        : quoted.cash - min(quoted.cash, this.random(5n))
    const receipt = outside
      ? await this.market.write('take', [1, units, sells ? quoted.cash : quoted.cash, this.stage.address, '0x'])
      : await this.stage.write('unwind', [units, signed, sells])
    const at = await this.time(receipt)
    const filled = take(this.machine, { units, limit, now: at }, spendable, this.parameters, signed)
    this.machine = filled.auction
    const { fill } = filled
    const loss = outside ? fill.loss : 0n
    this.loss += loss
    assert.deepEqual(this.market.events(receipt), [
      ...fill.parts.map(({ lot, units, price }) => ({
        name: 'LotTaken',
        args: { asset: 1, lot: Number(lot), units, price },
      })),
      {
        name: 'Filled',
        args: {
          asset: 1,
          taker: outside ? this.chain.accounts[0] : `0x${'00'.repeat(20)}`,
          sells,
          units,
          cash: fill.cash,
          mark: this.machine.terms!.price,
          loss,
          kept: fill.kept,
          penalty: fill.penalty,
        },
      },
    ])
    this.count(`${sells ? 'sale' : 'purchase'} ${outside ? 'outside' : 'inside'}`)
    if (fill.parts.length > 1) this.count('several lots')
    if (loss > 0n) this.count('loss')
    if (this.machine.from > at) this.count('step sold')
  }

  /** Clocks of rounds change, by governance, in the middle of one. */
  async changeClocks(): Promise<void> {
    const roundMin = 100n + this.random(500n)
    const maxAge = roundMin + 1n + this.random(1_000n)
    this.parameters = { ...this.parameters, roundMin, maxAge }
    await this.stage.write('setClocks', [Number(roundMin), Number(maxAge)])
    this.count('clocks')
  }

  /** A checkpoint: what was lost is in its record. */
  async endEpoch(): Promise<void> {
    assert.equal(await this.market.read('loss'), this.loss)
    await this.stage.write('setEpoch', [++this.epoch])
    this.loss = 0n
    assert.equal(await this.market.read('loss'), 0n)
  }

  async compare(): Promise<void> {
    const now = await this.chain.now()
    const { machine, parameters } = this
    const stored = await this.market.read<Stored>('auction', 1n)
    assert.deepEqual(
      stored.lots.map(({ id, units, since }) => [BigInt(id), units, BigInt(since)]),
      machine.lots.map(({ id, units, since }) => [id, units, since]),
    )
    assert.deepEqual(
      [BigInt(stored.nextId), stored.traded, BigInt(stored.step)],
      [machine.nextId, machine.traded, machine.step],
    )
    const { terms } = machine
    if (terms !== undefined) {
      assert.deepEqual([stored.terms.premium, stored.terms.saleDuration, stored.terms.purchaseDuration].map(BigInt), [
        terms.premium,
        terms.saleDuration,
        terms.purchaseDuration,
      ])
      assert.deepEqual([stored.terms.cap, stored.terms.held], [terms.cap ?? NO_BOUND, terms.held])
    }
    const [sells, offers, available] = await this.market.read<[boolean, { price: bigint }[], bigint]>('lots', 1n)
    assert.equal(available, availableUnits(machine, now, parameters))
    assert.deepEqual(
      offers.map(({ price }) => price),
      machine.lots.map((lot) => lotPrice(machine, lot, now, parameters) ?? 0n),
    )
    assert.equal(await this.market.read('price', 1n), offers[0]?.price ?? 0n)
    if (machine.lots.length === 0) return
    assert.deepEqual([sells, BigInt(stored.youngestRound)], [machine.backstop > 0n, machine.youngestRound])
    assert.equal(BigInt(stored.from), machine.from)
    const apart = stored.clock - machine.clock
    assert.deepEqual(
      stored.lots.map(({ start }) => max(start, stored.setBack) - apart),
      machine.lots.map(({ start }) => max(start, machine.setBack)),
    )
  }

  async step(): Promise<void> {
    const moves = [
      () => this.postRound(),
      () => this.change(),
      () => this.fill(),
      () => this.changeClocks(),
      () => this.endEpoch(),
      async () => this.chain.mineAt((await this.chain.now()) + this.random(500n) + 1n),
    ]
    const weights = [25, 30, 35, 1, 2, 7]
    let draw = this.pick(100)
    const move = weights.findIndex((weight) => {
      draw -= weight
      return draw < 0
    })
    await moves[move]!()
    await this.compare()
  }
}

const min = (a: bigint, b: bigint) => (a < b ? a : b)
const max = (a: bigint, b: bigint) => (a > b ? a : b)

/** Kinds of moves, refusals and states that have to come up. */
const KINDS = [
  'hold',
  'crash',
  'merge',
  'netted',
  'other side',
  'dust in front',
  'NoPrice',
  'BeyondInventory',
  'BeyondCap',
  'BeyondCash',
  'sale inside',
  'sale outside',
  'purchase inside',
  'purchase outside',
  'several lots',
  'loss',
  'step sold',
  'clocks',
] as const

describe('the liquidation market and the machine of protocol/', () => {
  it(`agree to the last bit over ${STEPS} random moves or more`, async () => {
    const chain = await startChain()
    const stage = await chain.contract('MarketStage')
    const market = await chain.contract('Market', [{ ...AUCTION, vault: stage.address }])
    await stage.write('setMarket', [market.address])
    const both = new Both(chain, stage, market, 1n)
    await both.compare()
    for (let i = 0; i < 3; i++) await both.postRound()
    const seldom = () => KINDS.filter((kind) => (both.counts.get(kind) ?? 0) <= 3)
    // The chain's seconds are partly those of the clock on the wall: how often each kind comes up differs.
    for (let i = 0; i < STEPS || (seldom().length > 0 && i < 4 * STEPS); i++) await both.step()
    assert.deepEqual(seldom(), [])
  })
})
