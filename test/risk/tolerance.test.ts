import assert from 'node:assert/strict'
import { checkParameters } from '../../protocol/marks.ts'
import { compare, parseWindows } from '../../risk/engine/compare.ts'
import { simulate } from '../../risk/engine/simulate.ts'
import { lossProbability, tolerance } from '../../risk/tolerance/tolerance.ts'
import { bookOf } from './books.ts'

const RUN = {
  loss: 0.002,
  hours: 6,
  paths: 200,
  stepSeconds: 3600,
  model: 'gbm',
  sigma: 3,
  correlation: 0.8,
  threads: 1,
} as const

describe('risk tolerance', () => {
  it('finds factors at which the loss is as improbable as wanted, and not at laxer ones', async () => {
    const book = bookOf(['ETH', 'BTC'], 60)
    const found = await tolerance(book, { ...RUN, probability: 0.05, rescale: true })
    assert.ok(found !== undefined)
    assert.ok(found.probability.mean <= 0.05 && found.probability.mean > 0.005, JSON.stringify(found))
    const points = (factor: number) => BigInt(Math.round(factor * 10_000))
    for (const {
      symbol,
      collateralFactor,
      liabilityFactor,
      targetCollateralFactor,
      targetLiabilityFactor,
    } of found.assets) {
      const parameters = {
        collateralFactor: points(collateralFactor),
        liabilityFactor: points(liabilityFactor),
        targetCollateralFactor: points(targetCollateralFactor),
        targetLiabilityFactor: points(targetLiabilityFactor),
        penalty: 200n,
        depth: 0n,
      }
      checkParameters(parameters, symbol)
      assert.ok(collateralFactor > 0.5 && collateralFactor < 0.98)
      assert.equal(parameters.collateralFactor - parameters.targetCollateralFactor, 500n)
    }
    const stricter = await tolerance(book, { ...RUN, loss: 0.0002, probability: 0.005, rescale: true })
    assert.ok(stricter === undefined || stricter.assets[0]!.collateralFactor <= found.assets[0]!.collateralFactor)
  })

  it('goes from factors to the probability, which the simulation has as well', async () => {
    const book = bookOf(['ETH'], 60)
    const assets = book.assets.map((asset, a) =>
      a === 0
        ? asset
        : {
            ...asset,
            parameters: {
              ...asset.parameters,
              collateralFactor: 9600n,
              targetCollateralFactor: 9600n,
              liabilityFactor: 10_400n,
              targetLiabilityFactor: 10_400n,
            },
          },
    )
    const lax = {
      ...book,
      assets,
      accounts: book.accounts.map((account) => ({
        ...account,
        balances: account.balances.map((b) => (b < 0n ? (b * 118n) / 100n : b)),
      })),
    }
    const share = await lossProbability(lax, RUN)
    assert.ok(
      share.mean > 0.02 && share.mean < 0.98 && share.low < share.mean && share.mean < share.high,
      JSON.stringify(share),
    )
    const { policies } = await simulate(lax, { ...RUN, policies: ['plimsoll'] })
    // More than `loss` is lost in that share of the paths, so the quantile at its complement is about `loss`.
    assert.equal(policies[0]!.var95.mean > RUN.loss, share.mean > 0.05)
    assert.equal((await lossProbability(lax, { ...RUN, loss: 1 })).mean, 0)
  })

  it('says so where no factors keep to it', async () => {
    const book = bookOf(['ETH'], 30, 1, 0.01)
    assert.equal(await tolerance(book, { ...RUN, paths: 40, loss: 0, probability: 0, rescale: true }), undefined)
  })
})

describe('risk compare', () => {
  it('runs the same population under every policy along a crash, day by day', () => {
    const population = { accounts: 120 }
    const { windows } = compare({ windows: ['2020-03'], population })
    assert.deepEqual(compare({ windows: ['2020-03'], population }).windows, windows)
    const [{ window, policies }] = windows as [(typeof windows)[0]]
    assert.equal(window, '2020-03')
    assert.deepEqual(
      policies.map(({ policy }) => policy),
      ['plimsoll', 'aave-v3', 'aave-v4', 'comet', 'mango'],
    )
    for (const { policy, days, systemLoss, badDebt, var95, es99, liquidatedAccounts, overLiquidation } of policies) {
      assert.ok(Math.abs(days.reduce((sum, day) => sum + day.systemLoss, 0) / systemLoss - 1) < 1e-9, policy)
      assert.equal(days.reduce((worst, day) => (day.systemLoss > worst.systemLoss ? day : worst)).date, '2020-03-12')
      assert.ok(systemLoss >= badDebt && badDebt > 0.001 && liquidatedAccounts > 0.1)
      assert.deepEqual([var95, es99], [systemLoss, systemLoss])
      assert.ok(policy === 'comet' ? overLiquidation > 1.2 : overLiquidation > 0.98)
    }
  })

  it('knows its windows', () => {
    assert.equal(parseWindows('all').length, 6)
    assert.deepEqual(parseWindows('2025-10, 2018-21'), ['2025-10', '2018-21'])
    for (const text of ['', '2020', '2020-03,,2021-05', 'ALL', 'all,2020-03'])
      assert.throws(() => parseWindows(text), /There is no window/)
    assert.throws(() => parseWindows('2020-03,2020-03'), /named twice/)
  })
})
