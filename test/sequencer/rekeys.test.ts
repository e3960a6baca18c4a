import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Custody, NO_CUSTODY } from '../../chain/custody.ts'
import { ASSETS, INBOX } from '../../protocol/constants.ts'
import { memoKey, sequencerKey, sharedViewKey } from '../../protocol/keys.ts'
import { MemoryState } from '../../protocol/memory-state.ts'
import type { SignedOperation } from '../../protocol/operation.ts'
import { StateView } from '../../protocol/state-view.ts'
import { System } from '../../protocol/system.ts'
import type { OperationRequest } from '../../sdk/schemas.ts'
import { Journal } from '../../sequencer/mempool/journal.ts'
import { OperationPool, type OwnerOperation, type PoolSnapshot } from '../../sequencer/mempool/operation-pool.ts'
import { type OperationsToSelect, selectOperations } from '../../sequencer/mempool/select-operations.ts'
import { Rekeying } from '../../sequencer/node/rekeying.ts'
import { AccountSet } from '../../sequencer/state/account-set.ts'
import { addSequencerKey, readSequencerKeys, secretOf } from '../../sequencer/state/sequencer-key.ts'
import { account, HEALTHY, TINY } from '../support/circuit-market.ts'
import {
  half,
  owned,
  ownedAccount,
  ownerKey,
  preferences,
  SEQUENCER,
  topUp,
  VALID_UNTIL,
} from '../support/circuit-owners.ts'

const PROVING_TIME = 240
const NOW = Number(VALID_UNTIL) - 2 * PROVING_TIME
const WEIGHTS = [8, 9, 8, 8, 8, 8, 8, 8]
const FORMER = 0xf0e3e4n

const former = (index: number) => ({ viewKey: sharedViewKey(FORMER, ownerKey(index).publicKey) })

describe('rekeys of a node after a handover', () => {
  let directory: string
  let journal: Journal
  let system: System
  let pool: OperationPool
  const view = { requireOwnState: async () => {} } as { snapshot: PoolSnapshot; requireOwnState(): Promise<void> }
  const custody: Custody = {
    ...NO_CUSTODY,
    fresh: true,
    spot: [true, true, true, ...Array<boolean>(ASSETS - 3).fill(false)],
    free: Array<bigint>(ASSETS).fill(1n << 60n),
  }
  const take = (operation: SignedOperation) =>
    pool.accept({
      ...operation,
      version: Number((operation as OwnerOperation).version),
      expiry: Number(operation.expiry),
    } as OperationRequest)
  const look = () => {
    view.snapshot = {
      state: { system, settlements: 0, applied: new Map(), decoyed: new Map(), traded: AccountSet.of() },
      custody,
      now: NOW,
      readAt: performance.now(),
    }
  }
  const plan = async (more: Partial<OperationsToSelect> = {}) => {
    const { batches, failures, rekeyed } = selectOperations({
      system,
      custody,
      round: 3,
      validUntil: VALID_UNTIL,
      forced: [],
      pool,
      deposits: [],
      most: Infinity,
      former: await new Rekeying().find(system, true),
      ...more,
    })
    const kinds = batches.map(({ operations }) => operations.map(({ kind, index }) => `${kind} ${index}`))
    return { kinds, rekeyed, failures: [...failures.values()] }
  }

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'plimsoll-'))
    journal = await Journal.open(directory, 0)
    // Of the former key all but the last but one.
    system = owned([0, 1, 2, 3, 4].map((index) => ownedAccount(index, HEALTHY, index === 3 ? {} : former(index))))
    look()
    pool = new OperationPool(journal, PROVING_TIME, view)
  })
  afterEach(async () => {
    await journal.close()
    await rm(directory, { recursive: true })
  })

  it('are of the accounts that are not under the key in force, where there ever was another, and of no import', async () => {
    const rekeying = new Rekeying()
    assert.deepEqual(await rekeying.find(system, false), [])
    assert.equal(rekeying.left, 0)
    assert.deepEqual(await rekeying.find(system, true), [0, 1, 2, 4])
    assert.equal(rekeying.left, 4)
    system.transact([{ kind: 'rekey', index: 1 }], VALID_UNTIL)
    assert.deepEqual(await rekeying.find(system, true), [0, 2, 4])
    // A reorganization has put somebody else there, who was opened by the key in force.
    const { accounts, publicKeys } = system
    const others = [0, 1, 2, 3, 4].map((index) => ({ ...accounts.at(index === 2 ? 3 : index)!, index }))
    const keys = [0, 1, 2, 3, 4].map((index) => publicKeys.at(index === 2 ? 3 : index))
    const forked = new StateView(new MemoryState(TINY.depth, others, keys, []))
    assert.deepEqual(await rekeying.find(new System(system.ledger, forked, system.salts, system.secret), true), [0, 4])
    const { ledger, salts, secret } = owned([account(0, HEALTHY)])
    const ownerless = new StateView(new MemoryState(TINY.depth, [account(0, HEALTHY)], [], []))
    const imported = new System(ledger, ownerless, salts, secret)
    assert.deepEqual(await new Rekeying().find(imported, true), [])
  })

  it('fill what is left of batches, and batches of their own where there is nothing else', async () => {
    assert.deepEqual((await plan()).kinds, [
      ['rekey 0', 'rekey 1'],
      ['rekey 2', 'rekey 4'],
    ])
    const deposit = { operation: topUp(3, 5n), urgent: false } as never
    assert.deepEqual((await plan({ deposits: [deposit] })).kinds, [['topup 3', 'rekey 0']])
    await take(preferences({ index: 3, weights: WEIGHTS }))
    assert.deepEqual((await plan()).kinds, [['preferences 3', 'rekey 0']])
    assert.deepEqual((await plan({ former: [] })).kinds, [['preferences 3']])
  })

  it('are of no account with anything under way: what its owner signed would be void', async () => {
    const deposit = { operation: topUp(1, 5n), urgent: false } as never
    await take(preferences({ index: 0, weights: WEIGHTS }))
    // Half a trade that waits counts as well.
    await take(half({ index: 2, direction: 1, x: 10n, y: 21n }))
    const { kinds, rekeyed } = await plan({ deposits: [deposit] })
    assert.deepEqual(kinds, [['preferences 0', 'topup 1']])
    assert.deepEqual(rekeyed, [])
    assert.deepEqual((await plan()).kinds, [['preferences 0', 'rekey 1']])
  })

  it('have owners sign for the version after them while they are proven, and come first where that broke off', async () => {
    assert.equal(pool.pendingVersion(0), 7n)
    pool.rekeying([0, 1])
    assert.deepEqual(
      [0, 1, 2].map((index) => pool.pendingVersion(index)),
      [8n, 8n, 7n],
    )
    await assert.rejects(take(preferences({ index: 0, weights: WEIGHTS })), { code: 'STALE_VERSION' })
    await take(preferences({ index: 0, version: 8n, weights: WEIGHTS }))
    // The look failed, or the process: what the owner signed for is made true first.
    pool = new OperationPool(journal, PROVING_TIME, view)
    const { kinds, failures } = await plan()
    assert.deepEqual([kinds, failures], [[['rekey 0', 'preferences 0']], []])
    pool.rekeying([0])
    assert.equal(pool.pendingVersion(0), 9n)
    // Once it is settled the version is what it was said to be.
    system.transact([{ kind: 'rekey', index: 0 }], VALID_UNTIL)
    look()
    assert.equal(pool.pendingVersion(0), 9n)
    assert.deepEqual((await plan()).kinds, [['preferences 0', 'rekey 1']])
  })

  it('come with salts by the key in force, from the batch after the handover on', () => {
    const before = owned([ownedAccount(0, HEALTHY, former(0)), ownedAccount(1, HEALTHY)])
    before.handOver(FORMER)
    const after = before.clone()
    after.handOver(SEQUENCER.secret)
    assert.deepEqual(after.salts.current, before.salts.current)
    assert.deepEqual(after.salts.key, memoKey(SEQUENCER.secret, after.ledger.domain))
    assert.deepEqual(after.ledger.domain.sequencer, SEQUENCER.publicKey)
    assert.equal(after.secret, SEQUENCER.secret)
    for (const one of [before, after]) one.transact([{ kind: 'rekey', index: 0 }], VALID_UNTIL)
    assert.notEqual(after.salts.current[INBOX], before.salts.current[INBOX])
    assert.equal(before.accounts.at(0)!.viewKey, former(0).viewKey)
  })

  it('need its secret, which is drawn and kept behind those of before, readable by its owner only', async () => {
    const path = join(directory, 'sequencer.key')
    const first = await addSequencerKey(directory)
    const second = await addSequencerKey(directory)
    assert.deepEqual(await readSequencerKeys(directory), [first, second])
    assert.equal((await stat(path)).mode & 0o777, 0o600)
    assert.equal(secretOf([first, second], sequencerKey(second).publicKey), second)
    assert.equal(secretOf([first], sequencerKey(second).publicKey), undefined)
    // Apart by commas or white space, whichever.
    await writeFile(path, (await readFile(path, 'utf8')).trim().replace('\n', ',  '))
    assert.deepEqual(await readSequencerKeys(directory), [first, second])
    for (const text of ['0x1,0x', 'x', '0x1\n0x0', '', `0x1,0x${'f'.repeat(64)}`]) {
      await writeFile(path, text)
      await assert.rejects(readSequencerKeys(directory), {
        name: 'PlimsollError',
        message: /is not the key of a sequencer/,
      })
      await assert.rejects(addSequencerKey(directory), { name: 'PlimsollError' })
      assert.equal(await readFile(path, 'utf8'), text)
    }
    process.env.PLIMSOLL_SEQUENCER_KEY = '0x5,0x7'
    try {
      assert.deepEqual(await readSequencerKeys(directory), [5n, 7n])
      await assert.rejects(addSequencerKey(directory), /PLIMSOLL_SEQUENCER_KEY has the sequencer key/)
    } finally {
      delete process.env.PLIMSOLL_SEQUENCER_KEY
    }
  })
})
