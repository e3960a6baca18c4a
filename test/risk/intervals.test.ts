import assert from 'node:assert/strict'
import {
  blockBootstrapInterval,
  bootstrapInterval,
  type Interval,
  meanInterval,
  shareInterval,
} from '../../risk/metrics/interval.ts'
import {
  expectedShortfall,
  expectedShortfallInterval,
  valueAtRisk,
  valueAtRiskInterval,
} from '../../risk/metrics/tail.ts'
import { Random } from '../../risk/random.ts'

const mean = (values: Float64Array) => values.reduce((sum, x) => sum + x, 0) / values.length
const sample = (count: number, draw: () => number) => Float64Array.from({ length: count }, draw)

/** How many of `runs` intervals hold the truth. */
function coverage(runs: number, truth: number, interval: (run: number) => Interval): number {
  let held = 0
  for (let r = 0; r < runs; r++) {
    const { low, high } = interval(r)
    if (low <= truth && truth <= high) held++
  }
  return held / runs
}

describe('value-at-risk and expected shortfall', () => {
  it('are those of the definition on a few losses', () => {
    const losses = Float64Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10)
    assert.equal(valueAtRisk(losses, 0.9), 9)
    assert.equal(expectedShortfall(losses, 0.9), 10)
    assert.equal(valueAtRisk(losses, 0.95), 10)
    assert.ok(Math.abs(expectedShortfall(losses, 0.95) - 10) < 1e-12)
    // The worst 25 %: 10, 9 and half of 8.
    assert.equal(valueAtRisk(losses, 0.75), 8)
    assert.ok(Math.abs(expectedShortfall(losses, 0.75) - (10 + 9 + 4) / 2.5) < 1e-12)
    assert.ok(Math.abs(expectedShortfall(losses, 0) - 5.5) < 1e-12)
    assert.equal(valueAtRisk(Float64Array.of(), 0.95), 0)
  })

  it('are those of the normal and of Student t', () => {
    const random = new Random(4)
    const normal = sample(150_000, () => random.normal()).sort()
    const near = (value: number, expected: number, tolerance: number) =>
      assert.ok(Math.abs(value - expected) < tolerance, `${value}, expected ${expected}`)
    near(valueAtRisk(normal, 0.95), 1.644854, 0.025)
    near(valueAtRisk(normal, 0.99), 2.326348, 0.04)
    near(expectedShortfall(normal, 0.95), 2.062713, 0.025)
    near(expectedShortfall(normal, 0.99), 2.665214, 0.05)
    // t with 4 degrees: quantile 2.131847; ES = f(q) (4 + q^2) / 3 / (1 - level), f(q) = 3/8 (1 + q^2/4)^(-5/2).
    const q = 2.131847
    const expected = (0.375 * (1 + q ** 2 / 4) ** -2.5 * (4 + q * q)) / 3 / 0.05
    const t = sample(150_000, () => random.student(4)).sort()
    near(valueAtRisk(t, 0.95), q, 0.05)
    near(expectedShortfall(t, 0.95), expected, 0.12)
  })

  it('have bounds that hold the truth as often as they say', () => {
    const random = new Random(9)
    const losses = () => sample(1000, () => random.exponential(1))
    const var95 = coverage(300, Math.log(20), () => valueAtRiskInterval(losses(), 0.95))
    assert.ok(var95 > 0.91 && var95 < 0.985, `VaR ${var95}`)
    // ES of the exponential: the quantile plus 1.
    const es95 = coverage(150, Math.log(20) + 1, (r) =>
      expectedShortfallInterval(losses(), 0.95, { seed: r, resamples: 200 }),
    )
    assert.ok(es95 > 0.86, `ES ${es95}`)
  })
})

describe('confidence intervals', () => {
  it('of a mean and a share are the textbook ones', () => {
    const { mean: center, low, high } = meanInterval([1, 2, 3, 4])
    const half = 1.959963984540054 * Math.sqrt(5 / 3 / 4)
    assert.deepEqual([center, low, high], [2.5, 2.5 - half, 2.5 + half])
    assert.deepEqual(meanInterval([7]), { mean: 7, low: 7, high: 7 })
    // Wilson's bounds of 1 in 10 and 0 in 10 (R. Newcombe, 1998): 0.0179 to 0.4042, 0 to 0.2775.
    const one = shareInterval(1, 10)
    assert.ok(Math.abs(one.low - 0.0179) < 1e-4 && Math.abs(one.high - 0.4042) < 1e-4)
    const none = shareInterval(0, 10)
    assert.ok(none.low === 0 && Math.abs(none.high - 0.2775) < 1e-4)
    assert.equal(shareInterval(10, 10).high, 1)
    assert.deepEqual(shareInterval(0, 0), { mean: 0, low: 0, high: 1 })
  })

  it('hold the truth as often as they say', () => {
    const random = new Random(12)
    const runs = 300
    const normal = coverage(runs, 1, () => meanInterval(sample(200, () => random.exponential(1))))
    const share = coverage(runs, 0.01, () => {
      const hits = sample(500, () => (random.uniform() < 0.01 ? 1 : 0))
      return shareInterval(mean(hits) * 500, 500)
    })
    const boot = coverage(runs, 1, (r) =>
      bootstrapInterval(
        sample(200, () => random.exponential(1)),
        mean,
        { seed: r, resamples: 150 },
      ),
    )
    for (const [name, value] of Object.entries({ normal, share, boot }))
      assert.ok(value > 0.905 && value < 0.985, `${name} ${value}`)
  })

  it('of blocks hold it where values depend on their neighbors, and of single values do not', () => {
    const random = new Random(13)
    const autoregressive = () => {
      let x = random.normal()
      // Stationary AR(1) of coefficient 0.8: mean 0.
      return sample(600, () => (x = 0.8 * x + 0.6 * random.normal()))
    }
    const blocks = coverage(120, 0, (r) =>
      blockBootstrapInterval(autoregressive(), 30, mean, { seed: r, resamples: 120 }),
    )
    const single = coverage(120, 0, (r) => bootstrapInterval(autoregressive(), mean, { seed: r, resamples: 120 }))
    assert.ok(blocks > 0.86 && blocks < 0.99, `blocks ${blocks}`)
    assert.ok(single < 0.65, `single ${single}`)
  })
})
