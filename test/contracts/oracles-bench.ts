import assert from 'node:assert/strict'
import type { Address } from 'viem'
import {
  combineWords,
  NO_QUOTE,
  type OracleReading,
  type OracleRules,
  type OracleState,
  parseWord,
  retakeWord,
  type SaidWord,
  stepOracles,
} from '../../protocol/oracle.ts'
import { type Chain, type Contract, type Event, startChain } from './chain.ts'

// The oracles alone: a stub in place of rounds and governance, and sources that say what a test has them say.

export const DELAY = 86_400
export const SOURCE_GAS = 200_000
export const HEARTBEAT = 3_600
export const DEVIATION = 300
export const JUMP = 2_000
export const CONFIRM = 900
const NOBODY = '0x0000000000000000000000000000000000000000'
/** Decimals of the sources, of assets and of cash: a price of 1 is a quote of 2^32 / 100. */
export const SOURCE_DECIMALS = 8
const DECIMALS = 8
const CASH_DECIMALS = 6

/** Modes of a scripted source. */
export const MODE = { Answer: 0, Revert: 1, Flood: 2, Burn: 3, Short: 4, Hungry: 5 } as const

export interface Bench {
  readonly chain: Chain
  readonly oracles: Contract
  readonly caller: Contract
  readonly admin: Address
  readonly guardian: Address
  /** By asset. */
  readonly sources: Contract[][]
  readonly rules: OracleRules[]
  /** Has the sources of an asset say these prices, in units of 10^-8, now; undefined leaves one as it is. */
  say(asset: number, ...prices: (bigint | undefined)[]): Promise<void>
  /** Calls `update` so many seconds after the last block, and checks it against the reference machine from the words alone. */
  update(later?: number): Promise<Round>
}

export interface Round {
  /** Of assets 1 onward. */
  readonly readings: OracleReading[]
  readonly words: { readonly asset: number; readonly index: number; readonly said: SaidWord }[]
  readonly events: Event[]
  readonly time: bigint
  readonly gas: bigint
}

export interface SourceOf {
  readonly address: Address
  readonly timeWeighted?: boolean
  readonly decimals?: number
  readonly heartbeat?: number
}

export interface BenchOptions {
  /** Number of scripted sources by asset, cash first; with `weighted`, the last of an asset is time-weighted. */
  readonly counts: readonly number[]
  readonly weighted?: readonly boolean[]
  readonly jump?: number
  readonly uptimeFeed?: (chain: Chain) => Promise<Contract>
  readonly uptimeGrace?: number
  /** Other sources in place of the scripted ones of an asset. */
  readonly others?: (chain: Chain) => Promise<Readonly<Record<number, readonly SourceOf[]>>>
}

/** The quote of a price in units of 10^-8: that of an asset, or of cash. */
export function quoteOf(price: bigint, cash = false): bigint {
  return (price * 10n ** 6n * 2n ** 32n) / 10n ** BigInt(SOURCE_DECIMALS + (cash ? CASH_DECIMALS : DECIMALS))
}

export async function deployBench(options: BenchOptions): Promise<Bench> {
  const { counts, weighted = [], jump = JUMP, uptimeGrace = 0 } = options
  const chain = await startChain()
  const [, admin, guardian] = chain.accounts as [Address, Address, Address]
  const caller = await chain.contract('OraclesCaller', [admin, guardian, DELAY])
  const others = (await options.others?.(chain)) ?? {}
  const sources: Contract[][] = []
  const rules: OracleRules[] = []
  const assets = []
  for (const [a, count] of counts.entries()) {
    sources.push([])
    const listed: SourceOf[] = [...(others[a] ?? [])]
    for (let i = listed.length; i < count; i++) {
      const timeWeighted = weighted[a] === true && i === count - 1
      const contract = await chain.contract('ScriptedSource', [SOURCE_DECIMALS, timeWeighted])
      sources[a]!.push(contract)
      listed.push({ address: contract.address, timeWeighted })
    }
    const decimals = a === 0 ? CASH_DECIMALS : DECIMALS
    rules.push({
      decimals,
      jump: BigInt(jump),
      confirm: BigInt(CONFIRM),
      sources: listed.map(({ timeWeighted = false, decimals: of = SOURCE_DECIMALS, heartbeat = HEARTBEAT }) => ({
        heartbeat: BigInt(heartbeat),
        deviation: BigInt(DEVIATION),
        maxConfidence: 200n,
        decimals: of,
        timeWeighted,
        disabled: false,
      })),
    })
    assets.push({
      decimals,
      jump,
      confirm: CONFIRM,
      sources: listed.map(({ address, heartbeat = HEARTBEAT }) => sourceConfig(address, { heartbeat })),
    })
  }
  const uptimeFeed = (await options.uptimeFeed?.(chain))?.address ?? NOBODY
  const config = { governance: caller.address, sourceGas: SOURCE_GAS, uptimeFeed, uptimeGrace }
  const oracles = await chain.contract('Oracles', [config, assets])
  await oracles.write('bind', [caller.address])
  await caller.write('name', [oracles.address])

  let states: readonly OracleState[] = rules.map(() => NO_QUOTE)
  async function update(later = 60): Promise<Round> {
    const time = (await chain.now()) + BigInt(later)
    await chain.mineAt(time)
    const before = (await oracles.read('peek')) as OracleReading[]
    await chain.client.setNextBlockTimestamp({ timestamp: time + 1n })
    const receipt = await caller.write('update')
    assert.equal(receipt.status, 'success')
    const updated = caller.events(receipt).find(({ name }) => name === 'Updated')!
    const { readings, words, gas } = updated.args as { readings: OracleReading[]; words: bigint[]; gas: bigint }
    const parsed = words.map((word) => parseWord(word)!)
    const now = time + 1n
    const numbers = readings.map((reading) => withBigints(reading))
    // What an audit does: from the words alone.
    const quotes = rules.map(({ sources: of }, a) => {
      const said = parsed.filter(({ asset }) => asset === a).map((word) => word.said)
      assert.equal(said.length, of.length)
      const combined = combineWords(
        said.map((word, i) => retakeWord(word, of[i]!, now)),
        of,
      )
      assert.deepEqual(combined.words, said)
      return combined.quote
    })
    const outcome = stepOracles(rules, states, quotes, now)
    states = outcome.states
    assert.deepEqual(numbers.slice(0, rules.length - 1), outcome.readings)
    for (const [a, state] of states.entries())
      assert.deepEqual(withBigints(await oracles.read<object>('state', BigInt(a))), { ...state })
    // A look one second earlier says the same but for the moment at which a hold begins, and for a mean over time.
    for (const [i, one] of options.others === undefined ? before.entries() : []) {
      const heldSince = BigInt(one.heldSince) === time ? now : BigInt(one.heldSince)
      assert.deepEqual({ ...withBigints(one), heldSince }, numbers[i])
    }
    const logs = oracles.events(receipt)
    return { readings: numbers.slice(0, rules.length - 1), words: parsed, events: logs, time: now, gas }
  }

  return {
    chain,
    oracles,
    caller,
    admin,
    guardian,
    sources,
    rules,
    say: async (asset, ...prices) => {
      for (const [i, price] of prices.entries())
        if (price !== undefined) await sources[asset]![i]!.write('say', [price])
    },
    update,
  }
}

export function sourceConfig(
  address: Address,
  { heartbeat = HEARTBEAT, deviation = DEVIATION, maxConfidence = 200 } = {},
) {
  return { source: address, heartbeat, deviation, maxConfidence }
}

function withBigints<T extends object>(value: T): Record<keyof T, bigint> & OracleReading {
  const entries = Object.entries(value).map(([name, one]) => [name, typeof one === 'number' ? BigInt(one) : one])
  return Object.fromEntries(entries) as Record<keyof T, bigint> & OracleReading
}
