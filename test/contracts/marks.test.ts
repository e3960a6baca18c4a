import assert from 'node:assert/strict'

import { concentratedMarks, kappaUp } from '../../protocol/concentration.ts'
import { marksOfRow } from '../../protocol/marks.ts'
import { type Contract, startChain } from './chain.ts'
import { marksOf, ordered, type Parameters, R, randomizer, signals } from './mirror.ts'

describe('marks on chain', () => {
  const random = randomizer(20200312n)
  const between = (low: number, high: number) => low + Number(random(BigInt(high - low + 1)))
  let pure: Contract

  before(async () => {
    const chain = await startChain()
    pure = await chain.contract('PureHarness')
  })

  function randomParameters(): Parameters {
    const penalty = between(0, 1_000)
    const collateralFactor = between(0, 10_000 - penalty)
    const liabilityFactor = between(10_000 + penalty, 40_000)
    const targetLiabilityFactor = between(liabilityFactor, 40_000)
    const targetCollateralFactor = between(0, Math.min(collateralFactor, targetLiabilityFactor - 500))
    return {
      collateralFactor,
      liabilityFactor,
      targetCollateralFactor,
      targetLiabilityFactor,
      initialCollateralFactor: between(0, targetCollateralFactor),
      initialLiabilityFactor: between(targetLiabilityFactor, 65_535),
      penalty,
      depth: random(1n << random(63n)),
    }
  }

  it('equal the formulas over bigint for 400 random prices and parameters', async () => {
    for (let i = 0; i < 400; i++) {
      const parameters = randomParameters()
      const price = random(1n << (random(60n) + 1n))
      const interval = [price - random(price + 1n), price + random((1n << 60n) - price)]
      const expected = marksOf(price, parameters, interval, 0n)
      assert.deepEqual(await pure.read('all', price, ...interval, parameters), expected)
      assert.deepEqual(await pure.read('maintenance', price, parameters), [expected[1], expected[2]])
    }
  })

  it('fit 64 bits at the highest price, the widest factors and the greatest depth', async () => {
    for (const penalty of [0, 1000]) {
      const factors = {
        collateralFactor: 0,
        targetCollateralFactor: 0,
        initialCollateralFactor: 0,
        liabilityFactor: 40_000,
        targetLiabilityFactor: 40_000,
        initialLiabilityFactor: 65_535,
      }
      const depth = 1n << 62n
      const widest = { ...factors, penalty, depth }
      assert.equal(await pure.read('ordered', widest), true)
      assert.equal(await pure.read('ordered', { ...widest, depth: depth + 1n }), false)
      const price = (1n << 60n) - 1n
      const marks = marksOf(price, widest, undefined, 0n)
      assert.ok(marks.every((mark) => mark < 1n << 64n))
      assert.deepEqual(await pure.read('all', price, price, price, widest), marks)
    }
  })

  it('charge for concentration as the mirror and the reference machine do, for 400 random markets', async () => {
    const seen = { off: 0, charged: 0, blocked: 0 }
    for (let i = 0; i < 400; i++) {
      const parameters = { ...randomParameters(), depth: random(8n) === 0n ? 0n : random(1n << random(63n)) }
      const price = random(1n << (random(60n) + 1n))
      const factor = random(5n) === 0n ? 0n : 10_000n + random(70_001n)
      const plain = marksOf(price, parameters, undefined, 0n)
      const marks = await pure.read<bigint[]>('concentrated', plain, factor, parameters.depth)
      assert.deepEqual(marks, marksOf(price, parameters, undefined, factor))
      assert.deepEqual(marksOfRow(marks), concentratedMarks(marksOfRow(plain), parameters.depth, factor))
      seen[factor === 0n ? 'off' : marks[11] === 0n ? 'blocked' : 'charged']++
    }
    assert.ok(Math.min(...Object.values(seen)) > 20, JSON.stringify(seen))
  })

  it('have the greatest kappa that is a word, and no new risk one beyond it', async () => {
    // 2^59 * 80,000 * 2^47 / (10^4 * depth): of depth 2^45 it is 2^64, of one more below.
    const plain = marksOf(1n << 59n, { ...randomParameters(), depth: 0n }, undefined, 0n)
    const depth = 1n << 45n
    const [at, above] = [
      await pure.read<bigint[]>('concentrated', plain, 80_000n, depth),
      await pure.read<bigint[]>('concentrated', plain, 80_000n, depth + 1n),
    ]
    assert.deepEqual(at!.slice(9), [0n, (1n << 64n) - 1n, 0n])
    assert.deepEqual(above!.slice(9), [plain[9], plain[10], (1n << 64n) - (1n << 19n) + 1n])
    assert.deepEqual(kappaUp(1n << 59n, depth, 80_000n), undefined)
    assert.deepEqual(kappaUp(1n << 59n, depth + 1n, 80_000n), above![11])
  })

  it('normalize 400 random answers with one rounding, down', async () => {
    for (let i = 0; i < 400; i++) {
      const [feedDecimals, decimals, cashDecimals] = [random(19n), random(9n), random(9n)]
      const answer = random(1n << (random(128n) + 1n))
      const exact = (answer * 10n ** cashDecimals * 2n ** 32n) / 10n ** (feedDecimals + decimals)
      const expected = exact >= 1n << 60n ? 1n << 60n : exact
      assert.equal(await pure.read('priceDown', answer, feedDecimals, decimals, cashDecimals), expected)
    }
    assert.equal(await pure.read('priceDown', (1n << 255n) - 1n, 18n, 8n, 0n), 1n << 60n)
  })

  it('need parameters in order: 400 random ones, near the borders', async () => {
    let accepted = 0
    for (let i = 0; i < 400; i++) {
      const nearly = randomParameters()
      const [field, border] = (
        [
          ['collateralFactor', 10_000 - nearly.penalty],
          ['liabilityFactor', 10_000 + nearly.penalty],
          ['targetCollateralFactor', nearly.collateralFactor],
          ['targetLiabilityFactor', nearly.liabilityFactor],
          ['targetCollateralFactor', nearly.targetLiabilityFactor - 500],
          ['penalty', 1_000],
          ['initialCollateralFactor', nearly.targetCollateralFactor],
          ['initialLiabilityFactor', nearly.targetLiabilityFactor],
        ] as const
      )[i % 8]!
      nearly[field] = Math.max(0, border + between(-2, 2))
      const expected = ordered(nearly)
      if (expected) accepted++
      assert.equal(await pure.read('ordered', nearly), expected)
    }
    assert.ok(accepted > 50 && accepted < 350)
  })

  it('need factors of at most 4', async () => {
    const p = { ...randomParameters(), targetLiabilityFactor: 40_000, initialLiabilityFactor: 40_001 }
    assert.equal(await pure.read('ordered', p), true)
    assert.equal(await pure.read('ordered', { ...p, targetLiabilityFactor: 40_001 }), false)
  })

  it('move by 5 points a factor, and depth by a factor of 2', async () => {
    const from = { ...randomParameters(), depth: 1001n }
    const factors = [
      'collateralFactor',
      'liabilityFactor',
      'targetCollateralFactor',
      'targetLiabilityFactor',
      'initialCollateralFactor',
      'initialLiabilityFactor',
      'penalty',
    ]
    for (const field of factors) {
      const base = { ...from, [field]: 2000 }
      for (const [value, allowed] of [
        [2500, true],
        [2501, false],
        [1500, true],
        [1499, false],
      ] as const) {
        assert.equal(await pure.read('withinStep', base, { ...base, [field]: value }), allowed, `${field} ${value}`)
      }
    }
    const depths = [
      [1001n, 2002n, true],
      [1001n, 2003n, false],
      [1001n, 500n, true],
      [1001n, 499n, false],
      [0n, 1n, true],
      [0n, 2n, false],
    ] as const
    for (const [depth, next, allowed] of depths) {
      const actual = await pure.read('withinStep', { ...from, depth }, { ...from, depth: next })
      assert.equal(actual, allowed, `${depth} to ${next}`)
    }
  })

  it('derive z and y as their definition says, for vectors of 1 to 120 elements', async () => {
    for (const length of [1, 2, 52, 95, 120]) {
      const d = Array.from({ length }, () => random(R))
      const digest = random(R)
      for (const bound of [[], [random(R)]]) {
        const { z, y } = signals(d, digest, ...bound)
        assert.deepEqual(await pure.read('evaluate', [...d, digest, ...bound], 1 + bound.length), [z, y])
      }
    }
  })
})
