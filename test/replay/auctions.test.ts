import assert from 'node:assert/strict'
import { parseBook } from '../../protocol/book.ts'
import { Engine } from '../../risk/engine/engine.ts'
import { engineBook, marketImpact } from '../../risk/engine/job.ts'
import { type InventoryScript, inventoryScripts, runScript } from '../../risk/experiments/inventory-script.ts'
import { type MarketRun, predictRun } from '../../risk/experiments/market-run.ts'
import { drawnInterval } from '../../risk/metrics/interval.ts'
import { plimsoll } from '../../risk/policies/plimsoll.ts'
import { BEFORE_LOTS, marketGas } from '../contracts/market-gas.ts'
import { replayScript } from './auction-replay.ts'

const COIN = 10n ** 8n

/** The demo's third act: its accounts, pool and takers, at its prices. */
function act(changes: Partial<MarketRun> = {}, debt = 13_000): MarketRun {
  const factors = { collateralFactor: '0.85', liabilityFactor: '1.15', penalty: '0.02' }
  const targets = { targetCollateralFactor: '0.8', targetLiabilityFactor: '1.2' }
  const book = {
    assets: [
      { symbol: 'USD', decimals: 6 },
      { symbol: 'ETH', decimals: 8, price: '194', depth: '40000', ...factors, ...targets },
    ],
    minLiability: '50',
    accounts: [{ id: 'Alice', balances: { ETH: '100', USD: String(-debt) } }],
  }
  return {
    book: engineBook(parseBook(JSON.stringify(book))),
    before: 194,
    after: 150,
    pool: 2_000_000,
    takers: [
      { kind: 'keeper', gas: 0.05, cash: 4_000 },
      { kind: 'pool', tip: 1 },
    ],
    look: 60,
    looks: 60,
    ...changes,
  }
}

/** The same through contracts: what a liquidation brings, at a price that stays. */
async function played(run: MarketRun, inventory: bigint, seed: number) {
  const steps = Array.from({ length: 32 }, (_, step) => step)
  const script: InventoryScript = {
    name: 'act',
    symbol: 'ETH',
    stepSeconds: run.look,
    prices: steps.map(() => run.after),
    dates: steps.map(() => '2020-03-12'),
    arrivals: new Map([[1, inventory]]),
    pool: run.pool * Math.sqrt(run.after / run.before),
    depth: 40_000n * COIN,
  }
  return replayScript(script, {
    takers: run.takers,
    seed,
    halfLife: Infinity,
    depthBy: 'quantile',
    rule: false,
    blockSeconds: run.look,
    isAside: true,
  })
}

describe("the laboratory's engine", () => {
  it('brings the inventory that the liquidation does, and predicts when keepers and pool have it, and what comes back', async () => {
    const run = act()
    const prediction = predictRun(run)
    assert.equal(prediction.cleared, 1)
    assert.ok(prediction.inventory > 37n * COIN && prediction.inventory < 38n * COIN, `${prediction.inventory}`)
    // Of a quarter of an hour and of two points: an interval that says something.
    const { seconds, recaptured } = prediction
    assert.ok(seconds.high - seconds.low < 300 && recaptured.high - recaptured.low < 0.25)
    const real = await played(run, prediction.inventory, 1)
    assert.equal(real.waiting, 0)
    const last = real.last!
    assert.ok(last >= seconds.low && last <= seconds.high, `${last} of ${JSON.stringify(seconds)}`)
    assert.ok(
      real.recaptured! >= recaptured.low && real.recaptured! <= recaptured.high,
      `${real.recaptured} of ${JSON.stringify(recaptured)}`,
    )
  })

  it('predicts other runs otherwise: a shallow pool alone is later and gets less back', async () => {
    // So deep that no fill is further from the pool's mean price than its taker allows, which the laboratory does not know.
    const run = act({ pool: 1_200_000, takers: [{ kind: 'pool', tip: 1 }] })
    const [deep, shallow] = [predictRun(act()), predictRun(run)]
    assert.ok(shallow.seconds.low > deep.seconds.low && shallow.seconds.mean > deep.seconds.mean + 60)
    assert.ok(shallow.recaptured.mean < deep.recaptured.mean - 0.05)
    const real = await played(run, shallow.inventory, 1)
    assert.equal(real.pushed, 0)
    const said = JSON.stringify(
      [real.recaptured, real.last, real.pushed, shallow, deep.seconds, deep.recaptured],
      (_, x) => (typeof x === 'bigint' ? String(x) : x),
    )
    assert.ok(real.recaptured! >= shallow.recaptured.low && real.recaptured! <= shallow.recaptured.high, said)
    assert.ok(real.last! >= shallow.seconds.low && real.last! <= shallow.seconds.high, said)
  })

  it('leaves alone what waits for nobody: a fall that liquidates nothing', () => {
    const none = predictRun(act({}, 1_000), 10)
    assert.deepEqual([none.inventory, none.seconds.mean], [0n, 0])
    // And the same book is liquidated with any other way of clearing.
    const { book, before, after } = act()
    const engine = new Engine(book, { policy: plimsoll, impact: marketImpact('none', Infinity), stepSeconds: 60 })
    const outcome = engine.run(Float64Array.of(1, after / before))
    assert.equal(outcome.liquidations, 1)
  })
})

describe('a day of a crash', () => {
  it('goes through the contracts as through the engine: time, discount and value', async () => {
    const [whole] = inventoryScripts('2024-08', { accounts: 200 })
    const script = dayOf(whole!, '2024-08-05')
    assert.ok(script.arrivals.size >= 2)
    const takers = [{ kind: 'trader', gas: 5 }] as const
    const options = { halfLife: 3_600, depthBy: 'pool' } as const
    const runs = Array.from({ length: 100 }, (_, i) =>
      runScript(script, 'auction', { ...options, market: { seed: i + 1, takers } }),
    )
    const real = await replayScript(script, { ...options, takers, seed: 1 })
    const { low, high } = drawnInterval(runs.map(({ seconds }) => seconds))
    assert.ok(real.seconds >= low - 15 && real.seconds <= high + 15, `${real.seconds} of ${low} to ${high}`)
    // On the same path: rounds and liquidations come some seconds later here, and keepers take eighths.
    const same = runs[0]!
    assert.ok(Math.abs(real.discount - same.discount) < 0.0025, `${real.discount} ${same.discount}`)
    assert.ok(Math.abs(real.value / same.value - 1) < 0.02 && real.waiting < 0.02 * real.value)
  })
})

describe('gas of the market', () => {
  it('is what it was measured as: takes, the PoolTaker, and resolves that make lots', async () => {
    const { resolve, take, pool } = await marketGas()
    assert.ok(resolve.first <= BEFORE_LOTS.first + 25_000, `${resolve.first}`)
    assert.ok(resolve.one <= BEFORE_LOTS.first + 25_000, `${resolve.one}`)
    assert.ok(resolve.two <= BEFORE_LOTS.first + BEFORE_LOTS.next + 50_000, `${resolve.two}`)
    assert.ok(take.part < 180_000 && take.callback < 200_000 && take.eight < 270_000, JSON.stringify(take))
    assert.ok(pool.part < 345_000 && pool.whole < 345_000, JSON.stringify(pool))
  })
})

/** A script from the last hours before a day's first arrival to its last one's end. */
function dayOf(script: InventoryScript, date: string): InventoryScript {
  const steps = [...script.arrivals.keys()].filter((step) => script.dates[step] === date)
  const [first, end] = [Math.min(...steps) - 8, Math.max(...steps) + 8]
  return {
    ...script,
    prices: script.prices.slice(first, end),
    dates: script.dates.slice(first, end),
    arrivals: new Map(steps.map((step) => [step - first, script.arrivals.get(step)!])),
  }
}
