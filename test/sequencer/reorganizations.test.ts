import assert from 'node:assert/strict'
import type { Hex } from 'viem'
import { rawCall } from '../../chain/development-chain.ts'
import { NodeMetrics } from '../../sequencer/api/metrics.ts'
import { serve } from '../../sequencer/api/server.ts'
import type { SequencerNode } from '../../sequencer/node/node.ts'
import { type EchoSystem, startEchoSystem } from '../support/echo-system.ts'
import { newOwner, type TestOwner } from '../support/test-owner.ts'

const USD = 10n ** 6n
const FAR = { expiresIn: 1_000_000 }
const DEPTHS = [1, 2, 16, 17, 64]

describe('a reorganization under load', () => {
  let system: EchoSystem
  let node: SequencerNode
  let server: Awaited<ReturnType<typeof serve>>
  const owners: TestOwner[] = []
  /** Amounts that were promised, by id. */
  const promised = new Map<Hex, { index: number; amount: bigint }>()
  let amount = 0n

  before(async () => {
    system = await startEchoSystem()
    node = await system.open()
    server = await serve(node, new NodeMetrics(), 0)
    for (let index = 0; index < 2; index++) {
      const owner = await newOwner(system, `http://127.0.0.1:${server.port}`)
      await owner.open('USD', 100_000n * USD)
      owners.push(owner)
    }
    await node.step()
  })
  after(async () => {
    server.server.close()
    server.server.closeAllConnections()
    await node.close()
    await system.stop()
  })

  async function send(index: number): Promise<void> {
    const { wallet, address } = owners[index]!
    const { id } = await wallet.withdraw(0, ++amount, address, FAR)
    promised.set(id, { index, amount })
  }

  for (const depth of DEPTHS)
    it(`of ${depth} settlements is followed without a rebuild, and all that was promised is carried out again`, async () => {
      const snapshot = await rawCall(system.signer, 'evm_snapshot')
      const root = node.system.ledger.root
      for (let i = 0; i < depth; i++) {
        await send(i % 2)
        assert.equal((await node.step())?.operations, 1)
      }
      // The node has read what is about to be undone.
      await owners[0]!.wallet.client.withdrawals(0)
      await rawCall(system.signer, 'evm_revert', snapshot)
      // Handed in before the node has noticed.
      await send(0)
      assert.equal(await node.settlement.view('accountsRoot'), root)
      for (let looks = 0; [...promised.keys()].some((id) => node.pool.state(id).status !== 'settled'); looks++) {
        assert.ok(looks < 2 * depth + 4, 'it does not come to an end')
        await node.step()
        if (looks === 0) await send(1)
      }
      assert.equal(node.system.ledger.root, await node.settlement.view('accountsRoot'))
      for (const [index, { wallet }] of owners.entries()) {
        const paid = [...promised.values()].reduce((sum, each) => (each.index === index ? sum + each.amount : sum), 0n)
        assert.equal((await wallet.read()).account.balances[0], 100_000n * USD - paid)
        const listed = await wallet.client.withdrawals(index)
        assert.equal(
          listed.reduce((sum, each) => sum + each.amount, 0n),
          paid,
        )
      }
    })
})
