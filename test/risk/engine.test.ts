import assert from 'node:assert/strict'
import { PlimsollError } from '../../protocol/errors.ts'
import { Engine, type PathOutcome, type Search } from '../../risk/engine/engine.ts'
import { engineBook, marketImpact } from '../../risk/engine/job.ts'
import { openAccount } from '../../risk/engine/population.ts'
import { simulate } from '../../risk/engine/simulate.ts'
import { WatchHeap } from '../../risk/engine/watch-heap.ts'
import { thresholdRun } from '../../risk/experiments/threshold.ts'
import { largestFirst } from '../../risk/policies/largest-first.ts'
import { POLICIES } from '../../risk/policies/policies.ts'
import type { Policy } from '../../risk/policies/policy.ts'
import { Random } from '../protocol/random.ts'
import { bookOf } from './books.ts'

/** A path of independent steps of up to `size`, now and then with a jump down to a tenth. */
function randomPath(random: Random, steps: number, assets: number, size: number): Float64Array {
  const path = new Float64Array((steps + 1) * assets).fill(1)
  for (let at = assets; at < path.length; at++) {
    const jump = random.chance(0.006) ? random.integer(100, 900) / 1000 : 1
    path[at] = path[at - assets]! * (1 + (size * random.integer(-1000, 1000)) / 1000) * jump
  }
  return path
}

function run(
  search: Search,
  policy: Policy,
  symbols: Parameters<typeof bookOf>[0],
  paths: readonly Float64Array[],
  impact: 'none' | 'linear' | 'sqrt',
): PathOutcome[] {
  const engine = new Engine(engineBook(bookOf(symbols, 150, 5)), {
    policy,
    impact: marketImpact(impact, 3600),
    stepSeconds: 300,
    search,
  })
  return paths.map((path) => engine.run(path))
}

describe('the engine of the risk laboratory', () => {
  it('gives the same results to the last bit whether it looks where a price was passed, scans everybody or values everybody exactly', () => {
    const random = new Random(8)
    let liquidations = 0
    let badDebts = 0
    for (const [symbols, impact] of [
      [['ETH'], 'none'],
      [['ETH', 'BTC'], 'linear'],
      [['ETH', 'BTC', 'SOL', 'AVAX', 'LINK', 'DOGE', 'WETH'], 'sqrt'],
    ] as const) {
      for (const policy of [...POLICIES, largestFirst]) {
        const paths = [0.005, 0.02, 0.04].map((size) => randomPath(random, 60, symbols.length, size))
        const reach = run('reach', policy, symbols, paths, impact)
        assert.deepEqual(run('scan', policy, symbols, paths, impact), reach, policy.name)
        assert.deepEqual(run('exact', policy, symbols, paths, impact), reach, policy.name)
        // Nothing is left over from a path in the next.
        assert.deepEqual(run('reach', policy, symbols, [...paths].reverse(), impact).reverse(), reach, policy.name)
        for (const outcome of reach) {
          liquidations += outcome.liquidations
          if (outcome.badDebt > 0) badDebts++
        }
      }
    }
    assert.ok(liquidations > 1000 && badDebts > 20, `${liquidations} liquidations, ${badDebts} paths with bad debt`)
  })

  it('does so too where accounts are replaced and parameters move between steps', () => {
    const book = engineBook(bookOf(['ETH', 'BTC'], 100, 6))
    const outcomes = (['reach', 'scan', 'exact'] as const).map((search) => {
      const engine = new Engine(book, {
        policy: POLICIES[0]!,
        impact: marketImpact('linear', 3600),
        stepSeconds: 300,
        search,
      })
      const random = new Random(9)
      const path = randomPath(random, 200, 2, 0.025)
      const debts: number[] = []
      engine.begin()
      for (let step = 0; step <= 200; step++) {
        engine.step(path, 2 * step)
        const prices = [3000 * path[2 * step]!, 60_000 * path[2 * step + 1]!]
        const factors = [0, 1].map(() => ({ collateral: 0.8, liability: 1.2 }))
        for (let k = 0; k < 3; k++)
          engine.replace(random.integer(0, 99), openAccount(1, step, k, prices, factors, [6, 8, 8]))
        if (step % 50 === 49) {
          const shift = BigInt(random.integer(-300, 300))
          engine.setParameters(
            book.assets.map((asset, a) =>
              a === 0
                ? asset.parameters
                : {
                    ...asset.parameters,
                    collateralFactor: 8500n + shift,
                    targetCollateralFactor: 8000n + shift,
                    depth: asset.parameters.depth / 2n,
                  },
            ),
          )
        }
        debts.push(engine.liabilities())
      }
      return { outcome: engine.end(), debts }
    })
    assert.deepEqual(outcomes[1], outcomes[0])
    assert.deepEqual(outcomes[2], outcomes[0])
    assert.ok(outcomes[0]!.outcome.liquidations > 50, `${outcomes[0]!.outcome.liquidations}`)
  })

  it('goes on exactly where a price falls below the range of marks, and refuses one above it', () => {
    const book = engineBook(bookOf(['DOGE', 'ETH'], 60, 7))
    const collapse = new Float64Array([1, 1, 0.9, 1, 1e-5, 1, 1e-5, 0.7, 0.5, 0.9])
    const outcomes = (['reach', 'scan', 'exact'] as const).map((search) =>
      new Engine(book, { policy: POLICIES[0]!, impact: marketImpact('none', 1), stepSeconds: 300, search }).run(
        collapse,
      ),
    )
    assert.deepEqual(outcomes[1], outcomes[0])
    assert.deepEqual(outcomes[2], outcomes[0])
    assert.ok(outcomes[0]!.badDebt > 0)
    const engine = new Engine(book, { policy: POLICIES[0]!, impact: marketImpact('none', 1), stepSeconds: 300 })
    assert.throws(() => engine.run(new Float64Array([1, 1, 1e12, 1e12])), /rises beyond the range of marks/)
  })

  it("books penalties, impact and the takers' losses by hand-worked sums", () => {
    // One long of 10 at 1000 with 8400 owed, CF 0.85, target 0.8, penalty 2 %, depth 100; the price falls to 980, then to 800.
    const book = bookOf(['ETH'], 1)
    const parameters = {
      collateralFactor: 8500n,
      liabilityFactor: 11_500n,
      targetCollateralFactor: 8000n,
      targetLiabilityFactor: 12_000n,
      penalty: 200n,
      depth: 100n * 10n ** 8n,
    }
    const one = {
      ...engineBook(book),
      assets: [book.assets[0]!, { symbol: 'ETH', decimals: 8, parameters }],
      prices: [2n ** 32n, (1000n * 10n ** 6n * 2n ** 32n) / 10n ** 8n],
      accounts: [
        { balances: [-8400n * 10n ** 6n, 10n * 10n ** 8n, 0n, 0n, 0n, 0n, 0n, 0n], weights: Array<number>(8).fill(8) },
      ],
      minLiability: 0n,
    }
    const { policy } = new Engine(one, {
      policy: POLICIES[0]!,
      impact: marketImpact('linear', Infinity),
      stepSeconds: 300,
    })
    const sold = (8400 - 0.8 * 10 * 980) / (980 * 0.18)
    const outcome = new Engine(one, { policy, impact: marketImpact('linear', Infinity), stepSeconds: 300 }).run(
      new Float64Array([1, 0.98, 0.8]),
    )
    const close = (value: number, expected: number) =>
      assert.ok(Math.abs(value / expected - 1) < 1e-5, `${value} is not ${expected}`)
    // In the last step, at 800 less what selling 3.17 of 100 moves, the account is closed.
    const move = -sold / 100
    const last = 800 * Math.exp(move)
    const rest = 10 - sold
    const cash = -8400 + sold * 980 * 0.98
    const shortfall = -(cash + rest * last * 0.98)
    assert.equal(outcome.liquidations, 2)
    close(outcome.traded, (sold * 980 + rest * last) * 1e6)
    assert.ok(shortfall > 0)
    close(outcome.badDebt, shortfall * 1e6)
    const fetched = sold * 800 * (Math.expm1(move) / move)
    const lastMove = -rest / 100
    const lastFetched = rest * last * (Math.expm1(lastMove) / lastMove)
    close(outcome.impact, (sold * 800 - fetched + rest * last - lastFetched) * 1e6)
    const profit = fetched - sold * 980 * 0.98 + lastFetched - rest * last * 0.98
    close(outcome.systemLoss, (shortfall - profit) * 1e6)
    // The last liquidation took what equity was left before it, the first the penalty.
    close(outcome.penalties, (sold * 980 * 0.02 + Math.max(0, cash + rest * last)) * 1e6)
  })

  it('explodes where the spectral radius is above 1, and comes to rest below (fact 10)', () => {
    for (const rho of [0.5, 0.8, 0.93, 0.97, 1.03, 1.07, 1.3]) {
      const run = thresholdRun(rho)
      assert.ok(Math.abs(run.spectralRadius / rho - 1) < 0.01, JSON.stringify(run))
      assert.ok(Math.abs(run.liquidated / run.expected - 1) < 0.03, JSON.stringify(run))
      // All of it sold, the fall is the shock and what the whole book moves.
      const whole = 1 + (rho * Math.log(2)) / -Math.log(0.99)
      assert.ok(Math.abs(run.amplification / (rho < 1 ? 1 / (1 - rho) : whole) - 1) < 0.03, JSON.stringify(run))
    }
  })

  it('does not depend on the number of threads', async () => {
    const book = bookOf(['ETH', 'BTC'], 60)
    const options = {
      paths: 100,
      hours: 24,
      stepSeconds: 900,
      model: 'gbm',
      sigma: 2,
      correlation: 0.5,
      seed: 3,
    } as const
    const { seconds: _, ...one } = await simulate(book, { ...options, threads: 1 })
    const { seconds: __, ...two } = await simulate(book, { ...options, threads: 2 })
    assert.deepEqual(two, one)
    const { seconds: ___, ...other } = await simulate(book, { ...options, threads: 1, seed: 4 })
    assert.notDeepEqual(other, one)
    assert.ok(one.policies[0]!.liquidatedAccounts.mean > 0)
  })

  it('tells an error of a worker as its own', async () => {
    const book = bookOf(['ETH'], 40)
    const dear = {
      ...book,
      marks: book.marks.map((marks, a) => (a === 1 ? { ...marks, price: 2n ** 60n - 1n } : marks)),
    }
    await assert.rejects(
      simulate(dear, { paths: 100, hours: 24, model: 'gbm', sigma: 1, threads: 2 }),
      (error: Error) => error instanceof PlimsollError && /beyond the range of marks|2\^95/.test(error.message),
    )
  })

  it('keeps watches in the order of their keys', () => {
    const heap = new WatchHeap()
    const random = new Random(2)
    const keys: number[] = []
    for (let i = 0; i < 500; i++) {
      const key = random.integer(0, 1000)
      keys.push(key)
      heap.push(key, i, key)
      if (random.chance(0.3)) {
        const top = Math.max(...keys)
        assert.equal(heap.top, top)
        assert.equal(heap.version, top)
        keys.splice(keys.indexOf(top), 1)
        heap.pop()
      }
    }
    for (const key of keys.sort((a, b) => b - a)) {
      assert.equal(heap.top, key)
      heap.pop()
    }
    assert.equal(heap.top, -Infinity)
  })
})
