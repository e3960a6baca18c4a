import assert from 'node:assert/strict'
import { zeroHash } from 'viem'
import { passTime } from '../../chain/development-chain.ts'
import type { CircuitInput } from '../../protocol/circuit-input.ts'
import { ESCAPE_ABI } from '../../sdk/abi/escape.ts'
import { FORCED_ABI } from '../../sdk/abi/forced.ts'
import { INSURANCE_ABI } from '../../sdk/abi/insurance.ts'
import { VAULT_ABI } from '../../sdk/abi/vault.ts'
import { exit, requireFrozen } from '../../sdk/actions/exit.ts'
import { freeze } from '../../sdk/actions/freeze.ts'
import { pull } from '../../sdk/actions/pull.ts'
import { recover } from '../../sdk/actions/recover.ts'
import { sendCall } from '../../sdk/chain/send-call.ts'
import { NodeMetrics } from '../../sequencer/api/metrics.ts'
import { serve } from '../../sequencer/api/server.ts'
import type { SequencerNode } from '../../sequencer/node/node.ts'
import { chapters } from '../support/chapters.ts'
import { type EchoSystem, echo, echoKeys, startEchoSystem } from '../support/echo-system.ts'
import { movePrices } from '../support/live-chain.ts'
import { newOwner, type TestOwner } from '../support/test-owner.ts'

const USD = 10n ** 6n
const WEI = 10n ** 18n
const DAY = { expiresIn: 86_400 }

describe('the escape, when the sequencer is gone', () => {
  const it = chapters()
  let system: EchoSystem
  let node: SequencerNode
  let owners: TestOwner[]
  const prices = (eth: bigint) => movePrices(system.signer, system.feeds, [eth * WEI, 8_000n * WEI, 50n * WEI])
  const vault = () => ({ address: system.deployed.vault, abi: VAULT_ABI }) as const
  const escapeContract = () => ({ address: system.deployed.escape, abi: ESCAPE_ABI }) as const
  const step = async () => assert.ok((await node.step())?.complete)
  const later = (seconds: number) => passTime(system.signer, seconds)

  before(async () => {
    system = await startEchoSystem()
    node = await system.open()
    const { server, port } = await serve(node, new NodeMetrics(), 0)
    owners = [
      await newOwner(system, `http://127.0.0.1:${port}`),
      await newOwner(system, `http://127.0.0.1:${port}`),
      await newOwner(system, `http://127.0.0.1:${port}`),
    ]
    const [alice, bob, carol] = owners as [TestOwner, TestOwner, TestOwner]
    await alice.open('ETH', 10n * WEI)
    await bob.open('USD', 4_000n * USD)
    await carol.open('BTC', WEI / 4n)
    await step()
    await alice.wallet.withdraw(0, 1_500n * USD, alice.address, DAY)
    await carol.wallet.withdraw(0, 100n * USD, carol.address, DAY)
    await step()
    // The crash leaves bad debt, and the backstop short of what the accounts hold.
    await prices(120n)
    await step()
    // Then the sequencer posts a round, and is never heard of again: before it has settled it.
    await prices(100n)
    node.settlement.settle = () => Promise.reject(new Error('killed'))
    await bob.wallet.withdraw(0, 10n * USD, bob.address, DAY)
    await assert.rejects(node.step(), /killed/)
    await node.close()
    server.close()
    server.closeAllConnections()
  })
  after(() => system.stop())

  it('has a backstop under water at the last checkpoint', async () => {
    const { equity } = await system.signer.read.readContract({ ...vault(), functionName: 'lastCheckpoint' })
    assert.ok(equity < 0n)
  })

  it('opens only after the stall and its notice', async () => {
    const act = (functionName: 'declareStall' | 'tick' | 'freeze') =>
      sendCall(system.signer, { ...escapeContract(), functionName, args: [0n] })
    await assert.rejects(act('declareStall'), /NotStalled/)
    await assert.rejects(
      freeze(system.signer, { settlement: system.deployed.settlement }),
      /not stalled: its last checkpoint is \d+ s old, of 7200/,
    )
    await assert.rejects(requireFrozen(system.signer, { settlement: system.deployed.settlement }), /not frozen/)
    await later(7_300)
    await act('declareStall')
    await assert.rejects(act('freeze'), /NoticeRunning/)
    await later(1_800)
    await act('tick')
    // Time that nobody counted is a quarter: three more remain.
    const counted: number[] = []
    const { settlement } = system.deployed
    const onNotice = async (elapsed: number, period: number) => {
      assert.equal(period, 3_600)
      counted.push(elapsed)
      await later(901)
    }
    await freeze(system.signer, { settlement, onNotice })
    assert.ok(counted.length >= 3 && counted[0]! < 1_800 && counted.at(-1)! >= 3_600, String(counted))
    await freeze(system.signer, { settlement, onNotice: () => assert.fail('frozen already') })
    // By contracts that only pass the vault's error on, too.
    const { forced, insurance } = system.deployed
    for (const call of [
      { address: forced, abi: FORCED_ABI, functionName: 'reserve', args: [0, zeroHash] },
      { address: insurance, abi: INSURANCE_ABI, functionName: 'insure', args: [5n] },
    ] as const) {
      await assert.rejects(sendCall(system.signer, call as never), {
        name: 'PlimsollError',
        message: /refused \w+: Frozen\(\)\.$/,
        hint: /wallet exit leaves it/,
      })
    }
  })

  it('pays every owner its share by its own key and the chain alone, and nobody more; what remains is dust', async () => {
    const { read } = system.signer
    const { settlement } = system.deployed
    const [holdings, denominator] = await read.readContract({ ...escapeContract(), functionName: 'snapshot' })
    let equities = 0n
    for (const {
      wallet: { key },
      address,
      signer,
      tokens,
    } of owners) {
      const before = [await tokens('USD'), await tokens('ETH'), await tokens('BTC')]
      const recovered = await recover(signer, { settlement, key, atCheckpoint: true })
      const { index } = recovered.account
      const leaving = { settlement, key, recovered, recipient: address }
      const prover = { prove: (input: CircuitInput) => echo(echoKeys('tiny'), 'exit', input) }
      const { equity, transaction } = await exit(signer, { ...leaving, prover })
      assert.ok(transaction !== null && equity >= 0n)
      const amounts = await pull(signer, { settlement, index })
      const after = [await tokens('USD'), await tokens('ETH'), await tokens('BTC')]
      for (const [a, unit] of [1n, 10n ** 10n, 10n ** 10n].entries()) {
        assert.equal(amounts[a], ((holdings[a]! * equity) / denominator) * unit)
        assert.equal(after[a]! - before[a]!, amounts[a])
      }
      const again = await exit(signer, { ...leaving, prover: { prove: () => assert.fail() } })
      assert.equal(again.transaction, null)
      assert.deepEqual(await pull(signer, { settlement, index }), Array(8).fill(0n))
      equities += equity
    }
    assert.equal(equities, denominator)
    // Withdrawals of before the checkpoint are still their recipients'.
    for (const { address, signer } of owners) {
      for (const [id, { recipient, claimed }] of (await withdrawals()).entries()) {
        if (recipient === address && !claimed)
          await sendCall(signer, { ...vault(), functionName: 'claim', args: [BigInt(id)] })
      }
    }
    for (const [a, dust] of [3n, 3n, 3n].entries())
      assert.ok(
        (await read.readContract({ ...vault(), functionName: 'ledger', args: [a] })).custody <= dust,
        `asset ${a}`,
      )
  })

  async function withdrawals() {
    const { read } = system.signer
    const logs = await read.getContractEvents({
      ...vault(),
      eventName: 'WithdrawalPending',
      fromBlock: 0n,
      strict: true,
    })
    return Promise.all(
      logs.map(({ args }) => read.readContract({ ...vault(), functionName: 'withdrawal', args: [args.id] })),
    )
  }

  it('stops the node for good', async () => {
    const late = await system.open()
    await assert.rejects(late.step(), /frozen for good/)
    await late.close()
  })
})
