import { parseArgs } from 'node:util'
import { MARKET_DEFAULTS, marketOf } from '../risk/engine/clearing.ts'
import { CRASH_NAMES, windowOf } from '../risk/engine/compare.ts'
import {
  type ClearingRun,
  clearingRun,
  dailyDifference,
  PENALTY_RULES,
  type PenaltyRun,
  penaltyRun,
} from '../risk/experiments/auction-facts.ts'
import { HALVES, PAIRS, pairWindow } from '../risk/experiments/margin-facts.ts'
import { ruleRate, simulateTakers, takerGain } from '../risk/experiments/taker-gain.ts'
import type { Interval } from '../risk/metrics/interval.ts'

const PARTS = ['taker', 'crashes', 'penalty'] as const
const { values } = parseArgs({
  options: {
    part: { type: 'string', multiple: true },
    accounts: { type: 'string', default: '1000' },
    seed: { type: 'string', default: '1' },
    depth: { type: 'string', default: '4' },
    blocks: { type: 'string', default: '12' },
    /** Seconds between blocks by which the rule sets its rate; those of the blocks where it is not given. */
    rule: { type: 'string' },
  },
})
const wanted: readonly string[] = values.part ?? PARTS
for (const part of wanted)
  if (!(PARTS as readonly string[]).includes(part))
    throw new Error(`There is no part ${part}: there are ${PARTS.join(', ')}.`)
const population = { accounts: Number(values.accounts), seed: Number(values.seed), depthRatio: Number(values.depth) }

const changes = {
  blockSeconds: Number(values.blocks),
  parameters: {
    ...MARKET_DEFAULTS.parameters,
    blockTime: BigInt(Math.round(1000 * Number(values.rule ?? values.blocks))),
  },
}

const bp = (share: number) => (1e4 * share).toFixed(1)
const bounds = ({ mean, low, high }: Interval, show: (x: number) => string = bp) =>
  `${show(mean)} [${show(low)}, ${show(high)}]`

if (wanted.includes('taker')) {
  console.log('taker: gain of the taker in basis points of the value; 40,000 lots each, seed 1, premium of 1 %')
  for (const hourly of [0.005, 0.01, 0.05])
    for (const blockSeconds of [2, 12]) {
      const sigma = hourly / 60
      for (const times of [0.25, 1, 4]) {
        const market = { sigma, blockSeconds, rate: times * ruleRate(sigma, blockSeconds) }
        const options = { lots: 40_000, premium: 0.01, seed: Number(values.seed) }
        const random = simulateTakers(market, { ...options, regular: false })
        const regular = simulateTakers(market, { ...options, regular: true })
        console.log(
          `  ${100 * hourly} % an hour, blocks of ${blockSeconds} s, ${times} times the rule's rate: 1 / (1 + beta) ${bp(takerGain(market))}; ` +
            `random blocks ${bounds(random.gain)}, ${random.seconds.mean.toFixed(0)} s; regular ones ${bounds(regular.gain)}`,
        )
      }
    }
}

function clearingLine(name: string, run: ClearingRun): void {
  const seconds = (x: number) => `${x.toFixed(0)} s`
  console.log(
    `  ${name.padEnd(28)} cleared ${(100 * run.cleared).toFixed(1)} % of what was traded; waited ${seconds(run.meanSeconds)}, 95 % by ${seconds(run.slowest)}` +
      `${run.clearing === 'auction' ? ` (rule ${seconds(run.predictedSeconds)})` : ''}; discount ${bp(run.discount)} bp, taker's gain ${bp(run.gain)}` +
      `${run.clearing === 'auction' ? ` (rule ${bp(run.predictedGain)})` : ''}; recaptured ${run.recaptured?.toFixed(2) ?? '-'}; ` +
      `backstop ${bp(run.run.outcome.dailyProfit.reduce((sum, x) => sum + x, 0) / run.run.debt)} bp, system loss ${bp(run.run.systemLoss.mean)} bp`,
  )
}

const shared = `${population.accounts} accounts, seed ${population.seed}, depth ${population.depthRatio} times what they hold and owe, blocks of ${values.blocks} s (the rule's: ${values.rule ?? values.blocks} s); ETH and BTC`
if (wanted.includes('crashes')) {
  console.log(`crashes: ${shared}; shares of the mean debt, discounts weighted by value`)
  for (const name of CRASH_NAMES) {
    const window = windowOf(name)
    for (const adverse of [false, true]) {
      console.log(`${name}, ${adverse ? 'no rebound counted on' : 'prices as they were'}`)
      for (const clearing of ['auction', 'clock'] as const) {
        clearingLine(clearing, clearingRun(window, clearing, adverse, population, changes))
        const dusted = clearingRun(window, clearing, adverse, population, { ...changes, dust: true })
        clearingLine(`${clearing}, dust in every round`, dusted)
      }
    }
  }
}

function penaltyLine(run: PenaltyRun): void {
  const [least, mean, most] = run.penalties
  console.log(
    `  ${run.rule.padEnd(19)} borrowers pay ${bounds(run.borrowerCost)} bp; backstop loses ${bounds(run.backstopLoss)}, earns ${bounds(run.backstopProfit)}; ` +
      `bad debt ${bp(run.run.badDebt)}; system loss ${bounds(run.systemLoss)}; discount ${bp(run.discount)} bp, recaptured ${run.recaptured?.toFixed(2) ?? '-'}; penalty ${bp(least)} to ${bp(most)}, mean ${bp(mean)}`,
  )
  console.log(
    `  ${''.padEnd(19)} worst days: ${run.run.worstDays.map(({ date, loss }) => `${date} ${bp(loss)}`).join(', ')} (${(100 * run.run.worstThree).toFixed(0)} % of all)`,
  )
}

if (wanted.includes('penalty')) {
  console.log(
    `penalty: ${shared}; basis points of the mean debt over the whole period, bounds of 95 % over resampled weeks`,
  )
  for (const half of HALVES) {
    console.log(half.name)
    const window = pairWindow(PAIRS[0]!, half)
    const runs = PENALTY_RULES.map((rule) =>
      penaltyRun(window, rule, { ...population, market: marketOf('auction', changes) }),
    )
    for (const run of runs) penaltyLine(run)
    const controller = runs.find(({ rule }) => rule === 'controller')!
    for (const run of runs.filter(({ rule }) => /^\d/.test(rule)))
      console.log(
        `  controller less ${run.rule}: borrowers pay ${bounds(dailyDifference(controller.run, run.run, ({ dailyPenalties }, d) => dailyPenalties[d]!))}; ` +
          `backstop loses ${bounds(dailyDifference(controller.run, run.run, ({ dailyProfit }, d) => Math.max(0, -dailyProfit[d]!)))}; ` +
          `system loses ${bounds(dailyDifference(controller.run, run.run, ({ dailyLoss }, d) => dailyLoss[d]!))}`,
      )
  }
}
