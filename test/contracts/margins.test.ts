import assert from 'node:assert/strict'
import type { TransactionReceipt } from 'viem'

import { GRID_SECONDS, packMargin, quantileOf } from '../../protocol/margin-rule.ts'
import { MARK_NAMES, type RiskParameters } from '../../protocol/marks.ts'
import {
  laneStep,
  type MarginAsset,
  type MarginBook,
  type MarginRules,
  newMarginBook,
  stepAsset,
} from '../../protocol/round-margins.ts'
import { Random } from '../protocol/random.ts'
import { checkpoint, force, keyOf, open, step, transact, transactBatch } from './custody.ts'
import { BTC, deployMarket, ETH, FORCED, type Market, nextRound, RULE_OFF, refreshFeeds, TIMES } from './market.ts'
import { CONCENTRATION, type Parameters } from './mirror.ts'

const HOUR = 3_600
const PATIENCE = 6 * HOUR
const LANE = { laneScale: 9_000, laneLeast: 500, laneMost: 3_000 }
const RULES = [
  { ...RULE_OFF, on: true, gap: 1_000, ...LANE },
  { ...RULE_OFF, on: true, gap: 1_500 },
]

/** A market whose parameters follow it. */
const ruled = (rounds: object = {}) =>
  deployMarket({}, (config) => ({
    ...config,
    rounds: { ...config.rounds, patience: PATIENCE, ...rounds },
    assets: config.assets.map((asset, i) => ({ ...asset, rule: RULES[i] })),
  }))

/** The reference machine beside a market, stepped by what its rounds say. */
class Twin {
  readonly market: Market
  readonly assets: MarginAsset[]
  readonly books: MarginBook[]
  holdings = [0n, 0n]
  previous: bigint | undefined
  tightened = 0
  #time = 0n

  constructor(market: Market, rules: readonly (MarginRules | undefined)[]) {
    this.market = market
    const all = [ETH, BTC].map(big)
    this.assets = all.map(({ depth }, i) => ({ decimals: 8, rules: rules[i], depth }))
    this.books = all.map(newMarginBook)
  }

  async round(receipt: TransactionReceipt): Promise<void> {
    const { rounds } = this.market
    const args = rounds.events(receipt).find(({ name }) => name === 'RoundPosted')!.args as { pools: bigint[] }
    const [, time] = await rounds.read<[bigint, bigint]>('round')
    this.#time = time
    const marks = await rounds.read<bigint[][]>('marks')
    for (const [i, asset] of this.assets.entries()) {
      const reading = await rounds.read<{ price: bigint; low: bigint; high: bigint; heldSince: number }>(
        'standing',
        BigInt(i + 1),
      )
      const facts = {
        reading: { ...reading, heldSince: BigInt(reading.heldSince) },
        holdings: this.holdings[i]!,
        pool: args.pools[i]!,
      }
      const round = { time, previous: this.previous, patience: BigInt(PATIENCE), concentration: BigInt(CONCENTRATION) }
      const { book, marks: mine, tightened } = stepAsset(asset, this.books[i]!, round, facts)
      if (tightened) this.tightened++
      this.books[i] = book
      assert.deepEqual(
        marks[i],
        MARK_NAMES.map((name) => mine[name]),
      )
      const margin = await rounds.read<{ state: bigint; gap: bigint; quantile: bigint }>('margin', BigInt(i + 1))
      const { state } = book
      assert.deepEqual(
        [margin.state, margin.gap, margin.quantile],
        [state === undefined ? 0n : packMargin(state), book.gap, quantileOf(state)],
      )
    }
    this.previous = this.#time
  }

  async checkpoint(): Promise<void> {
    await checkpoint(this.market)
    this.holdings = [await this.market.vault.read<bigint>('free', 1), 0n]
  }
}

const big = (p: Parameters): RiskParameters => ({
  ...(Object.fromEntries(Object.entries(p).map(([name, value]) => [name, BigInt(value)])) as unknown as RiskParameters),
})
const rulesOf = (rule: (typeof RULES)[number]): MarginRules => ({
  gap: BigInt(rule.gap),
  laneScale: BigInt(rule.laneScale),
  laneLeast: BigInt(rule.laneLeast),
  laneMost: BigInt(rule.laneMost),
  pool: undefined,
})

/** Goes on to the first moment at which age alone allows a round, and `seconds` beyond. */
async function pass(market: Market, seconds = 0): Promise<void> {
  await market.chain.mineAt((await market.chain.now()) + BigInt(Math.max(seconds, TIMES.roundMin + 10)))
}

describe('margins that follow the market', () => {
  let market: Market

  beforeEach(async () => {
    market = await ruled()
  })

  it('are those of the reference machine over 60 rounds: moves, silences, holds and widening, deposits', async () => {
    const twin = new Twin(market, RULES.map(rulesOf))
    const random = new Random(14)
    const { chain, eth, btc, rounds } = market
    let price = 194_61000000
    let [dead, seen] = [false, { held: 0, widened: 0, liquidity: 0, depth: 0, gap: 0 }]
    const start = await rounds.read<Parameters>('parameters', 1n)
    for (let i = 0; i < 60; i++) {
      if (i === 5) await open(market, chain.accounts[2]!, 1, 40_000n * 10n ** 18n)
      if (i === 6) {
        await transact(market, [step.open(0n, 1n, 40_000n * 10n ** 8n, keyOf(11n))])
        await twin.checkpoint()
      }
      await pass(market, random.pick([0, 0, 0, 900, HOUR, 3 * HOUR]))
      if (i === 20 || i === 40) {
        dead = !dead
        await eth.write('setReverting', [dead])
      }
      price = Math.round(price * Math.exp((random.integer(-1000, 1000) / 1000) * (random.chance(0.1) ? 0.3 : 0.02)))
      if (!dead) await eth.write('setAnswer', [BigInt(price)])
      await btc.write('setAnswer', [5_000_00000000n])
      await twin.round(await rounds.write('postRound'))
      const [now, standing] = await Promise.all([
        rounds.read<Parameters>('parameters', 1n),
        rounds.read<{ heldSince: number; widened: number }>('standing', 1n),
      ])
      if (standing.heldSince > 0) seen.held++
      if (standing.widened > 0) seen.widened++
      if (twin.books[0]!.liquidityGap > 0n) seen.liquidity++
      if (now.depth !== start.depth) seen.depth++
      if (twin.books[0]!.gap > 1_000n) seen.gap++
      // Neither gap, depth nor liquidity ever touches maintenance or target.
      assert.deepEqual(
        [now.collateralFactor, now.liabilityFactor, now.targetCollateralFactor, now.targetLiabilityFactor],
        [8500, 11500, 8000, 12000],
      )
    }
    for (const [what, times] of Object.entries(seen)) assert.ok(times > 0, what)
    assert.ok(twin.tightened > 0)
  })

  it('have no admin: nobody proposes, and the slow lane moves maintenance by a point, a day after the last at the earliest', async () => {
    const { rounds, chain } = market
    const admin = chain.accounts[1]!
    const rules = rulesOf(RULES[0]!)
    await rounds.refuses('FollowsMarket', 'proposeParameters', [1n, ETH], [1n], admin)
    await rounds.refuses('NoLane', 'announceMaintenance', [1n], [1n])
    const twin = new Twin(market, RULES.map(rulesOf))
    await twin.round(await nextRound(market))
    await rounds.refuses('NoLane', 'announceMaintenance', [2n], [2n])
    // Calm: the lane wants less margin than 15 points.
    const wanted = laneStep(rules, twin.books[0]!)!
    assert.equal(wanted.collateralFactor, 8_600n)
    const receipt = await rounds.write('announceMaintenance', [1n], chain.accounts[7])
    const readyAt = (await chain.now()) + BigInt(TIMES.parameterDelay)
    const [{ name, args }] = rounds.events(receipt) as [{ name: string; args: Record<string, unknown> }]
    assert.deepEqual([name, args.readyAt, big(args.parameters as Parameters)], ['ParametersProposed', readyAt, wanted])
    twin.books[0] = { ...twin.books[0]!, pending: { parameters: wanted, readyAt } }
    await rounds.refuses('AnnouncedBefore', 'announceMaintenance', [1n], [1n])
    await chain.mineAt(readyAt)
    await refreshFeeds(market)
    await twin.round(await rounds.write('postRound'))
    assert.equal((await rounds.read<Parameters>('parameters', 1n)).collateralFactor, 8_600)
    assert.equal((await rounds.read<Parameters>('parameters', 1n)).targetCollateralFactor, 8_100)
    await rounds.refuses('AnnouncedBefore', 'announceMaintenance', [1n], [1n])
    await pass(market, 86_400)
    await refreshFeeds(market)
    await rounds.write('announceMaintenance', [1n])
  })

  it('tips whoever posts the first round of a grid step, from a share of opening fees, as far as there is any', async () => {
    market = await ruled({ tipShare: 2_500, roundTip: 10n ** 14n })
    const { rounds, chain } = market
    const poster = chain.accounts[6]!
    await nextRound(market)
    assert.equal(await rounds.read('nativeCredits', poster), 0n)
    await open(market, chain.accounts[2]!, 0, 1_000_000n)
    // A quarter of an opening fee of 10^15.
    assert.equal(await rounds.read('nativeCredits', rounds.address), 250_000_000_000_000n)
    assert.equal(await market.vault.read('nativeCredits', chain.accounts[0]), 750_000_000_000_000n)
    const paid: bigint[] = []
    for (let i = 0; i < 12; i++) {
      await chain.mineAt((await chain.now()) + BigInt(TIMES.roundMin) + 10n)
      await refreshFeeds(market)
      const [, before] = await rounds.read<[bigint, bigint]>('round')
      const credit = await rounds.read<bigint>('nativeCredits', poster)
      await rounds.write('postRound', [], poster)
      const [, after] = await rounds.read<[bigint, bigint]>('round')
      const due = after / GRID_SECONDS > before / GRID_SECONDS
      const tip = (await rounds.read<bigint>('nativeCredits', poster)) - credit
      if (!due) assert.equal(tip, 0n)
      else paid.push(tip)
    }
    // Twelve rounds are of four grid steps or five, as the chain's clock stands.
    assert.deepEqual(paid.slice(0, 4), [10n ** 14n, 10n ** 14n, 5n * 10n ** 13n, 0n])
    assert.ok(paid.slice(4).every((tip) => tip === 0n))
    await rounds.write('addTips', [], chain.accounts[8], 7n)
    assert.equal(await rounds.read('nativeCredits', rounds.address), 7n)
  })

  it("let forced requests' clock stand while an asset is held, for as long as patience; then a discharge returns the bond", async () => {
    const { rounds, chain, forced, btc, eth } = market
    const owner = chain.accounts[2]!
    await open(market, owner, 0, 1_000_000n)
    await nextRound(market)
    await transact(market, [step.open(0n, 0n, 1_000_000n, keyOf(11n))])
    const request = await force(market, owner, { index: 0n, asset: 0n, amount: 400_000n })
    const batch = () => transactBatch(market, [step.discharge(request)])
    const alive = async () => {
      await eth.write('setAnswer', [194_61000000n])
      await rounds.write('postRound')
    }
    await btc.write('setReverting', [true])
    await pass(market)
    await alive()
    assert.equal(await rounds.read('forcedStands'), true)
    const stood = await rounds.read<bigint>('forcedTime')
    const live = await rounds.read<bigint>('liveTime')
    for (let i = 0; i < 5; i++) {
      await pass(market, 800)
      await alive()
    }
    assert.equal(await rounds.read('forcedTime'), stood)
    assert.ok((await rounds.read<bigint>('liveTime')) >= live + 4_000n)
    await market.settlement.refuses('ClockStands', 'settle', [[await batch()]])
    for (let i = 0; i < 28; i++) {
      await pass(market, 800)
      await alive()
    }
    // Patience is over: the clock has stood for it, and runs again though the asset is held.
    assert.equal(await rounds.read('forcedStands'), false)
    const drift = (await rounds.read<bigint>('liveTime')) - (await rounds.read<bigint>('forcedTime'))
    assert.equal(drift, BigInt(PATIENCE))
    assert.equal(await rounds.read('held'), 4n)
    const credit = await forced.read<bigint>('nativeCredits', owner)
    await market.settlement.write('settle', [[await batch()]])
    assert.equal((await forced.read<bigint>('nativeCredits', owner)) - credit, FORCED.bond)
    // Released and held again within 30 days: it does not stand a second time.
    await btc.write('setReverting', [false])
    await nextRound(market)
    await btc.write('setReverting', [true])
    await pass(market)
    await alive()
    assert.equal(await rounds.read('held'), 4n)
    assert.equal(await rounds.read('forcedStands'), false)
  })

  it('keeps all but the held asset whole for a week without any source of it: partial, complete, nobody liquidated by it before patience ends', async () => {
    const { rounds, settlement, btc, eth } = market
    await nextRound(market)
    const [whole] = await rounds.read<bigint[][]>('marks')
    await btc.write('setReverting', [true])
    const since = await market.chain.now()
    let widest = 0
    while ((await market.chain.now()) < since + 7n * 86_400n) {
      await pass(market, 2 * HOUR)
      await eth.write('setAnswer', [194_61000000n])
      await rounds.write('postRound')
      const [one, other] = await rounds.read<bigint[][]>('marks')
      assert.deepEqual(one!.slice(0, 7), whole!.slice(0, 7))
      assert.ok(one![9]! > 0n && other![9] === 0n && other![10] === (1n << 64n) - 1n)
      assert.ok(other![7]! >= 1n && other![8]! >= 1n)
      const { heldSince, widened } = await rounds.read<{ heldSince: number; widened: number }>('standing', 2n)
      const [, time] = await rounds.read<[bigint, bigint]>('round')
      const over = Number(time) - heldSince - PATIENCE
      if (over <= 0) assert.equal(widened, 0)
      assert.ok(widened >= widest && widened - widest <= 3 && widened * HOUR <= Math.max(0, over))
      widest = widened
      assert.equal(await settlement.read('isComplete'), true)
      await settlement.write('checkpoint')
    }
    assert.ok(widest > 20 && widest < 99)
    await btc.write('setReverting', [false])
    await nextRound(market)
    const [, back] = await rounds.read<bigint[][]>('marks')
    assert.ok(back![9]! > 0n)
  })
})
