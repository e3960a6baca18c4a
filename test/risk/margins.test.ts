import assert from 'node:assert/strict'
import { HISTORY_SYMBOLS } from '../../risk/data/history.ts'
import {
  againstConstant,
  aged,
  clearing,
  lossBeyond,
  ramped,
  withMean,
  worstDays,
} from '../../risk/evaluation/margins.ts'
import { walkForward } from '../../risk/evaluation/walk-forward.ts'

const day = (text: string) => Date.parse(text) / 1000
const near = (value: number, expected: number, tolerance = 1e-12) =>
  assert.ok(Math.abs(value - expected) <= tolerance, `${value}, expected ${expected}`)

describe('margins that follow a forecast', () => {
  it('are aged, ramped and scaled as they say', () => {
    const values = Float64Array.of(1, 5, 2, 2)
    assert.deepEqual(Array.from(aged(values, 1)), [1, 1, 5, 2])
    assert.deepEqual(Array.from(ramped(values, 2)), [1, 3, 2, 2])
    assert.deepEqual(Array.from(withMean(values, 5)), [2, 10, 4, 4])
  })

  it('lose what falls beyond them, day by day', () => {
    const study = { times: Float64Array.of(0, 3600, 86_400, 90_000), drops: Float64Array.of(0.1, 0.02, 0.3, 0.05) }
    const losses = lossBeyond(study, new Float64Array(4).fill(0.05))
    assert.deepEqual(
      Array.from(losses, (x) => x.toFixed(3)),
      ['0.050', '0.000', '0.250', '0.000'],
    )
    const [worst, second] = worstDays(study, losses, 3)
    assert.equal(worst!.date, '1970-01-02')
    near(worst!.share, 0.25 / 0.3)
    near(second!.share, 0.05 / 0.3)
    // Right where it is needed, a margin of the same mean loses less.
    const { mean } = againstConstant(study, Float64Array.of(0.04, 0.02, 0.1, 0.04), 0.05)
    near(mean, 0.27 / 0.3, 1e-9)
  })

  it('clearing: an auction pays the mean of what is needed, a constant its quantile', () => {
    const drops = Float64Array.of(0.06, 0.01, 0.07, 0.03, 0, 0.08, 0.02)
    const study = { times: drops, drops }
    const result = clearing(study, new Float64Array(7).fill(0.1), { threshold: 0.05, edge: 0.005, share: 0.4 })
    assert.equal(result.events, 3)
    near(result.auction, 0.02 + 0.005)
    near(result.constant, 0.025)
    // A forecast that never changes is a constant.
    near(result.forecastRatio, 1)
  })

  it('speed beats the class of the model on the history (figures of docs/risk.md, two assets)', () => {
    const study = walkForward({
      assets: HISTORY_SYMBOLS.slice(0, 2),
      from: day('2022-01-01'),
      until: day('2026-01-01'),
      horizon: 1,
      share: 0.01,
      models: ['formula', 'ewma'],
      refit: false,
    })
    const ratio = (asset: number, margin: (q: Float64Array) => Float64Array, model = 0) =>
      againstConstant(study[asset]!, margin(study[asset]!.models[model]!.quantiles), 0.05).mean.toFixed(2)
    assert.deepEqual(
      [0, 1].map((a) => ratio(a, (q) => q)),
      ['0.41', '0.40'],
    )
    assert.deepEqual(
      [0, 1].map((a) => ratio(a, (q) => aged(q, 1))),
      ['0.66', '0.59'],
    )
    assert.deepEqual(
      [0, 1].map((a) => ratio(a, (q) => aged(q, 24))),
      ['1.02', '0.99'],
    )
    assert.deepEqual(
      [0, 1].map((a) => ratio(a, (q) => q, 1)),
      ['0.87', '0.93'],
    )
  })

  it('clearing discounts and days of loss on the history (figures of docs/risk.md, one asset)', () => {
    const [eth] = walkForward({
      assets: ['ETH'],
      from: day('2022-01-01'),
      until: day('2026-01-01'),
      horizon: 1,
      share: 0.01,
      models: ['formula'],
      refit: false,
    })
    const q = eth!.models[0]!.quantiles
    const found = [0.03, 0.05].map((threshold) => clearing(eth!, q, { threshold, edge: 0.005, share: 0.05 }))
    const percent = (x: number) => (100 * x).toFixed(1)
    assert.deepEqual(
      found.map(({ auction, constant, forecastRatio }) => [
        percent(auction),
        percent(constant),
        forecastRatio.toFixed(2),
      ]),
      [
        ['2.1', '5.9', '0.84'],
        ['2.8', '8.1', '0.83'],
      ],
    )
    const days = worstDays(eth!, lossBeyond(eth!, new Float64Array(q.length).fill(0.05)), 3)
    assert.deepEqual(
      days.map(({ date }) => date),
      ['2025-02-03', '2024-08-05', '2022-11-08'],
    )
    assert.equal(percent(days.reduce((sum, { share }) => sum + share, 0)), '31.5')
  })
})
