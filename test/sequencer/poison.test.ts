import assert from 'node:assert/strict'
import { parseEventLogs } from 'viem'
import { lotOffers } from '../../chain/custody.ts'
import { rawCall } from '../../chain/development-chain.ts'
import { KIND, messageHash } from '../../protocol/messages.ts'
import { sign } from '../../protocol/signature.ts'
import { FORCED_ABI } from '../../sdk/abi/forced.ts'
import { newLink } from '../../sdk/actions/trade.ts'
import { ownerOf } from '../../sdk/chain/owner-of.ts'
import { sendCall } from '../../sdk/chain/send-call.ts'
import { NodeMetrics } from '../../sequencer/api/metrics.ts'
import { serve } from '../../sequencer/api/server.ts'
import type { SequencerNode } from '../../sequencer/node/node.ts'
import { chapters } from '../support/chapters.ts'
import { type EchoSystem, echo, startEchoSystem } from '../support/echo-system.ts'
import { movePrices } from '../support/live-chain.ts'
import { newOwner, type TestOwner } from '../support/test-owner.ts'

const USD = 10n ** 6n
const ETH = 10n ** 8n
const WEI = 10n ** 18n
const DAY = { expiresIn: 86_400 }

describe('an operation that circuit or contract would refuse', () => {
  const it = chapters()
  let system: EchoSystem
  let node: SequencerNode
  let server: Awaited<ReturnType<typeof serve>>
  let alice: TestOwner
  let bob: TestOwner
  /** Batches whose input has this among its indices cannot be proven. */
  let unprovable: bigint | undefined
  let outOfOrder = false
  /** Seconds that a proof takes on the chain. */
  let slow = 0
  const prices = (eth: bigint, btc = 8_000n) =>
    movePrices(system.signer, system.feeds, [eth * WEI, btc * WEI, 50n * WEI])
  const refused = (code: string) => (error: unknown) => {
    assert.equal((error as { code?: string }).code, code, String(error))
    return true
  }
  const status = (id: string) => {
    const { status, code } = node.pool.state(id as `0x${string}`)
    return code === undefined ? status : `${status} ${code}`
  }

  before(async () => {
    system = await startEchoSystem()
    node = await system.open({
      proofs: {
        prove: async (keys, circuit, input) => {
          if (outOfOrder) throw new Error('out of memory')
          if (slow > 0) await rawCall(system.signer, 'evm_increaseTime', `0x${slow.toString(16)}`)
          if (
            circuit === 'transact' &&
            unprovable !== undefined &&
            (input.digest as bigint) > 0n &&
            JSON.stringify(input, (_, value) => (typeof value === 'bigint' ? `${value}n` : value)).includes(
              `"${unprovable}n"`,
            )
          )
            throw new Error('constraint 17 is not satisfied')
          return echo(keys, circuit, input)
        },
      },
    })
    server = await serve(node, new NodeMetrics(), 0)
    const url = `http://127.0.0.1:${server.port}`
    alice = await newOwner(system, url)
    bob = await newOwner(system, url)
    await alice.open('ETH', 10n * WEI)
    await bob.open('USD', 20_000n * USD)
    await node.step()
    await alice.wallet.withdraw(0, 1_500n * USD, alice.address, DAY)
    await node.step()
  })
  after(async () => {
    server.server.close()
    await node.close()
    await system.stop()
  })

  it('is refused where it buys nothing of the backstop, which the contract does not take', async () => {
    await prices(160n)
    assert.equal((await node.step())?.liquidated, 1)
    assert.ok(node.system.ledger.backstop[1]! > 0n)
    await assert.rejects(bob.wallet.unwind({ asset: 1, direction: 1, x: 0n, y: USD }, DAY), refused('AMOUNT_ZERO'))
    const { id } = await bob.wallet.withdraw(0, USD, bob.address, DAY)
    await node.step()
    assert.equal(status(id), 'settled')
  })

  it('waits where the price of the backstop rises in the very settlement that would carry it out', async () => {
    await bob.topUp(1, 'BTC', WEI / 10n)
    await alice.topUp(0, 'ETH', 2n * WEI)
    await node.step()
    await alice.wallet.withdraw(2, ETH / 50n, alice.address, DAY)
    await prices(160n, 8_000n)
    await node.step()
    // However long a round is in force, its price lets the auction run for five minutes.
    const later = async (eth: bigint, btc: bigint) => {
      await movePrices(system.signer, system.feeds, [eth * WEI, btc * WEI, 50n * WEI], 310)
      await node.step()
    }
    const offered = () => lotOffers(node.custody, 1)[0]!.price
    for (let i = 0; i < 6; i++) await later(160n, 8_000n)
    const [price, now] = [node.system.ledger.marks![1]!.price, offered()]
    assert.ok(now < price)
    const cheap = await bob.wallet.unwind(
      { asset: 1, direction: 1, x: ETH / 100n, y: ((ETH / 100n) * now) / 2n ** 32n + 1n },
      { expiresIn: 200_000 },
    )
    const other = await bob.wallet.preferences([8, 9, 8, 8, 8, 8, 8, 8], DAY)
    // Alice's debt is called in, and more of her ETH comes to the backstop; the lots there are rise with the mark.
    await prices(163n, 24_000n)
    const report = await node.step()
    assert.ok(report!.liquidated > 0 && report!.complete)
    assert.ok(offered() > now)
    assert.equal(lotOffers(node.custody, 1).length, 2)
    assert.deepEqual([status(cheap.id), status(other.id)], ['accepted', 'accepted'])
    for (let i = 0; i < 9 && status(cheap.id) === 'accepted'; i++) await later(160n, 24_000n)
    assert.deepEqual([status(cheap.id), status(other.id)], ['settled', 'settled'])
  })

  it('is left out where nobody can prove it: all others go on, and it fails with a code', async () => {
    await bob.topUp(0, 'USD', 2_000n * USD)
    await node.step()
    const [a, b] = [
      (await alice.wallet.client.account(0)).pendingVersion,
      (await bob.wallet.client.account(1)).pendingVersion,
    ]
    const poison = await alice.wallet.withdraw(0, 7_777_777n, alice.address, DAY)
    const after = await alice.wallet.withdraw(0, USD, alice.address, DAY)
    const others = [
      await bob.wallet.withdraw(0, USD, bob.address, DAY),
      await bob.wallet.withdraw(0, 2n * USD, bob.address, DAY),
      await bob.wallet.withdraw(0, 3n * USD, bob.address, DAY),
    ]
    await alice.topUp(1, 'ETH', WEI)
    unprovable = 7_777_777n
    let failures = 0
    for (let i = 0; i < 12; i++) {
      await node.step().catch((error: Error) => {
        assert.match(error.message, /^No proof could be made for a batch of transact: constraint 17/)
        failures++
      })
    }
    assert.ok(failures >= 2 && failures <= 6, String(failures))
    assert.equal(status(poison.id), 'failed REJECTED')
    assert.equal(status(after.id), 'failed STALE_VERSION')
    for (const { id } of others) assert.equal(status(id), 'settled')
    assert.deepEqual(
      [(await alice.wallet.client.account(0)).pendingVersion, (await bob.wallet.client.account(1)).pendingVersion],
      [a, b + 4],
    )
    unprovable = undefined
  })

  it('is kept where the prover is out of order', async () => {
    const { id } = await bob.wallet.withdraw(0, USD, bob.address, DAY)
    outOfOrder = true
    let failures = 0
    for (let i = 0; i < 10; i++) await node.step().catch(() => failures++)
    outOfOrder = false
    assert.ok(failures >= 4)
    assert.equal(status(id), 'accepted')
    for (let i = 0; i < 3 && status(id) === 'accepted'; i++) await node.step()
    assert.equal(status(id), 'settled')
  })

  it('is kept where an endpoint or the clock is to blame', async () => {
    const { id } = await bob.wallet.withdraw(0, USD, bob.address, DAY)
    const { settle } = node.settlement
    const { ContractRefusal } = await import('../../sdk/chain/contract-errors.ts')
    const { ChainFailure } = await import('../../sdk/chain/chain-failure.ts')
    for (const error of [
      new ChainFailure('no answer'),
      new ContractRefusal('settle', 'BatchExpired', []),
      new ContractRefusal('settle', 'NoFreshRound', []),
    ]) {
      node.settlement.settle = () => Promise.reject(error)
      for (let i = 0; i < 4; i++) await assert.rejects(node.step())
      assert.equal(status(id), 'accepted')
    }
    node.settlement.settle = settle
    await node.step()
    assert.equal(status(id), 'settled')
  })

  it('is a forced request that expires before it could be settled: it is left to the contract', async () => {
    const forced = { address: system.deployed.forced, abi: FORCED_ABI } as const
    const { bond, forcedFee } = await bob.signer.read.readContract({ ...forced, functionName: 'config' })
    const { logs } = await sendCall(bob.signer, {
      ...forced,
      functionName: 'reserve',
      args: [1, ownerOf(bob.wallet.key.publicKey)],
      value: bond + forcedFee,
    })
    const { number } = parseEventLogs({ abi: FORCED_ABI, eventName: 'Reserved', logs })[0]!.args
    const expiry = (await bob.signer.read.getBlock()).timestamp + 130_000n
    const message = messageHash(
      { chainId: 31337n, settlement: BigInt(system.deployed.settlement) },
      {
        kind: KIND.forced,
        index: 1,
        nonce: number,
        expiry,
        asset: 0,
        direction: 0,
        x: USD,
        y: 0n,
        extra: BigInt(bob.address),
      },
    )
    const { r8, s } = sign(bob.wallet.key, message)
    await sendCall(bob.signer, {
      ...forced,
      functionName: 'submit',
      args: [number, 0, USD, bob.address, Number(expiry), r8, s, false],
    })
    // Ten seconds before its end.
    const { timestamp } = await bob.signer.read.getBlock()
    await rawCall(system.signer, 'evm_setNextBlockTimestamp', `0x${(expiry - 10n).toString(16)}`)
    await rawCall(system.signer, 'evm_mine')
    assert.ok(timestamp < expiry - 10n)
    await movePrices(system.signer, system.feeds, [160n * WEI, 24_000n * WEI, 50n * WEI], 1)
    const { id } = await bob.wallet.withdraw(0, USD, bob.address, { expiresIn: 300_000 })
    slow = 10
    const report = await node.step()
    slow = 0
    assert.equal(report?.operations, 1)
    assert.equal(status(id), 'settled')
  })

  it('is one of very many: a look takes up a transaction of them, so that deposits and rounds do not wait', async () => {
    // After what was refused before, a look carries out twice as many as the one before.
    for (let i = 0; i < 5; i++) await node.step()
    for (let i = 0; i < 30; i++) await bob.wallet.preferences([8, 1 + (i % 15), 8, 8, 8, 8, 8, 8], DAY)
    await alice.topUp(1, 'USD', 5n * USD)
    const report = await node.step()
    // Twelve batches of two. The deposit would void what its account's owner signed after these.
    assert.equal(report?.operations, 24)
    assert.equal((await node.step())?.operations, 7)
    const accepted: string[] = []
    for (let i = 0; i < 64; i++)
      accepted.push((await bob.wallet.trade({ asset: 1, direction: 1, x: ETH, y: 200n * USD }, newLink(), DAY)).id)
    await assert.rejects(
      bob.wallet.trade({ asset: 1, direction: 1, x: ETH, y: 200n * USD }, newLink(), DAY),
      refused('BUSY'),
    )
    assert.equal((await alice.wallet.preferences([8, 9, 8, 8, 8, 8, 8, 8], DAY)).status, 'accepted')
  })
})
