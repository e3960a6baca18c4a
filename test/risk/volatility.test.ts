import assert from 'node:assert/strict'
import type { Series } from '../../risk/data/series.ts'
import { minimize } from '../../risk/minimize.ts'
import { Random } from '../../risk/random.ts'
import { DAILY_DECAY, ewma } from '../../risk/volatility/ewma.ts'
import { DOWNSIDE, fitFormula, formulaQuantiles, scales } from '../../risk/volatility/formula.ts'
import {
  fitGarch,
  type Garch,
  garchVariances,
  horizonVariance,
  longRunVariance,
  persistence,
} from '../../risk/volatility/garch.ts'
import { fitHar, HAR_WINDOWS, harMeans, harVariances } from '../../risk/volatility/har.ts'
import { drops, type Hourly, hourly, realizedVariances } from '../../risk/volatility/hourly.ts'
import {
  annualVolatility,
  closeToClose,
  garmanKlass,
  parkinson,
  rogersSatchell,
} from '../../risk/volatility/realized.ts'

const mean = (values: Float64Array) => values.reduce((sum, x) => sum + x, 0) / values.length
const near = (value: number, expected: number, tolerance: number, what = '') =>
  assert.ok(Math.abs(value - expected) <= tolerance, `${what} ${value}, expected ${expected} within ${tolerance}`)

/**
 * Bars of a Brownian motion in log price with `drift` and variance 1e-4 a bar: between steps its extremes are drawn as well (the greatest of
 * a Brownian bridge is `(a + b + sqrt((b - a)^2 - 2 s^2 ln u)) / 2`), so that the range is the continuous one.
 */
function brownianBars(bars: number, steps: number, drift: number): Series {
  const random = new Random(17)
  const columns = Array.from({ length: 4 }, () => new Float64Array(bars))
  let x = 0
  for (let i = 0; i < bars; i++) {
    let [low, high] = [x, x]
    columns[0]![i] = Math.exp(x)
    for (let k = 0; k < steps; k++) {
      const from = x
      const s2 = 1e-4 / steps
      x += drift / steps + Math.sqrt(s2) * random.normal()
      const reach = () => Math.sqrt((x - from) ** 2 - 2 * s2 * Math.log(1 - random.uniform()))
      high = Math.max(high, (from + x + reach()) / 2)
      low = Math.min(low, (from + x - reach()) / 2)
    }
    columns[1]![i] = Math.exp(high)
    columns[2]![i] = Math.exp(low)
    columns[3]![i] = Math.exp(x)
  }
  const [open, high, low, close] = columns as [Float64Array, Float64Array, Float64Array, Float64Array]
  return {
    symbol: 'X',
    unix: Float64Array.from(open, (_, i) => i * 3600),
    open,
    high,
    low,
    close,
    report: { missingHours: 0, duplicates: 0, flatHours: 0, cutLows: 0, cutHighs: 0 },
  }
}

/** Hours with given returns and no gaps, no range. */
function hours(returns: Float64Array): Hourly {
  const close = new Float64Array(returns.length)
  let price = 100
  returns.forEach((r, i) => (close[i] = price *= i === 0 ? 1 : Math.exp(r)))
  return hourly({
    symbol: 'X',
    unix: close.map((_, i) => 3600 * (i + 1)),
    open: close,
    high: close,
    low: close,
    close,
    report: { missingHours: 0, duplicates: 0, flatHours: 0, cutLows: 0, cutHighs: 0 },
  })
}

function simulateGarch({ omega, alpha, gamma, beta, freedom }: Garch, count: number, seed: number): Float64Array {
  const random = new Random(seed)
  let v = longRunVariance({ omega, alpha, gamma, beta, freedom })
  const unit = freedom === Infinity ? 1 : Math.sqrt((freedom - 2) / freedom)
  return Float64Array.from({ length: count }, () => {
    const r = Math.sqrt(v) * (freedom === Infinity ? random.normal() : unit * random.student(freedom))
    v = omega + (r < 0 ? alpha + gamma : alpha) * r * r + beta * v
    return r
  })
}

describe('the simplex', () => {
  it("finds the valley of Rosenbrock's function and a minimum without a slope", () => {
    const { point } = minimize(([x, y]) => (1 - x!) ** 2 + 100 * (y! - x! ** 2) ** 2, [-1.2, 1], { tolerance: 1e-14 })
    near(point[0]!, 1, 1e-4)
    near(point[1]!, 1, 1e-4)
    const corner = minimize(([x, y, z]) => Math.abs(x! - 3) + 2 * Math.abs(y! + 1) + Math.abs(z!), [0, 0, 1], {
      tolerance: 1e-12,
      restarts: 3,
    })
    corner.point.forEach((x, i) => near(x, [3, -1, 0][i]!, 1e-3))
    assert.ok(
      minimize(([x]) => (x! < 0 ? Number.NaN : (x! - 1) ** 2), [5]).value < 1e-6,
      'a value that is no number is avoided',
    )
  })
})

describe('estimators of variance', () => {
  it('are unbiased on Brownian bars, and the range is worth several closes', () => {
    const bars = brownianBars(6000, 40, 0)
    const estimates = { closeToClose, parkinson, garmanKlass, rogersSatchell }
    const tolerance = { closeToClose: 0.08, parkinson: 0.035, garmanKlass: 0.03, rogersSatchell: 0.035 }
    const spread = (values: Float64Array) => Math.sqrt(mean(values.map((x) => x * x)) / mean(values) ** 2 - 1)
    for (const [name, estimate] of Object.entries(estimates)) {
      near(mean(estimate(bars)) / 1e-4, 1, tolerance[name as keyof typeof estimates], name)
    }
    // Efficiencies against one close: 4.9, 7.4 and 6.0 in theory.
    const efficiency = (values: Float64Array) => (spread(closeToClose(bars)) / spread(values)) ** 2
    assert.ok(
      efficiency(parkinson(bars)) > 3.5 && efficiency(garmanKlass(bars)) > 5 && efficiency(rogersSatchell(bars)) > 4,
    )
    near(annualVolatility(Float64Array.of(1e-4, 1e-4), 3600), 0.01 * Math.sqrt(8760), 1e-12)
  })

  it('differ with a drift: Rogers and Satchell do not see it', () => {
    const bars = brownianBars(6000, 40, 0.02)
    near(mean(rogersSatchell(bars)) / 1e-4, 1, 0.04, 'Rogers-Satchell')
    assert.ok(mean(parkinson(bars)) > 2e-4 && mean(closeToClose(bars)) > 4e-4)
  })
})

describe('moving averages', () => {
  it('EWMA follows its recursion, over a gap too', () => {
    const simple = Float64Array.of(0, 0.01, -0.02, 0.03)
    const step = Float64Array.of(1, 1, 1, 3)
    const v = ewma({ simple, step })
    const start = (0.01 ** 2 + 0.02 ** 2 + 0.03 ** 2) / 3
    let expected = start
    near(v[0]!, start, 1e-18)
    for (const r of [0.01, -0.02]) expected = expected * DAILY_DECAY + (1 - DAILY_DECAY) * r * r
    near(v[2]!, expected, 1e-18)
    near(v[3]!, expected * DAILY_DECAY ** 3 + (1 - DAILY_DECAY ** 3) * 3e-4, 1e-18)
  })

  it('the three scales forget by their half-lives', () => {
    const simple = new Float64Array(400)
    simple[1] = 0.1
    const [s2, s5, s8] = scales({ simple, step: new Float64Array(400).fill(1) })
    const start = 16_834_000_000 / 2 ** 48
    // One hour's square, seen after it and k hours later.
    for (const [s, n] of [
      [s2, 2],
      [s5, 5],
      [s8, 8],
    ] as const) {
      near(s[1]!, start * (1 - 2 ** -n) + 0.01 * 2 ** -n, 1e-15)
      near(s[101]!, s[1]! * (1 - 2 ** -n) ** 100, 1e-15)
    }
    near(Math.log(0.5) / Math.log(1 - 2 ** -5), 21.8, 0.1)
    const [s1] = scales({ simple: Float64Array.of(0, 0.1, -0.1), step: new Float64Array(3).fill(1) }, DOWNSIDE)
    near(s1[1]!, start / 2 + 0.0025 / 2, 1e-15)
    near(s1[2]!, s1[1]! / 2 + 0.01 / 2, 1e-15)
  })
})

describe('GARCH', () => {
  it('variances and their sums over a horizon follow from the recursion', () => {
    const model: Garch = { omega: 2e-6, alpha: 0.05, gamma: 0.1, beta: 0.85, freedom: Infinity }
    near(persistence(model), 0.95, 1e-12)
    near(longRunVariance(model), 4e-5, 1e-15)
    const v = garchVariances(Float64Array.of(0.01, -0.01), model)
    near(v[0]!, 2e-6 + 0.05e-4 + 0.85 * 4e-5, 1e-18)
    near(v[1]!, 2e-6 + 0.15e-4 + 0.85 * v[0]!, 1e-18)
    let [sum, one] = [0, 1e-4]
    for (let h = 0; h < 24; h++) {
      sum += one
      one = 2e-6 + 0.95 * one
    }
    near(horizonVariance(1e-4, model, 24), sum, 1e-15)
    near(horizonVariance(1e-4, model, 1), 1e-4, 1e-18)
  })

  it('parameters are recovered from simulated returns: normal GARCH', () => {
    const truth: Garch = { omega: 2e-6, alpha: 0.1, gamma: 0, beta: 0.85, freedom: Infinity }
    const fit = fitGarch(simulateGarch(truth, 20_000, 3), { innovations: 'normal' })
    near(fit.alpha, 0.1, 0.015, 'alpha')
    near(fit.beta, 0.85, 0.025, 'beta')
    near(longRunVariance(fit) / 4e-5, 1, 0.12, 'long-run variance')
    assert.equal(fit.gamma, 0)
  })

  it('parameters are recovered from simulated returns: GJR with Student t', () => {
    const truth: Garch = { omega: 1.2e-6, alpha: 0.03, gamma: 0.1, beta: 0.89, freedom: 5 }
    const returns = simulateGarch(truth, 25_000, 4)
    const fit = fitGarch(returns, { asymmetric: true })
    near(fit.alpha, 0.03, 0.012, 'alpha')
    near(fit.gamma, 0.1, 0.025, 'gamma')
    near(fit.beta, 0.89, 0.02, 'beta')
    near(fit.freedom, 5, 0.6, 'degrees of freedom')
    // No worse than the truth, and better than the models nested in it.
    const symmetric = fitGarch(returns)
    const normal = fitGarch(returns, { asymmetric: true, innovations: 'normal' })
    assert.ok(fit.logLikelihood > symmetric.logLikelihood + 50 && fit.logLikelihood > normal.logLikelihood + 200)
    const targeted = fitGarch(returns, { asymmetric: true, targeting: true, start: fit })
    near(longRunVariance(targeted) / mean(returns.map((r) => r * r)), 1, 1e-9, 'target')
    near(targeted.beta, 0.89, 0.02, 'beta with a target')
  })

  it('log likelihood is that of the densities', () => {
    // All bars after the first 50, summed directly.
    const returns = simulateGarch({ omega: 1e-5, alpha: 0.1, gamma: 0, beta: 0.8, freedom: 6 }, 400, 5)
    const fit = fitGarch(returns)
    const unit = mean(returns.map((r) => r * r))
    let v = unit
    let sum = 0
    const f = fit.freedom
    // The constant of the t density by its integral.
    let integral = 0
    for (let x = -400; x < 400; x += 1e-3) integral += (1 + (x * x) / (f - 2)) ** (-(f + 1) / 2) * 1e-3
    returns.forEach((r, i) => {
      if (i >= 50) sum += Math.log((1 + (r * r) / v / (f - 2)) ** (-(f + 1) / 2) / integral / Math.sqrt(v))
      v = fit.omega + fit.alpha * r * r + fit.beta * v
    })
    near(fit.logLikelihood, sum, 0.01)
  })
})

describe('HAR', () => {
  it('means are those of their windows', () => {
    const random = new Random(6)
    const log = Float64Array.from({ length: 1000 }, () => 0.01 * random.normal())
    const means = harMeans({ log })
    HAR_WINDOWS.forEach((window, k) => {
      const last = mean(log.slice(1000 - window).map((r) => r * r))
      near(means[k]![999]! / last, 1, 1e-9)
    })
    near(means[3]![9]!, mean(log.slice(0, 10).map((r) => r * r)), 1e-15)
  })

  it('weights are recovered', () => {
    const random = new Random(7)
    const means = HAR_WINDOWS.map(() => Float64Array.from({ length: 4000 }, () => 1e-4 * random.exponential(1)))
    const truth = { intercept: 1e-5, weights: [0.2, 0.4, 0.25, 0.1] }
    const expected = harVariances(means, truth)
    const rows = Array.from(expected.keys())
    const fit = fitHar(means, rows, (row) => expected[row]! * random.exponential(1))
    near(fit.intercept, 1e-5, 6e-6)
    fit.weights.forEach((weight, k) => near(weight, truth.weights[k]!, 0.06))
    const exact = fitHar(means, rows, (row) => expected[row]!)
    exact.weights.forEach((weight, k) => near(weight, truth.weights[k]!, 1e-3))
  })
})

describe('what forecasts are judged by', () => {
  it('drops look at the lows of the next hours, and not across a gap', () => {
    const unix = Float64Array.of(1, 2, 3, 4, 6, 7).map((hour) => hour * 3600)
    const close = Float64Array.of(100, 90, 95, 100, 100, 100)
    const low = Float64Array.of(99, 80, 94, 99, 97, 98)
    const data = hourly({
      symbol: 'X',
      unix,
      open: close,
      high: close.map((x) => x + 5),
      low,
      close,
      report: { missingHours: 1, duplicates: 0, flatHours: 0, cutLows: 0, cutHighs: 0 },
    })
    assert.deepEqual(
      Array.from(drops(data, 1))
        .slice(0, 3)
        .map((x) => x.toFixed(4)),
      ['0.2000', '0.0000', '0.0000'],
    )
    assert.ok(Number.isNaN(drops(data, 1)[3]!), 'the next hour is missing')
    assert.deepEqual(
      [2, 3].map((i) => drops(data, 2)[i]),
      [Number.NaN, Number.NaN],
    )
    near(drops(data, 2)[0]!, 0.2, 1e-12)
    near(drops(data, 1)[4]!, 0.02, 1e-12)
    assert.ok(Number.isNaN(drops(data, 1)[5]!), 'the future is not known')
    near(realizedVariances(data, 2)[0]!, Math.log(0.9) ** 2 + Math.log(95 / 90) ** 2, 1e-15)
    assert.equal(data.time[0], 2 * 3600)
  })
})

describe('the formula', () => {
  it('constants are recovered from drops drawn around it', () => {
    const random = new Random(10)
    const truth = { C0: 2e-4, C1: 9, C2: 4, C3: 1 }
    const log = simulateGarch({ omega: 2e-6, alpha: 0.12, gamma: 0, beta: 0.86, freedom: 6 }, 12_000, 11)
    const data = hours(log)
    const sample = scales(data)
    const q = formulaQuantiles(sample, truth)
    // Exponential drops whose 5 % upper quantile is q.
    const fit = fitFormula([{ scales: sample, drops: q.map((x) => x * random.exponential(Math.log(20))) }], 0.05)
    const again = formulaQuantiles(sample, fit)
    near(mean(again.map((x, i) => Math.abs(x / q[i]! - 1))), 0, 0.05, 'mean distance')
    near(fit.C1, 9, 3, 'C1')
    near(fit.C0, 2e-4, 1e-4, 'C0')
    assert.ok(fit.pinball > 0 && fit.C2 >= 0 && fit.C3 >= 0)
  })
})
