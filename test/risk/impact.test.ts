import assert from 'node:assert/strict'
import { almgrenChriss, type Liquidation, scheduleCost } from '../../risk/impact/almgren-chriss.ts'
import { IMPACTS, logMove, recovery } from '../../risk/impact/impact.ts'
import { minimize } from '../../risk/minimize.ts'

/** The example of the paper: a million shares at 50, five days, one trade a day. */
const PAPER: Liquidation = {
  units: 1e6,
  seconds: 5,
  intervals: 5,
  sigma: 0.95,
  permanent: 2.5e-7,
  temporary: 2.5e-6,
  aversion: 1e-6,
}

describe('impact', () => {
  it('linear is size over depth, the square root agrees with it at 1 %, both are odd', () => {
    assert.equal(logMove('linear', 5, 100), 0.05)
    assert.ok(Math.abs(logMove('sqrt', 1, 100) - 0.01) < 1e-15)
    assert.ok(Math.abs(logMove('sqrt', 4, 100) - 0.02) < 1e-15)
    for (const impact of IMPACTS) {
      assert.equal(logMove(impact, -3, 100) + logMove(impact, 3, 100), 0)
      assert.equal(logMove(impact, 0, 0), 0)
    }
    assert.equal(logMove('none', 3, 0), 0)
    assert.throws(() => logMove('linear', 3, 0), /without depth/)
    assert.equal(recovery(3600, 3600), 0.5)
    assert.equal(recovery(1e9, Infinity), 1)
  })
})

describe('the Almgren-Chriss schedule', () => {
  it("has the decay of the paper's example", () => {
    const { holdings } = almgrenChriss(PAPER)
    // kappa solves 2 (cosh kappa - 1) = 1e-6 0.95^2 / 2.375e-6: 0.6071, a half-life of 1.6 days in the paper's measure 1 / kappa.
    const kappa = Math.acosh(1 + (1e-6 * 0.9025) / 2.375e-6 / 2)
    assert.ok(Math.abs(1 / kappa - 1.647) < 0.001)
    holdings.forEach((x, i) =>
      assert.ok(Math.abs(x - (1e6 * Math.sinh(kappa * (5 - i))) / Math.sinh(5 * kappa)) < 1e-3),
    )
    assert.equal(holdings[5], 0)
  })

  it('is the cheapest: a numerical minimum over all schedules comes to the same', () => {
    const optimal = almgrenChriss(PAPER)
    const value = (inner: readonly number[]) => {
      const { cost, variance } = scheduleCost(Float64Array.of(1e6, ...inner.map((x) => x * 1e6), 0), PAPER)
      return cost + PAPER.aversion * variance
    }
    const found = minimize(value, [0.8, 0.6, 0.4, 0.2], { step: 0.1, tolerance: 1e-13, restarts: 3 })
    const best = optimal.cost + PAPER.aversion * optimal.variance
    assert.ok(best <= found.value * (1 + 1e-9) && Math.abs(found.value / best - 1) < 1e-6)
    found.point.forEach((x, i) => assert.ok(Math.abs(x - optimal.holdings[i + 1]! / 1e6) < 1e-3))
  })

  it('without aversion sells evenly at the cost of the closed form, with much of it at once', () => {
    const even = almgrenChriss({ ...PAPER, aversion: 0 })
    even.holdings.forEach((x, i) => assert.ok(Math.abs(x - 1e6 * (1 - i / 5)) < 1e-6))
    // gamma X^2 / 2 + eta~ X^2 / T.
    assert.ok(Math.abs(even.cost - (1.25e5 + 2.375e-6 * 2e11)) < 1e-3)
    // The variance sigma^2 X^2 T (1 - 1/N)(1 - 1/2N) / 3.
    assert.ok(Math.abs(even.variance / ((0.9025 * 1e12 * 5 * 0.8 * 0.9) / 3) - 1) < 1e-12)
    const hasty = almgrenChriss({ ...PAPER, aversion: 1e3 })
    assert.ok(hasty.holdings[1]! < 10)
    assert.throws(() => almgrenChriss({ ...PAPER, intervals: 1, seconds: 50 }), /take shorter intervals/)
    // Long and fine: no overflow.
    assert.ok(
      almgrenChriss({ ...PAPER, seconds: 86_400, intervals: 1000, permanent: 0, aversion: 1 }).holdings.every(
        Number.isFinite,
      ),
    )
  })
})
