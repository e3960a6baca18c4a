import assert from 'node:assert/strict'
import { formatDate, parseDate, yearOf, yearStart } from '../../risk/evaluation/calendar.ts'
import { chiSquareTail, christoffersen, kupiec, pinball, qlike, upperQuantile } from '../../risk/evaluation/coverage.ts'
import { ratioInterval } from '../../risk/evaluation/score.ts'
import { Random } from '../../risk/random.ts'

describe('tests of a quantile forecast', () => {
  it('know the tail of chi-square with one degree of freedom', () => {
    // Tables, and for the last ones 2 (1 - Phi(z)) to 15 digits.
    const tail: [number, number][] = [
      [0, 1],
      [0.0157908, 0.9],
      [0.454936, 0.5],
      [2.705543, 0.1],
      [3.841459, 0.05],
      [6.634897, 0.01],
      [10.827566, 0.001],
      [16, 6.334248366623996e-5],
      [49, 2.559625087771671e-12],
    ]
    for (const [statistic, p] of tail)
      assert.ok(Math.abs(chiSquareTail(statistic) / p - 1) < 2e-6, `${statistic}: ${chiSquareTail(statistic)}`)
    // No step where series and continued fraction meet.
    const at = 2 * 2.5 ** 2
    assert.ok(Math.abs(chiSquareTail(at - 1e-9) / chiSquareTail(at + 1e-9) - 1) < 1e-8)
  })

  it("Kupiec's accepts the published numbers of exceedances and no others", () => {
    // Kupiec (1995), as in P. Jorion, Value at risk, table 6-2: non-rejection at 95 %; it names no lower end for the first.
    const regions: [number, number, number, number][] = [
      [0.01, 255, 1, 6],
      [0.01, 510, 2, 10],
      [0.01, 1000, 5, 16],
      [0.025, 255, 3, 11],
      [0.025, 510, 7, 20],
      [0.025, 1000, 16, 35],
      [0.05, 255, 7, 20],
      [0.05, 510, 17, 35],
      [0.05, 1000, 38, 64],
      [0.1, 255, 17, 35],
      [0.1, 1000, 82, 119],
    ]
    for (const [share, total, least, most] of regions) {
      const accepted = Array.from({ length: total + 1 }, (_, n) => n).filter((n) => kupiec(n, total, share) > 0.05)
      assert.deepEqual([accepted[0], accepted.at(-1)], [least, most], `${share} of ${total}`)
    }
    // All of the wrong kind is no division by zero.
    assert.ok(kupiec(100, 100, 0.01) < 1e-100 || kupiec(100, 100, 0.01) === 0)
    assert.equal(kupiec(0, 0, 0.01), 1)
  })

  it("Christoffersen's is the likelihood ratio worked out by hand", () => {
    // 0 0 1 1 0 0 0 1 0 0: from 0: four 0, two 1; from 1: two 0, one 1. The ratio is 0: 2/6 and 1/3 are equal.
    assert.equal(christoffersen([0, 0, 1, 1, 0, 0, 0, 1, 0, 0]), 1)
    // Four zeros, four ones: n00 = 3, n01 = 1, n11 = 3; ln L0 = 4 ln(4/7) + 3 ln(3/7), ln L1 = 3 ln(3/4) + ln(1/4).
    const ratio = 2 * (3 * Math.log(0.75) + Math.log(0.25) - 3 * Math.log(3 / 7) - 4 * Math.log(4 / 7))
    assert.ok(Math.abs(christoffersen([0, 0, 0, 0, 1, 1, 1, 1]) - chiSquareTail(ratio)) < 1e-12)
    assert.equal(christoffersen([]), 1)
    assert.equal(christoffersen([0, 0, 0]), 1)
  })

  it('reject what is right as often as they should, and what clusters nearly always', () => {
    const random = new Random(8)
    let [kupiecs, independents, clustered] = [0, 0, 0]
    const runs = 600
    for (let r = 0; r < runs; r++) {
      const hits = Array.from({ length: 1000 }, () => random.uniform() < 0.05)
      if (kupiec(hits.filter(Boolean).length, hits.length, 0.05) < 0.05) kupiecs++
      if (christoffersen(Array.from({ length: 1000 }, () => random.uniform() < 0.2)) < 0.05) independents++
      let last = false
      const chained = Array.from({ length: 1000 }, () => (last = random.uniform() < (last ? 0.3 : 0.035)))
      if (christoffersen(chained) < 0.05) clustered++
    }
    // Discrete, so not exactly 5 %; three standard errors are 2.7 points, 16 runs.
    assert.ok(kupiecs > 14 && kupiecs < 50, `kupiec ${kupiecs}`)
    assert.ok(independents > 14 && independents < 50, `christoffersen ${independents}`)
    assert.ok(clustered > 570, `clustered ${clustered}`)
  })

  it('score: pinball is least at the quantile, QLIKE at the variance', () => {
    assert.equal(pinball(3, 1, 0.01), 2 * 0.99)
    assert.equal(pinball(1, 3, 0.01), 2 * 0.01)
    const random = new Random(2)
    const values = Float64Array.from({ length: 20_000 }, () => random.exponential(1))
    const loss = (q: number) => values.reduce((sum, x) => sum + pinball(x, q, 0.1), 0)
    const best = upperQuantile(values.slice(), 0.1)
    assert.ok(Math.abs(best - Math.log(10)) < 0.1)
    assert.ok(loss(best) <= Math.min(loss(best * 0.97), loss(best * 1.03)))
    const variance = values.reduce((sum, x) => sum + x * x, 0) / values.length
    const q = (v: number) => values.reduce((sum, x) => sum + qlike(x * x, v), 0)
    assert.ok(q(variance) < Math.min(q(variance * 0.98), q(variance * 1.02)))
  })

  it('the upper quantile is exceeded by at most its share', () => {
    const values = Float64Array.from({ length: 100 }, (_, i) => (i * 37) % 100)
    assert.equal(upperQuantile(values.slice(), 0.01), 98)
    assert.equal(upperQuantile(values.slice(), 0.05), 94)
    assert.equal(upperQuantile(values.slice(), 0.055), 94)
    assert.equal(upperQuantile(Float64Array.of(5), 0.5), 5)
  })

  it('bounds of a ratio of losses hold it as often as they say', () => {
    const random = new Random(21)
    let held = 0
    const runs = 100
    for (let r = 0; r < runs; r++) {
      // Losses that cluster over days, common to both models: ratio of expectations 0.9.
      let level = 1
      const base = new Float64Array(168 * 60)
      const losses = base.map((_, i) => {
        if (i % 24 === 0) level = random.exponential(1)
        base[i] = level * random.exponential(1)
        return 0.9 * level * random.exponential(1)
      })
      const { low, high } = ratioInterval(losses, base, { seed: r, resamples: 200 })
      if (low <= 0.9 && high >= 0.9) held++
    }
    assert.ok(held >= 87 && held <= 99, `${held} of ${runs}`)
  })
})

describe('dates', () => {
  it('are read strictly and written back', () => {
    assert.equal(parseDate('2022-01-01', '--from'), yearStart(2022))
    assert.equal(formatDate(parseDate('2024-02-29', '--from')), '2024-02-29')
    assert.equal(yearOf(yearStart(2020) - 1), 2019)
    for (const text of ['2023-02-29', '2022-1-1', '2022-13-01', 'today', '2022-01-01T00:00', '']) {
      assert.throws(() => parseDate(text, '--from'), { message: `--from "${text}" is not a date like 2022-01-31.` })
    }
  })
})
