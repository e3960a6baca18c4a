import assert from 'node:assert/strict'
import { startMargin, stepMargin } from '../../protocol/margin-rule.ts'
import { type ClearingName, marketOf } from '../../risk/engine/clearing.ts'
import { compare, staticRules, windowOf } from '../../risk/engine/compare.ts'
import { Engine } from '../../risk/engine/engine.ts'
import { engineBook, marketImpact } from '../../risk/engine/job.ts'
import { MarketClearing } from '../../risk/engine/market-clearing.ts'
import { LotSeller } from '../../risk/engine/sellers.ts'
import { simulate } from '../../risk/engine/simulate.ts'
import { clearingRun, fillMean, penaltyRun, predict } from '../../risk/experiments/auction-facts.ts'
import { study } from '../../risk/experiments/history-study.ts'
import { ruleRate, simulateTakers, takerGain } from '../../risk/experiments/taker-gain.ts'
import { POLICIES } from '../../risk/policies/policies.ts'
import { RuleAverages } from '../../risk/rule/averages.ts'
import { Random } from '../protocol/random.ts'
import { bookOf } from './books.ts'

/** A base unit of cash for one of the asset. */
const PRICE = 2 ** 32
const DEPTH = 1e13

/** A market that took over `units` at the first step, and the prices of the steps after it, of 900 seconds. */
function cleared(
  clearing: 'auction' | 'clock',
  units: bigint,
  prices: readonly number[],
  changes: Parameters<typeof marketOf>[1] = {},
  impact: 'none' | 'linear' | 'sqrt' = 'none',
): MarketClearing {
  const market = new MarketClearing(
    [0, DEPTH],
    [0, 200],
    marketOf(clearing, changes)!,
    marketImpact(impact, 3600),
    900,
    6,
  )
  market.begin()
  prices.forEach((price, i) => {
    market.beginStep(0)
    const at = market.sellPending(1, price)
    if (i === 0) {
      const held = units > 0n ? units : -units
      const before = [0n, units]
      market.take(before, [0n, held], 0n, Float64Array.of(PRICE, at))
    }
  })
  return market
}

describe('the gain of a taker', () => {
  it("is 1 / (1 + beta), by simulation, with blocks at random times, at the rule's rate and others", () => {
    for (const [sigma, blockSeconds, times] of [
      [0.01 / 60, 12, 1],
      [0.05 / 60, 12, 0.25],
      [0.05 / 60, 2, 4],
    ] as const) {
      const market = { sigma, blockSeconds, rate: times * ruleRate(sigma, blockSeconds) }
      const { gain } = simulateTakers(market, { lots: 20_000, premium: 0.004, seed: 5, regular: false })
      const expected = takerGain(market)
      // Twice the bounds of 95 %: one of six runs may be out of those.
      const slack = gain.high - gain.low
      assert.ok(Math.abs(gain.mean - expected) < slack, `${gain.mean} ${expected}`)
      assert.ok(slack < 0.1 * expected)
      const regular = simulateTakers(market, { lots: 5_000, premium: 0.004, seed: 5, regular: true })
      assert.ok(regular.gain.high < expected, 'regular blocks give less away')
    }
  })

  it("grows with the rate, so that the rule's is a choice and no optimum", () => {
    const gainAt = (times: number) => takerGain({ sigma: 1e-3, blockSeconds: 12, rate: times * ruleRate(1e-3, 12) })
    for (const times of [0, 0.01, 0.5, 1, 2]) assert.ok(gainAt(times) < gainAt(times + 0.1))
    assert.ok(Math.abs(gainAt(1) / gainAt(0) - Math.SQRT2 / (Math.sqrt(3) - 1)) < 0.01)
  })
})

describe('the averages of the rule in floating point', () => {
  it('are those of the exact rule', () => {
    const random = new Random(44)
    const averages = new RuleAverages()
    let price = 5e9
    let time = 1_700_000_100
    averages.start(price, time)
    let exact = startMargin(BigInt(price), BigInt(time), 1000n)
    for (let i = 0; i < 3_000; i++) {
      time += random.pick([60, 300, 900, 900, 4_000])
      price = Math.floor(price * (1 + random.integer(-1000, 1000) / 30_000))
      averages.sample(price, time)
      exact = stepMargin(exact.state, exact.storedGap, BigInt(price), BigInt(time), 1000n)
      const state = Number(exact.state.s5) / 2 ** 48
      assert.ok(Math.abs(averages.variance - state) < 1e-4 * state + 1e-10, `${averages.variance} ${state}`)
    }
    assert.ok(Math.abs(averages.quantile - Number(exact.quantile) / 2 ** 48) < 0.05 * averages.quantile)
  })
})

describe('a market of takers', () => {
  it('takes a lot when the price passes what it fetches, of the machine itself, and pays its price', () => {
    // No variance to speak of is left between the steps; the premium is that of the start of the averages.
    const flat = cleared('auction', 10n ** 11n, [PRICE, PRICE, PRICE])
    assert.equal(flat.fills.length, 1)
    const [fill] = flat.fills
    const { seconds } = predict(fill!, 0.02, marketOf('auction')!)
    assert.ok(Math.abs(fill!.waited - seconds) < 0.25 * seconds + 12, `${fill!.waited} ${seconds}`)
    assert.ok(fill!.discount > -0.01 && fill!.discount < 0.02)
    assert.ok(fill!.gain >= 0)
    assert.ok(Math.abs(flat.profit(0) - fill!.cash) < 1e-6, 'what was paid for it is 0 here')
    assert.equal(flat.waiting(), 0)
    // The same by hand, from the machine.
    const seller = new LotSeller(marketOf('auction')!)
    seller.begin()
    const terms = { price: PRICE, penalty: 200, depth: DEPTH, variance: fill!.variance, quantile: fill!.quantile }
    seller.round({ time: 0, ...terms })
    seller.change(10n ** 11n, 0)
    for (let t = 300; t <= fill!.time; t += 300) seller.round({ time: t, ...terms })
    const [offer] = seller.offers(fill!.time)
    assert.ok(Math.abs((offer!.price * offer!.units) / PRICE / fill!.cash - 1) < 0.01)
  })

  it('sells nothing where what waits is not worth the gas, and in pieces where the market is shallow', () => {
    const dust = cleared('auction', 10n ** 7n, Array(20).fill(PRICE))
    assert.equal(dust.fills.length, 0)
    assert.ok(dust.waiting() > 0)
    const units = BigInt(DEPTH / 50)
    const deep = cleared('auction', units, Array(40).fill(PRICE))
    const shallow = cleared('auction', units, Array(40).fill(PRICE), {}, 'linear')
    assert.ok(shallow.fills.length > deep.fills.length)
    assert.ok(shallow.impactCost > 0 && deep.impactCost === 0)
    const sold = (market: MarketClearing) => market.fills.reduce((sum, { value }) => sum + value, 0)
    assert.ok(sold(shallow) > 0.9 * Number(units) && shallow.fills.every(({ gain }) => gain >= 0))
    // A grid step sells at most 2 % of the depth.
    const steps = new Map<number, number>()
    const many = cleared('auction', BigInt(DEPTH / 5), Array(60).fill(PRICE))
    for (const { time, value } of many.fills) {
      const step = Math.floor(time / 900)
      steps.set(step, (steps.get(step) ?? 0) + value)
    }
    assert.ok(steps.size >= 8)
    for (const value of steps.values()) assert.ok(value < 0.0205 * DEPTH)
  })

  it('buys back in the mirror image', () => {
    const bought = cleared('auction', -(10n ** 11n), [PRICE, PRICE, PRICE])
    assert.equal(bought.fills.length, 1)
    const sold = cleared('auction', 10n ** 11n, [PRICE, PRICE, PRICE])
    assert.ok(Math.abs(bought.fills[0]!.waited - sold.fills[0]!.waited) < 240)
    assert.ok(bought.profit(0) < 0)
    const rising = cleared('auction', -(10n ** 11n), [PRICE, 1.05 * PRICE, 1.1 * PRICE, 1.1 * PRICE])
    assert.ok(rising.fills.reduce((sum, { cash }) => sum + cash, 0) > 10 ** 11)
  })

  it("of the contracts' first clock waits for ever where dust turns it back and the market is below the mark", () => {
    // Takers need 1.5 % of the mark: the clock gets there within the hour, unless it begins anew in every round.
    const hard = { fee: 0.015 }
    const prices = Array(12).fill(PRICE)
    const clock = cleared('clock', 10n ** 11n, prices, hard)
    assert.equal(clock.waiting(), 0)
    assert.ok(cleared('clock', 10n ** 11n, prices, { ...hard, dust: true }).waiting() > 0)
    // Lots have clocks of their own.
    const auction = cleared('auction', 10n ** 11n, prices, hard)
    const dusted = cleared('auction', 10n ** 11n, prices, { ...hard, dust: true })
    assert.ok(dusted.waiting() < 100, 'but dust')
    assert.ok(Math.abs(dusted.fills[0]!.waited - auction.fills[0]!.waited) <= 24)
  })
})

describe('auctions in the engine', () => {
  const population = { accounts: 200 }

  it('have one outcome whoever searches and whoever runs the path, and leave the other ways of clearing as they were', async () => {
    const book = engineBook(bookOf(['ETH', 'BTC'], 150, 5))
    const random = new Random(3)
    const path = new Float64Array(2 * 61).fill(1)
    for (let at = 2; at < path.length; at++) path[at] = path[at - 2]! * (1 + random.integer(-1030, 1000) / 40_000)
    const outcomes = (['reach', 'scan', 'exact'] as const).map((search) => {
      const engine = new Engine(book, {
        policy: POLICIES[0]!,
        impact: marketImpact('linear', 3600),
        stepSeconds: 300,
        search,
        market: marketOf('auction'),
      })
      const first = engine.run(path)
      const fills = engine.market!.fills.length
      assert.deepEqual(engine.run(path), first, 'nothing is left over from a path in the next')
      assert.ok(fills > 0)
      return first
    })
    assert.deepEqual(outcomes[1], outcomes[0])
    assert.deepEqual(outcomes[2], outcomes[0])

    const run = (threads: number, clearing?: ClearingName) =>
      simulate(bookOf(['ETH', 'BTC'], 100, 5), {
        paths: 70,
        hours: 6,
        model: 'gbm',
        sigma: 3,
        threads,
        policies: ['plimsoll'],
        ...(clearing !== undefined && { clearing }),
      })
    const [one, two] = [await run(1, 'auction'), await run(2, 'auction')]
    assert.deepEqual(two.policies, one.policies)
    const plain = await run(1)
    assert.deepEqual((await run(1, 'immediate')).policies, plain.policies)
    assert.notDeepEqual(plain.policies, one.policies)
    assert.deepEqual(Object.keys(one.policies[0]!), Object.keys(plain.policies[0]!))
  })

  it('clear the crashes: nearly all of the inventory, within the hour, at what the rule predicts', () => {
    for (const adverse of [true, false]) {
      const run = clearingRun(windowOf('2021-05'), 'auction', adverse, population)
      assert.ok(run.cleared > 0.95 && run.cleared < 1.05, `${run.cleared}`)
      assert.ok(run.waiting < 0.01)
      assert.ok(run.meanSeconds > 300 && run.meanSeconds < 1_200, `${run.meanSeconds}`)
      assert.ok(run.gain > 0.3 * run.predictedGain && run.gain < 2.5 * run.predictedGain, `${run.gain}`)
      assert.ok(run.recaptured! > 0.3)
    }
  })

  it('book by the day: profits, penalties and losses add up to their totals', () => {
    const { outcome } = study('auction', windowOf('2020-03'), staticRules('plimsoll'), {
      ...population,
      market: marketOf('auction'),
    })
    const sum = (values: readonly number[]) => values.reduce((total, x) => total + x, 0)
    assert.ok(Math.abs(sum(outcome.dailyPenalties) - outcome.penalties) < 1e-6 * outcome.penalties)
    const lost = sum(outcome.dailyProfit.map((profit) => Math.max(0, -profit)))
    assert.ok(Math.abs(outcome.badDebt + lost - outcome.systemLoss) < 1e-6 * outcome.systemLoss)
    assert.ok(outcome.market!.fills.every(({ value, gain }) => value > 0 && gain >= 0))
  })

  it('with a controller move the penalty by ten basis points a day at most, and less of it costs borrowers less', () => {
    const window = windowOf('2022-11')
    const controller = penaltyRun(window, 'controller', population)
    const series = controller.run.outcome.market!.penalties
    assert.ok(series.length >= 7)
    for (let d = 1; d < series.length; d++)
      series[d]!.forEach((penalty, a) => {
        assert.ok(Math.abs(penalty - series[d - 1]![a]!) < 0.001 + 1e-12)
        assert.ok(penalty >= 0.01 - 1e-12 && penalty <= 0.03 + 1e-12)
      })
    assert.ok(controller.penalties[0] < 0.02, 'and it moved')
    const cheap = penaltyRun(window, 'auction alone, 1 %', population)
    const dear = penaltyRun(window, '5 %', population)
    assert.ok(cheap.borrowerCost.mean < controller.borrowerCost.mean)
    assert.ok(controller.borrowerCost.mean < dear.borrowerCost.mean)
    assert.ok(dear.backstopProfit.mean > cheap.backstopProfit.mean)
  })

  it('in compare keep its shape', () => {
    const report = (clearing?: ClearingName) =>
      compare({
        windows: ['2024-08'],
        policies: ['plimsoll'],
        population,
        ...(clearing !== undefined && { clearing }),
      }).windows[0]!.policies[0]!
    assert.deepEqual(report('immediate'), report())
    const auction = report('auction')
    assert.deepEqual(Object.keys(auction), Object.keys(report()))
    assert.ok(auction.borrowerCost < report().borrowerCost, 'less impact')
    assert.equal(
      fillMean([], () => 1),
      0,
    )
  })
})
