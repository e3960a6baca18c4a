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
  let borrower: TestOwner
  /** Owners of accounts alike, none near liquidation. */
  let savers: TestOwner[]
  /** Told of the circuit of each proof before it is made. */
  let onProof: (circuit: string) => Promise<void> = async () => {}
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
    borrower = await owner()
    savers = [await owner(), await owner(), await owner()]
    await borrower.open('ETH', 10n * WEI)
    for (const saver of savers) await saver.open('USD', 3_000n * USD)
    await node.step()
    await borrower.wallet.withdraw(0, 1_400n * USD, borrower.address, DAY)
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
    assert.equal(written[0], 1)
    assert.equal(written[1], 0)
    assert.equal(written[2]! + written[3]!, 1, 'one of the two others fills the padding')
    assert.equal((await savers[0]!.wallet.client.operation(id)).status, 'waiting')
  })

  it('void what is accepted while they are proven, and the wallet signs the same terms again', async () => {
    const idle = versions().findIndex((version, index) => index > 1 && version === 0)
    const { wallet, address } = savers[idle - 1]!
    let accepted = ''
    onProof = async (circuit) => {
      if (circuit !== 'resolve' || accepted !== '') return
      accepted = (await wallet.withdraw(0, 7n * USD, address, DAY)).id
    }
    const written = await crashTo(130n)
    assert.equal(written[idle], 1)
    const { expiry } = (await wallet.operations()).find(({ id }) => id === accepted)!.operation
    let again = ''
    const settled = wallet.settled(accepted, { interval: 50, onAgain: (id) => (again = id) })
    let done = false
    void settled.finally(() => {
      done = true
    })
    while (!done) await Promise.all([node.step(), new Promise((resolve) => setTimeout(resolve, 50))])
    assert.equal((await wallet.client.operation(accepted)).code, 'STALE_VERSION')
    assert.deepEqual([(await settled).status, (await settled).id], ['settled', again])
    const second = (await wallet.operations()).find(({ id }) => id === again)!.operation
    assert.equal(second.expiry, expiry)
    assert.deepEqual((await wallet.read()).account.balances[0], 2_993n * USD)
  })

  it('are no account twice a day, and none is left then', async () => {
    assert.deepEqual(await crashTo(100n), [1, 0, 0, 0])
  })

  it('void nothing that is signed again where the account changed', async () => {
    const { wallet, address } = borrower
    let accepted = ''
    onProof = async (circuit) => {
      if (circuit !== 'resolve' || accepted !== '') return
      accepted = (await wallet.withdraw(1, 1n, address, DAY).catch(() => ({ id: 'none' }))).id
    }
    await crashTo(75n)
    // Either the node would not take it of an account that is breached, or it is void: nobody signs it for other balances.
    if (accepted !== 'none') assert.equal((await wallet.settled(accepted)).code, 'STALE_VERSION')
  })
})
