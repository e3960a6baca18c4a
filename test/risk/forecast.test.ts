import assert from 'node:assert/strict'
import { HISTORY_SYMBOLS } from '../../risk/data/history.ts'
import { pinball } from '../../risk/evaluation/coverage.ts'
import { forecastReport } from '../../risk/evaluation/forecast.ts'
import {
  FROZEN,
  FROZEN_DOWNSIDE,
  formulaSample,
  prepare,
  trainFormula,
  trainingRows,
} from '../../risk/evaluation/samples.ts'
import { type ForecastOptions, walkForward } from '../../risk/evaluation/walk-forward.ts'
import { DOWNSIDE, formulaQuantiles } from '../../risk/volatility/formula.ts'
import { runCli } from '../support/run-cli.ts'

const day = (text: string) => Date.parse(text) / 1000
const OPTIONS: ForecastOptions = {
  assets: HISTORY_SYMBOLS,
  from: day('2022-01-01'),
  until: day('2026-01-01'),
  horizon: 1,
  share: 0.01,
  models: ['formula', 'ewma'],
  refit: false,
}

describe('forecasts of the next fall', () => {
  it('the formula, frozen at the end of 2021, holds on six assets in 2022-25 and beats a daily EWMA', () => {
    const { assets } = forecastReport({ ...OPTIONS, models: ['formula', 'downside'] })
    assert.deepEqual(
      assets.map(({ symbol }) => symbol),
      [...HISTORY_SYMBOLS],
    )
    const of = (model: string) => assets.map(({ models }) => models.find((one) => one.model === model)!)
    const mean = (values: readonly number[]) => values.reduce((sum, x) => sum + x, 0) / values.length
    for (const { exceeded, ratioToEwma } of of('formula')) {
      assert.ok(exceeded >= 0.005 && exceeded <= 0.0125, String(exceeded))
      assert.ok(ratioToEwma <= 0.92, String(ratioToEwma))
    }
    assert.ok(mean(of('formula').map(({ ratioToEwma }) => ratioToEwma)) <= 0.89)
    // The figures of docs/risk.md.
    assert.deepEqual(
      of('formula').map(({ exceeded }) => (100 * exceeded).toFixed(2)),
      ['0.80', '0.56', '0.96', '0.92', '0.90', '1.19'],
    )
    assert.deepEqual(
      of('formula').map(({ ratioToEwma }) => ratioToEwma.toFixed(3)),
      ['0.873', '0.912', '0.840', '0.880', '0.885', '0.871'],
    )
    assert.deepEqual(
      of('downside').map(({ ratioToEwma }) => ratioToEwma.toFixed(3)),
      ['0.847', '0.886', '0.812', '0.855', '0.859', '0.834'],
    )
    // The asymmetric form beats it by 2 % and more on each of the assets that neither was fitted to.
    of('downside')
      .slice(2)
      .forEach(({ pinball }, a) => assert.ok(pinball <= 0.98 * of('formula')[a + 2]!.pinball))
    of('downside').forEach(({ exceeded }) => assert.ok(exceeded >= 0.005 && exceeded <= 0.0125))
  })

  it('other models are refitted each year to what came before, and score as documented', () => {
    const year = {
      ...OPTIONS,
      assets: ['SOL'] as const,
      from: day('2022-06-01'),
      until: day('2023-04-01'),
      models: ['garch', 'gjr', 'har', 'ewma'] as const,
    }
    const [result] = walkForward(year)
    assert.equal(result!.times[0], day('2022-06-01'))
    assert.equal(result!.times.at(-1), day('2023-04-01') - 3600)
    const { assets } = forecastReport(year)
    for (const { model, exceeded, ratioToEwma, kupiec, christoffersen } of assets[0]!.models) {
      assert.ok(exceeded > 0.002 && exceeded < 0.02, `${model} ${exceeded}`)
      assert.ok(ratioToEwma <= 1 && ratioToEwma > 0.6, `${model} ${ratioToEwma}`)
      assert.ok(kupiec >= 0 && kupiec <= 1 && christoffersen >= 0 && christoffersen <= 1)
    }
    // The quantile is one multiple of sigma up to the new year, and another after it.
    const { quantiles, variances } = result!.models.find(({ model }) => model === 'ewma')!
    const multiple = Array.from(quantiles, (q, i) => (q / Math.sqrt(variances[i]!)).toFixed(9))
    const change = result!.times.findIndex((time) => time >= day('2023-01-01'))
    assert.deepEqual(
      [new Set(multiple.slice(0, change)).size, new Set(multiple.slice(change)).size, new Set(multiple).size],
      [1, 1, 2],
    )
  })

  it('of the models refitted each year have the losses of docs/risk.md (one asset)', () => {
    const { assets } = forecastReport({ ...OPTIONS, assets: ['LINK'], models: ['garch', 'gjr', 'har'] })
    assert.deepEqual(
      assets[0]!.models.map(({ ratioToEwma }) => ratioToEwma.toFixed(3)),
      ['0.908', '0.905', '0.904'],
    )
  })

  it('never look ahead: what comes later changes no forecast and no fit', () => {
    const short = walkForward({
      ...OPTIONS,
      assets: ['LINK'],
      until: day('2023-01-01'),
      models: ['formula', 'ewma', 'gjr', 'har'],
    })[0]!
    const long = walkForward({
      ...OPTIONS,
      assets: ['LINK'],
      until: day('2024-01-01'),
      models: ['formula', 'ewma', 'gjr', 'har'],
    })[0]!
    short.models.forEach(({ model, quantiles }, m) =>
      assert.deepEqual(quantiles, long.models[m]!.quantiles.slice(0, quantiles.length), model),
    )
    const prepared = prepare('ETH', 24)
    const rows = trainingRows(prepared, day('2022-01-01'))
    assert.equal(prepared.hourly.time[rows.at(-1)!], day('2022-01-01') - 24 * 3600)
    assert.ok(prepared.hourly.time[rows[0]!]! >= day('2017-10-01'))
  })

  it('training finds constants no worse than the frozen ones', () => {
    const cut = day('2022-01-01')
    const samples = (['ETH', 'BTC'] as const).map((symbol) => formulaSample(prepare(symbol, 1), cut))
    const loss = samples.reduce((sum, { scales, drops }) => {
      const q = formulaQuantiles(scales, FROZEN[1]!)
      return sum + q.reduce((total, x, i) => total + pinball(drops[i]!, x, 0.01), 0) / q.length / 2
    }, 0)
    const fit = trainFormula(['ETH', 'BTC'], cut, 1, 0.01)!
    assert.ok(fit.pinball <= loss && fit.pinball > 0.99 * loss, `${fit.pinball} against ${loss}`)
    // The asymmetric constants in the code are those that training prints.
    const downside = trainFormula(['ETH', 'BTC'], cut, 1, 0.01, DOWNSIDE)!
    const own = samples
      .map((_, a) => formulaSample(prepare((['ETH', 'BTC'] as const)[a]!, 1, DOWNSIDE), cut))
      .reduce((sum, { scales, drops }) => {
        const q = formulaQuantiles(scales, FROZEN_DOWNSIDE)
        return sum + q.reduce((total, x, i) => total + pinball(drops[i]!, x, 0.01), 0) / q.length / 2
      }, 0)
    assert.ok(own < downside.pinball * 1.0005, `${own} against ${downside.pinball}`)
  })
})

describe('plimsoll risk forecast and train', () => {
  it('print the JSON of the documentation', async () => {
    const { code, stdout, stderr } = await runCli([
      'risk',
      'forecast',
      '--assets',
      'ETH',
      '--from',
      '2025-01-01',
      '--to',
      '2025-03-31',
      '--models',
      'formula,har',
      '--horizon',
      '6',
      '--json',
    ])
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' })
    const report = JSON.parse(stdout)
    assert.deepEqual(Object.keys(report), ['horizonHours', 'quantile', 'assets'])
    assert.deepEqual([report.horizonHours, report.quantile, report.assets.length], [6, 0.01, 1])
    const [asset] = report.assets
    assert.deepEqual(Object.keys(asset), ['symbol', 'hours', 'models'])
    assert.deepEqual([asset.symbol, asset.hours], ['ETH', 90 * 24])
    assert.deepEqual(
      asset.models.map((one: { model: string }) => one.model),
      ['formula', 'har'],
    )
    for (const one of asset.models) {
      assert.deepEqual(Object.keys(one), [
        'model',
        'exceeded',
        'pinball',
        'ratioToEwma',
        'qlike',
        'kupiec',
        'christoffersen',
      ])
      for (const [key, value] of Object.entries(one)) if (key !== 'model') assert.ok(Number.isFinite(value), key)
    }
    const train = await runCli([
      'risk',
      'train',
      '--until',
      '2018-06-30',
      '--assets',
      'ETH',
      '--quantile',
      '0.05',
      '--json',
    ])
    assert.equal(train.code, 0)
    assert.deepEqual(Object.keys(JSON.parse(train.stdout)), ['C0', 'C1', 'C2', 'C3', 'pinball'])
  })

  it('refuse bad input in one line', async () => {
    const refused: [string[], RegExp][] = [
      [['forecast', '--from', '2022-02-30'], /--from "2022-02-30" is not a date/],
      [['forecast', '--from', '2024-01-01', '--to', '2023-01-01'], /--from 2024-01-01 is after --to 2023-01-01/],
      [
        ['forecast', '--from', '2027-01-01', '--to', '2027-02-01', '--assets', 'BTC'],
        /BTC cannot be evaluated .* its history is of 2017-08-17 to 2025-12-02/,
      ],
      [['forecast', '--assets', 'XYZ'], /XYZ has no history/],
      [['forecast', '--assets', 'ETH,WETH'], /--assets names ETH twice/],
      [['forecast', '--assets', 'ETH,'], /names separated by commas/],
      [['forecast', '--horizon', '5'], /one of 1, 6, 24/],
      [['forecast', '--quantile', '1'], /a number from 0\.0005 to 0\.5/],
      [['forecast', '--models', 'lstm'], /"lstm" is none of/],
      [['forecast', '--refit', 'daily'], /never, yearly/],
      [['train', '--until', '2017-11-01'], /fewer than 2000 hours/],
      [['train', '--horizon', '0'], /a whole number from 1 to 168/],
      [['train', 'x'], /too many arguments/],
      [[], /No command of risk is given\. See plimsoll risk --help\./],
      [['divine'], /risk has no command 'divine'/],
    ]
    for (const [args, message] of refused) {
      const { code, stdout, stderr } = await runCli(['risk', ...args])
      assert.deepEqual([code, stdout], [2, ''], args.join(' '))
      assert.match(stderr, message)
      assert.equal(stderr.trim().split('\n').length, 1)
    }
  })
})
