import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { HISTORY_SYMBOLS, historyOf, loadCutHistory, loadHistory, requireHistory } from '../../risk/data/history.ts'
import { joinSeries } from '../../risk/data/joint.ts'
import { cutWicks, lowerBound, readSeries, sliceSeries } from '../../risk/data/series.ts'
import {
  CRASHES,
  type CrashName,
  crashSeries,
  crashSymbols,
  crashWindow,
  windowPrices,
} from '../../risk/data/windows.ts'
import { formatDate } from '../../risk/evaluation/calendar.ts'

const HEADER = 'unix,open,high,low,close,volume'

describe('the history', () => {
  let directory: string
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'plimsoll-'))
  })
  after(() => rm(directory, { recursive: true }))

  const write = async (name: string, rows: readonly string[], header = HEADER) => {
    const path = join(directory, name)
    const text = `${[header, ...rows].join('\n')}\n`
    await writeFile(path, name.endsWith('.gz') ? gzipSync(text) : text)
    return path
  }

  it('is what its README says', async () => {
    const readme = await readFile(new URL('../../risk/data/history/README.md', import.meta.url), 'utf8')
    for (const symbol of HISTORY_SYMBOLS) {
      const { unix, report } = loadHistory(symbol)
      const row = `| \`${symbol}USDT_1h.csv.gz\` | ${unix.length.toLocaleString('en')} | ${formatDate(unix[0]!)} | ${formatDate(unix.at(-1)!)} | ${report.missingHours} |`
      assert.ok(readme.includes(row), row)
      assert.equal(report.duplicates, 0)
    }
    assert.deepEqual([loadHistory('ETH').report.flatHours, loadHistory('BTC').report.flatHours], [120, 118])
    assert.ok(readme.includes('118 to 120 flat hours'))
    // What the README says of false lows.
    const deepest = (symbol: (typeof HISTORY_SYMBOLS)[number], date: string) => {
      const series = loadHistory(symbol)
      const from = lowerBound(series.unix, Date.parse(date) / 1000)
      const depths = Array.from(
        { length: 24 },
        (_, i) => 1 - series.low[from + i]! / Math.min(series.open[from + i]!, series.close[from + i]!),
      )
      return Math.round(100 * Math.max(...depths))
    }
    assert.equal(deepest('ETH', '2017-08-22'), 48)
    assert.deepEqual(
      (['AVAX', 'DOGE', 'LINK'] as const).map((symbol) => deepest(symbol, '2025-10-10')),
      [61, 55, 52],
    )
  })

  it('agrees with the files of the crashes, hour by hour', () => {
    let hours = 0
    for (const name of Object.keys(CRASHES) as CrashName[]) {
      for (const symbol of ['ETH', 'BTC'] as const) {
        const crash = crashSeries(name, symbol)!
        const part = sliceSeries(loadHistory(symbol), crash.unix[0]!, crash.unix.at(-1)! + 1)
        // The history of May 2021 is spot as well: the perpetual begins in June.
        assert.deepEqual(
          [part.unix, part.open, part.high, part.low, part.close],
          [crash.unix, crash.open, crash.high, crash.low, crash.close],
          `${symbol} ${name}`,
        )
        hours += crash.unix.length
      }
    }
    assert.ok(hours > 1000)
  })

  it('is read from CSV and compressed CSV, columns in any order', async () => {
    const rows = ['3600,1,3,0.5,2,10', '7200,2,2,2,2,0', '14400,2,4,1,3,5']
    for (const name of ['a.csv', 'a.csv.gz']) {
      const series = readSeries(await write(name, rows), 'X')
      assert.deepEqual(Array.from(series.unix), [3600, 7200, 14400])
      assert.deepEqual(Array.from(series.close), [2, 2, 3])
      assert.deepEqual(series.report, { missingHours: 1, duplicates: 0, flatHours: 1, cutLows: 0, cutHighs: 0 })
    }
    const other = readSeries(await write('b.csv', ['2,x,3600,1,3,0.5'], 'close,utc,unix,open,high,low'), 'X')
    assert.deepEqual([other.open[0], other.high[0], other.low[0], other.close[0]], [1, 3, 0.5, 2])
  })

  it('leaves out a repeated row and refuses what is wrong, naming the line', async () => {
    const good = '3600,1,3,0.5,2,10'
    assert.equal(readSeries(await write('twice.csv', [good, good, '7200,1,3,0.5,2,10']), 'X').report.duplicates, 1)
    const refused: [string[], RegExp][] = [
      [[good, '3600,1,3,0.5,2.5,10'], /:3: the row is not later/],
      [['7200,1,3,0.5,2,1', good], /:3: the row is not later/],
      [['3601,1,3,0.5,2,10'], /:2: "3601" is not the start of an hour/],
      [['x,1,3,0.5,2,10'], /:2: "x" is not the start of an hour/],
      [['3600,1,3,0,2,10'], /:2: a price is missing or not above 0/],
      [['3600,1,3,,2,10'], /:2: a price is missing or not above 0/],
      [['3600,1,3,0.5'], /:2: a price is missing or not above 0/],
      [['3600,1,1.5,0.5,2,10'], /:2: open or close is outside low to high/],
      [[], /no rows/],
    ]
    for (const [i, [rows, message]] of refused.entries()) {
      const path = await write(`bad${i}.csv`, rows)
      assert.throws(() => readSeries(path, 'X'), message)
    }
    const headless = await write('c.csv', [], 'unix,open,low')
    assert.throws(() => readSeries(headless, 'X'), /no column high, close/)
    assert.throws(() => readSeries(join(directory, 'none.csv'), 'X'), /cannot be read/)
    const plain = join(directory, 'plain.csv.gz')
    await writeFile(plain, 'unix')
    assert.throws(() => readSeries(plain, 'X'), /not a gzip file/)
  })

  it('has wicks cut for simulations, and counts them', async () => {
    const path = await write('wick.csv', ['3600,10,30,1,12,5', '7200,12,13,11,12,5'])
    const cut = cutWicks(readSeries(path, 'X'), 0.3)
    assert.deepEqual(Array.from(cut.low), [7, 11])
    assert.deepEqual(Array.from(cut.high), [12 / 0.7, 13])
    assert.deepEqual([cut.report.cutLows, cut.report.cutHighs], [1, 1])
    assert.ok(loadCutHistory('AVAX').report.cutLows >= 1)
  })

  it('joins assets on their common hours and says how many are lost', async () => {
    const row = (hour: number) => `${hour * 3600},${hour},${hour},${hour},${hour},1`
    const a = readSeries(await write('j1.csv', [1, 2, 3, 4, 6].map(row)), 'A')
    const b = readSeries(await write('j2.csv', [2, 3, 5, 6, 7].map(row)), 'B')
    const joint = joinSeries([a, b])
    assert.deepEqual(
      Array.from(joint.unix),
      [2, 3, 6].map((hour) => hour * 3600),
    )
    assert.deepEqual(
      joint.series.map(({ close }) => Array.from(close)),
      [
        [2, 3, 6],
        [2, 3, 6],
      ],
    )
    assert.equal(joint.dropped, 2)
    const c = readSeries(await write('j3.csv', [9].map(row)), 'C')
    assert.throws(() => joinSeries([a, c]), /A, C have no hour in common/)
  })

  it('knows symbols that stand for a coin', () => {
    assert.deepEqual(['ETH', 'eth', 'WETH', 'WBTC', 'sETH', 'BTC-PERP', 'USDC', 'WUSD', 'constructor'].map(historyOf), [
      'ETH',
      'ETH',
      'ETH',
      'BTC',
      'ETH',
      'BTC',
      undefined,
      undefined,
      undefined,
    ])
    assert.throws(() => requireHistory('XYZ'), /XYZ has no history: there is one of ETH, BTC, SOL, AVAX, LINK, DOGE/)
  })

  it('plays a crash as open, low and high in the order of the bar, close', () => {
    const window = crashWindow('2020-03', ['ETH', 'BTC'])
    const prices = windowPrices(window)
    assert.equal(prices.length, window.unix.length * 8)
    // The first bar rises: 202.81, 204.1, 200.7, 203.38.
    assert.deepEqual(
      [0, 2, 4, 6].map((i) => prices[i]),
      [202.81, 200.7, 204.1, 203.38],
    )
    assert.deepEqual(crashSymbols('2020-03'), ['ETH', 'BTC', 'LINK'])
    assert.deepEqual(crashSymbols('2025-10'), [...HISTORY_SYMBOLS])
    assert.throws(() => crashWindow('2020-03', ['ETH', 'SOL']), /SOL has no candles in the crash of 2020-03/)
  })
})
