import assert from 'node:assert/strict'
import { type Address, decodeEventLog } from 'viem'
import { OracleBooks } from '../../audit/oracle-books.ts'
import { type OracleReading, packWord, parseWord, type SaidWord } from '../../protocol/oracle.ts'
import { ORACLES_ABI } from '../../sdk/abi/oracles.ts'
import type { SystemEvent } from '../../sdk/chain/settlement-history.ts'
import { type Chain, type Contract, type Event, startChain } from './chain.ts'

// The oracles alone: a stub in place of rounds and governance, and sources that say what a test has them say.

export const DELAY = 86_400
const SOURCE_GAS = 200_000
export const HEARTBEAT = 3_600
const DEVIATION = 300
const JUMP = 2_000
export const CONFIRM = 900
const NOBODY = '0x0000000000000000000000000000000000000000'
/** Decimals of the sources, of assets and of cash: a price of 1 is a quote of 2^32 / 100. */
const SOURCE_DECIMALS = 8
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
  /** Words that the latest round published. */
  published(): readonly bigint[]
  /** Has the sources of an asset say these prices, in units of 10^-8, now; undefined leaves one as it is. */
  say(asset: number, ...prices: (bigint | undefined)[]): Promise<void>
  /** Calls `update` so many seconds after the last block, and checks it as an audit does, from events alone. */
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

  const books = new OracleBooks()
  let published: readonly bigint[] = []
  let seen = 0n
  async function update(later = 60): Promise<Round> {
    const time = (await chain.now()) + BigInt(later)
    await chain.mineAt(time)
    const before = (await oracles.read('peek')) as OracleReading[]
    await chain.nextBlockAt(time + 1n)
    const receipt = await caller.write('update')
    assert.equal(receipt.status, 'success')
    const updated = caller.events(receipt).find(({ name }) => name === 'Updated')!
    const { readings, words, gas } = updated.args as { readings: OracleReading[]; words: bigint[]; gas: bigint }
    const parsed = words.map((word) => parseWord(word)!)
    assert.deepEqual(
      parsed.map(({ asset, index, said }) => packWord(said, asset, index)),
      words,
    )
    const now = time + 1n
    const numbers = readings.map((reading) => withBigints(reading))
    // What an audit does: from events alone.
    for (const [event, at] of await oracleEvents(chain, oracles.address, seen)) books.event(event, at)
    seen = receipt.blockNumber + 1n
    assert.deepEqual(numbers.slice(0, counts.length - 1), books.round(words, now))
    await books.compare({ read: chain.client } as never, oracles.address, receipt.blockNumber)
    published = words
    // A look one second earlier says the same but for the moment at which a hold begins, and for a mean over time.
    for (const [i, one] of options.others === undefined ? before.entries() : []) {
      const heldSince = BigInt(one.heldSince) === time ? now : BigInt(one.heldSince)
      assert.deepEqual({ ...withBigints(one), heldSince }, numbers[i])
    }
    const logs = oracles.events(receipt)
    return { readings: numbers.slice(0, counts.length - 1), words: parsed, events: logs, time: now, gas }
  }

  return {
    chain,
    oracles,
    caller,
    admin,
    guardian,
    sources,
    published: () => published,
    say: async (asset, ...prices) => {
      for (const [i, price] of prices.entries())
        if (price !== undefined) await sources[asset]![i]!.write('say', [price])
    },
    update,
  }
}

/** Events of an oracle contract since a block, each with its block's time. */
export async function oracleEvents(
  { client }: Chain,
  address: Address,
  fromBlock: bigint,
): Promise<[event: SystemEvent<'oracles'>, time: bigint][]> {
  const logs = await client.getLogs({ address, fromBlock })
  return Promise.all(
    logs.map(async ({ data, topics, blockNumber: block, transactionHash: transaction }) => {
      const decoded = decodeEventLog({ abi: ORACLES_ABI, data, topics })
      const { timestamp } = await client.getBlock({ blockNumber: block })
      return [{ of: 'oracles', block, transaction, ...decoded } as SystemEvent<'oracles'>, timestamp]
    }),
  )
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
