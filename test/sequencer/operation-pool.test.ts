import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Hex } from 'viem'
import { type Custody, NO_CUSTODY } from '../../chain/custody.ts'
import type { Account } from '../../protocol/account.ts'
import { changeBackstop, NO_AUCTION, openRound } from '../../protocol/auction.ts'
import { auctionTerms } from '../../protocol/auction-terms.ts'
import { ASSETS } from '../../protocol/constants.ts'
import type { SignedOperation } from '../../protocol/operation.ts'
import type { System } from '../../protocol/system.ts'
import type { OperationRequest } from '../../sdk/schemas.ts'
import { Journal } from '../../sequencer/mempool/journal.ts'
import { OperationPool, type OwnerOperation, type PoolSnapshot } from '../../sequencer/mempool/operation-pool.ts'
import { type OperationsToSelect, selectOperations } from '../../sequencer/mempool/select-operations.ts'
import { AccountSet } from '../../sequencer/state/account-set.ts'
import { HEALTHY } from '../support/circuit-market.ts'
import {
  EXPIRY,
  forced,
  half,
  LINK,
  owned,
  ownedAccount,
  preferences,
  unwind,
  VALID_UNTIL,
  withdrawal,
} from '../support/circuit-owners.ts'

const PROVING_TIME = 240
const NOW = Number(VALID_UNTIL) - 2 * PROVING_TIME
const WEIGHTS = [8, 9, 8, 8, 8, 8, 8, 8]
const PLENTY = 1n << 60n

describe('the pool', () => {
  let directory: string
  let journal: Journal
  let system: System
  let pool: OperationPool
  const view = { requireOwnState: async () => {} } as { snapshot: PoolSnapshot; requireOwnState(): Promise<void> }
  const custody = (more: Partial<Custody> = {}): Custody => ({
    ...NO_CUSTODY,
    fresh: true,
    spot: [true, true, true, ...Array<boolean>(ASSETS - 3).fill(false)],
    free: Array<bigint>(ASSETS).fill(PLENTY),
    ...more,
  })
  const request = (operation: SignedOperation) =>
    ({
      ...operation,
      version: Number((operation as OwnerOperation).version),
      expiry: Number(operation.expiry),
    }) as OperationRequest
  const take = (operation: SignedOperation) => pool.accept(request(operation))
  const refused = (operation: SignedOperation, code: string) =>
    assert.rejects(take(operation), { name: 'Refusal', code })
  const look = (
    more: Partial<Custody> = {},
    settlements = 0,
    applied: ReadonlyMap<Hex, number> = new Map(),
    of = system,
  ) => {
    view.snapshot = {
      state: { system: of, settlements, applied, decoyed: new Map(), traded: AccountSet.of() },
      custody: custody(more),
      now: NOW,
      readAt: performance.now(),
    }
  }
  const plan = (more: Partial<OperationsToSelect> = {}) => {
    const { batches, failures } = selectOperations({
      system,
      custody: custody(),
      round: 3,
      validUntil: VALID_UNTIL,
      forced: [],
      pool,
      deposits: [],
      most: Infinity,
      former: [],
      ...more,
    })
    return {
      kinds: batches.flatMap(({ operations }) => operations.map(({ kind, index }) => `${kind} ${index}`)),
      failures: Object.fromEntries(failures),
    }
  }
  const topup = (index: number, urgent: boolean) =>
    ({ operation: { kind: 'topup', depositId: 1, index, asset: 0, amount: 5n }, urgent }) as const
  /** The same with an account at another version. */
  const at = (version: bigint) =>
    owned([ownedAccount(0, HEALTHY, { version } as Partial<Account>), ...[...system.accounts].slice(1)])

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'plimsoll-'))
    // Nothing that ended for good is kept.
    journal = await Journal.open(directory, 0)
    system = owned([0, 1, 2].map((index) => ownedAccount(index, HEALTHY)))
    look()
    pool = new OperationPool(journal, PROVING_TIME, view)
  })
  afterEach(async () => {
    await journal.close()
    await rm(directory, { recursive: true })
  })

  it('takes whole token units only, of what has a token and is free, counting what was accepted before', async () => {
    look({ unitsPerTokenUnit: [1n, 1_000n, 1n, 1n, 1n, 1n, 1n, 1n], free: [100n, PLENTY, 0n, 0n, 0n, 0n, 0n, 0n] })
    await refused(withdrawal({ index: 0, amount: 1_001n, asset: 1 }), 'AMOUNT_NOT_REPRESENTABLE')
    await refused(withdrawal({ index: 0, amount: 1n, asset: 3 }), 'NOT_SPOT')
    await take(withdrawal({ index: 0, amount: 2_000n, asset: 1 }))
    await take(withdrawal({ index: 1, amount: 60n }))
    await refused(withdrawal({ index: 2, amount: 41n }), 'FREE_CUSTODY')
    await take(withdrawal({ index: 2, amount: 40n }))
    look({ frozen: true })
    await refused(preferences({ index: 1, version: 8n, weights: WEIGHTS }), 'FROZEN')
    look({ fresh: false })
    await refused(withdrawal({ index: 1, version: 7n, amount: 1n }), 'NO_FRESH_ROUND')
  })

  it('sells of the backstop what it holds, at its price, counting what was accepted before', async () => {
    const parameters = { roundMin: 300n, maxAge: 900n, blockTime: 12_000n, floorDiscount: 500n, maxImpact: 10_000n }
    const begun = { round: 1n, time: BigInt(NOW), held: false }
    const lots = (depth: bigint) => {
      const terms = auctionTerms(begun, system.ledger.marks![1]!, depth, { s5: 1n, quantile: 0n }, parameters)
      const auction = openRound(NO_AUCTION, terms, parameters)
      return NO_CUSTODY.auctions.with(1, changeBackstop(auction, 500n, BigInt(NOW), 'resolve', parameters))
    }
    const sold = (depth: bigint) => ({ auctions: lots(depth), auctionParameters: parameters, now: BigInt(NOW) })
    look(sold(100n))
    const many = unwind({ index: 0, direction: 1, x: 101n, y: 2_000n })
    // As much as moves the market by all of it, in a quarter of an hour.
    await refused(many, 'BACKSTOP_AMOUNT')
    look(sold(0n))
    const buy = (index: number, x: bigint, y: bigint) => unwind({ index, direction: 1, x, y })
    await refused(buy(0, 501n, 2_000n), 'BACKSTOP_AMOUNT')
    await refused(buy(0, 300n, 599n), 'BACKSTOP_PRICE')
    await refused(unwind({ index: 0, direction: 0, x: 1n, y: 1n }), 'BACKSTOP_SIDE')
    await refused(buy(0, 0n, 1n), 'AMOUNT_ZERO')
    await take(buy(0, 300n, 600n))
    await refused(buy(1, 201n, 402n), 'BACKSTOP_AMOUNT')
    await take(buy(1, 200n, 400n))
    await refused(buy(2, 1n, 2n), 'BACKSTOP_SIDE')
  })

  it('takes what is good for long enough, and leaves a forced request that is not to the contract', async () => {
    const lead = BigInt(2 * PROVING_TIME)
    await refused(preferences({ index: 0, weights: WEIGHTS, expiry: BigInt(NOW) + lead - 1n }), 'EXPIRED')
    await take(preferences({ index: 0, weights: WEIGHTS, expiry: BigInt(NOW) + lead + 60n }))
    const short = (expiry: bigint) =>
      plan({ most: 0, forced: [{ operation: forced({ index: 1, amount: 1n, expiry }), round: 2 }] }).kinds
    assert.deepEqual([short(VALID_UNTIL - 1n), short(VALID_UNTIL)], [[], ['forced 1']])
  })

  it('knows no asset that was not deployed, whatever it would be traded for', async () => {
    await refused(half({ index: 0, direction: 1, x: 1n, y: 0n, asset: 5 }), 'UNKNOWN_ASSET')
  })

  it('lets what an owner signed after an operation that waits wait too, and all others go on', async () => {
    const [big, after, other] = [
      await take(withdrawal({ index: 0, amount: 80n })),
      await take(preferences({ index: 0, version: 8n, weights: WEIGHTS })),
      await take(withdrawal({ index: 1, amount: 10n })),
    ]
    assert.deepEqual(plan({ custody: custody({ free: Array<bigint>(ASSETS).fill(50n) }) }), {
      kinds: ['withdraw 1'],
      failures: {},
    })
    assert.deepEqual(plan(), { kinds: ['withdraw 0', 'preferences 0', 'withdraw 1'], failures: {} })
    // What will never be carried out says why.
    const late = plan({ validUntil: EXPIRY + 1n })
    assert.deepEqual(late, {
      kinds: [],
      failures: { [big.id]: 'EXPIRED', [after.id]: 'EXPIRED', [other.id]: 'EXPIRED' },
    })
  })

  it('gives up half a trade when it expires or its account moved on', async () => {
    const { id, status } = await take(half({ index: 0, direction: 1, x: 5n, y: 10n }))
    assert.equal(status, 'waiting')
    assert.deepEqual(plan(), { kinds: [], failures: {} })
    assert.deepEqual(plan({ validUntil: EXPIRY + 1n }).failures, { [id]: 'EXPIRED' })
    await take(preferences({ index: 0, weights: WEIGHTS }))
    assert.deepEqual(plan(), { kinds: ['preferences 0'], failures: { [id]: 'STALE_VERSION' } })
    await refused(half({ index: 1, direction: 0, x: 5n, y: 10n, link: LINK }), 'TRADE_GONE')
  })

  it('voids with what expires what was signed after it, and nothing of the other side of a trade', async () => {
    const soon = EXPIRY
    const late = EXPIRY + 1_000n
    const first = await take(half({ index: 0, direction: 1, x: 5n, y: 10n, expiry: soon }))
    const second = await take(half({ index: 1, direction: 0, x: 5n, y: 10n, expiry: late }))
    const [after, other] = [
      await take(preferences({ index: 0, version: 8n, weights: WEIGHTS, expiry: late })),
      await take(preferences({ index: 1, version: 8n, weights: WEIGHTS, expiry: late })),
    ]
    const validUntil = soon + 1n
    const { kinds, failures } = plan({ validUntil })
    assert.deepEqual(
      { kinds, failures },
      { kinds: [], failures: { [first.id]: 'EXPIRED', [after.id]: 'STALE_VERSION' } },
    )
    await pool.recordFailed(new Map(Object.entries(failures) as [Hex, 'EXPIRED'][]))
    // The other side's half waits for another, and what its owner signed after it waits with it.
    assert.equal(pool.state(second.id).status, 'waiting')
    assert.deepEqual(plan({ validUntil }), { kinds: [], failures: {} })
    assert.equal((await take(half({ index: 0, direction: 1, x: 5n, y: 10n, expiry: late }))).status, 'accepted')
    assert.deepEqual(plan({ validUntil }), { kinds: ['trade 1', 'trade 0', 'preferences 1'], failures: {} })
    assert.deepEqual(plan({ validUntil: late + 1n }).failures[other.id], 'EXPIRED')
  })

  it('takes no trade of an account with itself, for whichever version its second half is', async () => {
    await take(half({ index: 0, direction: 1, x: 5n, y: 10n }))
    for (const version of [7n, 8n])
      await refused(half({ index: 0, direction: 0, x: 5n, y: 10n, version }), 'TRADE_MISMATCH')
    assert.equal((await take(half({ index: 1, direction: 0, x: 5n, y: 10n }))).status, 'accepted')
    assert.deepEqual(plan(), { kinds: ['trade 0', 'trade 1'], failures: {} })
  })

  it('leaves a deposit until after what its account waits for, but not for ever', async () => {
    await take(preferences({ index: 0, weights: WEIGHTS }))
    assert.deepEqual(plan({ deposits: [topup(0, false)] }).kinds, ['preferences 0', 'topup 0'])
    assert.deepEqual(plan({ most: 0, deposits: [topup(1, false), topup(0, false), topup(2, false)] }).kinds, [
      'topup 1',
    ])
    assert.deepEqual(plan({ most: 0, deposits: [topup(0, true), topup(2, false)] }).kinds, ['topup 0', 'topup 2'])
  })

  it('counts nothing as paid out where a forced request is discharged', async () => {
    const bad = { ...forced({ index: 1, amount: 100n }), signature: forced({ index: 1, amount: 99n }).signature }
    await take(withdrawal({ index: 0, amount: 100n }))
    const free = custody({ free: Array<bigint>(ASSETS).fill(100n) })
    assert.deepEqual(plan({ custody: free, forced: [{ operation: bad, round: 2 }] }), {
      kinds: ['forced 1', 'withdraw 0'],
      failures: {},
    })
    assert.deepEqual(plan({ custody: free, forced: [{ operation: forced({ index: 1, amount: 100n }), round: 2 }] }), {
      kinds: ['forced 1'],
      failures: {},
    })
    assert.deepEqual(plan({ forced: [{ operation: bad, round: 3 }] }).kinds, ['withdraw 0'])
  })

  it('discharges a forced request out of no custody, but not while the clock of such requests stands', async () => {
    const bad = { ...forced({ index: 1, amount: 100n }), signature: forced({ index: 1, amount: 99n }).signature }
    const good = forced({ index: 2, amount: 100n })
    const requests = [bad, good].map((operation) => ({ operation, round: 2 }))
    const none = { free: Array<bigint>(ASSETS).fill(0n) }
    assert.deepEqual(plan({ custody: custody(none), forced: requests }).kinds, ['forced 1'])
    assert.deepEqual(plan({ custody: custody({ ...none, stands: true }), forced: requests }).kinds, [])
    // What can be served is, and nothing else waits for what cannot.
    await take(preferences({ index: 0, weights: WEIGHTS }))
    assert.deepEqual(plan({ custody: custody({ stands: true }), forced: requests }).kinds, [
      'forced 2',
      'preferences 0',
    ])
  })

  it('serves a forced request behind any number of those that wait, and no more than 64 at a look', () => {
    const waits = { operation: forced({ index: 1, amount: 100n }), round: 2 }
    const small = { operation: forced({ index: 2, amount: 1n }), round: 2 }
    const free = custody({ free: Array<bigint>(ASSETS).fill(99n) })
    assert.deepEqual(plan({ custody: free, forced: [...Array<typeof waits>(200).fill(waits), small] }).kinds, [
      'forced 2',
    ])
    assert.equal(plan({ custody: free, forced: Array<typeof small>(80).fill(small) }).kinds.length, 64)
  })

  it('forgets what failed only when it could not be taken again', async () => {
    const operation = preferences({ index: 0, weights: WEIGHTS })
    const { id } = await take(operation)
    await pool.recordFailed(new Map([[id, 'REJECTED']]))
    look()
    await pool.recordSettled({
      system,
      settlements: 1,
      applied: new Map(),
      decoyed: new Map(),
      traded: AccountSet.of(),
    })
    assert.deepEqual([pool.state(id).status, pool.state(id).code], ['failed', 'REJECTED'])
    await refused(operation, 'DUPLICATE')
    const later = at(8n)
    look({}, 1, new Map(), later)
    await pool.recordSettled({
      system: later,
      settlements: 1,
      applied: new Map(),
      decoyed: new Map(),
      traded: AccountSet.of(),
    })
    assert.throws(() => pool.state(id), { code: 'NOT_FOUND' })
    await refused(operation, 'STALE_VERSION')
  })

  it('forgets what was settled only when no reorganization can undo it', async () => {
    const operation = preferences({ index: 0, weights: WEIGHTS })
    const { id } = await take(operation)
    const later = at(8n)
    for (const settlements of [1, 72]) {
      const applied = new Map<Hex, number>([[id, 1]])
      look({}, settlements, applied, later)
      await pool.recordSettled({ system: later, settlements, applied, decoyed: new Map(), traded: AccountSet.of() })
      assert.equal(pool.state(id).status, 'settled')
    }
    // Undone, it waits again.
    look()
    assert.equal(pool.state(id).status, 'accepted')
    look({}, 73, new Map(), later)
    await pool.recordSettled({
      system: later,
      settlements: 73,
      applied: new Map(),
      decoyed: new Map(),
      traded: AccountSet.of(),
    })
    assert.throws(() => pool.state(id), { code: 'NOT_FOUND' })
    await refused(operation, 'STALE_VERSION')
  })

  it('is as it was after a restart', async () => {
    const [first, second] = [
      await take(preferences({ index: 0, weights: WEIGHTS })),
      await take(half({ index: 1, direction: 1, x: 5n, y: 10n })),
    ]
    await journal.close()
    journal = await Journal.open(directory, 0)
    look()
    pool = new OperationPool(journal, PROVING_TIME, view)
    assert.deepEqual(
      [pool.state(first.id).status, pool.state(second.id).status, pool.pendingVersion(0), pool.pendingVersion(1)],
      ['accepted', 'waiting', 8n, 7n],
    )
    await take(half({ index: 2, direction: 0, x: 5n, y: 10n }))
    assert.deepEqual(plan().kinds, ['preferences 0', 'trade 1', 'trade 2'])
  })
})
