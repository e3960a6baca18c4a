import assert from 'node:assert/strict'
import { rawCall } from '../../chain/development-chain.ts'
import type { ProvenBatch } from '../../chain/settlement.ts'
import { NodeMetrics } from '../../sequencer/api/metrics.ts'
import { serve } from '../../sequencer/api/server.ts'
import { SettlementGas } from '../../sequencer/node/settlement-gas.ts'
import { startEchoSystem } from '../support/echo-system.ts'
import { newOwner } from '../support/test-owner.ts'

const DAY = { expiresIn: 86_400 }
const batch = (circuit: 'sweep' | 'resolve' | 'transact', active: number, openings = 0) =>
  ({
    batch: { circuit, active, window: [0, 1, 2, 3, 4, 5], steps: [] },
    openings: Array(openings).fill(undefined),
  }) as unknown as ProvenBatch

describe('the gas of a settlement', () => {
  /** How many batches of a kind make a settlement. */
  async function fill(limit: bigint, steps: number, each: ProvenBatch, gasOf: (batches: number) => bigint) {
    const asked: number[] = []
    const gas = new SettlementGas(limit, steps, async ({ length }) => {
      asked.push(length)
      return gasOf(length)
    })
    const batches: ProvenBatch[] = []
    while (batches.length < 100) {
      batches.push(each)
      if (await gas.isFull(batches)) break
    }
    return { count: batches.length, asked }
  }

  it('never goes beyond what a transaction may use, whatever the block holds', async () => {
    // Twelve full batches of forced withdrawals of `large`: 13.4 million by calculation.
    const { count } = await fill(10n ** 9n, 9, batch('transact', 9), (n) => 1_120_000n * BigInt(n))
    assert.ok(count >= 11 && 1_120_000n * BigInt(count) < 15_100_000n, String(count))
    const heavy = await fill(10n ** 9n, 9, batch('transact', 9), (n) => 1_500_000n * BigInt(n))
    assert.ok(heavy.count < 10 && 1_500_000n * BigInt(heavy.count) < 15_100_000n, String(heavy.count))
  })

  it('goes by the limit of a block where that is less', async () => {
    const { count } = await fill(6_000_000n, 2, batch('transact', 2), (n) => 500_000n * BigInt(n))
    assert.ok(count >= 6 && 500_000n * BigInt(count) < 5_400_000n, String(count))
  })

  it('is asked of the chain only where the bounds do not tell', async () => {
    const { asked } = await fill(1n << 24n, 2, batch('sweep', 4, 1), (n) => 300_000n * BigInt(n))
    assert.ok(asked[0]! > 15, String(asked))
  })

  it('ends a settlement that the chain would refuse: the refusal is told by the settlement itself', async () => {
    const gas = new SettlementGas(1_900_000n, 2, () => Promise.reject(new Error('reverted')))
    assert.equal(await gas.isFull([batch('resolve', 2)]), true)
  })

  it('splits a look over several transactions where a block is small, and carries out all of it', async () => {
    const system = await startEchoSystem()
    const node = await system.open({ patience: 600_000 })
    const { server, port } = await serve(node, new NodeMetrics(), 0)
    try {
      const owner = await newOwner(system, `http://127.0.0.1:${port}`)
      await owner.open('USD', 10n ** 10n)
      await node.step()
      await rawCall(system.signer, 'evm_setBlockGasLimit', `0x${(2_000_000).toString(16)}`)
      await rawCall(system.signer, 'evm_mine')
      const sent = []
      for (let i = 0; i < 24; i++) sent.push(await owner.wallet.preferences([8, 1 + (i % 15), 8, 8, 8, 8, 8, 8], DAY))
      const before = await system.signer.read.getTransactionCount({ address: system.signer.sender })
      const report = await node.step()
      assert.equal(report?.operations, 24)
      const transactions = (await system.signer.read.getTransactionCount({ address: system.signer.sender })) - before
      assert.ok(transactions >= 2, String(transactions))
      assert.ok(report!.gas / BigInt(transactions) < 2_000_000n)
      for (const { id } of sent) assert.equal(node.pool.state(id).status, 'settled')
    } finally {
      server.close()
      server.closeAllConnections()
      await node.close()
      await system.stop()
    }
  })
})
