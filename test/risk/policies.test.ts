import assert from 'node:assert/strict'
import { SCALE } from '../../protocol/constants.ts'
import { health, targetHealth } from '../../protocol/health.ts'
import { liquidate } from '../../protocol/liquidation.ts'
import { assetMarks, fillMarks, type Marks, type RiskParameters } from '../../protocol/marks.ts'
import { leastTraded } from '../../risk/engine/least-traded.ts'
import { aaveHealthFactor, aaveV3, aaveV3Call } from '../../risk/policies/aave-v3.ts'
import { AAVE_V4_BONUS, aaveV4, aaveV4Bonus, targetHealthPolicy } from '../../risk/policies/aave-v4.ts'
import { comet } from '../../risk/policies/comet.ts'
import { largestFirst } from '../../risk/policies/largest-first.ts'
import { mango } from '../../risk/policies/mango.ts'
import { plimsoll } from '../../risk/policies/plimsoll.ts'
import { POLICIES, POLICY_NAMES, parsePolicies, policyOf } from '../../risk/policies/policies.ts'
import type { PolicyMarket } from '../../risk/policies/policy.ts'
import { Random } from '../protocol/random.ts'

const WEIGHTS = Array<number>(8).fill(8)
const USD = 10n ** 6n

/** Marks of assets of 8 decimals at whole prices in cash of 6 decimals. */
function marksOf(assets: readonly (readonly [price: number, parameters: RiskParameters])[]): Marks {
  return fillMarks(
    assets.map(([price, parameters]) =>
      assetMarks((BigInt(Math.round(price * 1e6)) * SCALE) / 10n ** 8n, parameters, 'asset'),
    ),
  )
}

function parameters(changes: Partial<RiskParameters> = {}): RiskParameters {
  return {
    collateralFactor: 8_500n,
    liabilityFactor: 11_500n,
    targetCollateralFactor: 8_000n,
    targetLiabilityFactor: 12_000n,
    penalty: 200n,
    depth: 10n ** 14n,
    ...changes,
  }
}

function marketOf(assets: readonly (readonly [number, RiskParameters])[], minLiability = 0n): PolicyMarket {
  const penalties = Array.from({ length: 8 }, (_, a) => assets[a - 1]?.[1].penalty ?? 0n)
  return { marks: marksOf(assets), penalties, minLiability }
}

const account = (cash: number, ...units: number[]) => [
  BigInt(Math.round(cash * 1e6)),
  ...units.map((x) => BigInt(Math.round(x * 1e8))),
  ...Array<bigint>(7 - units.length).fill(0n),
]
const near = (value: bigint, expected: number, tolerance = 2) =>
  assert.ok(Math.abs(Number(value) - expected) <= tolerance, `${value} is not ${expected}`)

describe('policies of liquidation', () => {
  it('are all of one shape: no policy makes money out of nothing, and each trade is at its price', () => {
    const random = new Random(3)
    const seen = new Map<string, number>()
    for (let i = 0; i < 3000; i++) {
      const assets = Array.from(
        { length: random.integer(1, 4) },
        () => [random.integer(1, 5000), parameters({ penalty: BigInt(random.integer(0, 500)) })] as const,
      )
      const market = marketOf(assets, random.chance(0.3) ? BigInt(random.integer(0, 2000)) * USD : 0n)
      const { marks } = market
      const balances = account(
        0,
        ...assets.map(([price]) =>
          random.chance(0.3) ? 0 : ((random.chance(0.5) ? 1 : -1) * random.integer(1, 10_000)) / price,
        ),
      )
      // At or below the line, by up to a fifth of the size.
      const line = health(balances, marks)
      const size = balances.reduce((sum, b, a) => sum + (b < 0n ? -b : b) * marks[a]!.price, 0n)
      balances[0] = -(line + (size * BigInt(random.integer(0, 2000))) / 10_000n) / SCALE - 1n
      if (health(balances, marks) >= 0n) continue
      for (const policy of [...POLICIES, largestFirst]) {
        const { traded, paid, after, badDebt, closed } = policy.liquidate(balances, WEIGHTS, market)
        assert.equal(traded[0], 0n)
        let fetched = 0n
        balances.forEach((balance, a) => {
          assert.ok(traded[a]! >= 0n && (a === 0 || traded[a]! <= (balance < 0n ? -balance : balance)), policy.name)
          if (badDebt === 0n && a > 0)
            assert.equal(after[a], balance > 0n ? balance - traded[a]! : balance + traded[a]!)
          fetched += (balance > 0n ? 1n : -1n) * traded[a]! * marks[a]!.price
        })
        // Whoever takes the other side does not pay more than the mark price, to a unit for each rounding.
        assert.ok(
          paid * SCALE <= fetched + 16n * marks.reduce((most, { price }) => (price > most ? price : most), SCALE),
          `${policy.name} ${paid * SCALE - fetched}`,
        )
        if (badDebt === 0n) assert.equal(after[0], balances[0]! + paid)
        if (closed)
          assert.ok(
            after.every((balance, a) => (a === 0 ? balance >= 0n : balance === 0n)),
            policy.name,
          )
        if (closed) seen.set(`${policy.name} closed`, (seen.get(`${policy.name} closed`) ?? 0) + 1)
        if (badDebt > 0n) seen.set(`${policy.name} bad`, (seen.get(`${policy.name} bad`) ?? 0) + 1)
        if (!closed && badDebt === 0n) {
          seen.set(`${policy.name} partial`, (seen.get(`${policy.name} partial`) ?? 0) + 1)
          if (policy !== aaveV3 && policy !== aaveV4) assert.ok(targetHealth(after, marks) >= 0n, policy.name)
        }
      }
    }
    for (const { name } of [...POLICIES, largestFirst]) {
      assert.ok((seen.get(`${name} closed`) ?? 0) > 50, `${name} closed`)
      assert.ok((seen.get(`${name} bad`) ?? 0) > 50, `${name} bad debt`)
      if (name !== 'comet') assert.ok((seen.get(`${name} partial`) ?? 0) > 50, `${name} partial`)
    }
  })

  it("plimsoll is the product's own", () => {
    const market = marketOf([[195, parameters()]])
    const balances = account(-1700, 10)
    const { traded, after } = liquidate(balances, WEIGHTS, market.marks, 0n)
    const outcome = plimsoll.liquidate(balances, WEIGHTS, market)
    assert.deepEqual(
      { traded: outcome.traded, after: outcome.after, closed: outcome.closed },
      { traded, after, closed: false },
    )
    assert.equal(outcome.paid, after[0]! - balances[0]!)
  })

  it('comet takes all collateral at the liquidation factor and pays all debt', () => {
    // 10 at 150 less 5 % is 1425; the debt is 1400.
    const market = marketOf([[150, parameters({ penalty: 500n })]])
    // The price of a base unit is rounded down.
    const paid = 1425n * USD - 1n
    assert.deepEqual(comet.liquidate(account(-1400, 10), WEIGHTS, market), {
      traded: account(0, 10),
      paid,
      after: [paid - 1400n * USD, ...Array<bigint>(7).fill(0n)],
      badDebt: 0n,
      closed: true,
    })
    const short = comet.liquidate(account(-1500, 10), WEIGHTS, market)
    assert.deepEqual([short.badDebt, short.after[0]], [75n * USD + 1n, 0n])
  })

  it('aave-v3 closes half above a health factor of 0.95 and all below', () => {
    const collateral = { balance: 10n * 10n ** 18n, price: 200n * 10n ** 8n, unit: 10n ** 18n }
    const debt = { balance: 1700n * 10n ** 6n, price: 10n ** 8n, unit: 10n ** 6n }
    const threshold = (95n * 10n ** 18n) / 100n
    // Half of 1700, with 5 % on top, at 200: 4.4625.
    assert.deepEqual(aaveV3Call(collateral, debt, threshold + 1n, 10_500n), {
      repay: 850n * 10n ** 6n,
      seize: 44625n * 10n ** 14n,
    })
    assert.deepEqual(aaveV3Call(collateral, debt, threshold, 10_500n), {
      repay: 1700n * 10n ** 6n,
      seize: 8925n * 10n ** 15n,
    })
    // 10 at 150 pay for 1500 / 1.05.
    assert.deepEqual(aaveV3Call({ ...collateral, price: 150n * 10n ** 8n }, debt, 0n, 10_500n), {
      repay: 1_428_571_429n,
      seize: collateral.balance,
    })
    assert.equal(aaveHealthFactor([[2000n * 10n ** 8n, 8_250n]], [1700n * 10n ** 8n]), 970_588_235_294_117_647n)
  })

  it('aave-v4 reaches the target health by its closed form, at a bonus that grows as health falls', () => {
    assert.equal(aaveV4Bonus(500n, 10_000n, AAVE_V4_BONUS), 450n)
    assert.equal(aaveV4Bonus(500n, 9_500n, AAVE_V4_BONUS), 475n)
    assert.equal(aaveV4Bonus(500n, 9_000n, AAVE_V4_BONUS), 500n)
    assert.equal(aaveV4Bonus(500n, 100n, AAVE_V4_BONUS), 500n)
    // Collateral factor 0.8 on 10 at 200, debt 1700, target health factor 1: D (HF* - HF) / (HF* - CF (1 + bonus)).
    const policy = targetHealthPolicy('constant', { least: 10_000n, full: 9_000n })
    const market = marketOf([[200, parameters({ collateralFactor: 8_000n, penalty: 500n })]])
    const { traded, paid } = policy.liquidate(account(-1700, 10), WEIGHTS, market)
    const repay = (1700 * (1 - 1600 / 1700)) / (1 - 0.8 * 1.05)
    near(paid, repay * 1e6, 10)
    near(traded[1]!, ((repay * 1.05) / 200) * 1e8, 100)
  })

  it('mango restores initial health at the fees of both sides', () => {
    // Collateral in asset 1, debt in asset 2: x = -health / (price (1.2 - 0.8 (1 + 0.02 + 0.03))).
    const market = marketOf([
      [200, parameters()],
      [50, parameters({ penalty: 300n })],
    ])
    const balances = account(0, 10, -30)
    const { traded, after } = mango.liquidate(balances, WEIGHTS, market)
    const x = (30 * 50 * 1.2 - 0.8 * 10 * 200) / (50 * (1.2 - 0.8 * 1.05))
    near(traded[2]!, x * 1e8, 20)
    near(traded[1]!, ((x * 50 * 1.05) / 200) * 1e8, 20)
    assert.ok(targetHealth(after, market.marks) >= 0n)
  })

  it('trade the same amounts as this project with one collateral, at the same target and price (fact 9)', () => {
    // A bonus of 1 / (1 - penalty) - 1 sells at price (1 - penalty): 2.5 % against 25 / 1025.
    const random = new Random(4)
    const policy = targetHealthPolicy('constant', { least: 10_000n, full: 9_000n })
    for (let i = 0; i < 200; i++) {
      const price = random.integer(100, 5000)
      const units = random.integer(1, 1000)
      const ours = marketOf([
        [price, parameters({ penalty: 2000n, collateralFactor: 7_500n, targetCollateralFactor: 7_000n })],
      ])
      const theirs = { ...ours, penalties: [0n, 2500n, ...Array<bigint>(6).fill(0n)] }
      const balances = account(-units * price * (0.751 + random.integer(0, 30) / 1000), units)
      const one = plimsoll.liquidate(balances, WEIGHTS, ours)
      const other = policy.liquidate(balances, WEIGHTS, theirs)
      assert.ok(!one.closed)
      near(one.traded[1]!, Number(other.traded[1]!), Number(other.traded[1]!) * 1e-6 + 100)
      near(one.paid, Number(other.paid), Number(other.paid) * 1e-6 + 100)
      near(
        largestFirst.liquidate(balances, WEIGHTS, ours).traded[1]!,
        Number(one.traded[1]!),
        10 + Number(one.traded[1]!) * 1e-6,
      )
    }
  })

  it('largest-first trades the greatest position first and stops at the target', () => {
    const market = marketOf([
      [100, parameters()],
      [100, parameters()],
    ])
    const balances = account(-1420, 9, 7)
    const { traded, after } = largestFirst.liquidate(balances, WEIGHTS, market)
    assert.ok(traded[1]! > 0n && traded[2] === 0n)
    const target = targetHealth(after, market.marks)
    assert.ok(target >= 0n && target < 1000n * SCALE, `${target}`)
    assert.ok(Math.abs(leastTraded(balances, market.marks) / Number(traded[1]! * market.marks[1]!.price) - 1) < 1e-6)
  })

  it('have names, and unknown or repeated ones are refused', () => {
    assert.deepEqual(POLICY_NAMES, ['plimsoll', 'aave-v3', 'aave-v4', 'comet', 'mango'])
    assert.deepEqual(parsePolicies('comet, plimsoll'), ['comet', 'plimsoll'])
    for (const text of ['', 'plimsoll,', 'aave', 'largest-first', 'Plimsoll'])
      assert.throws(() => parsePolicies(text), /There is no policy/)
    assert.throws(() => parsePolicies('comet,comet'), /named twice/)
    for (const policy of POLICIES) {
      assert.ok(policy.source.length > 20)
      assert.equal(policyOf(policy.name), policy)
    }
  })
})
