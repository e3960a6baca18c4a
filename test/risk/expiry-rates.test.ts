import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { type Counted, countExpiries, fitExpiryRates, printExpiryRates } from '../../risk/experiments/expiry-rates.ts'

describe("the planner's constants", () => {
  let counts: ReturnType<typeof countExpiries>

  before(() => {
    counts = countExpiries()
  })

  it('are exactly those that the laboratory prints from the shipped history', async () => {
    const path = new URL('../../sequencer/planner/expiry-rates.ts', import.meta.url)
    assert.equal(await readFile(path, 'utf8'), printExpiryRates(fitExpiryRates(counts)))
  })

  it('say what was counted: within a third between a half and six percent, and in the right order everywhere', () => {
    const { near, oneWay, bothWays } = fitExpiryRates(counts)
    for (const [i, { level, oneWay: one, bothWays: both }] of counts.counted.entries()) {
      const next = counts.counted[i + 1]
      assert.ok(next === undefined || (next.oneWay < one && next.bothWays < both))
      if (level > 0.06) continue
      assert.ok(Math.abs(oneWay / (level + near) / one - 1) < 1 / 3, `${level}: ${one}`)
      assert.ok(Math.abs(bothWays / (level + near) ** 2 / both - 1) < 0.36, `${level}: ${both}`)
    }
  })

  it('are found again in expiries that follow the formula', () => {
    const rates = { near: 0.02, oneWay: 0.05, bothWays: 0.03, correlated: 0.4 }
    const counted = [0.005, 0.01, 0.04, 0.1].map(
      (level): Counted => ({
        level,
        oneWay: rates.oneWay / (level + rates.near),
        bothWays: rates.bothWays / (level + rates.near) ** 2,
        more: rates.correlated,
      }),
    )
    const found = fitExpiryRates({ overshoot: rates.near, counted })
    for (const name of ['near', 'oneWay', 'bothWays', 'correlated'] as const)
      assert.ok(Math.abs(found[name] / rates[name] - 1) < 1e-12, name)
  })
})
