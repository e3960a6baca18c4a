import assert from 'node:assert/strict'
import type { Address } from 'viem'
import { passTime } from '../../chain/development-chain.ts'
import { INSURANCE_ABI } from '../../sdk/abi/insurance.ts'
import { MOCK_TOKEN_ABI } from '../../sdk/abi/mock-token.ts'
import { ROUNDS_ABI } from '../../sdk/abi/rounds.ts'
import { TOKEN_ABI } from '../../sdk/abi/token.ts'
import { VAULT_ABI } from '../../sdk/abi/vault.ts'
import { freeze } from '../../sdk/actions/freeze.ts'
import { pullOwed } from '../../sdk/actions/pull-owed.ts'
import { sendCall } from '../../sdk/chain/send-call.ts'
import { NodeMetrics } from '../../sequencer/api/metrics.ts'
import { serve } from '../../sequencer/api/server.ts'
import type { SequencerNode } from '../../sequencer/node/node.ts'
import { chapters } from '../support/chapters.ts'
import { type EchoSystem, startEchoSystem } from '../support/echo-system.ts'
import { movePrices } from '../support/live-chain.ts'
import { runCli } from '../support/run-cli.ts'
import { newOwner, type TestOwner } from '../support/test-owner.ts'

const USD = 10n ** 6n
const WEI = 10n ** 18n
const DAY = { expiresIn: 86_400 }

// Alice is closed with a loss, a withdrawal of Bob's is cut, and a gift lets the backstop repay a part of what it owes him. A
// deposit of his and one that is to open Carol's account wait too long.
describe('plimsoll wallet refund', () => {
  const it = chapters()
  let system: EchoSystem
  let node: SequencerNode
  let server: Awaited<ReturnType<typeof serve>>
  let alice: TestOwner
  let bob: TestOwner
  let carol: TestOwner
  const prices = (eth: bigint, seconds = 400) =>
    movePrices(system.signer, system.feeds, [eth * WEI, 8_000n * WEI, 50n * WEI], seconds)
  const vault = () => ({ address: system.deployed.vault, abi: VAULT_ABI }) as const
  const rounds = () => ({ address: system.deployed.rounds, abi: ROUNDS_ABI }) as const
  const insurance = () => ({ address: system.deployed.insurance, abi: INSURANCE_ABI }) as const
  const owed = () => system.signer.read.readContract({ ...insurance(), functionName: 'owed' })
  const cli = async (owner: TestOwner, ...args: string[]) => {
    const where = ['--rpc', system.chain.url, '--settlement', system.deployed.settlement]
    const { code, stdout, stderr } = await runCli(['wallet', 'refund', ...where, ...args], {
      env: { PLIMSOLL_WALLET_KEY: owner.privateKey },
    })
    assert.equal(code, 0, stderr)
    return stdout
  }
  const refunded = async (owner: TestOwner) => JSON.parse(await cli(owner, '--json'))
  const balances = (index: number) => node.system.accounts.at(index)!.balances

  before(async () => {
    system = await startEchoSystem()
    node = await system.open()
    server = await serve(node, new NodeMetrics(), 0)
    const api = `http://127.0.0.1:${server.port}`
    alice = await newOwner(system, api)
    bob = await newOwner(system, api)
    carol = await newOwner(system, api)
    await alice.open('ETH', 10n * WEI)
    await bob.open('USD', 4_000n * USD)
    await node.step()
    await alice.wallet.withdraw(0, 1_500n * USD, alice.address, DAY)
    await node.step()
    await prices(80n)
    await node.step()
    await bob.wallet.withdraw(0, 1_000n * USD, bob.address, DAY)
    await node.step()
    await sendCall(bob.signer, { ...vault(), functionName: 'claim', args: [1n] })
    const [total] = await owed()
    assert.ok(total > 20n * USD)
    // As much as leaves the backstop with half of it in cash; all else is ether.
    const { backstop } = await system.signer.read.readContract({ ...vault(), functionName: 'ledger', args: [0] })
    await give(total / 2n - backstop)
    await prices(80n)
    await node.step()
    await node.settlement.send(system.signer, 'checkpoint', [])
    assert.deepEqual(await owed(), [total, total / 2n])
  })
  after(async () => {
    server.server.close()
    server.server.closeAllConnections()
    await node.close()
    await system.stop()
  })

  async function give(amount: bigint): Promise<void> {
    const { signer, deployed } = system
    const token: Address = deployed.tokens.USD!
    await sendCall(signer, { address: token, abi: MOCK_TOKEN_ABI, functionName: 'mint', args: [signer.sender, amount] })
    await sendCall(signer, { address: token, abi: TOKEN_ABI, functionName: 'approve', args: [deployed.vault, amount] })
    await sendCall(signer, { ...vault(), functionName: 'donate', args: [0, amount] })
  }

  it('pays the cash that a checkpoint cut, and deposits that wait too long', async () => {
    const late = await bob.topUp(1, 'USD', 70n * USD)
    const opening = await carol.open('ETH', WEI)
    for (let i = 0; i < 6; i++) {
      await prices(80n, 800)
      await sendCall(system.signer, { ...rounds(), functionName: 'postRound', args: [] })
    }
    const [total, repaid] = await owed()
    const before = await bob.tokens('USD')
    const { refunds, bonds, owed: cash } = await refunded(bob)
    assert.deepEqual(
      refunds.map(({ depositId, asset, paid }: Record<string, unknown>) => [depositId, asset, paid]),
      [[Number(late), 'USD', '70']],
    )
    assert.equal(bonds, '0')
    assert.deepEqual(
      cash.map(({ withdrawal }: Record<string, unknown>) => withdrawal),
      [1],
    )
    const paid = BigInt(Math.round(Number(cash[0].paid.USD) * 1e6))
    // All of what is owed is his, rounded down.
    assert.ok(paid <= repaid && paid >= repaid - 1n && repaid < total, `${paid} of ${repaid} of ${total}`)
    assert.equal((await bob.tokens('USD')) - before, 70n * USD + paid)
    assert.deepEqual(await refunded(bob), { refunds: [], bonds: '0' })
    assert.match(await cli(bob), /^There is nothing to take back for 0x/)
    assert.match(await cli(carol), new RegExp(`^Deposit ${opening.id} refunded: 1 ETH, transaction 0x[0-9a-f]{64}\n$`))
    assert.equal(await carol.tokens('ETH'), WEI)
  })

  it('leaves deposits of nothing in the queue, which the node carries out: what waits behind them is credited', async () => {
    await bob.topUp(1, 'ETH', 2n * WEI)
    await carol.topUp(2, 'USD', 30n * USD)
    const before = balances(1)
    await prices(80n)
    await node.step()
    assert.deepEqual(balances(1), before.with(1, 2n * 10n ** 8n))
    assert.deepEqual(balances(2), before.map(() => 0n).with(0, 30n * USD))
    const [first, end] = await system.signer.read.readContract({ ...vault(), functionName: 'depositQueue' })
    assert.deepEqual([first, end], [6n, 6n])
    const { queued } = await system.signer.read.readContract({ ...vault(), functionName: 'ledger', args: [0] })
    assert.equal(queued, 0n)
    // And the account that was opened with nothing is one like others.
    await carol.wallet.withdraw(0, 10n * USD, carol.address, DAY)
    await node.step()
    assert.equal(balances(2)[0], 20n * USD)
  })

  it('pays after a freeze what is owed still, in every token', async () => {
    const [total, repaid] = await owed()
    assert.ok(repaid < total)
    const { settlement } = system.deployed
    const later = (seconds: number) => passTime(system.signer, seconds)
    await assert.rejects(pullOwed(bob.signer, { settlement, withdrawalId: 1n }), /not frozen/)
    await later(7_300)
    await freeze(system.signer, { settlement, onNotice: () => later(901) })
    const before = [await bob.tokens('USD'), await bob.tokens('ETH')]
    const { owed: shares } = await refunded(bob)
    assert.deepEqual(
      shares.map(({ withdrawal }: Record<string, unknown>) => withdrawal),
      [1],
    )
    const got = [(await bob.tokens('USD')) - before[0]!, (await bob.tokens('ETH')) - before[1]!]
    assert.ok(got.every((amount) => amount > 0n))
    assert.deepEqual(Object.keys(shares[0].paid), ['USD', 'ETH'])
    // Worth what was owed, at 80 USD for an ether, less what rounding takes.
    const worth = got[0]! + (got[1]! * 80n * USD) / WEI
    assert.ok(worth <= total - repaid && worth >= total - repaid - 10n, `${worth} of ${total - repaid}`)
    assert.deepEqual(await refunded(bob), { refunds: [], bonds: '0' })
  })
})
