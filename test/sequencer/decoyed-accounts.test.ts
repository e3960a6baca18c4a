import assert from 'node:assert/strict'
import { newLink } from '../../sdk/actions/trade.ts'
import { NodeMetrics } from '../../sequencer/api/metrics.ts'
import { serve } from '../../sequencer/api/server.ts'
import type { SequencerNode } from '../../sequencer/node/node.ts'
import { chapters } from '../support/chapters.ts'
import { type EchoSystem, echo, startEchoSystem } from '../support/echo-system.ts'
import { movePrices } from '../support/live-chain.ts'
import { newOwner, type TestOwner } from '../support/test-owner.ts'

const USD = 10n ** 6n
const WEI = 10n ** 18n
const DAY = { expiresIn: 86_400 }

describe('decoys of a node', () => {
  const it = chapters()
  let system: EchoSystem
  let node: SequencerNode
  let close: () => void
  /** Owners of accounts alike, none near liquidation. */
  let savers: TestOwner[]
  /** Indices of those that were decoys. */
  const decoyed: number[] = []
  /** Told of the circuit of each proof before it is made. */
  let onProof: (circuit: string) => Promise<void> = async () => {}
  const sum = (numbers: readonly number[]) => numbers.reduce((total, each) => total + each, 0)
  const versions = () => node.system.accounts.map(({ version }) => Number(version))
  const crashTo = async (eth: bigint) => {
    await movePrices(system.signer, system.feeds, [eth * WEI, 8_000n * WEI, 50n * WEI])
    const before = versions()
    const report = await node.step()
    assert.deepEqual([report?.complete, report?.liquidated], [true, 1])
    return versions().map((version, index) => version - before[index]!)
  }

  before(async () => {
    system = await startEchoSystem()
    node = await system.open({
      decoys: true,
      proofs: {
        prove: async (keys, circuit, input) => {
          await onProof(circuit)
          return echo(keys, circuit, input)
        },
      },
    })
    const { server, port } = await serve(node, new NodeMetrics(), 0)
    close = () => {
      server.close()
      server.closeAllConnections()
    }
    const owner = () => newOwner(system, `http://127.0.0.1:${port}`)
    const borrowers = [await owner(), await owner()]
    savers = await Promise.all(Array.from({ length: 6 }, owner))
    for (const borrower of borrowers) await borrower.open('ETH', 10n * WEI)
    for (const saver of savers) await saver.open('USD', 3_000n * USD)
    await node.step()
    for (const [i, { wallet, address }] of borrowers.entries())
      await wallet.withdraw(0, [1_400n, 1_000n][i]! * USD, address, DAY)
    await node.step()
  })
  after(async () => {
    close()
    await node.close()
    await system.stop()
  })

  it('are accounts of which nothing is under way, halves of trades that wait included', async () => {
    const { id } = await savers[0]!.wallet.trade({ asset: 1, direction: 1, x: 10n ** 6n, y: 2n * USD }, newLink(), DAY)
    const written = await crashTo(160n)
    assert.deepEqual(written.slice(0, 3), [1, 0, 0])
    assert.equal(sum(written.slice(3)), 1, 'one of the others fills the padding')
    decoyed.push(written.indexOf(1, 3))
    assert.equal((await savers[0]!.wallet.client.operation(id)).status, 'waiting')
  })

  it('void what is accepted while they are proven, and the wallet signs the same terms again', async () => {
    // Nobody knows before whom it hits: all sign who have not been one.
    const idle = savers.filter((_, i) => i > 0 && versions()[2 + i] === 0)
    const signed: string[] = []
    onProof = async (circuit) => {
      if (circuit !== 'resolve' || signed.length > 0) return
      for (const { wallet, address } of idle) signed.push((await wallet.withdraw(0, 7n * USD, address, DAY)).id)
    }
    await crashTo(130n)
    const told = () => Promise.all(signed.map((id) => savers[0]!.wallet.client.operation(id)))
    let states = await told()
    // What comes while a look's last proofs are made is the next one's.
    for (let i = 0; i < 3 && states.some(({ status }) => status === 'accepted'); i++) {
      await node.step()
      states = await told()
    }
    const voided = states.findIndex(({ code }) => code === 'STALE_VERSION')
    assert.ok(voided >= 0, JSON.stringify(states))
    assert.equal(states.filter(({ status }) => status === 'settled').length, signed.length - 1)
    const { wallet } = idle[voided]!
    const accepted = signed[voided]!
    decoyed.push(await wallet.index())
    const { expiry } = (await wallet.operations()).find(({ id }) => id === accepted)!.operation
    let again = ''
    const settled = wallet.settled(accepted, { interval: 50, onAgain: (id) => (again = id) })
    let done = false
    void settled.finally(() => {
      done = true
    })
    while (!done) await Promise.all([node.step(), new Promise((resolve) => setTimeout(resolve, 250))])
    assert.equal((await wallet.client.operation(accepted)).code, 'STALE_VERSION')
    assert.deepEqual([(await settled).status, (await settled).id], ['settled', again])
    const second = (await wallet.operations()).find(({ id }) => id === again)!.operation
    assert.equal(second.expiry, expiry)
    assert.deepEqual((await wallet.read()).account.balances[0], 2_993n * USD)
  })

  it('are no account twice a day', async () => {
    const written = await crashTo(106n)
    assert.deepEqual(written.slice(0, 3), [0, 1, 0])
    assert.equal(sum(written.slice(3)), 1)
    assert.ok(!decoyed.includes(written.indexOf(1, 3)), 'another one')
  })
})
