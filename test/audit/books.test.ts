import assert from 'node:assert/strict'
import type { Abi, Address, PublicClient } from 'viem'
import { GovernanceBooks } from '../../audit/governance-books.ts'
import { MarginBooks } from '../../audit/margin-books.ts'
import { MarketBooks } from '../../audit/market-books.ts'
import { OracleBooks } from '../../audit/oracle-books.ts'
import { SystemBooks } from '../../audit/system-books.ts'
import { PlimsollError } from '../../protocol/errors.ts'
import { OP } from '../../protocol/transact.ts'
import { ESCAPE_ABI } from '../../sdk/abi/escape.ts'
import { FORCED_ABI } from '../../sdk/abi/forced.ts'
import { GOVERNANCE_ABI } from '../../sdk/abi/governance.ts'
import { INSURANCE_ABI } from '../../sdk/abi/insurance.ts'
import { MARKET_ABI } from '../../sdk/abi/market.ts'
import { VAULT_ABI } from '../../sdk/abi/vault.ts'
import { type SystemEvent, type SystemPart, settledBatch, systemEvents } from '../../sdk/chain/settlement-history.ts'
import type { SystemContracts } from '../../sdk/chain/system-contracts.ts'
import { force, keyOf, step, wait } from '../contracts/custody.ts'
import { Model } from '../contracts/ledger-model.ts'
import {
  AUCTION,
  DEPTH,
  deployMarket,
  FORCED,
  GRACE,
  HANDOVER,
  type Market,
  NOTICE,
  RESOLVE_STEPS,
  RUNGS,
  refreshFeeds,
  SEQUENCER_KEY,
  TRANSACT_STEPS,
} from '../contracts/market.ts'
import { CONCENTRATION } from '../contracts/mirror.ts'

const SHAPE = {
  depth: Number(DEPTH),
  sweeps: RUNGS.map(({ steps, window }) => ({ steps: Number(steps), window: Number(window) })),
  resolve: { steps: RESOLVE_STEPS },
  transact: { steps: TRANSACT_STEPS },
}
const ALL = [
  'settlement',
  'governance',
  'oracles',
  'rounds',
  'vault',
  'forced',
  'insurance',
  'escape',
  'market',
] as const
const FOLLOWED = {
  governance: GOVERNANCE_ABI,
  vault: VAULT_ABI,
  forced: FORCED_ABI,
  insurance: INSURANCE_ABI,
  escape: ESCAPE_ABI,
  market: MARKET_ABI,
} as const satisfies Partial<Record<SystemPart, Abi>>
const STRANGER = `0x${'5a'.repeat(20)}` as const
const DAY = 86_400

interface Captured {
  readonly contracts: SystemContracts
  readonly events: readonly SystemEvent[]
  /** Blocks at which the contracts' storage is read: in the middle, while much stands open, and last. */
  readonly ends: readonly bigint[]
  readonly times: ReadonlyMap<bigint, bigint>
  /** Asks once for each thing. */
  readonly read: PublicClient
}

/** Words that no storage has, and nothing rests on: who gave a present, say, and to whom a share went that was paid. */
const TOLD_ONLY: ReadonlySet<string> = new Set([
  'Donated.from',
  // Of the only one who offers: what was not redeemed comes back, however much it was.
  'Redeeming.shares',
  'SharesPulled.insurer',
  'OwedPulled.withdrawalId',
  // Of two withdrawals that were cut alike.
  'OwedCollected.withdrawalId',
])

/** What the model's random operations have to have done, so that each event was there. */
const WANTED = [
  'bounce',
  'refund',
  'unwind',
  'claim',
  'checkpoint under water',
  'debt',
  'repayment',
  'collection of a debt',
  'conversion',
  'redemption',
  'collection',
  'deposit taken back',
  'withdrawal that waits',
  'withdrawal in full after all',
  'forced withdrawal',
  'forced close',
]

describe('the books of an audit, on a chain on which everything happened', () => {
  let market: Market
  let model: Model
  let chains: Captured[]

  before(async () => {
    chains = [await everything(), await insurersEscape()]
  })

  async function begin(seed = 1n): Promise<void> {
    market = await deployMarket({ more: [0, 24] })
    model = new Model(market, await market.chain.contract('Books', [market.vault.address]), seed)
    // With takers outside there would seldom be inventory: they come for a while, later.
    model.outside = false
    await model.begin()
  }

  async function everything(): Promise<Captured> {
    const missing = () => WANTED.filter((kind) => (model.counts[kind] ?? 0) === 0)
    // Others begin with so much cash that the backstop never comes under water, or end with insurers who cannot come in.
    await begin(2n)
    for (let i = 0; i < 400 && missing().length > 0; i++) await model.operate()
    assert.deepEqual(missing(), [])
    model.outside = true
    while ((model.counts.take ?? 0) < 3) await model.operate()
    model.outside = false
    await complete()
    const { chain, forced } = market
    const ends: bigint[] = []
    const block = async () => ends.push(await chain.client.getBlockNumber({ cacheTime: 0 }))
    const [user, other] = chain.accounts.slice(10) as [Address, Address]
    await insurersComeAndGo(user)
    const pending = await forcedRequests(user, other)
    // None is overdue while terms change.
    while (model.head < model.deposits.length) await model.consume()
    await governed(block)
    // A stall that ends, and the last words of the guardian and the admin are taken back.
    await wait(market, GRACE + 1)
    await market.escape.write('declareStall', [0n])
    await wait(market, NOTICE / 4)
    await refreshFeeds(market, model.ethPrice, model.btcPrice)
    await market.escape.write('tick', [0n])
    await block()
    await complete()
    // The backstop leaves less than it owes.
    do {
      while (model.owed.outstanding === 0n) {
        await model.crisis()
        await model.operate()
      }
      await model.rescue()
    } while (model.owed.outstanding === 0n)
    await model.check()
    await model.escape()
    await forced.write('takeBond', [pending])
    await block()

    return capture(market, ends)
  }

  /** The sequencer hands over, and back, as batches are proven for the first key. Insurers whose backstop owes nothing get their part. */
  async function insurersEscape(): Promise<Captured> {
    await begin()
    const [operator] = market.chain.accounts
    for (const key of [keyOf(77n), SEQUENCER_KEY]) {
      await market.governance.write('nominateSequencer', [operator, key], operator)
      await wait(market, HANDOVER)
      await market.governance.write('acceptSequencer', [key], operator)
    }
    await refreshFeeds(market, model.ethPrice, model.btcPrice)
    const user = market.chain.accounts[2]!
    await model.settle([])
    const { insurance, tokens, vault } = market
    await tokens[0]!.write('mint', [user, 5_000_000n])
    await tokens[0]!.write('approve', [vault.address, 5_000_000n], user)
    await insurance.write('insure', [5_000_000n], user)
    model.insuring += 5_000_000n
    await complete()
    await model.check()
    await model.escape()
    return capture(market, [await market.chain.client.getBlockNumber({ cacheTime: 0 })])
  }

  /** A round, and a checkpoint at it. */
  async function complete(): Promise<void> {
    await model.round()
    while ((await market.settlement.read<bigint>('head', 1n)) !== 0n) await model.settle([])
    await model.checkpoint()
  }

  async function liveFor(seconds: number): Promise<void> {
    const end = (await market.rounds.read<bigint>('liveTime')) + BigInt(seconds)
    while ((await market.rounds.read<bigint>('liveTime')) < end) await model.round()
  }

  async function insurersComeAndGo(user: Address): Promise<void> {
    const { insurance, tokens, vault } = market
    await complete()
    assert.equal(await insurance.read('accepting'), true)
    await tokens[0]!.write('mint', [user, 5_000_000n])
    await tokens[0]!.write('approve', [vault.address, 5_000_000n], user)
    await insurance.write('insure', [5_000_000n], user)
    await insurance.write('cancel', [], user)
  }

  /** Requests that end in every way. @returns one that waits for more than there is */
  async function forcedRequests(user: Address, other: Address): Promise<bigint> {
    const { forced, vault } = market
    const owner = await vault.read('ownerOf', 0n)
    const reserved = await forced.write('reserve', [0n, owner], other, FORCED.bond + FORCED.forcedFee)
    await forced.write('release', [forced.events(reserved)[0]!.args.number], other)
    const discharged = await force(market, other, { index: 0n, asset: 0n, amount: 1_000n })
    const expired = await force(market, other, { index: 1n, asset: 0n, amount: 1n << 50n })
    await model.round()
    await model.settle([step.discharge(discharged)])
    await liveFor(FORCED.forcedDelay + FORCED.forcedSpacing)
    await forced.write('requeue', [expired.number], user, FORCED.forcedFee)
    await wait(market, 11 * DAY)
    await forced.write('closeExpired', [expired.number])
    const expiry = (await market.chain.now()) + 100n * BigInt(DAY)
    return (await force(market, user, { index: 0n, asset: 0n, amount: 1n << 50n, expiry })).number
  }

  async function governed(block: () => Promise<unknown>): Promise<void> {
    const { governance, chain } = market
    const [, admin] = chain.accounts
    const [guardian, next] = [chain.accounts[18]!, chain.accounts[17]!]
    const terms = await governance.read<{ depositSpacing: number; caps: bigint[] }>('terms')
    await complete()
    await governance.write('nominate', [2, next], guardian)
    await governance.write('proposeTerms', [{ ...terms, depositSpacing: 20 }], admin)
    await governance.write('halt', [1], guardian)
    await block()
    await governance.write('resume', [], guardian)
    await wait(market, HANDOVER)
    await governance.write('accept', [2], next)
    await liveFor(15_000)
    await complete()
    await governance.write('applyTerms', [{ ...terms, depositSpacing: 20 }])
    await governance.write('lowerCap', [1, terms.caps[1]! - 1n], admin)
    await governance.write('proposeTerms', [await governance.read('terms')], admin)
    await block()
    await governance.write('dropTerms', [], admin)
  }

  /** @throws PlimsollError when the events do not lead to the contracts' storage at the block */
  async function replay(
    { contracts, times, read }: Captured,
    events: readonly SystemEvent[],
    end: bigint,
  ): Promise<void> {
    const governance = new GovernanceBooks()
    const decimals = [6, 18, 0, 0, 24]
    const internal = decimals.map((_, a) => (a === 0 ? 6 : 8))
    const settings = {
      blockTime: BigInt(AUCTION.blockTime),
      floorDiscount: BigInt(AUCTION.floorDiscount),
      maxImpact: BigInt(AUCTION.maxImpact),
    }
    const sales = new MarketBooks(decimals.length - 1, { roundMin: 0n, maxAge: 1n, ...settings })
    const books = new SystemBooks(
      decimals.map((tokenDecimals, a) => ({ decimals: internal[a]!, tokenDecimals })),
      sales,
    )
    const [oracles, margins] = [
      new OracleBooks(),
      new MarginBooks({ patience: 0n, concentration: BigInt(CONCENTRATION) }, internal),
    ]
    const holdings = Array<bigint>(8).fill(0n)
    const [backstop, accounts] = [Array<bigint>(8).fill(0n), Array<bigint>(8).fill(0n)]
    const move = (asset: number, toBackstop: bigint, toAccounts = -toBackstop) => {
      backstop[asset]! += toBackstop
      accounts[asset]! += toAccounts
    }
    let [round, root] = [0, undefined as bigint | undefined]
    let prices: readonly bigint[] = [1n << 32n]
    const now = () => ({ root, round, prices, backstop, accounts })
    const time = async (event: SystemEvent) => times.get(event.block)!
    for (const event of events) {
      if (event.block > end) break
      books.next(event)
      switch (event.of) {
        case 'governance':
          governance.event(event, await time(event))
          sales.clocks(governance.roundClocks)
          break
        case 'oracles':
          oracles.event(event, await time(event))
          break
        case 'rounds':
          if (event.eventName === 'RoundPosted') {
            ;[round, prices] = [round + 1, [1n << 32n, ...event.args.prices]]
            const at = await time(event)
            const readings = oracles.round(event.args.answers, at)
            const marks = margins.round({ ...event.args, readings, time: at, holdings })
            sales.round({ number: round, time: at, marks, sales: margins.sales })
          } else margins.event(event, await time(event), governance.parameterDelay)
          break
        case 'settlement': {
          books.settlement(event)
          if (event.eventName === 'SequencerKey') governance.newSequencerKey(event)
          const settled = settledBatch(event, SHAPE)
          if (settled === undefined || settled.batch.circuit === 'sweep') break
          books.batch(settled.batch)
          root = settled.batch.rootAfter
          if (settled.batch.circuit === 'resolve') {
            settled.batch.backstopDelta.forEach((delta, a) => move(a, delta))
            sales.resolved(settled.batch.backstopDelta, await time(event))
          } else
            for (const { op, asset, amount, u, v, closing } of settled.batch.steps) {
              if (op === OP.open || op === OP.topup) move(asset, 0n, amount)
              if (op === OP.withdraw || op === OP.forced) move(asset, 0n, -amount)
              if (op === OP.close) {
                const { direction, x, y } = closing!
                move(asset, direction === 1 ? -x : x)
                move(0, direction === 1 ? y : -y)
              }
              if (op !== OP.unwind) continue
              move(asset, v === 1n ? -amount : amount)
              move(0, v === 1n ? u : -u)
            }
          break
        }
        default:
          await books.event(event, now, () => time(event))
      }
    }
    await books.compare(read, contracts, end, now(), times.get(end)!)
    await governance.compare({ read } as never, contracts.governance, end, times.get(end)!)
  }

  /** Whether a change of the events is refused at one of the ends. */
  async function refused(chain: Captured, changed: readonly SystemEvent[]): Promise<boolean> {
    for (const end of [...chain.ends].reverse()) {
      try {
        await replay(chain, changed, end)
      } catch (error) {
        if (!(error instanceof PlimsollError)) throw error
        return true
      }
    }
    return false
  }

  /** The first and the last event of a name on each chain, by their places, of those that pay something if they are to. */
  function places(of: SystemPart, eventName: string): { chain: Captured; place: number }[] {
    return chains.flatMap((chain) => {
      const all = chain.events.flatMap((event, i) =>
        event.of === of &&
        event.eventName === eventName &&
        !('tokenAmount' in event.args && event.args.tokenAmount === 0n)
          ? [i]
          : [],
      )
      return [...new Set([all.at(-1), all[0]])].flatMap((place) => (place === undefined ? [] : [{ chain, place }]))
    })
  }

  /** Whether one of some changes of an event, at one of its places, is refused. */
  async function found(of: SystemPart, name: string, change: (event: SystemEvent) => SystemEvent[]): Promise<boolean> {
    for (const { chain, place } of places(of, name))
      if (await refused(chain, chain.events.toSpliced(place, 1, ...change(chain.events[place]!)))) return true
    return false
  }

  const names = Object.entries(FOLLOWED).flatMap(([of, abi]) =>
    (abi as Abi).flatMap((item) => (item.type === 'event' ? [{ of: of as SystemPart, item }] : [])),
  )

  it('lead to what the contracts hold, in the middle and at the end', async () => {
    for (const chain of chains) for (const end of chain.ends) await replay(chain, chain.events, end)
  })

  it('know every event that the contracts have', () => {
    const missing = names.filter(({ of, item }) => places(of, item.name).length === 0)
    assert.deepEqual(
      missing.map(({ of, item }) => `${of}.${item.name}`),
      [],
    )
  })

  it('miss every event that is left out', async () => {
    const agreed: string[] = []
    for (const { of, item } of names) if (!(await found(of, item.name, () => []))) agreed.push(`${of}.${item.name}`)
    assert.deepEqual(agreed, [])
  })

  it('find every word of an event that is another', async () => {
    const agreed: string[] = []
    for (const { of, item } of names)
      for (const { name } of item.inputs) {
        const change = (event: SystemEvent) => {
          const args = { ...event.args, [name!]: another((event.args as Record<string, unknown>)[name!]) }
          return [{ ...event, args } as SystemEvent]
        }
        if (!TOLD_ONLY.has(`${item.name}.${name}`) && !(await found(of, item.name, change)))
          agreed.push(`${of}.${item.name}.${name}`)
      }
    assert.deepEqual(agreed, [])
  })

  it('find every event that comes twice, but for those that say what holds already', async () => {
    // And an offer of the only one who offers: what was not redeemed of it comes back, however much it was.
    const again = new Set(['Redeeming', 'Nominated', 'HaltedUntil', 'Ticked', 'TermsProposed', 'TermsApplied', 'Bound'])
    const agreed: string[] = []
    for (const { of, item } of names)
      if (!again.has(item.name) && !(await found(of, item.name, (event) => [event, event])))
        agreed.push(`${of}.${item.name}`)
    assert.deepEqual(agreed, [])
  })
})

/** Everything that a chain's contracts said, and what they hold at some blocks. */
async function capture({ chain, ...market }: Market, ends: readonly bigint[]): Promise<Captured> {
  const { client } = chain
  const contracts = Object.fromEntries(ALL.map((part) => [part, market[part].address])) as unknown as SystemContracts
  const events: SystemEvent[] = []
  for await (const event of systemEvents(client as unknown as PublicClient, {
    contracts,
    of: ALL,
    end: ends.at(-1)!,
  })) {
    assert.ok(event.eventName !== undefined)
    events.push(event)
  }
  const times = new Map<bigint, bigint>()
  for (const block of [...events.map(({ block }) => block), ...ends])
    if (!times.has(block)) times.set(block, (await client.getBlock({ blockNumber: block })).timestamp)
  const reads = new Map<string, Promise<unknown>>()
  const readContract = (query: { address: Address; functionName: string; args?: unknown[]; blockNumber: bigint }) => {
    const { address, functionName, args = [], blockNumber } = query
    const key = [address, functionName, args.join(), blockNumber].join(' ')
    if (!reads.has(key)) reads.set(key, client.readContract(query as never))
    return reads.get(key)
  }
  const getLogs = (query: { address: Address; fromBlock: bigint }) => {
    const key = ['logs', query.address, query.fromBlock].join(' ')
    if (!reads.has(key)) reads.set(key, client.getLogs(query as never))
    return reads.get(key)
  }
  return { contracts, events, ends, times, read: { readContract, getLogs } as unknown as PublicClient }
}

/** Another value of the same type. */
function another(value: unknown): unknown {
  if (typeof value === 'bigint') return 2n * value + 1n
  if (typeof value === 'number') return value + 1
  if (typeof value === 'boolean') return !value
  if (typeof value === 'string') return value === STRANGER ? `0x${'6b'.repeat(20)}` : STRANGER
  if (Array.isArray(value)) return [another(value[0]), ...value.slice(1)]
  const [[name, first], ...rest] = Object.entries(value as object) as [[string, unknown], ...[string, unknown][]]
  return { [name]: another(first), ...Object.fromEntries(rest) }
}
