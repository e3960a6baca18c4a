import assert from 'node:assert/strict'

import { GRID_SECONDS, type MarginReading, startMargin, stepMargin } from '../../protocol/margin-rule.ts'
import { Random } from './random.ts'

// Whoever posts chooses the moments of rounds, but not the samples: at most one a grid step. While the price stays within a factor
// 1 + M of its least, every sample is at most 4 M^2, so after n steps no average is above s D^n + 4 M^2 (1 - D^n), whatever the
// moments: that is what alternating between both ends at every step comes to.

const G = 1_000n
const Q48 = 2 ** 48
const DECAYS = [2, 5, 8].map((n) => (1 - 2 ** -n) ** 0.25)
const WEIGHTS = [8233, 7088, 894]
const C0 = 615590000000

/** Quantile that no choice of moments exceeds after so many grid steps, as a share. */
function bound(start: MarginReading, move: number, steps: number): number {
  const averages = [start.s2, start.s5, start.s8].map((s, i) => {
    const kept = DECAYS[i]! ** steps
    return (Number(s) / Q48) * kept + 4 * move ** 2 * (1 - kept)
  })
  return Math.sqrt(C0 / Q48 + averages.reduce((sum, s, i) => sum + (s * WEIGHTS[i]!) / 256, 0))
}

/** The reading after rounds at these grid steps, several in one where it is named again, at these prices. */
function posted(start: MarginReading, rounds: readonly (readonly [step: number, price: bigint])[]): MarginReading {
  return rounds.reduce(
    ({ state, storedGap }, [step, price], i) =>
      stepMargin(state, storedGap, price, BigInt(step) * GRID_SECONDS + BigInt(i % 900), G),
    start,
  )
}

describe('whoever picks the moments of rounds', () => {
  const low = 10n ** 12n

  for (const move of [0.005, 0.03, 0.2]) {
    const high = low + BigInt(Math.round(Number(low) * move))
    const start = startMargin(low, 0n, G)
    const most = (steps: number) => bound(start, move, steps) * (1 + 1e-9)

    it(`moves the quantile no further than the grid allows, with prices within ${move * 100} %`, () => {
      const random = new Random(15)
      for (let trial = 0; trial < 400; trial++) {
        const rounds: [number, bigint][] = []
        let step = 0
        while (step < 200) {
          step += random.chance(0.3) ? 0 : random.pick([1, 1, 1, 2, 5, 40])
          rounds.push([step, random.chance(0.7) ? random.pick([low, high]) : low + (high - low) / 3n])
        }
        assert.ok(Number(posted(start, rounds).quantile) / Q48 <= most(step))
      }
    })

    it(`comes to that bound by alternating, within one part in a hundred, with prices within ${move * 100} %`, () => {
      for (const steps of [1, 4, 96, 672]) {
        const rounds = Array.from({ length: steps }, (_, i) => [i + 1, i % 2 === 0 ? high : low] as const)
        const reached = Number(posted(start, rounds).quantile) / Q48
        // Down from the higher price is a smaller move.
        assert.ok(reached <= most(steps) && reached > bound(start, move / (1 + move), steps) * 0.99)
      }
    })
  }

  it('stores nothing by further rounds of one grid step, and is never told a smaller gap by them', () => {
    const start = startMargin(low, 0n, G)
    const first = stepMargin(start.state, start.storedGap, low * 2n, GRID_SECONDS, G)
    let last = first
    for (const price of [low, low * 3n, low / 2n, low * 2n]) {
      const again = stepMargin(last.state, last.storedGap, price, GRID_SECONDS + 899n, G)
      assert.deepEqual([again.state, again.storedGap], [first.state, first.storedGap])
      assert.ok(again.gap >= first.storedGap)
      last = again
    }
  })
})
