import assert from 'node:assert/strict'
import { HISTORY_SYMBOLS } from '../../risk/data/history.ts'
import { calibrate } from '../../risk/paths/calibrate.ts'
import { CALIBRATION } from '../../risk/paths/calibration.ts'
import { createPathModel } from '../../risk/paths/create-path-model.ts'
import { fitHawkes, meanIntensity, simulateHawkes } from '../../risk/paths/hawkes.ts'
import { jumps } from '../../risk/paths/jumps.ts'
import { PATH_MODELS, type PathModel, type PathSpec } from '../../risk/paths/path-model.ts'
import { Random } from '../../risk/random.ts'
import { fitGarch } from '../../risk/volatility/garch.ts'

const SPEC: PathSpec = { model: 'gbm', symbols: ['ETH', 'BTC'], steps: 288, stepSeconds: 300, seed: 1 }
const DAYS = 365

/** Ends, mean squared log returns of whole paths and of their steps, and the correlation of the ends of the first two assets. */
function summary(model: PathModel, { steps, symbols }: PathSpec, count: number) {
  const assets = symbols.length
  const out = new Float64Array((steps + 1) * assets)
  const ends: number[] = []
  let [square, steps2, product, other] = [0, 0, 0, 0]
  for (let path = 0; path < count; path++) {
    model.fill(path, out)
    const end = Math.log(out[steps * assets]!)
    const second = Math.log(out[steps * assets + assets - 1]!)
    ends.push(Math.exp(end))
    square += end * end
    other += second * second
    product += end * second
    for (let i = 1; i <= steps; i++) steps2 += Math.log(out[i * assets]! / out[(i - 1) * assets]!) ** 2
  }
  const mean = ends.reduce((sum, x) => sum + x, 0) / count
  return {
    ends,
    mean,
    error: Math.sqrt(square) / count,
    variance: square / count,
    quadratic: steps2 / count,
    correlation: product / Math.sqrt(square * other),
  }
}

/** Returns of the first asset over many hours of one path. */
function hourlyReturns(spec: PathSpec, count: number): Float64Array {
  const out = new Float64Array((count + 1) * spec.symbols.length)
  createPathModel({ ...spec, steps: count, stepSeconds: 3600 }).fill(0, out)
  return Float64Array.from({ length: count }, (_, i) =>
    Math.log(out[(i + 1) * spec.symbols.length]! / out[i * spec.symbols.length]!),
  )
}

/** The standard normal's distribution function, by the series of its integral (ten digits in the range used). */
function phi(x: number): number {
  let [term, sum] = [x, x]
  for (let n = 1; n < 120; n++) {
    term *= (x * x) / (2 * n + 1)
    sum += term
  }
  return 0.5 + (sum * Math.exp((-x * x) / 2)) / Math.sqrt(2 * Math.PI)
}

describe('path models', () => {
  for (const model of PATH_MODELS) {
    it(`${model}: starts at 1, depends on seed and path alone, keeps its hours whatever the step`, () => {
      const spec = { ...SPEC, model, steps: 36 }
      const first = createPathModel(spec)
      const fill = (source: PathModel, path: number, rows = 37) => {
        const out = new Float64Array(rows * 2)
        source.fill(path, out)
        return out
      }
      const five = fill(first, 5)
      fill(first, 9)
      assert.deepEqual(fill(first, 5), five)
      assert.deepEqual(fill(createPathModel(spec), 5), five)
      assert.notDeepEqual(fill(first, 6), five)
      assert.notDeepEqual(fill(createPathModel({ ...spec, seed: 2 }), 5), five)
      assert.deepEqual(Array.from(five.slice(0, 2)), [1, 1])
      assert.ok(five.every((price) => price > 0 && Number.isFinite(price)))
      // A path of more steps begins with the shorter one.
      assert.deepEqual(fill(createPathModel({ ...spec, steps: 40 }), 5, 41).slice(0, 74), five)
      if (model === 'gbm' || model === 'jumps') return
      const hours = fill(createPathModel({ ...spec, steps: 3, stepSeconds: 3600 }), 5, 4)
      const whole = fill(createPathModel({ ...spec, steps: 1, stepSeconds: 10_800 }), 5, 2)
      for (let a = 0; a < 2; a++) {
        for (let h = 1; h <= 3; h++) assert.ok(Math.abs(hours[2 * h + a]! / five[24 * h + a]! - 1) < 1e-12)
        assert.ok(Math.abs(whole[2 + a]! / five[72 + a]! - 1) < 1e-12)
      }
    })
  }

  it('have no drift, and their steps the variance of their days', () => {
    const count = 1000
    for (const model of PATH_MODELS) {
      const spec = { ...SPEC, model }
      const { mean, error, variance, quadratic } = summary(createPathModel(spec), spec, count)
      assert.ok(Math.abs(mean - 1) < 4 * error, `${model}: mean ${mean} +- ${error}`)
      // Heavy tails: the mean of a square is itself uncertain.
      assert.ok(Math.abs(quadratic / variance - 1) < 0.3, `${model}: ${quadratic} against ${variance}`)
    }
  })

  it('gbm has the volatility, the correlation and the normal quantiles asked for', () => {
    const spec: PathSpec = { ...SPEC, steps: 48, stepSeconds: 1800, sigma: 0.8, correlation: 0.6 }
    const count = 20_000
    const { ends, variance, correlation } = summary(createPathModel(spec), spec, count)
    assert.ok(Math.abs(variance / (0.64 / DAYS) - 1) < 0.05)
    assert.ok(Math.abs(correlation - 0.6) < 0.03)
    const s = Math.sqrt(0.64 / DAYS)
    const sorted = ends.sort((a, b) => a - b)
    for (const [share, z] of [
      [0.01, -2.326348],
      [0.5, 0],
      [0.95, 1.644854],
    ] as const) {
      const quantile = Math.log(sorted[Math.floor(share * count)]!)
      assert.ok(Math.abs((quantile + (s * s) / 2) / s - z) < 0.07, `${share}`)
    }
  })

  it('gbm touches a barrier as often as its closed form, with the correction for steps', () => {
    // P(touch e^-b by T) without drift in price: N((-b + s2/2) / s) + e^(-b) N((-b - s2/2) / s) reversed for log drift -s2/2; between n steps
    // the barrier is as if 0.5826 s / sqrt(n) further off (M. Broadie, P. Glasserman and S. Kou, 1997).
    const sigma = 0.9
    const count = 8000
    for (const steps of [12, 96]) {
      const spec: PathSpec = { ...SPEC, symbols: ['ETH'], steps, stepSeconds: 86_400 / steps, sigma }
      const model = createPathModel(spec)
      const out = new Float64Array(steps + 1)
      const s2 = (sigma * sigma) / DAYS
      const s = Math.sqrt(s2)
      const barrier = 0.06
      let touched = 0
      for (let path = 0; path < count; path++) {
        model.fill(path, out)
        if (out.some((price) => price <= Math.exp(-barrier))) touched++
      }
      const closed = (b: number) => phi((-b + s2 / 2) / s) + Math.exp(b) * phi((-b - s2 / 2) / s)
      const expected = closed(barrier + (0.5826 * s) / Math.sqrt(steps))
      const error = Math.sqrt((expected * (1 - expected)) / count)
      assert.ok(
        Math.abs(touched / count - expected) < 3.5 * error,
        `${steps} steps: ${touched / count}, expected ${expected}`,
      )
      // The test would fail without the correction.
      if (steps === 12) assert.ok(Math.abs(touched / count - closed(barrier)) > 5 * error, 'the correction matters')
    }
  })

  it('student and jumps have heavier tails than gbm, and the volatility asked for', () => {
    for (const model of ['student', 'jumps'] as const) {
      const squares = hourlyReturns({ ...SPEC, model, symbols: ['ETH'], sigma: 0.8 }, 60_000).map((r) => r * r)
      const variance = squares.reduce((sum, x) => sum + x, 0) / squares.length
      const kurtosis = squares.reduce((sum, x) => sum + x * x, 0) / squares.length / variance ** 2
      assert.ok(Math.abs(variance / (0.64 / 8760) - 1) < 0.12, `${model}: ${variance / (0.64 / 8760)}`)
      assert.ok(kurtosis > 6, `${model}: kurtosis ${kurtosis}`)
    }
  })

  it('gjr gives back the parameters it was made from', () => {
    // Its mean variance is made by rare bursts (t with 3.5 degrees), so a sample says little of it; the recursion it says well.
    const { gjr } = CALIBRATION.assets.ETH
    const fit = fitGarch(hourlyReturns({ ...SPEC, model: 'gjr', symbols: ['ETH'] }, 25_000), {
      asymmetric: true,
      start: gjr,
    })
    assert.ok(Math.abs(fit.alpha + fit.gamma / 2 - gjr.alpha - gjr.gamma / 2) < 0.012, JSON.stringify(fit))
    assert.ok(Math.abs(fit.beta - gjr.beta) < 0.015 && Math.abs(fit.freedom - gjr.freedom) < 0.35, JSON.stringify(fit))
    assert.ok(Math.abs(Math.log(fit.omega / gjr.omega)) < 0.5, JSON.stringify(fit))
  })

  it('fhs and bootstrap move like the history they draw from', () => {
    for (const model of ['fhs', 'bootstrap'] as const) {
      const spec: PathSpec = { ...SPEC, model, symbols: ['ETH', 'SOL'], steps: 24, stepSeconds: 3600 }
      const { variance, correlation } = summary(createPathModel(spec), spec, 3000)
      // ETH since September 2020, where SOL begins: some 0.8 a year.
      const annual = Math.sqrt(variance * DAYS)
      assert.ok(annual > 0.6 && annual < 1.05, `${model}: ${annual}`)
      assert.ok(correlation > 0.5 && correlation < 0.85, `${model}: ${correlation}`)
      const scaled = { ...spec, sigma: 0.4 }
      const half = Math.sqrt(summary(createPathModel(scaled), scaled, 1500).variance * DAYS)
      assert.ok(half > 0.28 && half < 0.6, `${model}: ${half}`)
    }
  })

  it('say what stands for an asset, and refuse what they cannot do in one sentence', () => {
    assert.deepEqual(createPathModel({ ...SPEC, symbols: ['WETH'] }).notes, ['WETH moves as ETH.'])
    assert.deepEqual(createPathModel({ ...SPEC, symbols: ['GOLD'], sigma: 0.2 }).notes, [])
    assert.match(
      createPathModel({ ...SPEC, model: 'jumps', symbols: ['GOLD'], sigma: 0.2 }).notes[0]!,
      /^GOLD has no history: /,
    )
    assert.match(
      createPathModel({ ...SPEC, model: 'fhs' }).about!,
      /hours from 2017-10-01 to 2025-12-02 that ETH, BTC have in common/,
    )
    const refused: [Partial<PathSpec>, RegExp][] = [
      [
        { symbols: ['GOLD'] },
        /^GOLD has no history \(there is one of ETH, BTC, SOL, AVAX, LINK, DOGE\), which the model gbm needs\.$/,
      ],
      [{ symbols: ['GOLD'], sigma: 0.2, model: 'fhs' }, /^GOLD has no history/],
      [{ model: 'student', stepSeconds: 700 }, /^The model student moves by the hour: 700 seconds/],
      [{ model: 'fhs', correlation: 0.5 }, /^The model fhs draws the assets' moves together/],
      [{ symbols: ['ETH', 'BTC', 'SOL'], correlation: -0.5 }, /^3 assets cannot all have a correlation of -0\.5/],
      [{ correlation: 1.1 }, /^2 assets cannot all have a correlation of 1\.1/],
    ]
    for (const [change, message] of refused)
      assert.throws(() => createPathModel({ ...SPEC, ...change }), { name: 'PlimsollError', message })
    // A book of cash alone has no prices.
    for (const model of PATH_MODELS) createPathModel({ ...SPEC, model, symbols: [] }).fill(0, new Float64Array(0))
    // The ends of the range, and assets that are one.
    for (const change of [{ correlation: 1 }, { correlation: -0.9 }, { symbols: ['ETH', 'WETH'] }]) {
      const spec = { ...SPEC, ...change, steps: 12 }
      const { correlation } = summary(createPathModel(spec), spec, 800)
      assert.ok(Math.abs(correlation - (change.correlation ?? 1)) < 0.03, String(correlation))
    }
  })
})

describe('self-exciting jumps', () => {
  it('branching ratio, baseline and decay are recovered', () => {
    const truth = { baseline: 0.02, branching: 0.6, decay: 0.3 }
    const span = 60_000
    const events = simulateHawkes(truth, span, new Random(3))
    assert.ok(Math.abs(events.length / span / meanIntensity(truth) - 1) < 0.1)
    const fit = fitHawkes(events, span)
    assert.ok(Math.abs(fit.branching - 0.6) < 0.06, JSON.stringify(fit))
    assert.ok(Math.abs(fit.baseline / 0.02 - 1) < 0.15 && Math.abs(fit.decay / 0.3 - 1) < 0.25, JSON.stringify(fit))
    // Without excitement there is none to find.
    const poisson = fitHawkes(simulateHawkes({ ...truth, branching: 0 }, span, new Random(4)), span)
    assert.ok(poisson.branching < 0.08, JSON.stringify(poisson))
  })

  it("with a branching of 0 the paths are Merton's: variance of both parts, no drift", () => {
    const process = { baseline: 0.05, branching: 0, decay: 1 }
    const spec: PathSpec = { ...SPEC, model: 'jumps', symbols: ['BTC'], steps: 24, stepSeconds: 3600, sigma: 0.6 }
    const { mean, error, variance } = summary(jumps(spec, process), spec, 8000)
    assert.ok(Math.abs(mean - 1) < 4 * error)
    assert.ok(Math.abs(variance / (0.36 / DAYS) - 1) < 0.1, String(variance / (0.36 / DAYS)))
  })
})

describe('calibration', () => {
  it('is what the history gives', () => {
    const fresh = calibrate()
    const close = (value: number, expected: number, what: string) =>
      assert.ok(
        Math.abs(value - expected) <= 2e-3 * Math.abs(expected) + 2e-5,
        `${what}: ${value}, in the code ${expected}`,
      )
    for (const symbol of HISTORY_SYMBOLS) {
      const [now, kept] = [fresh.assets[symbol], CALIBRATION.assets[symbol]]
      for (const key of ['sigma', 'jumpMean', 'jumpSigma', 'calmSigma'] as const)
        close(now[key], kept[key], `${symbol} ${key}`)
      for (const key of ['alpha', 'gamma', 'beta', 'freedom'] as const)
        close(now.gjr[key], kept.gjr[key], `${symbol} ${key}`)
    }
    fresh.correlation.forEach((row, i) =>
      row.forEach((x, j) => close(x, CALIBRATION.correlation[i]![j]!, `correlation ${i} ${j}`)),
    )
    for (const key of ['baseline', 'branching', 'decay'] as const) close(fresh.jumps[key], CALIBRATION.jumps[key], key)
  })
})
