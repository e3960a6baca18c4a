import assert from 'node:assert/strict'
import { passTime } from '../../chain/development-chain.ts'
import { Settlement } from '../../chain/settlement.ts'
import { sharedViewKey } from '../../protocol/keys.ts'
import { Ledger } from '../../protocol/ledger.ts'
import { fillMarks, marksOfRow } from '../../protocol/marks.ts'
import { vectorSignals } from '../../protocol/public-vector.ts'
import { EMPTY_HEAD } from '../../protocol/stack.ts'
import { FORCED_ABI } from '../../sdk/abi/forced.ts'
import { MARKET_ABI } from '../../sdk/abi/market.ts'
import { ROUNDS_ABI } from '../../sdk/abi/rounds.ts'
import { VAULT_ABI } from '../../sdk/abi/vault.ts'
import { type RequestCloseParameters, requestClose } from '../../sdk/actions/request-close.ts'
import { requestWithdrawal } from '../../sdk/actions/request-withdrawal.ts'
import { newLink } from '../../sdk/actions/trade.ts'
import { AccountHistory } from '../../sdk/chain/account-history.ts'
import { settledBatch, settlementShape, systemEvents } from '../../sdk/chain/settlement-history.ts'
import { systemContracts } from '../../sdk/chain/system-contracts.ts'
import { NodeMetrics } from '../../sequencer/api/metrics.ts'
import { serve } from '../../sequencer/api/server.ts'
import type { SequencerNode } from '../../sequencer/node/node.ts'
import { rebuild } from '../../sequencer/state/rebuild.ts'
import { chapters } from '../support/chapters.ts'
import { type EchoSystem, startEchoSystem } from '../support/echo-system.ts'
import { movePrices } from '../support/live-chain.ts'
import { newOwner, type TestOwner } from '../support/test-owner.ts'

const USD = 10n ** 6n
const PERP = 10n ** 6n
const WEI = 10n ** 18n
/** `2 penalty depth` of the synthetic: 4 % of 900,000. */
const MOST = 36_000n * PERP
const DAY = { expiresIn: 86_400 }
const [PENDING, SERVED, DISCHARGED] = [2, 3, 4]

describe('forced closes, by contracts and node', () => {
  const it = chapters()
  let system: EchoSystem
  let node: SequencerNode
  let server: Awaited<ReturnType<typeof serve>>
  let alice: TestOwner
  let bob: TestOwner
  const balances = (owner: TestOwner) => node.system.accounts.at(owner === alice ? 0 : 1)!.balances
  const close = (owner: TestOwner, terms: Partial<RequestCloseParameters>) =>
    requestClose(owner.signer, {
      settlement: system.deployed.settlement,
      key: owner.wallet.key,
      index: owner === alice ? 0 : 1,
      asset: 3,
      direction: 0,
      amount: 20n * PERP,
      ...terms,
    })
  const state = async (number: bigint) => {
    const forced = { address: system.deployed.forced, abi: FORCED_ABI } as const
    return (await system.signer.read.readContract({ ...forced, functionName: 'request', args: [number] })).state
  }
  /** Looks until there is nothing to do, as time passes. */
  const look = async () => {
    await node.step()
    await passTime(system.signer, 40)
    await node.step()
  }

  before(async () => {
    system = await startEchoSystem()
    node = await system.open()
    server = await serve(node, new NodeMetrics(), 0)
    const url = `http://127.0.0.1:${server.port}`
    alice = await newOwner(system, url)
    bob = await newOwner(system, url)
    await alice.open('USD', 5_000n * USD)
    await bob.open('USD', 5_000n * USD)
    await node.step()
    const link = newLink()
    const terms = { asset: 3, x: 10n * PERP, y: 500n * USD }
    await alice.wallet.trade({ ...terms, direction: 1 }, link, DAY)
    await bob.wallet.trade({ ...terms, direction: 0 }, link, DAY)
    await node.step()
    assert.deepEqual([balances(alice)[3], balances(bob)[3]], [10n * PERP, -10n * PERP])
  })
  after(async () => {
    server.server.close()
    server.server.closeAllConnections()
    await node.close()
    await system.stop()
  })

  it('are refused before they cost a fee: of a token, of cash, of nothing, of more than the backstop takes', async () => {
    const queued = () =>
      system.signer.read.readContract({ address: system.deployed.forced, abi: FORCED_ABI, functionName: 'nextNumber' })
    await assert.rejects(close(alice, { asset: 1 }), /has a token: only positions in synthetics are closed by force/)
    await assert.rejects(close(alice, { asset: 0 }), /has a token/)
    await assert.rejects(close(alice, { amount: 0n }), /not above 0/)
    await assert.rejects(close(alice, { amount: MOST + 1n }), /36000\.000001 #3 is more .* 36000 at a time/)
    await assert.rejects(close(alice, { limit: 1n << 64n }), /does not fit 64 bits/)
    assert.equal(await queued(), 1n)
  })

  it('wait for a round after them, which the node posts, and close the position at the price of a liquidation', async () => {
    const costs: unknown[] = []
    const onCost = (cost: unknown) => costs.push(cost)
    const { queueNumber, deadline } = await close(alice, { onCost })
    assert.ok(deadline > 0n)
    // Said before it is paid, and not where nothing will be.
    await assert.rejects(close(alice, { onCost }), /waits already/)
    assert.deepEqual(costs, [{ fee: WEI / 1_000n, bond: WEI / 100n }])
    const { number: round } = node.latestRound
    await node.step()
    assert.equal(await state(queueNumber), PENDING)
    await passTime(system.signer, 40)
    await node.step()
    assert.ok(node.latestRound.number > round)
    assert.equal(await state(queueNumber), SERVED)
    assert.deepEqual([balances(alice)[0], balances(alice)[3]], [4_500n * USD + 490n * USD, 0n])
    const { vault } = system.deployed
    const { read } = system.signer
    const backstop = await read.readContract({ address: vault, abi: VAULT_ABI, functionName: 'backstop' })
    assert.deepEqual([backstop[0], backstop[3]], [-490n * USD, 10n * PERP])
    const { market } = await systemContracts(read, system.deployed.settlement)
    const [sells, lots] = await read.readContract({
      address: market,
      abi: MARKET_ABI,
      functionName: 'lots',
      args: [3n],
    })
    assert.deepEqual([sells, lots.map(({ units }) => units)], [true, [10n * PERP]])
  })

  it('are discharged where the limit is missed, or there is no position of that side', async () => {
    const none = await close(alice, { direction: 0 })
    const missed = await close(bob, { direction: 1, limit: (51n << 32n) - 1n })
    await look()
    assert.deepEqual([await state(none.queueNumber), await state(missed.queueNumber)], [DISCHARGED, DISCHARGED])
    assert.deepEqual([balances(bob)[0], balances(bob)[3]], [5_500n * USD, -10n * PERP])
  })

  it('wait while the asset is held, and are served once it has a price', async () => {
    const { queueNumber } = await close(bob, { direction: 1, amount: 4n * PERP, limit: 51n << 32n })
    // Its source says nothing that counts: the asset is held, the others go on.
    await movePrices(system.signer, system.feeds, [200n * WEI, 8_000n * WEI, -1n])
    await look()
    await look()
    const { read } = system.signer
    const rounds = { address: system.deployed.rounds, abi: ROUNDS_ABI } as const
    assert.equal((await read.readContract({ ...rounds, functionName: 'held' })) >> 3n, 1n)
    assert.equal(await state(queueNumber), PENDING)
    await movePrices(system.signer, system.feeds, [200n * WEI, 8_000n * WEI, 50n * WEI])
    await look()
    await look()
    assert.equal(await state(queueNumber), SERVED)
    assert.deepEqual([balances(bob)[0], balances(bob)[3]], [5_500n * USD - 204n * USD, -6n * PERP])
  })

  it('are discharged while another asset is held, when no forced withdrawal is; neither keeps the others waiting', async () => {
    const { queueNumber: none } = await close(alice, { direction: 0 })
    const { settlement } = system.deployed
    const { queueNumber: large } = await requestWithdrawal(bob.signer, {
      settlement,
      key: bob.wallet.key,
      index: 1,
      asset: 0,
      amount: 1n << 40n,
      recipient: bob.address,
    })
    await movePrices(system.signer, system.feeds, [200n * WEI, -1n, 50n * WEI])
    await alice.wallet.preferences([8, 8, 8, 9, 8, 8, 8, 8], DAY)
    await look()
    await look()
    const rounds = { address: system.deployed.rounds, abi: ROUNDS_ABI } as const
    assert.equal(await system.signer.read.readContract({ ...rounds, functionName: 'forcedStands' }), true)
    assert.deepEqual([await state(none), await state(large)], [DISCHARGED, PENDING])
    assert.equal(node.system.accounts.at(0)!.weights[3], 9)
    await movePrices(system.signer, system.feeds, [200n * WEI, 8_000n * WEI, 50n * WEI])
    await look()
    await look()
    assert.equal(await state(large), DISCHARGED)
  })

  it('are in the histories of owners, and in what a sequencer rebuilds', async () => {
    const { read } = system.signer
    const history = await AccountHistory.read(read, system.deployed.settlement)
    const { wallet } = alice
    const { history: events, account } = history.account(0, wallet.key.publicKey, (sequencer) =>
      sharedViewKey(wallet.key.secret, sequencer),
    )
    assert.deepEqual(account, node.system.accounts.at(0))
    assert.deepEqual(
      events.map(({ kind }) => kind),
      ['open', 'trade', 'close', 'preferences'],
    )
    assert.deepEqual(events[2]!.changes.slice(0, 4), [490n * USD, 0n, 0n, -10n * PERP])
    const { state: rebuilt } = await rebuild(system.signer, system.deployed.settlement, [node.system.secret!])
    assert.deepEqual([...rebuilt.system.accounts], [...node.system.accounts])
    assert.deepEqual(rebuilt.system.ledger.heads, node.system.ledger.heads)
  })

  it('are what anybody derives from the events, digest by digest', async () => {
    const { read } = system.signer
    const { settlement: address } = system.deployed
    const shape = await settlementShape(read, address)
    const contracts = await systemContracts(read, address)
    const settlement = await Settlement.at(system.signer, address)
    const { slots, minLiability, sequencerKey: sequencer } = await settlement.config()
    const domain = { chainId: BigInt(system.signer.chainId), settlement: BigInt(address), sequencer }
    const ledger = new Ledger(shape, slots, minLiability, await settlement.view('emptyRoot'), EMPTY_HEAD, domain)
    const closes: unknown[] = []
    for await (const event of systemEvents(read, { contracts, of: ['settlement'], end: await read.getBlockNumber() })) {
      if (event.eventName === 'EnvelopeOpened') {
        const { slot, floors, ceilings } = event.args
        ledger.open({ slot: Number(slot), envelope: { floors, ceilings } })
      }
      const settled = settledBatch(event, shape)
      if (settled === undefined) continue
      const at = { address: contracts.rounds, abi: ROUNDS_ABI, blockNumber: event.block } as const
      const rows = await read.readContract({ ...at, functionName: 'marks' })
      ledger.marks = fillMarks(rows.slice(0, 3).map((row) => marksOfRow(row)))
      assert.equal(vectorSignals(ledger.vector(settled.batch)).digest, settled.digest)
      ledger.apply(settled.batch)
      if (settled.batch.circuit === 'transact')
        for (const { op, closing } of settled.batch.steps) if (closing !== undefined) closes.push([op, closing])
    }
    assert.deepEqual(closes, [
      [10, { direction: 0, x: 10n * PERP, y: 490n * USD }],
      [12, { direction: 0, x: 0n, y: 0n }],
      [12, { direction: 1, x: 0n, y: 0n }],
      [10, { direction: 1, x: 4n * PERP, y: 204n * USD }],
      [12, { direction: 0, x: 0n, y: 0n }],
    ])
    assert.deepEqual(ledger.backstop.slice(0, 4), [-490n * USD + 204n * USD, 0n, 0n, 6n * PERP])
    assert.deepEqual(ledger.accounts[3], -6n * PERP)
  })
})
