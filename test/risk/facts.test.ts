import assert from 'node:assert/strict'
import { SCALE } from '../../protocol/constants.ts'
import { assetMarks, fillMarks } from '../../protocol/marks.ts'
import { windowOf } from '../../risk/engine/compare.ts'
import { adaptiveGaps, gapOfEqualLeverage, peakToTrough, worstRise } from '../../risk/experiments/adaptive-margin.ts'
import { lossDifference, ratioOfRuns } from '../../risk/experiments/history-study.ts'
import {
  initialMargins,
  maintenanceMargins,
  orders,
  pairWindow,
  penalties,
  policyRuns,
  targets,
} from '../../risk/experiments/margin-facts.ts'
import { largestFirst } from '../../risk/policies/largest-first.ts'
import { plimsoll } from '../../risk/policies/plimsoll.ts'
import { Random } from '../protocol/random.ts'

/** The figures of docs/risk.md on small populations and short windows: the same code, and what it claims. */
describe('facts of docs/risk.md, at reduced size', () => {
  const population = { accounts: 200 }
  const spring = { name: 'spring 2021', from: Date.UTC(2021, 3, 1) / 1000, until: Date.UTC(2021, 5, 15) / 1000 }

  it('adaptive initial margins offer the leverage of the static ones, and follow the rule', () => {
    const window = pairWindow(['ETH', 'BTC'], spring)
    const { fixed, adaptive, gaps } = initialMargins(['ETH', 'BTC'], window, population)
    assert.ok(Math.abs(adaptive.leverageOffered / fixed.leverageOffered - 1) < 1e-9)
    assert.ok(fixed.systemLoss.mean > 0 && adaptive.systemLoss.mean > 0)
    for (const gap of gaps[0]!) assert.ok(gap >= 0.08 && gap <= 0.4 && Number.isInteger(Math.round(gap * 1e6) / 1e4))
    // The crash of 19 May was in the hour from 12: known at 13, and not before.
    const hour = (day: number, h: number) => window.unix.indexOf(Date.UTC(2021, 4, day, h) / 1000)
    assert.ok(gaps[0]![hour(19, 13)]! > gaps[0]![hour(19, 12)]! + 0.05, `${gaps[0]!.slice(hour(19, 8), hour(19, 18))}`)
    const again = initialMargins(['ETH', 'BTC'], window, population)
    assert.deepEqual(again.adaptive.outcome, adaptive.outcome)
    assert.ok(lossDifference(adaptive, fixed).low <= lossDifference(adaptive, fixed).high)
  })

  it('an adaptive maintenance margin liquidates more, most of it by the parameter (fact 4)', () => {
    const { fixed, adaptive } = maintenanceMargins(['ETH', 'BTC'], pairWindow(['ETH', 'BTC'], spring), population)
    assert.equal(fixed.causedByParameters, 0)
    assert.ok(adaptive.causedByParameters > 0.4 && adaptive.causedByParameters < 0.95, `${adaptive.causedByParameters}`)
    assert.ok(ratioOfRuns(adaptive, fixed, 'dailyTraded').mean > 1.15)
  })

  it('a near target liquidates less (fact 5), a higher penalty makes more bad debt (fact 6)', () => {
    const { near, far } = targets(pairWindow(['ETH', 'BTC'], spring), population)
    const volume = ratioOfRuns(near, far, 'dailyTraded').mean
    assert.ok(volume > 0.75 && volume < 0.97, `${volume}`)
    const runs = penalties(windowOf('2020-03'), population)
    const badDebts = runs.map(({ badDebt }) => badDebt)
    assert.deepEqual(
      [...badDebts].sort((a, b) => a - b),
      badDebts,
    )
    assert.ok(badDebts.at(-1)! > 1.2 * badDebts[0]!)
    // At 1 % takers lose what the penalty does not cover.
    assert.ok(runs[0]!.systemLoss.mean > runs[0]!.badDebt)
    assert.equal(runs[0]!.worstDays[0]!.date, '2020-03-12')
    assert.ok(runs[0]!.worstThree > 0.99)
  })

  it('water-filling has less impact than the greatest position first on every account of two collaterals (fact 9)', () => {
    const random = new Random(12)
    const of = (depth: bigint) => ({
      collateralFactor: 8500n,
      liabilityFactor: 11_500n,
      targetCollateralFactor: 8000n,
      targetLiabilityFactor: 12_000n,
      penalty: 200n,
      depth,
    })
    const depths = [10n ** 12n, 9n * 10n ** 12n]
    const marks = fillMarks(
      depths.map((depth) => assetMarks((100n * 10n ** 6n * SCALE) / 10n ** 8n, of(depth), 'asset')),
    )
    const market = { marks, penalties: [0n, 200n, 200n, 0n, 0n, 0n, 0n, 0n], minLiability: 0n }
    const weights = Array<number>(8).fill(8)
    let ratio = 0
    for (let i = 0; i < 300; i++) {
      const units = [random.integer(100, 3000), random.integer(100, 3000)]
      const debt = Math.floor((units[0]! + units[1]!) * 100 * (random.integer(8510, 8700) / 10_000))
      const balances = [-BigInt(debt) * 10n ** 6n, ...units.map((x) => BigInt(x) * 10n ** 8n), 0n, 0n, 0n, 0n, 0n]
      const impact = ({ traded }: { traded: readonly bigint[] }) =>
        depths.reduce((sum, depth, a) => sum + Number(traded[a + 1]!) ** 2 / Number(depth), 0)
      const water = impact(plimsoll.liquidate(balances, weights, market))
      const largest = impact(largestFirst.liquidate(balances, weights, market))
      assert.ok(water <= largest * (1 + 1e-9), `${units} ${water} ${largest}`)
      ratio += water / largest / 300
    }
    assert.ok(ratio < 0.75, `${ratio}`)
  })

  it('runs both orders along a window', () => {
    const { water, largest } = orders(windowOf('2021-05'), population)
    assert.ok(water.outcome.traded > 0 && largest.outcome.traded > 0 && water.outcome.traded !== largest.outcome.traded)
  })

  it('full absorption trades most, whatever the window', () => {
    const runs = policyRuns(windowOf('2022-11'), population)
    const comet = runs.find(({ name }) => name === 'comet')!
    for (const run of runs) assert.ok(run === comet || run.traded.mean < comet.traded.mean / 1.3, run.name)
  })

  it('margins have their worst rises and peaks', () => {
    const margins = new Float64Array([0.2, 0.25, 0.22, 0.4, 0.21])
    assert.ok(Math.abs(worstRise(margins, 1) - 0.18) < 1e-12)
    assert.ok(Math.abs(worstRise(margins, 3) - 0.2) < 1e-12)
    assert.equal(peakToTrough(margins), 2)
    const gaps = new Float64Array([0.05, 0.15])
    const constant = gapOfEqualLeverage(gaps, 0.15)
    assert.ok(Math.abs(1 / (0.15 + constant) - (1 / 0.2 + 1 / 0.3) / 2) < 1e-12)
    assert.equal(adaptiveGaps('SOL', windowOf('2022-11'))[0]! >= 0.12, true)
  })
})
