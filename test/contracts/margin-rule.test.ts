import assert from 'node:assert/strict'
import { QUOTE_DECIMALS } from '../../protocol/book.ts'
import { parseDecimal } from '../../protocol/decimal.ts'
import {
  GRID_SECONDS,
  initialFactors,
  type MarginReading,
  type MarginState,
  startMargin,
  stepMargin,
} from '../../protocol/margin-rule.ts'
import { priceMarkDown } from '../../protocol/marks.ts'
import { HISTORY_SYMBOLS, loadHistory } from '../../risk/data/history.ts'
import { HOUR } from '../../risk/data/series.ts'
import { type Chain, type Contract, startChain } from './chain.ts'
import { randomizer } from './mirror.ts'
import { COLD_SLOT, ruleGas } from './rounds-gas.ts'

type Row = readonly [time: bigint, price: bigint]
type Word = { s2: bigint; s5: bigint; s8: bigint; quantile: bigint; gap: bigint; state: bigint; storedGap: bigint }

/** Rows of one call: its memory stays cheap. */
const ROWS = 500

function packed({ s2, s5, s8, price, step }: MarginState): bigint {
  return (s2 << 200n) | (s5 << 144n) | (s8 << 88n) | (price << 28n) | step
}

function asWord({ state, ...reading }: MarginReading): Word {
  return { ...reading, state: packed(state) }
}

/** Readings as a contract returns a list of them. */
function encoded(readings: readonly Word[]): string {
  const words = readings.flatMap(({ s2, s5, s8, quantile, gap, state, storedGap }) => [
    s2,
    s5,
    s8,
    quantile,
    gap,
    state,
    storedGap,
  ])
  return `0x${[32n, BigInt(readings.length), ...words].map((word) => word.toString(16).padStart(64, '0')).join('')}`
}

describe('the rule of initial margin, on chain and in the reference machine', () => {
  const random = randomizer(20251010n)
  let chain: Chain
  let rule: Contract

  before(async () => {
    chain = await startChain()
    rule = await chain.contract('MarginHarness')
  })

  /** Compares every reading of a path; returns the last. */
  async function agree(rows: readonly Row[], g: bigint): Promise<MarginReading> {
    let last: MarginReading | undefined
    for (let i = 0; i < rows.length; i += ROWS) {
      const part = rows.slice(i, i + ROWS)
      const before = last
      const expected = part.map(([time, price]) => {
        last = last === undefined ? startMargin(price, time, g) : stepMargin(last.state, last.storedGap, price, time, g)
        return asWord(last)
      })
      const [state, gap] = before === undefined ? [0n, 0n] : [packed(before.state), before.storedGap]
      const prices = part.map(([, price]) => price)
      const times = part.map(([time]) => time)
      // Whole answers are compared: to decode every word takes longer than everything else.
      const { data } = await chain.client.call({
        to: rule.address,
        data: rule.encode('path', [state, gap, prices, times, g]),
      })
      if (data === encoded(expected)) continue
      const readings = (await rule.read('path', state, gap, prices, times, g)) as Word[]
      readings.forEach((reading, j) => assert.deepEqual({ ...reading }, expected[j]))
      assert.equal(data, encoded(expected))
    }
    return last!
  }

  it('agree over random paths, with silences of days, repeated steps and jumps of a factor 100', async () => {
    for (let n = 0; n < 40; n++) {
      let time = 1_600_000_000n + random(900n)
      let price = 1n << random(60n)
      const rows: Row[] = []
      for (let i = 0; i < 250; i++) {
        rows.push([time, price])
        const kind = random(20n)
        time += kind === 0n ? random(10n * 86_400n) : kind < 8n ? random(300n) : random(4n * GRID_SECONDS)
        const moved =
          random(50n) === 0n
            ? random(2n) === 0n
              ? price * 100n
              : price / 100n
            : price + (price * (random(2_001n) - 1_000n)) / 100_000n
        price = moved < 1n ? 1n : moved >= 1n << 60n ? (1n << 60n) - 1n : moved
      }
      await agree(rows, [1000n, 1500n, 250n, 4000n, 1025n][n % 5]!)
    }
  })

  it('agree over the whole shipped history, hour by hour', async () => {
    for (const symbol of HISTORY_SYMBOLS) {
      const { unix, close } = loadHistory(symbol)
      const rows = Array.from(close, (price, i): Row => {
        const quote = parseDecimal(String(price), QUOTE_DECIMALS, symbol)
        return [BigInt(unix[i]! + HOUR), priceMarkDown(quote, QUOTE_DECIMALS, 6, 8)]
      })
      await agree(rows, symbol === 'ETH' || symbol === 'BTC' ? 1000n : 1500n)
    }
  })

  it('agree at the ends of their words: price from least to most and back, k beyond its bound, no time at all', async () => {
    const most = (1n << 60n) - 1n
    const start = 1_700_000_100n
    const silence = GRID_SECONDS * (1n << 15n)
    const last = await agree(
      [
        [start, 0n],
        [start, most],
        [start + GRID_SECONDS, most],
        [start + GRID_SECONDS + silence - GRID_SECONDS, 1n],
        [start + GRID_SECONDS + 2n * silence, most],
        [start + GRID_SECONDS + 5n * silence, most],
      ],
      1000n,
    )
    assert.ok(last.s2 < 1n << 56n)
  })

  it('store nothing within a grid step, where the gap is never below the stored one', () => {
    const first = startMargin(1n << 40n, 900n, 1000n)
    const fallen = stepMargin(first.state, first.storedGap, 1n << 39n, 1799n, 1000n)
    assert.deepEqual([fallen.state, fallen.storedGap, fallen.gap], [first.state, 1000n, 4000n])
    const still = stepMargin(first.state, 2000n, 1n << 40n, 1799n, 1000n)
    assert.equal(still.gap, 2000n)
    // One second later the step has ended.
    assert.equal(stepMargin(first.state, first.storedGap, 1n << 39n, 1800n, 1000n).storedGap, 4000n)
  })

  it('agree on the factors of every gap', async () => {
    for (let n = 0; n < 200; n++) {
      const maintenance = { collateralFactor: random(10_001n), liabilityFactor: 10_000n + random(30_001n) }
      const target = {
        collateralFactor: random(maintenance.collateralFactor + 1n),
        liabilityFactor: maintenance.liabilityFactor + random(40_001n - maintenance.liabilityFactor),
      }
      const gap = random(4_001n)
      const { collateralFactor, liabilityFactor } = initialFactors(gap, maintenance, target)
      assert.deepEqual(
        await rule.read(
          'factors',
          gap,
          maintenance.collateralFactor,
          maintenance.liabilityFactor,
          target.collateralFactor,
          target.liabilityFactor,
        ),
        [collateralFactor, liabilityFactor],
      )
    }
  })

  it('takes at most 10,000 gas an asset, its slot cold and written, however long the silence, whatever state and price', async () => {
    const most = (1n << 56n) - 1n
    const start = startMargin(1n << 40n, 0n, 1000n).state
    const states: [MarginState, bigint][] = [
      [start, (1n << 40n) + 12_345n],
      [{ ...start, s2: most, s5: most, s8: most }, 1n],
      [{ ...start, s2: 0n, s5: 0n, s8: 0n, price: 1n << 16n }, (1n << 60n) - 1n],
      ...Array.from({ length: 12 }, (): [MarginState, bigint] => {
        const [s2, s5, s8] = [random(most), random(most), random(most)]
        return [{ s2, s5, s8, price: (1n << 16n) + (1n << random(59n)), step: 0n }, 1n << random(60n)]
      }),
    ]
    for (const [state, price] of states)
      for (const { steps, arithmetic } of await ruleGas(rule, state, price))
        assert.ok(arithmetic > 1_000 && arithmetic + COLD_SLOT <= 10_000, `${steps} steps take ${arithmetic}`)
  })
})
