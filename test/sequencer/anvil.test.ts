import assert from 'node:assert/strict'
import { verifyChain } from '../../audit/verify-chain.ts'
import { passTime, rawCall } from '../../chain/development-chain.ts'
import type { CircuitInput } from '../../protocol/circuit-input.ts'
import type { KeySet } from '../../prover/keys.ts'
import { claim } from '../../sdk/actions/claim.ts'
import { exit } from '../../sdk/actions/exit.ts'
import { freeze } from '../../sdk/actions/freeze.ts'
import { pull } from '../../sdk/actions/pull.ts'
import { recover } from '../../sdk/actions/recover.ts'
import { NodeMetrics } from '../../sequencer/api/metrics.ts'
import { serve } from '../../sequencer/api/server.ts'
import type { SequencerNode } from '../../sequencer/node/node.ts'
import { startAnvil } from '../support/anvil.ts'
import { type EchoSystem, startEchoSystem } from '../support/echo-system.ts'
import { movePrices, tinyKeysWithVerifiers } from '../support/live-chain.ts'
import { proofs } from '../support/proofs.ts'
import { newOwner, type TestOwner } from '../support/test-owner.ts'

const USD = 10n ** 6n
const WEI = 10n ** 18n
const DAY = { expiresIn: 86_400 }

// The second client: what holds on Hardhat's chain and here does not rest on one of them. Real proofs, from deployment to exit.
describe('a system on anvil', () => {
  let keys: KeySet
  let system: EchoSystem
  let node: SequencerNode
  let server: Awaited<ReturnType<typeof serve>>
  let alice: TestOwner
  let bob: TestOwner

  before(async () => {
    keys = await tinyKeysWithVerifiers()
    system = await startEchoSystem('tiny', {}, keys, startAnvil)
    node = await system.open()
    server = await serve(node, new NodeMetrics(), 0)
    const api = `http://127.0.0.1:${server.port}`
    alice = await newOwner(system, api)
    bob = await newOwner(system, api)
  })
  after(async () => {
    server.server.closeAllConnections()
    server.server.close()
    await node.close()
    await system.stop()
    await proofs.close()
  })

  const settled = async () => {
    const report = await node.step()
    assert.ok(report?.complete)
    return report
  }
  const audited = async () => {
    const verdict = await verifyChain(
      system.chain.url,
      system.deployed.settlement,
      async () => keys,
      () => {},
    )
    assert.ok(verdict.ok, verdict.ok ? '' : verdict.error)
    return verdict
  }

  it('deploys, takes deposits, lends, liquidates, pays, passes the audit, and lets everybody leave', async () => {
    const { settlement } = system.deployed
    const client = await rawCall(system.signer, 'web3_clientVersion')
    assert.match(String(client), /^anvil\//)

    await alice.open('ETH', 10n * WEI)
    await bob.open('USD', 4_000n * USD)
    assert.equal((await settled()).operations, 2)
    const { id } = await alice.wallet.withdraw(0, 1_500n * USD, alice.address, DAY)
    assert.equal((await settled()).operations, 1)
    assert.equal((await alice.wallet.client.operation(id)).status, 'settled')

    const [loan] = await alice.wallet.client.withdrawals(await alice.wallet.index())
    assert.equal(loan!.claimable, true)
    await claim(alice.signer, { settlement, withdrawalId: BigInt(loan!.id) })
    assert.equal(await alice.tokens('USD'), 1_500n * USD)

    await movePrices(system.signer, system.feeds, [170n * WEI, 8_000n * WEI, 50n * WEI])
    const crash = await settled()
    assert.deepEqual([crash.liquidated, crash.closed, crash.badDebt], [1, 0, 0n])
    await audited()

    // The sequencer is gone: nobody settles any more.
    await node.close()
    const later = (seconds: number) => passTime(system.signer, seconds)
    await later(7_300)
    await freeze(system.signer, { settlement, onNotice: () => later(901) })
    for (const owner of [alice, bob]) {
      const { key } = owner.wallet
      const recovered = await recover(owner.signer, { settlement, key, atCheckpoint: true })
      const prover = { prove: (input: CircuitInput) => proofs.prove(keys, 'exit', input) }
      const { equity } = await exit(owner.signer, { settlement, key, recovered, recipient: owner.address, prover })
      assert.ok(equity > 0n)
      const paid = await pull(owner.signer, { settlement, index: recovered.account.index })
      assert.ok(paid[0]! > 0n && paid[1]! > 0n)
    }
    await audited()
  })
})
