import assert from 'node:assert/strict'
import { verifyChain } from '../../audit/verify-chain.ts'
import { passTime } from '../../chain/development-chain.ts'
import type { CircuitInput } from '../../protocol/circuit-input.ts'
import type { KeySet } from '../../prover/keys.ts'
import { INSURANCE_ABI } from '../../sdk/abi/insurance.ts'
import { MOCK_TOKEN_ABI } from '../../sdk/abi/mock-token.ts'
import { TOKEN_ABI } from '../../sdk/abi/token.ts'
import { VAULT_ABI } from '../../sdk/abi/vault.ts'
import { exit } from '../../sdk/actions/exit.ts'
import { freeze } from '../../sdk/actions/freeze.ts'
import { pull } from '../../sdk/actions/pull.ts'
import { pullInsurance } from '../../sdk/actions/pull-insurance.ts'
import { recover } from '../../sdk/actions/recover.ts'
import { refund } from '../../sdk/actions/refund.ts'
import { sendCall } from '../../sdk/chain/send-call.ts'
import { NodeMetrics } from '../../sequencer/api/metrics.ts'
import { serve } from '../../sequencer/api/server.ts'
import type { SequencerNode } from '../../sequencer/node/node.ts'
import { chapters } from '../support/chapters.ts'
import { type EchoSystem, startEchoSystem } from '../support/echo-system.ts'
import { movePrices, tinyKeysWithVerifiers } from '../support/live-chain.ts'
import { proofs } from '../support/proofs.ts'
import { newOwner, type TestOwner } from '../support/test-owner.ts'

const USD = 10n ** 6n
const WEI = 10n ** 18n
const DAY = { expiresIn: 86_400 }

// Each step is one that moves the backstop, or what accounts hold, without a batch.
describe('an audit of a chain whose vault moves by itself', () => {
  const it = chapters()
  let keys: KeySet
  let system: EchoSystem
  let node: SequencerNode
  let server: Awaited<ReturnType<typeof serve>>
  let alice: TestOwner
  let bob: TestOwner
  let insurer: TestOwner
  const vault = () => ({ address: system.deployed.vault, abi: VAULT_ABI }) as const
  const prices = (eth: bigint) => movePrices(system.signer, system.feeds, [eth * WEI, 8_000n * WEI, 50n * WEI])
  const backstop = () => node.settlement.backstop()

  async function audited(): Promise<void> {
    const verdict = await verifyChain(
      system.chain.url,
      system.deployed.settlement,
      async () => keys,
      () => {},
    )
    assert.ok(verdict.ok, 'error' in verdict ? verdict.error : '')
  }

  before(async () => {
    keys = await tinyKeysWithVerifiers()
    system = await startEchoSystem('tiny', {}, keys)
    node = await system.open()
    server = await serve(node, new NodeMetrics(), 0)
    const api = `http://127.0.0.1:${server.port}`
    alice = await newOwner(system, api)
    bob = await newOwner(system, api)
    insurer = await newOwner(system, api)
    await alice.open('ETH', 10n * WEI)
    await bob.open('USD', 4_000n * USD)
    await node.step()
    await alice.wallet.withdraw(0, 1_500n * USD, alice.address, DAY)
    await node.step()
  })
  after(async () => {
    await proofs.close()
    await system.stop()
  })

  it('follows insurers who come and go', async () => {
    const insurance = { address: system.deployed.insurance, abi: INSURANCE_ABI } as const
    await system.mint('USD', insurer.address, 1_000n * USD)
    await sendCall(insurer.signer, {
      address: system.deployed.tokens.USD!,
      abi: TOKEN_ABI,
      functionName: 'approve',
      args: [system.deployed.vault, 1_000n * USD],
    })
    await sendCall(insurer.signer, { ...insurance, functionName: 'insure', args: [1_000n * USD] })
    await audited()
    await prices(199n)
    await node.step()
    await node.step()
    assert.equal((await backstop())[0], 1_000n * USD)
    await audited()
    const [shares] = await system.signer.read.readContract({
      ...insurance,
      functionName: 'sharesOf',
      args: [insurer.address],
    })
    await sendCall(insurer.signer, { ...insurance, functionName: 'redeem', args: [shares / 2n] })
    await prices(200n)
    await node.step()
    await node.step()
    assert.equal((await backstop())[0], 500n * USD)
    await audited()
  })

  it('follows withdrawals that are paid in part, while the backstop is under water', async () => {
    await prices(80n)
    await node.step()
    const { equity } = await system.signer.read.readContract({ ...vault(), functionName: 'lastCheckpoint' })
    assert.ok(equity < 0n)
    await bob.wallet.withdraw(0, 1_000n * USD, bob.address, DAY)
    const before = (await backstop())[0]!
    await node.step()
    assert.ok((await backstop())[0]! > before)
    const { id, amount, pays, claimable } = (await bob.wallet.client.withdrawals(1)).at(-1)!
    assert.ok(claimable && pays < amount, `${pays} of ${amount}`)
    await sendCall(bob.signer, { ...vault(), functionName: 'claim', args: [BigInt(id)] })
    assert.equal(await bob.tokens('USD'), pays)
    await audited()
  })

  it('is of what the node knows and serves too', async () => {
    await node.step()
    const { backstop: served } = await alice.wallet.client.round()
    assert.deepEqual(served, await backstop())
  })

  it('follows gifts', async () => {
    const amount = 9_000n * USD
    await sendCall(system.signer, {
      address: system.deployed.tokens.USD!,
      abi: MOCK_TOKEN_ABI,
      functionName: 'mint',
      args: [system.signer.sender, amount],
    })
    await sendCall(system.signer, {
      address: system.deployed.tokens.USD!,
      abi: TOKEN_ABI,
      functionName: 'approve',
      args: [system.deployed.vault, amount],
    })
    await sendCall(system.signer, {
      address: system.deployed.vault,
      abi: VAULT_ABI,
      functionName: 'donate',
      args: [0, amount],
    })
    await audited()
    await prices(81n)
    await node.step()
    await node.settlement.send(system.signer, 'checkpoint', [])
    const { equity } = await system.signer.read.readContract({ ...vault(), functionName: 'lastCheckpoint' })
    assert.ok(equity > 0n)
    // What the checkpoint cut from the withdrawal was owed, and is paid now, as far as the backstop's equity goes.
    const before = await bob.tokens('USD')
    const { owed } = await refund(bob.signer, { settlement: system.deployed.settlement })
    assert.equal(owed.length, 1)
    assert.ok(owed[0]!.amount > 0n && owed[0]!.amount <= 1_000n * USD)
    assert.equal((await bob.tokens('USD')) - before, owed[0]!.amount)
    assert.deepEqual((await refund(bob.signer, { settlement: system.deployed.settlement })).owed, [])
    await audited()
  })

  it('follows the freeze, which voids withdrawals, and everybody who leaves', async () => {
    // Settled, but never claimable: the accounts' again. And a deposit that the checkpoint does not know: a refund.
    const deposit = await bob.topUp(1, 'USD', 70n * USD)
    await bob.wallet.withdraw(0, 10n * USD, bob.address, DAY)
    const settle = node.settlement.settle.bind(node.settlement)
    // Without the last batch the inbox is not empty: no checkpoint.
    node.settlement.settle = (signer, batches) => settle(signer, batches.slice(0, -1))
    await node.step().catch(() => {})
    await node.close()
    server.server.close()
    server.server.closeAllConnections()
    const { pending } = await system.signer.read.readContract({ ...vault(), functionName: 'ledger', args: [0] })
    assert.equal(pending, 10n * USD)
    await audited()

    await passTime(system.signer, 7_300)
    const { settlement } = system.deployed
    await freeze(system.signer, { settlement, onNotice: () => passTime(system.signer, 901) })
    await audited()

    for (const {
      wallet: { key },
      address,
      signer,
    } of [alice, bob]) {
      const recovered = await recover(signer, { settlement, key, atCheckpoint: true })
      const prover = { prove: (input: CircuitInput) => proofs.prove(keys, 'exit', input) }
      await exit(signer, { settlement, key, recovered, recipient: address, prover })
      await pull(signer, { settlement, index: recovered.account.index })
    }
    assert.ok((await bob.tokens('USD')) > 0n)
    await pullInsurance(insurer.signer, { settlement })
    assert.ok((await insurer.tokens('USD')) > 0n)
    await sendCall(bob.signer, { ...vault(), functionName: 'refund', args: [deposit] })
    await audited()
  })
})
