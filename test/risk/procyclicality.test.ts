import assert from 'node:assert/strict'
import type { Series } from '../../risk/data/series.ts'
import { hourlyGaps, procyclicality } from '../../risk/experiments/procyclicality.ts'

const START = 1_600_002_000

/** Hours with these closes, one after the other. */
function series(close: readonly number[]): Series {
  const prices = Float64Array.from(close)
  return {
    symbol: 'ETH',
    unix: Float64Array.from(close, (_, i) => START + 3600 * i),
    open: prices,
    high: prices,
    low: prices,
    close: prices,
    report: { missingHours: 0, duplicates: 0, flatHours: 0, cutLows: 0, cutHighs: 0 },
  }
}

describe('the procyclicality of initial margins', () => {
  const calm = Array<number>(24 * 60).fill(200)
  const crash = [...calm, 100, ...Array<number>(24 * 60).fill(100)]

  it('is none where nothing moves: the floor is nearer than the least fall of a gap', () => {
    const { trough, median, peak, changesPerDay, rises, atCeiling } = procyclicality(series(calm), 1000n, 0.14, 3)
    assert.deepEqual([trough, median, peak, changesPerDay, rises, atCeiling], [0.24, 0.24, 0.24, 0, [], 0])
  })

  it('is told with the hour of the crash, and the rise from the day before', () => {
    const found = procyclicality(series(crash), 1000n, 0.14, 3)
    const at = START + 3600 * (calm.length + 1)
    assert.deepEqual([found.peak, found.peakAt], [0.54, at])
    assert.deepEqual(found.rises[0], { unix: at, from: 0.24, to: 0.54 })
    // What is high within a day after it is the same rise.
    assert.equal(found.rises.length, 1)
  })

  it('comes from the exact rule: gaps in whole points, floor and ceiling as it has them', () => {
    const gaps = [...hourlyGaps(series(crash), 1500n)]
    assert.ok(gaps.every((gap) => gap % 100 === 0 && gap >= 1200 && gap <= 4000))
    assert.equal(gaps[0], 1500)
    assert.equal(gaps[calm.length], 4000)
  })
})
