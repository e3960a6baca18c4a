import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { Contracts } from '../../chain/contracts.ts'
import { passTime } from '../../chain/development-chain.ts'
import { DISTRESS, INBOX } from '../../protocol/constants.ts'
import type { ProofSource } from '../../prover/proof-service.ts'
import { sendCall } from '../../sdk/chain/send-call.ts'
import { NodeMetrics } from '../../sequencer/api/metrics.ts'
import { serve } from '../../sequencer/api/server.ts'
import type { SequencerNode } from '../../sequencer/node/node.ts'
import { chapters } from '../support/chapters.ts'
import { type EchoSystem, echo, startEchoSystem } from '../support/echo-system.ts'
import { movePrices } from '../support/live-chain.ts'
import { newOwner, type TestOwner } from '../support/test-owner.ts'

const USD = 10n ** 6n
const WEI = 10n ** 18n
/** A hundredth of an ETH, in base units. */
const CENT = 10n ** 6n

describe('a node whose proofs take their time', () => {
  const it = chapters()
  let system: EchoSystem
  let node: SequencerNode
  let contracts: Contracts
  let server: Awaited<ReturnType<typeof serve>>
  const owners: TestOwner[] = []
  /** What the prover does next; undefined: what it is asked for. */
  let conduct: ProofSource['prove'] | undefined
  let canceled: unknown[] = []
  /** Circuits that it was asked for, with the urgency of each. */
  let asked: string[] = []

  const slow: ProofSource['prove'] = (_keys, circuit, _input, { signal } = {}) =>
    new Promise((_, reject) => {
      signal!.addEventListener('abort', () => {
        canceled.push(circuit)
        reject(signal!.reason)
      })
    })
  /** Somebody else posts a round. */
  const postRound = () => sendCall(system.signer, { ...contracts.rounds, functionName: 'postRound', args: [] })

  before(async () => {
    system = await startEchoSystem()
    node = await system.open({
      ahead: 0.05,
      proofs: {
        width: 8,
        prove: (keys, circuit, input, options) => {
          asked.push(`${circuit} ${options?.urgency}`)
          return (conduct ?? echo)(keys, circuit, input, options)
        },
      },
    })
    contracts = await Contracts.of(node.settlement)
    server = await serve(node, new NodeMetrics(), 0)
    for (let i = 0; i < 4; i++) owners.push(await newOwner(system, `http://127.0.0.1:${server.port}`))
    for (const owner of owners.slice(0, 3)) await owner.open('ETH', 10n * WEI)
    await owners[3]!.open('USD', 50_000n * USD)
    await node.step()
    assert.equal(node.complete, true)
  })
  beforeEach(() => {
    canceled = []
    asked = []
    conduct = undefined
  })
  after(async () => {
    server.server.close()
    server.server.closeAllConnections()
    await node.close()
    await system.stop()
  })

  it('has all proofs of a look in flight at a time', async () => {
    for (const [index, owner] of owners.entries()) {
      if (index > 2) continue
      await owner.wallet.withdraw(1, CENT, owner.address, { expiresIn: 86_400 })
    }
    // Nobody gets a proof before three were asked for.
    conduct = async (...args) => {
      while (asked.length < 3) await sleep(5)
      return echo(...args)
    }
    const report = await node.step()
    assert.equal(report?.operations, 3)
    assert.equal(report.proofs, asked.length)
    assert.deepEqual(
      asked.map((text) => text.split(' ')[1]),
      asked.map(() => 'operations'),
    )
  })

  it('cancels at once what a new round voids, and carries it out under the new one', async () => {
    await owners[0]!.wallet.withdraw(1, CENT, owners[0]!.address, { expiresIn: 86_400 })
    conduct = slow
    const root = await node.settlement.view('accountsRoot')
    const look = node.step()
    while (asked.length < 2) await sleep(10)
    await passTime(system.signer, 400)
    await postRound()
    const report = await look
    assert.equal(report?.proofs ?? 0, 0)
    assert.deepEqual(canceled.sort(), asked.map((text) => text.split(' ')[0]).sort())
    assert.equal(await node.settlement.view('accountsRoot'), root)
    assert.equal(node.pool.units().length, 1, 'nothing was given up')
    conduct = undefined
    const next = await node.step()
    assert.equal(next?.operations, 1)
    assert.equal(node.complete, true)
  })

  const priceOf = (price: bigint) => movePrices(system.signer, system.feeds, [price * WEI, 8_000n * WEI, 50n * WEI])
  const isAhead = (text: string) => /^sweep\d? ahead$/.test(text)

  it('lets go of what is ahead of the price when somebody wants something', async () => {
    // One account close to its liquidation shares a slot with others that are far from it.
    for (const [i, amount] of [1_550n, 200n, 200n].entries())
      await owners[i]!.wallet.withdraw(0, amount * USD, owners[i]!.address, { expiresIn: 86_400 })
    await node.step()
    asked = []
    await priceOf(191n)
    conduct = slow
    const look = node.step()
    while (!asked.some(isAhead)) await sleep(10)
    await owners[3]!.wallet.withdraw(0, 10n * USD, owners[3]!.address, { expiresIn: 86_400 })
    assert.equal((await look)?.proofs, 0)
    assert.equal(canceled.length, asked.length)
    conduct = undefined
    assert.equal((await node.step())?.operations, 1)
    assert.equal(node.complete, true)
    asked = []
    assert.equal(await node.step(), undefined)
    assert.deepEqual(asked, [], 'it tries once a round')
  })

  it('sweeps ahead of the price while it is idle, and ends complete', async () => {
    await priceOf(190n)
    await owners[3]!.wallet.withdraw(0, 10n * USD, owners[3]!.address, { expiresIn: 86_400 })
    assert.equal((await node.step())?.operations, 1)
    assert.equal(asked.some(isAhead), false, 'a look that has something to do does nothing else')
    asked = []
    const report = await node.step()
    assert.ok(asked.length > 0 && asked.every(isAhead), asked.join())
    assert.equal(report?.proofs, asked.length)
    assert.equal(node.complete, true)
    const { stacks } = node.system
    assert.equal(stacks[DISTRESS]!.length + stacks[INBOX]!.length, 0)
    asked = []
    await priceOf(189n)
    assert.equal((await node.step())?.proofs, 0)
    assert.deepEqual(asked, [], 'who is left is in the way himself')
  })
})
