import { AssertionError } from 'node:assert'
import type { Address, TransactionReceipt } from 'viem'
import { divUp } from '../../protocol/integer.ts'
import { MARKET_DEFAULTS, type Taker } from '../../risk/engine/clearing.ts'
import { bridgeNoise, type MarketFill } from '../../risk/engine/market-clearing.ts'
import { Waiting } from '../../risk/engine/waiting.ts'
import {
  type ClearingFigures,
  type DepthBy,
  figuresOf,
  type InventoryScript,
  MOST_DEPTHS,
  POOL_WINDOW,
} from '../../risk/experiments/inventory-script.ts'
import { RuleAverages } from '../../risk/rule/averages.ts'
import { type PoolState, purchaseUp, saleDown } from '../../sdk/chain/pool-quote.ts'
import { bestFill, type PricedLot } from '../../sdk/keeper-plan.ts'
import type { Contract } from '../contracts/chain.ts'
import { ADA, fund, liquidate, open, step, transact } from '../contracts/custody.ts'
import { deployMarket, ETH, type Market, RULE_OFF, TIMES } from '../contracts/market.ts'
import { deployPool, type Pool } from '../support/uniswap.ts'

// A script of inventory through the real contracts, over stub verifiers, on a chain whose time is the script's. Between the steps of the script
// prices go along a Brownian bridge of the rule's own variance, as in the laboratory, by a draw of its own. The pool is the market: a script, in
// the place of arbitrage, brings it in every block to the price of the path times what sales have moved it by, of which half is undone in
// `halfLife` seconds, and the feed says the pool's price in every round.

const CASH = 10n ** 6n
const COIN = 10n ** 8n
/** Token units of one base unit of the asset: 18 decimals for 8. */
const TOKEN = 10n ** 10n
const SCALE = 1n << 32n
const Q96 = 2n ** 96n
const FEE = 500
/** Settings of the protocol's own taker, but for its tip, and halvings by which keepers look for what pays. */
const TAKER = { asset: 1, window: 600, tolerance: 100, least: 100n * CASH }
const HALVINGS = 6
/** Seconds by which the round of a step comes after it: the takers of its last block come first. */
const AFTER = 3
const MIN_ROOT = 4295128739n
const MAX_ROOT = 1461446703485210103287273052203988822378723970342n

export interface ReplayOptions {
  /** Of a block; in the order of their numbers in blocks of even numbers, in the other in those of odd ones. */
  readonly takers: readonly Taker[]
  readonly seed: number
  readonly halfLife: number
  readonly depthBy: DepthBy
  /** Whether the margin rule is on, by whose variance auctions go. */
  readonly rule?: boolean
  readonly blockSeconds?: number
  /** Whether the feed leaves out what sales moved the pool by. */
  readonly isAside?: boolean
}

export interface Replayed extends ClearingFigures {
  /** Of the contract's `take` or the PoolTaker's `run`, the mean. */
  readonly gas: number
  /** Times that the PoolTaker refused because the pool was worse than its own mean price. */
  readonly pushed: number
}

/** Runs a script through contracts. */
export async function replayScript(script: InventoryScript, options: ReplayOptions): Promise<Replayed> {
  return (await Replay.open(script, options)).run()
}

class Replay {
  readonly #script: InventoryScript
  readonly #options: ReplayOptions
  readonly #market: Market
  readonly #pool: Pool
  #taker: Contract | undefined
  readonly #keeper: Address
  readonly #liquidity: bigint
  readonly #blockSeconds: number
  readonly #averages = new RuleAverages()
  readonly #waiting = new Waiting()
  readonly #fills: MarketFill[] = []
  readonly #gas: number[] = []
  #cash: number[]
  #start = 0n
  #moved = 0
  #root = 0n
  #roundAt = 0
  #block = 0
  #pushed = 0
  #inventory = 0n
  #mark = 0n
  #kept = 0n
  #penalty = 0n

  private constructor(script: InventoryScript, options: ReplayOptions, market: Market, pool: Pool, liquidity: bigint) {
    this.#script = script
    this.#options = options
    this.#market = market
    this.#pool = pool
    this.#liquidity = liquidity
    this.#keeper = market.chain.accounts[5]!
    this.#blockSeconds = options.blockSeconds ?? MARKET_DEFAULTS.blockSeconds
    this.#cash = options.takers.map((taker) => (taker.kind === 'keeper' ? taker.cash : Infinity))
  }

  static async open(script: InventoryScript, options: ReplayOptions): Promise<Replay> {
    const [price] = script.prices as [number]
    let pool: Pool | undefined
    const market = await deployMarket({}, async (config, chain, { tokens, eth }) => {
      await eth.write('setAnswer', [BigInt(Math.round(price * 1e8))])
      const sides = { price, baseDecimals: 18, quoteDecimals: 6, quoteLiquidity: script.pool, observations: 400 }
      pool = await deployPool(chain, { fee: FEE, ...sides }, { base: tokens[1]!, quote: tokens[0]! })
      await chain.mineAt((await chain.now()) + BigInt(POOL_WINDOW) + 1n)
      const pooled = {
        pool: pool.address,
        window: POOL_WINDOW,
        poolShare: 10_000,
        depthMost: MOST_DEPTHS * script.depth,
      }
      const rule = { ...RULE_OFF, on: true, gap: 1_000, ...(options.depthBy === 'pool' && pooled) }
      const parameters = { ...ETH, depth: script.depth }
      const asset = { parameters, rule: options.rule === false ? RULE_OFF : rule }
      return { ...config, assets: [asset, ...config.assets.slice(1)] }
    })
    const replay = new Replay(script, options, market, pool!, await pool!.read<bigint>('liquidity'))
    await replay.#prepare()
    return replay
  }

  /** Accounts whose tokens are in custody, takers with all that they want, and the protocol's own one. */
  async #prepare(): Promise<void> {
    const { chain, rounds, vault } = this.#market
    const [, , ada] = chain.accounts as [Address, Address, Address]
    await rounds.write('postRound')
    const units = 2n * [...this.#script.arrivals.values()].reduce((sum, x) => sum + (x < 0n ? -x : x), COIN)
    const most = 10n ** 11n * CASH
    await open(this.#market, ada, 0, most)
    await open(this.#market, ada, 1, units * TOKEN)
    await transact(this.#market, [step.open(0n, 0n, most, ADA), step.open(1n, 1n, units, ADA)])
    for (const asset of [0, 1]) await fund(this.#market, this.#keeper, asset, 1n << 120n)
    // Cash of its own, for buying back.
    await vault.write('donate', [0, most], this.#keeper)
    this.#root = (await this.#pool.slot0()).sqrtPriceX96
    const pooling = this.#options.takers.find(({ kind }) => kind === 'pool')
    if (pooling?.kind === 'pool') {
      const tip = BigInt(Math.round(pooling.tip * 1e6))
      const settings = { ...TAKER, market: this.#market.market.address, pool: this.#pool.address, tip }
      this.#taker = await chain.contract('PoolTaker', [settings])
    }
    // The grid of the script is the chain's.
    const stepSeconds = BigInt(this.#script.stepSeconds)
    this.#start = ((await chain.now()) / stepSeconds + 2n) * stepSeconds
  }

  async run(): Promise<Replayed> {
    const { prices, arrivals, dates, stepSeconds } = this.#script
    const days = [...new Set(dates)]
    this.#averages.start(prices[0]!, 0)
    for (const [s, free] of prices.entries()) {
      const now = s * stepSeconds
      if (s > 0)
        if (this.#inventory === 0n) this.#moved *= 2 ** -(stepSeconds / this.#options.halfLife)
        else await this.#blocks(s, Math.log(prices[s - 1]!), Math.log(free), days.indexOf(dates[s]!))
      const price = free * Math.exp(this.#moved)
      if (s > 0) this.#averages.sample(this.#options.isAside === true ? free : price, now)
      await this.#round(now + AFTER, price, free)
      this.#roundAt = now
      const units = arrivals.get(s)
      if (units === undefined) continue
      await this.#at(now + AFTER + 1)
      const cash = -(units * this.#mark) / SCALE
      await liquidate(this.#market, [cash, units])
      this.#inventory += units
      this.#waiting.arrive(Number(units), now)
    }
    const size = this.#inventory < 0n ? -this.#inventory : this.#inventory
    const recaptured = this.#penalty === 0n ? undefined : Number(this.#kept) / Number(this.#penalty)
    return {
      ...figuresOf(this.#fills, dates, { recaptured, waiting: Number((size * this.#mark) / SCALE) }),
      gas: this.#gas.reduce((sum, gas) => sum + gas, 0) / Math.max(1, this.#gas.length),
      pushed: this.#pushed,
    }
  }

  /** The blocks of a step, with its rounds but the last, which is at its end. */
  async #blocks(s: number, from: number, end: number, day: number): Promise<void> {
    const { stepSeconds } = this.#script
    const count = Math.max(1, Math.round(stepSeconds / this.#blockSeconds))
    const spacing = stepSeconds / count
    const deviation = Math.sqrt((this.#averages.variance / 3600) * spacing)
    const random = bridgeNoise(this.#options.seed, s + 1, 1)
    const start = (s - 1) * stepSeconds
    let log = from
    for (let j = 1; j <= count; j++) {
      const left = count - j
      log += (end - log) / (left + 1)
      if (left > 0) log += deviation * Math.sqrt(left / (left + 1)) * random.normal()
      this.#moved *= 2 ** -(spacing / this.#options.halfLife)
      if (this.#inventory === 0n) continue
      // In the middle of its interval: not at the very end of a grid step, before its round.
      const time = start + Math.round((j - 0.5) * spacing)
      const price = Math.exp(log + this.#moved)
      if (left > 0 && time >= this.#roundAt + TIMES.roundMin) {
        await this.#round(time, price, Math.exp(log))
        this.#roundAt = time
      } else await this.#moveTo(price, time)
      await this.#serve(time, day)
    }
  }

  #at(time: number): Promise<void> {
    return this.#market.chain.nextBlockAt(this.#start + BigInt(time))
  }

  /** Trades until the pool has a price, at a second of the script. */
  async #moveTo(price: number, time: number): Promise<void> {
    const raw = (price * 1e6) / 1e18
    const target = BigInt(Math.floor(Math.sqrt(this.#pool.baseIsToken0 ? raw : 1 / raw) * Number(Q96)))
    await this.#at(time)
    if (target === this.#root) return this.#market.chain.mineAt(this.#start + BigInt(time))
    await this.#pool.actor.write('swap', [this.#pool.address, target < this.#root, 1n << 190n, target])
    this.#root = target
  }

  /** @param price of the pool @param free that without what sales moved it by */
  async #round(time: number, price: number, free: number): Promise<void> {
    const { eth, btc, rounds } = this.#market
    const said = this.#options.isAside === true ? free : price
    // The feeds' answers come in the seconds before it; those of a block just before are of the same price.
    await this.#at(time - 3)
    await eth.write('setAnswer', [BigInt(Math.round(said * 1e8))])
    await btc.write('setAnswer', [5_000_00000000n])
    await this.#moveTo(price, time - 1)
    await this.#at(time)
    await rounds.write('postRound')
    this.#mark = (await rounds.read<bigint[][]>('marks'))[0]![0]!
  }

  /** A block: each taker in turn. */
  async #serve(time: number, day: number): Promise<void> {
    const { takers } = this.#options
    const order = this.#block++ % 2 === 0 ? takers : takers.toReversed()
    for (const [i, taker] of order.entries()) {
      if (this.#inventory === 0n) return
      const [, offers, available] = await this.#market.market.read<[boolean, Offer[], bigint]>('lots', 1n)
      if (available === 0n) return
      const lots = offers.filter(({ price }) => price > 0n)
      const at = time + 1 + 2 * i
      const receipt =
        taker.kind === 'pool' ? await this.#runPool(available, lots, at) : await this.#take(taker, available, lots, at)
      if (receipt !== undefined) this.#note(receipt, time, day, taker)
    }
  }

  get #state(): PoolState {
    return { isToken0: this.#pool.baseIsToken0, root: this.#root, liquidity: this.#liquidity, fee: BigInt(FEE) }
  }

  /** What a keeper would take, by its own plan, for what the pool pays; sold on at once unless it keeps it. */
  async #take(
    taker: Exclude<Taker, { kind: 'pool' }>,
    available: bigint,
    lots: readonly PricedLot[],
    at: number,
  ): Promise<TransactionReceipt | undefined> {
    const sells = this.#inventory > 0n
    const number = this.#options.takers.indexOf(taker)
    const own = this.#cash[number]!
    const fill = bestFill({
      side: sells ? 'sell' : 'buy',
      lots,
      available,
      worthOf: (units) => (sells ? saleDown(this.#state, units * TOKEN) : purchaseUp(this.#state, units * TOKEN)),
      budget: own === Infinity ? 1n << 100n : BigInt(Math.floor(own * 1e6)),
      inventory: 1n << 100n,
      step: 1n,
      cashStep: 1n,
      gas: BigInt(Math.round(taker.gas * 1e6)),
    })
    if (fill === undefined) return undefined
    await this.#at(at)
    const limit = sells ? fill.cash : fill.cash - divUp(fill.cash, 10_000n)
    const args = [1, fill.units, limit, this.#keeper, '0x']
    const receipt = await this.#market.market.write('take', args, this.#keeper)
    if (taker.kind === 'keeper') {
      this.#cash[number]! -= Number(fill.cash) / 1e6
      return receipt
    }
    const zeroForOne = sells === this.#pool.baseIsToken0
    const amount = sells ? fill.units * TOKEN : -fill.units * TOKEN
    const bound = zeroForOne ? MIN_ROOT + 1n : MAX_ROOT - 1n
    await this.#pool.actor.write('swap', [this.#pool.address, zeroForOne, amount, bound])
    await this.#wasMoved()
    return receipt
  }

  /** The protocol's own taker, called for as much as pays: all, or a half of it, and so on. */
  async #runPool(available: bigint, lots: readonly PricedLot[], at: number): Promise<TransactionReceipt | undefined> {
    const taker = this.#taker!
    const sells = this.#inventory > 0n
    // A call that cannot pay is not tried: the pool pays less for a part than for the first unit of it.
    const mark = (saleDown(this.#state, TOKEN * COIN) * SCALE) / COIN
    if (sells ? lots.every(({ price }) => price > mark) : lots.every(({ price }) => price < mark)) return undefined
    for (let halving = 0, units = available; halving < HALVINGS && units > 0n; halving++, units /= 2n) {
      const call = { from: this.#keeper, to: taker.address, data: taker.encode('run', [units, this.#keeper]) }
      const refused = await this.#market.chain.revertData(call).catch((error: unknown) => {
        if (!(error instanceof AssertionError)) throw error
        return undefined
      })
      if (refused !== undefined) {
        if (refused.startsWith(PUSHED)) this.#pushed++
        continue
      }
      await this.#at(at)
      const receipt = await taker.write('run', [units, this.#keeper], this.#keeper)
      await this.#wasMoved()
      return receipt
    }
    return undefined
  }

  /** Takes up by what a trade moved the pool. */
  async #wasMoved(): Promise<void> {
    const { sqrtPriceX96 } = await this.#pool.slot0()
    const move = 2 * Math.log(Number(sqrtPriceX96) / Number(this.#root))
    this.#moved += this.#pool.baseIsToken0 ? move : -move
    this.#root = sqrtPriceX96
  }

  #note(receipt: TransactionReceipt, time: number, day: number, taker: Taker): void {
    const { args } = this.#market.market.events(receipt).find(({ name }) => name === 'Filled')!
    const { sells, units, cash, mark, kept, penalty } = args as unknown as Filled
    this.#kept += kept
    this.#penalty += penalty
    this.#inventory -= sells ? units : -units
    this.#gas.push(Number(receipt.gasUsed))
    const value = Number((units * mark) / SCALE)
    this.#fills.push({
      asset: 1,
      time,
      day,
      value,
      cash: Number(cash),
      discount: (sells ? 1 : -1) * (1 - Number(cash) / value),
      gain: taker.kind === 'pool' ? 0 : Number.NaN,
      waited: this.#waiting.leave(Number(units), time),
      variance: this.#averages.variance,
      quantile: this.#averages.quantile,
    })
  }
}

interface Offer extends PricedLot {
  readonly lot: number
}

interface Filled {
  readonly sells: boolean
  readonly units: bigint
  readonly cash: bigint
  readonly mark: bigint
  readonly kept: bigint
  readonly penalty: bigint
}

/** Selector of `PoolPushed`. */
const PUSHED = '0xfc8cc9e6'
