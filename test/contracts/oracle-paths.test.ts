import assert from 'node:assert/strict'
import {
  combineWords,
  FAULTS,
  type Fault,
  NO_QUOTE,
  type OracleReading,
  type OracleRules,
  type OracleState,
  type Quote,
  type SaidWord,
  type SourceAnswer,
  type SourceRules,
  stepOracles,
  takeAnswer,
} from '../../protocol/oracle.ts'
import { type Contract, startChain } from './chain.ts'
import { randomizer } from './mirror.ts'

interface StoredAsset {
  price: bigint
  quote: bigint
  heldSince: number
  jumpSince: number
  jump: number
  confirm: number
  flags: number
}

interface Result {
  reading: Record<keyof OracleReading, bigint | number>
  cash: StoredAsset
  asset: StoredAsset
  faults: readonly number[]
}

const NOBODY = '0x0000000000000000000000000000000000000000'
const PLACES = 4
const PATHS = 40
const STEPS = 50
const NO_QUOTES: Quote = { price: 0n, low: 0n, high: 0n, counted: 0 }

function stored({ decimals, jump, confirm, sources }: OracleRules, state: OracleState): StoredAsset {
  return {
    price: state.price,
    quote: state.quote,
    heldSince: Number(state.heldSince),
    jumpSince: Number(state.jumpSince),
    jump: Number(jump),
    confirm: Number(confirm),
    flags: (decimals << 4) | (state.jumpUp ? 8 : 0) | sources.length,
  }
}

function source(rules: SourceRules | undefined) {
  const { heartbeat, deviation, maxConfidence, decimals, timeWeighted, disabled } = rules ?? {
    heartbeat: 0n,
    deviation: 0n,
    maxConfidence: 0n,
    decimals: 0,
    timeWeighted: false,
    disabled: false,
  }
  const numbers = { heartbeat: Number(heartbeat), deviation: Number(deviation), maxConfidence: Number(maxConfidence) }
  return { source: NOBODY, ...numbers, decimals, timeWeighted, disabled }
}

describe('readings, on chain and in the reference machine', () => {
  const random = randomizer(20200312n)
  const one = (end: number) => Number(random(BigInt(end)))
  const often = (percent: number) => one(100) < percent
  let harness: Contract
  const seen = new Map<string, number>()

  before(async () => {
    const chain = await startChain()
    harness = await chain.contract('QuotesHarness')
  })

  function randomRules(cash: boolean): OracleRules {
    const count = cash ? one(PLACES + 1) : 1 + one(PLACES)
    const weighted = count > 2 && often(60) ? one(count) : -1
    return {
      decimals: one(9),
      jump: often(20) ? 0n : 200n + random(4_000n),
      confirm: random(2_000n),
      sources: Array.from({ length: count }, (_, i) => ({
        heartbeat: 1n + random(5_000n),
        deviation: 1n + random(600n),
        maxConfidence: random(400n),
        decimals: one(19),
        timeWeighted: i === weighted,
        disabled: count > 2 && i !== weighted && often(5),
      })),
    }
  }

  /** An answer near a price in thousandths of the quote, now and then one that is wrong somehow. */
  function randomAnswer({ decimals }: SourceRules, price: bigint, time: bigint): SourceAnswer | undefined {
    if (often(6)) return undefined
    const near = (price * (9_980n + random(40n)) * 10n ** BigInt(decimals)) / 10_000_000n
    const lies = [0n, near * random(1_000n), near / (1n + random(1_000n)), near << random(140n), random(1n << 255n)]
    const answer = often(12) ? lies[one(lies.length)]! : near
    return {
      price: answer,
      confidence: often(80) ? answer / (50n + random(10_000n)) : often(5) ? random(1n << 255n) : answer,
      time: often(92) ? time - random(900n) : often(50) ? time - random(50_000n) : time + random(1n << 50n),
      decimals: often(97) ? BigInt(decimals) : random(300n),
    }
  }

  function expected(
    rules: readonly OracleRules[],
    states: readonly OracleState[],
    said: readonly SaidWord[][],
    time: bigint,
  ) {
    const combined = rules.map(({ sources }, a) => combineWords(said[a]!, sources))
    const outcome = stepOracles(
      rules,
      states,
      rules.map(({ sources }, a) => (sources.length === 0 ? NO_QUOTES : combined[a]!.quote)),
      time,
    )
    const faults = combined.map(({ words }) => words.map(({ fault }) => fault))
    return { outcome, faults }
  }

  it('agree over random rules, answers and silences, to the last bit', async () => {
    for (let path = 0; path < PATHS; path++) {
      const rules = [randomRules(true), randomRules(false)]
      let states = [NO_QUOTE, NO_QUOTE]
      const start = states.map((state, a) => stored(rules[a]!, state))
      let time = 1_700_000_000n + random(1_000_000n)
      const prices = [1_000n, 1n + random(10n) ** 7n]
      const steps = []
      const wanted: { reading: OracleReading; states: OracleState[]; faults: Fault[][] }[] = []
      for (let k = 0; k < STEPS; k++) {
        time += often(90) ? random(1_000n) : random(200_000n)
        for (const a of [0, 1]) {
          const move = often(4) ? 5_000n + random(10_000n) : 9_950n + random(101n)
          prices[a] = (prices[a]! * move) / 10_000n + 1n
        }
        const answers = rules.map(({ sources }, a) => sources.map((rule) => randomAnswer(rule, prices[a]!, time)))
        const said = rules.map(({ sources, decimals }, a) =>
          sources.map((rule, i) => takeAnswer(answers[a]![i], rule, decimals, rules[0]!.decimals, time)),
        )
        const { outcome, faults } = expected(rules, states, said, time)
        states = [...outcome.states]
        for (const fault of faults.flat()) seen.set(fault, (seen.get(fault) ?? 0) + 1)
        const kind = outcome.readings[0]!.heldSince > 0n ? (outcome.jumps[1]! > 0n ? 'jump' : 'held') : 'valid'
        seen.set(kind, (seen.get(kind) ?? 0) + 1)
        wanted.push({ reading: outcome.readings[0]!, states, faults })
        steps.push({
          time,
          answers: [0, 1].flatMap((a) =>
            Array.from({ length: PLACES }, (_, i) => {
              const answer = answers[a]![i]
              if (answer === undefined) return [0n, 0n, 0n, 0n]
              return [answer.price, answer.confidence, answer.time, answer.decimals]
            }),
          ),
        })
      }
      const sources = rules.flatMap((rule) => Array.from({ length: PLACES }, (_, i) => source(rule.sources[i])))
      const results = (await harness.read('path', start, sources, steps)) as Result[]
      results.forEach(({ reading, cash, asset, faults }, k) => {
        const { reading: reads, states: after, faults: wrong } = wanted[k]!
        const numbers = Object.fromEntries(Object.entries(reading).map(([name, value]) => [name, BigInt(value)]))
        assert.deepEqual(numbers, reads, `path ${path}, step ${k}`)
        assert.deepEqual({ ...cash }, stored(rules[0]!, after[0]!), `path ${path}, step ${k}`)
        assert.deepEqual({ ...asset }, stored(rules[1]!, after[1]!), `path ${path}, step ${k}`)
        for (const a of [0, 1]) {
          const codes = faults.slice(PLACES * a, PLACES * a + wrong[a]!.length).map((code) => FAULTS[code])
          assert.deepEqual(codes, wrong[a], `path ${path}, step ${k}`)
        }
      })
    }
    for (const name of [...FAULTS, 'valid', 'held', 'jump']) assert.ok(seen.has(name), `${name} never happened`)
  })
})
