import assert from 'node:assert/strict'
import { Distribution } from '../../risk/metrics/distribution.ts'
import { METRIC_COLUMNS, MetricsSummary } from '../../risk/metrics/path-metrics.ts'
import { expectedShortfall, valueAtRisk } from '../../risk/metrics/tail.ts'
import { Random } from '../../risk/random.ts'

describe('metrics of many paths', () => {
  it("have the value-at-risk and expected shortfall of a known distribution, within a thousandth of the sample's", () => {
    const random = new Random(1)
    const distribution = new Distribution()
    const values = Float64Array.from({ length: 200_000 }, () => random.exponential(1))
    values.forEach((value) => distribution.add(value))
    const sorted = values.slice().sort()
    for (const level of [0.95, 0.99]) {
      const exact = -Math.log(1 - level)
      const risk = distribution.valueAtRisk(level)
      const shortfall = distribution.expectedShortfall(level)
      assert.ok(Math.abs(risk.mean / valueAtRisk(sorted, level) - 1) < 1e-3)
      assert.ok(Math.abs(shortfall.mean / expectedShortfall(sorted, level) - 1) < 1e-3)
      assert.ok(risk.low < exact && exact < risk.high, `${level}: ${JSON.stringify(risk)} has not ${exact}`)
      assert.ok(shortfall.low < exact + 1 && exact + 1 < shortfall.high, `${level}: ${JSON.stringify(shortfall)}`)
    }
    assert.ok(distribution.bins < 25_000)
    const { mean } = distribution.mean()
    assert.ok(Math.abs(mean - values.reduce((sum, x) => sum + x, 0) / values.length) < 1e-9)
  })

  it('have bounds that hold the truth in some 95 of a hundred samples', () => {
    const inside = { mean: 0, risk: 0, shortfall: 0 }
    const samples = 400
    for (let s = 0; s < samples; s++) {
      const random = new Random(2, s)
      const distribution = new Distribution()
      for (let i = 0; i < 1500; i++) distribution.add(random.exponential(1))
      const count = (name: keyof typeof inside, { low, high }: { low: number; high: number }, truth: number) => {
        if (low <= truth && truth <= high) inside[name]++
      }
      count('mean', distribution.mean(), 1)
      count('risk', distribution.valueAtRisk(0.95), -Math.log(0.05))
      count('shortfall', distribution.expectedShortfall(0.95), 1 - Math.log(0.05))
    }
    for (const [name, count] of Object.entries(inside))
      assert.ok(count / samples > 0.91 && count / samples < 0.99, `${name}: ${count} of ${samples}`)
  })

  it('are exact for few values, zeros included', () => {
    const distribution = new Distribution()
    for (const value of [0, 3, 0, 1, 2]) distribution.add(value)
    assert.equal(distribution.valueAtRisk(0.2).mean, 0)
    assert.equal(distribution.valueAtRisk(0.6).mean, 1)
    assert.equal(distribution.valueAtRisk(0.95).mean, 3)
    assert.ok(Math.abs(distribution.expectedShortfall(0.6).mean - 2.5) < 1e-12)
    assert.equal(distribution.mean().mean, 1.2)
    assert.deepEqual(new Distribution().valueAtRisk(0.99), { mean: 0, low: 0, high: 0 })
  })

  it('keep a bounded number of bins however many paths there are', () => {
    const distribution = new Distribution()
    const random = new Random(3)
    for (let i = 0; i < 300_000; i++) distribution.add(random.uniform())
    const bins = distribution.bins
    for (let i = 0; i < 300_000; i++) distribution.add(random.uniform())
    assert.ok(distribution.bins < bins * 1.2 && bins < 20_000, `${bins}, ${distribution.bins}`)
  })

  it('count uncovered paths, and over-liquidation as a ratio of sums', () => {
    const summary = new MetricsSummary()
    const rows = new Float64Array(3 * METRIC_COLUMNS)
    rows.set([0.5, 0.02, 0.03, 0.4, 0.01, 400, 200], 0)
    rows.set([0.1, 0.01, 0.01, 0.1, 0.01, 100, 100], METRIC_COLUMNS)
    for (let i = 0; i < 3; i++) summary.add(rows, i * METRIC_COLUMNS)
    const { pUncovered1, overLiquidation, liquidatedAccounts, lar95 } = summary.intervals()
    assert.equal(pUncovered1.mean, 1 / 3)
    assert.equal(overLiquidation.mean, 500 / 300)
    assert.ok(overLiquidation.low < overLiquidation.mean && overLiquidation.mean < overLiquidation.high)
    assert.ok(Math.abs(liquidatedAccounts.mean - 0.2) < 1e-12)
    assert.equal(lar95.mean, 0.4)
    const nothing = new MetricsSummary()
    nothing.add(new Float64Array(METRIC_COLUMNS), 0)
    assert.deepEqual(nothing.numbers(), {
      liquidatedAccounts: 0,
      badDebt: 0,
      systemLoss: 0,
      var95: 0,
      var99: 0,
      es95: 0,
      es99: 0,
      lar95: 0,
      pUncovered1: 0,
      borrowerCost: 0,
      overLiquidation: 1,
    })
  })
})
