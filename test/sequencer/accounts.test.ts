import assert from 'node:assert/strict'
import { join } from 'node:path'
import { parseEventLogs } from 'viem'
import { rawCall } from '../../chain/development-chain.ts'
import { sharedViewKey } from '../../protocol/keys.ts'
import { KIND, messageHash } from '../../protocol/messages.ts'
import { sign } from '../../protocol/signature.ts'
import { FORCED_ABI } from '../../sdk/abi/forced.ts'
import { SETTLEMENT_ABI } from '../../sdk/abi/settlement.ts'
import { VAULT_ABI } from '../../sdk/abi/vault.ts'
import { newLink } from '../../sdk/actions/trade.ts'
import { AccountHistory } from '../../sdk/chain/account-history.ts'
import type { SigningClient } from '../../sdk/chain/client.ts'
import { ownerOf } from '../../sdk/chain/owner-of.ts'
import { sendCall } from '../../sdk/chain/send-call.ts'
import { NodeMetrics } from '../../sequencer/api/metrics.ts'
import { serve } from '../../sequencer/api/server.ts'
import type { RoundReport, SequencerNode } from '../../sequencer/node/node.ts'
import { rebuild } from '../../sequencer/state/rebuild.ts'
import { Store } from '../../sequencer/state/store.ts'
import { chapters } from '../support/chapters.ts'
import { type EchoSystem, startEchoSystem } from '../support/echo-system.ts'
import { movePrices } from '../support/live-chain.ts'
import { stateText } from '../support/state-text.ts'
import { tamperedLogs } from '../support/tampered-logs.ts'
import { newOwner, type TestOwner } from '../support/test-owner.ts'

const USD = 10n ** 6n
const ETH = 10n ** 8n
const WEI = 10n ** 18n
const DAY = { expiresIn: 86_400 }
/** States of a forced request. */
const [PENDING, SERVED, DISCHARGED] = [2, 3, 4]

describe('the node with real accounts', () => {
  const it = chapters()
  let system: EchoSystem
  let node: SequencerNode
  let server: Awaited<ReturnType<typeof serve>>
  let url: string
  let alice: TestOwner
  let bob: TestOwner
  const refused = (code: string) => (error: unknown) => {
    assert.equal((error as { code?: string }).code, code, String(error))
    return true
  }
  const step = async (): Promise<RoundReport> => {
    const report = await node.step()
    assert.ok(report?.complete, 'there was nothing to do, or it was left undone')
    return report
  }
  const balances = async (owner: TestOwner) => (await owner.wallet.read()).account.balances

  before(async () => {
    system = await startEchoSystem()
    node = await system.open()
    server = await serve(node, new NodeMetrics(), 0)
    url = `http://127.0.0.1:${server.port}`
    alice = await newOwner(system, url)
    bob = await newOwner(system, url)
  })
  after(async () => {
    server.server.close()
    await node.close()
    await system.stop()
  })

  it('opens accounts from deposits that their owners can read', async () => {
    assert.deepEqual([(await alice.open('ETH', 10n * WEI)).index, (await bob.open('USD', 5_000n * USD)).index], [0, 1])
    await assert.rejects(alice.wallet.index(), /no account of this key yet/)
    const { operations, proofs } = await step()
    assert.deepEqual([operations, proofs > 1], [2, true])
    assert.deepEqual([await alice.wallet.index(), await bob.wallet.index()], [0, 1])
    assert.deepEqual((await balances(alice)).slice(0, 2), [0n, 10n * ETH])
    assert.deepEqual((await balances(bob)).slice(0, 2), [5_000n * USD, 0n])
    assert.equal(await node.step(), undefined)
  })

  it('takes top-ups by anyone', async () => {
    await bob.topUp(0, 'ETH', WEI)
    assert.equal((await step()).operations, 1)
    assert.equal((await balances(alice))[1], 11n * ETH)
  })

  it('lends: a withdrawal beyond the balance is a borrow, and pays after the checkpoint', async () => {
    const accepted = await alice.wallet.withdraw(0, 1_000n * USD, alice.address, DAY)
    assert.equal(accepted.status, 'accepted')
    assert.equal((await alice.wallet.client.account(0)).pendingVersion, 2)
    await step()
    const state = await alice.wallet.client.operation(accepted.id)
    assert.deepEqual(state, { id: accepted.id, status: 'settled' })
    const [own] = await alice.wallet.operations()
    assert.deepEqual([own!.id, own!.operation.kind, own!.operation.version], [accepted.id, 'withdraw', 1])
    assert.match(own!.transaction!, /^0x/)
    assert.equal((await balances(alice))[0], -1_000n * USD)
    const [pending, ...others] = await alice.wallet.client.withdrawals(0)
    assert.deepEqual([pending!.amount, pending!.claimable, others.length], [1_000n * USD, true, 0])
    await sendCall(alice.signer, {
      address: system.deployed.vault,
      abi: VAULT_ABI,
      functionName: 'claim',
      args: [BigInt(pending!.id)],
    })
    assert.equal(await alice.tokens('USD'), 1_000n * USD)
    assert.deepEqual(await alice.wallet.client.withdrawals(0), [])
  })

  it('refuses with stable codes', async () => {
    await assert.rejects(alice.wallet.withdraw(0, 1_000n * USD, alice.address, DAY), refused('TARGET_TOO_LOW'))
    await assert.rejects(bob.wallet.withdraw(0, 4_001n * USD, bob.address, DAY), refused('FREE_CUSTODY'))
    await assert.rejects(bob.wallet.withdraw(3, 1n, bob.address, DAY), refused('NOT_SPOT'))
    await assert.rejects(bob.wallet.withdraw(0, 0n, bob.address, DAY), refused('AMOUNT_ZERO'))
    await assert.rejects(bob.wallet.withdraw(0, 1n, `0x${'00'.repeat(20)}`, DAY), refused('BAD_RECIPIENT'))
    await assert.rejects(bob.wallet.withdraw(0, 1n, bob.address, { expiresIn: 300 }), refused('EXPIRED'))
    await assert.rejects(bob.wallet.unwind({ asset: 1, direction: 1, x: 1n, y: 10n }, DAY), refused('BACKSTOP_SIDE'))
    await assert.rejects(
      bob.wallet.trade({ asset: 5, direction: 1, x: 1n, y: 0n }, newLink(), DAY),
      refused('UNKNOWN_ASSET'),
    )
    await assert.rejects(bob.wallet.preferences([8, 8, 8, 8, 8, 8, 8, 0], DAY), refused('BAD_REQUEST'))
    const { wallet } = bob
    const {
      info: { version },
    } = await wallet.read()
    const foreign = alice.wallet
    const stolen = {
      kind: 'preferences',
      index: 1,
      version,
      weights: [8, 9, 8, 8, 8, 8, 8, 8],
      expiry: 2_000_000_000,
      signature: { r8: [0n, 1n] as [bigint, bigint], s: 1n },
    } as const
    await assert.rejects(foreign.client.submit({ ...stolen, weights: [...stolen.weights] }), refused('BAD_SIGNATURE'))
    await assert.rejects(
      foreign.client.submit({ ...stolen, weights: [...stolen.weights], version: version + 7 }),
      refused('STALE_VERSION'),
    )
    await assert.rejects(
      foreign.client.submit({ ...stolen, weights: [...stolen.weights], index: 9 }),
      refused('UNKNOWN_ACCOUNT'),
    )
  })

  it('matches the halves of a trade, also of a synthetic', async () => {
    const link = newLink()
    const terms = { asset: 3, x: 10n * 10n ** 6n, y: 500n * USD }
    const first = await alice.wallet.trade({ ...terms, direction: 1 }, link, DAY)
    assert.equal(first.status, 'waiting')
    assert.equal(await node.step(), undefined)
    await assert.rejects(
      bob.wallet.trade({ ...terms, direction: 0, y: 501n * USD }, link, DAY),
      refused('TRADE_MISMATCH'),
    )
    await assert.rejects(bob.wallet.trade({ ...terms, direction: 1 }, link, DAY), refused('TRADE_MISMATCH'))
    const second = await bob.wallet.trade({ ...terms, direction: 0 }, link, DAY)
    assert.equal(second.status, 'accepted')
    assert.equal((await alice.wallet.client.operation(first.id)).status, 'accepted')
    assert.equal((await step()).operations, 2)
    assert.deepEqual([(await balances(alice))[3], (await balances(bob))[3]], [10n ** 7n, -(10n ** 7n)])
    assert.equal((await balances(alice))[0], -1_500n * USD)
    assert.equal((await bob.wallet.client.operation(second.id)).status, 'settled')
  })

  it('carries out what one owner asks for in a row', async () => {
    await bob.wallet.preferences([8, 15, 8, 8, 8, 8, 8, 8], DAY)
    await bob.wallet.withdraw(0, 10n * USD, bob.address, DAY)
    await bob.wallet.withdraw(0, 20n * USD, bob.address, DAY)
    assert.equal((await step()).operations, 3)
    assert.equal((await balances(bob))[0], 5_470n * USD)
    assert.equal((await bob.wallet.read()).account.weights[1], 15)
  })

  it('goes on from where the chain is when it starts again, and knows what it accepted', async () => {
    const accepted = await bob.wallet.withdraw(0, 30n * USD, bob.address, DAY)
    const waiting = await alice.wallet.trade({ asset: 1, direction: 0, x: ETH, y: 200n * USD }, newLink(), DAY)
    await node.close()
    server.server.close()
    server.server.closeAllConnections()
    node = await system.open()
    assert.deepEqual([node.pool.state(accepted.id).status, node.pool.state(waiting.id).status], ['accepted', 'waiting'])
    assert.equal((await step()).operations, 1)
    assert.equal(node.pool.state(accepted.id).status, 'settled')
    server = await serve(node, new NodeMetrics(), server.port)
  })

  it('liquidates in a crash, sells what the backstop took over, and fails what the crash made impossible', async () => {
    const doomed = await alice.wallet.withdraw(0, 50n * USD, alice.address, DAY)
    await movePrices(system.signer, system.feeds, [110n * WEI, 8_000n * WEI, 50n * WEI])
    const report = await step()
    assert.equal(report.liquidated, 1)
    const failed = node.pool.state(doomed.id)
    assert.deepEqual([failed.status, failed.code], ['failed', 'STALE_VERSION'])
    const held = node.system.ledger.backstop[1]!
    assert.ok(held > 0n)
    assert.ok((await balances(alice))[1]! < 11n * ETH)
    const { offers } = await bob.wallet.client.round()
    await assert.rejects(
      bob.wallet.unwind({ asset: 1, direction: 1, x: ETH, y: 100n * USD }, DAY),
      refused('BACKSTOP_PRICE'),
    )
    // Nobody has bid less: it begins above the mark, and the lot is all that there is.
    assert.deepEqual(
      offers[1]!.map(({ lot, units }) => [lot, units]),
      [[0n, held]],
    )
    assert.ok(offers[1]![0]!.price > node.system.ledger.marks![1]!.price)
    await bob.wallet.unwind({ asset: 1, direction: 1, x: ETH / 10n, y: 15n * USD }, DAY)
    assert.equal((await step()).operations, 1)
    assert.equal(node.system.ledger.backstop[1], held - ETH / 10n)
    assert.equal(await node.settlement.backstop().then((list) => list[1]), held - ETH / 10n)
  })

  it('fails a half of a trade that waits when its owner acts', async () => {
    const link = newLink()
    const half = await bob.wallet.trade({ asset: 1, direction: 1, x: ETH, y: 200n * USD }, link, DAY)
    await bob.wallet.withdraw(0, 1n * USD, bob.address, DAY)
    await step()
    assert.deepEqual([node.pool.state(half.id).status, node.pool.state(half.id).code], ['failed', 'STALE_VERSION'])
  })

  it('serves a forced request, and discharges at a later round what cannot be served', async () => {
    const force = async ({ signer, wallet, address }: TestOwner, amount: bigint): Promise<bigint> => {
      const forced = { address: system.deployed.forced, abi: FORCED_ABI } as const
      const { bond, forcedFee } = await signer.read.readContract({ ...forced, functionName: 'config' })
      const index = await wallet.index()
      const { logs } = await sendCall(signer, {
        ...forced,
        functionName: 'reserve',
        args: [index, ownerOf(wallet.key.publicKey)],
        value: bond + forcedFee,
      })
      const { number } = parseEventLogs({ abi: FORCED_ABI, eventName: 'Reserved', logs })[0]!.args
      const expiry = (await signer.read.getBlock()).timestamp + 200_000n
      const domain = { chainId: 31337n, settlement: BigInt(system.deployed.settlement) }
      const message = messageHash(domain, {
        kind: KIND.forced,
        index,
        nonce: number,
        expiry,
        asset: 0,
        direction: 0,
        x: amount,
        y: 0n,
        extra: BigInt(address),
      })
      const { r8, s } = sign(wallet.key, message)
      await sendCall(signer, {
        ...forced,
        functionName: 'submit',
        args: [number, 0, amount, address, Number(expiry), r8, s, false],
      })
      return number
    }
    const state = async (number: bigint) =>
      (
        await system.signer.read.readContract({
          address: system.deployed.forced,
          abi: FORCED_ABI,
          functionName: 'request',
          args: [number],
        })
      ).state
    const before = (await balances(bob))[0]!
    const [good, bad] = [await force(bob, 7n * USD), await force(alice, 2_000n * USD)]
    assert.equal((await step()).operations, 1)
    assert.deepEqual(
      [(await balances(bob))[0], await state(good), await state(bad)],
      [before - 7n * USD, SERVED, PENDING],
    )
    await movePrices(system.signer, system.feeds, [110n * WEI, 8_000n * WEI, 50n * WEI])
    assert.equal((await step()).operations, 1)
    assert.equal(await state(bad), DISCHARGED)
  })

  it('carries out again what a reorganization undid', async () => {
    const { id } = await bob.wallet.withdraw(0, 3n * USD, bob.address, DAY)
    const before = (await balances(bob))[0]!
    const snapshot = await rawCall(system.signer, 'evm_snapshot')
    await step()
    assert.equal(node.pool.state(id).status, 'settled')
    await rawCall(system.signer, 'evm_revert', snapshot)
    await step()
    assert.equal(node.pool.state(id).status, 'settled')
    assert.equal((await balances(bob))[0], before - 3n * USD)
    const ledger = await system.signer.read.readContract({
      address: system.deployed.vault,
      abi: VAULT_ABI,
      functionName: 'ledger',
      args: [0],
    })
    assert.equal(ledger.accounts, node.system.ledger.accounts[0])
  })

  it('keeps the accounts of the contract', async () => {
    const { accounts, backstop } = node.system.ledger
    for (let a = 0; a < 4; a++) {
      const total = [...node.system.accounts].reduce((sum, account) => sum + account.balances[a]!, 0n)
      assert.equal(accounts[a], total)
      const ledger = await system.signer.read.readContract({
        address: system.deployed.vault,
        abi: VAULT_ABI,
        functionName: 'ledger',
        args: [a],
      })
      assert.deepEqual([ledger.accounts, ledger.backstop], [total, backstop[a]])
    }
  })

  it('can be rebuilt by the sequencer from the chain and its key alone, bit for bit', async () => {
    const secret = node.system.secret!
    const data = join(system.directory, 'rebuilt')
    const { deployment, state } = await rebuild(system.signer, system.deployed.settlement, [secret])
    ;(await Store.create(data, deployment, state, secret)).close()
    const live = await stateText(system.deployed.data)
    assert.ok(live.length > 2_000)
    assert.equal(await stateText(data), live)
    const again = await system.open({ data })
    assert.deepEqual([...again.system.accounts], [...node.system.accounts])
    await again.close()
    await assert.rejects(rebuild(system.signer, system.deployed.settlement, [secret - 1n]), { message: /WRONG_KEY/ })
    // Blinded heads tell nothing of moves: a memo that is none ends it.
    const garbled = tamperedLogs(system.signer, SETTLEMENT_ABI, 'Swept', (args) => ({ ...args, memo: '0xdead' }))
    await assert.rejects(rebuild(garbled, system.deployed.settlement, [secret]), {
      name: 'PlimsollError',
      message: /is a sweep whose moves cannot be read/,
    })
    // Of an endpoint that changes what was published, nothing is rebuilt.
    for (const [name, position, message] of [
      ['Swept', 1, /does not lead to the head of slot \d+/],
      ['Transacted', 6, /is not what its ciphertext says/],
      ['Transacted', 1, /does not lead to the root/],
    ] as const) {
      await assert.rejects(rebuild(lying(name, position), system.deployed.settlement, [secret]), {
        name: 'PlimsollError',
        message,
      })
    }
  })

  /** A client that finds another value at a position of every batch of a circuit than the one that was published. */
  function lying(eventName: 'Swept' | 'Transacted', position: number): SigningClient {
    return tamperedLogs(system.signer, SETTLEMENT_ABI, eventName, (args) => ({
      ...args,
      values: args.values.with(position, args.values[position] + 1n),
    }))
  }

  it('publishes enough for every owner to rebuild its account, with its history, from the chain alone', async () => {
    const { read } = system.signer
    const history = await AccountHistory.read(read, system.deployed.settlement)
    for (const { wallet } of [alice, bob]) {
      const [index] = history.indices(wallet.key.publicKey)
      const {
        account,
        leaf,
        history: events,
      } = history.account(index!, wallet.key.publicKey, (sequencer) => sharedViewKey(wallet.key.secret, sequencer))
      assert.deepEqual(account, node.system.accounts.at(index!))
      assert.equal(leaf, node.system.tree.leaf(index!))
      assert.equal(events.length, Number(account.version) + 1)
      assert.throws(
        () => history.account(index!, wallet.key.publicKey, () => 5n),
        /does not open|not what its ciphertext/,
      )
      const other = wallet === alice.wallet ? bob.wallet : alice.wallet
      assert.throws(
        () => history.account(index!, other.key.publicKey, (sequencer) => sharedViewKey(wallet.key.secret, sequencer)),
        /not what its ciphertext/,
      )
    }
    assert.deepEqual(
      history
        .account(0, alice.wallet.key.publicKey, (sequencer) => sharedViewKey(alice.wallet.key.secret, sequencer))
        .history.map(({ kind }) => kind),
      ['open', 'deposit', 'withdraw', 'trade', 'liquidation'],
    )
    await assert.rejects(AccountHistory.read(lying('Transacted', 6).read, system.deployed.settlement), {
      name: 'PlimsollError',
      message: /do not have its root/,
    })
    const before = await AccountHistory.read(read, system.deployed.settlement, { atCheckpoint: true })
    assert.equal(before.root, history.root)
  })
})
