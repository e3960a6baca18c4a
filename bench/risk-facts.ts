import { parseArgs } from 'node:util'
import { CRASH_NAMES, windowOf } from '../risk/engine/compare.ts'
import { adaptiveGaps, peakToTrough, worstRise } from '../risk/experiments/adaptive-margin.ts'
import { lossDifference, lossPerVolumeRatio, ratioOfRuns, type StudyRun } from '../risk/experiments/history-study.ts'
import {
  HALVES,
  initialMargins,
  maintenanceMargins,
  orders,
  PAIRS,
  pairWindow,
  penalties,
  policyRuns,
  targets,
} from '../risk/experiments/margin-facts.ts'
import { thresholdRun } from '../risk/experiments/threshold.ts'
import type { Interval } from '../risk/metrics/interval.ts'

const FACTS = ['3', '4', '5', '6', '9', '10', 'policies'] as const
const { values } = parseArgs({
  options: {
    fact: { type: 'string', multiple: true },
    accounts: { type: 'string', default: '1000' },
    seed: { type: 'string', default: '1' },
  },
})
const wanted: readonly string[] = values.fact ?? FACTS
for (const fact of wanted)
  if (!(FACTS as readonly string[]).includes(fact))
    throw new Error(`There is no fact ${fact}: there are ${FACTS.join(', ')}.`)
const population = { accounts: Number(values.accounts), seed: Number(values.seed) }

const basisPoints = (share: number) => (1e4 * share).toFixed(1)
const bounds = ({ mean, low, high }: Interval, show: (x: number) => string = (x) => x.toFixed(2)) =>
  `${show(mean)} [${show(low)}, ${show(high)}]`
/** A ratio whose bounds may not be finite, as weeks without any loss can be drawn. */
const ratio = (value: Interval) =>
  !Number.isFinite(value.mean) ? '-' : Number.isFinite(value.high) ? bounds(value) : value.mean.toFixed(2)
const days = ({ worstDays, worstThree }: StudyRun) =>
  `${worstDays.map(({ date, loss }) => `${date} ${basisPoints(loss)}`).join(', ')} (${(100 * worstThree).toFixed(0)} % of all)`

function line(run: StudyRun): void {
  console.log(
    `  ${run.name.padEnd(14)} system loss ${bounds(run.systemLoss, basisPoints)} bp, bad debt ${basisPoints(run.badDebt)} bp, traded ${bounds(run.traded)} debts, borrowers pay ${basisPoints(run.borrowerCost)} bp`,
  )
  console.log(`  ${''.padEnd(14)} worst days: ${days(run)}`)
}

console.log(
  `${population.accounts} accounts, seed ${population.seed}; shares of the mean debt over the whole window, bounds of 95 % over resampled weeks`,
)
if (wanted.includes('3')) {
  for (const half of HALVES) {
    for (const pair of PAIRS) {
      const window = pairWindow(pair, half)
      for (const maintenance of [0.15, 0.08]) {
        const { fixed, adaptive, gaps } = initialMargins(pair, window, population, maintenance)
        console.log(
          `fact 3: initial margin, ${half.name}, ${pair.join(' and ')}, maintenance of ${100 * maintenance} points; leverage offered ${fixed.leverageOffered.toFixed(2)} and ${adaptive.leverageOffered.toFixed(2)}`,
        )
        line(fixed)
        line(adaptive)
        console.log(
          `  adaptive less static: loss ${bounds(lossDifference(adaptive, fixed), basisPoints)} bp; over static: loss ${ratio(ratioOfRuns(adaptive, fixed, 'dailyLoss'))}, volume ${bounds(ratioOfRuns(adaptive, fixed, 'dailyTraded'))}, loss for the same volume ${ratio(lossPerVolumeRatio(adaptive, fixed))}`,
        )
        if (maintenance === 0.15)
          pair.forEach((symbol, a) => {
            const margins = gaps[a]!.map((gap) => gap + maintenance)
            console.log(
              `  margin of ${symbol}: rises by at most ${(100 * worstRise(margins, 24)).toFixed(0)} points in a day, ${(100 * worstRise(margins, 168)).toFixed(0)} in a week; peak over trough ${peakToTrough(margins).toFixed(2)}`,
            )
          })
      }
    }
  }
}
if (wanted.includes('4')) {
  for (const half of HALVES) {
    for (const pair of PAIRS) {
      const { fixed, adaptive } = maintenanceMargins(pair, pairWindow(pair, half), population)
      console.log(`fact 4: maintenance margin, ${half.name}, ${pair.join(' and ')}`)
      line(fixed)
      line(adaptive)
      console.log(
        `  adaptive less static: loss ${bounds(lossDifference(adaptive, fixed), basisPoints)} bp; over static: loss ${ratio(ratioOfRuns(adaptive, fixed, 'dailyLoss'))}, volume ${bounds(ratioOfRuns(adaptive, fixed, 'dailyTraded'))}; liquidated by the parameter ${(100 * adaptive.causedByParameters).toFixed(0)} % of the volume`,
      )
    }
  }
}
for (const half of HALVES) {
  const window = pairWindow(PAIRS[0]!, half)
  if (wanted.includes('5')) {
    const { near, far } = targets(window, population)
    console.log(`fact 5: target, ${half.name}, ETH and BTC`)
    line(near)
    line(far)
    console.log(
      `  near less far: loss ${bounds(lossDifference(near, far), basisPoints)} bp; near over far: volume ${bounds(ratioOfRuns(near, far, 'dailyTraded'))}, loss ${ratio(ratioOfRuns(near, far, 'dailyLoss'))}`,
    )
  }
  if (wanted.includes('6')) {
    console.log(`fact 6: penalty, ${half.name}, ETH and BTC`)
    for (const run of penalties(window, population)) line(run)
  }
  if (wanted.includes('9')) {
    const { water, largest } = orders(window, population)
    console.log(`fact 9: order of sales, ETH a tenth and BTC nine tenths of the depth, ${half.name}`)
    line(water)
    line(largest)
    console.log(
      `  water-filling less largest first: loss ${bounds(lossDifference(water, largest), basisPoints)} bp; over it: loss ${ratio(ratioOfRuns(water, largest, 'dailyLoss'))}, volume ${bounds(ratioOfRuns(water, largest, 'dailyTraded'))}, impact paid ${(water.outcome.impact / largest.outcome.impact).toFixed(2)}`,
    )
  }
}
if (wanted.includes('10')) {
  console.log('fact 10: a fall of 1 % in a book of even lines; no seed, nothing is drawn')
  for (const rho of [0.5, 0.8, 0.93, 0.97, 1.03, 1.07, 1.3]) {
    const run = thresholdRun(rho)
    console.log(
      `  rho ${rho}: spectral radius ${run.spectralRadius.toFixed(3)}, amplification ${run.amplification.toFixed(2)}, ` +
        `liquidated ${(100 * run.liquidated).toFixed(1)} % by simulation, ${(100 * run.expected).toFixed(1)} % by the closed form`,
    )
  }
}
if (wanted.includes('policies')) {
  const windows = [
    ...CRASH_NAMES.map((name) => [name, windowOf(name)] as const),
    ...HALVES.map((half) => [half.name, pairWindow(PAIRS[0]!, half)] as const),
  ]
  for (const [name, window] of windows) {
    console.log(`policies: ${name}, ETH and BTC`)
    for (const run of policyRuns(window, population)) line(run)
  }
  for (const symbol of ['ETH', 'BTC'] as const) {
    const gaps = adaptiveGaps(symbol, windowOf('2022-25'))
    const sorted = gaps.slice().sort()
    console.log(`gap of ${symbol} in 2022-25: median ${(100 * sorted[sorted.length >> 1]!).toFixed(0)} points`)
  }
}
