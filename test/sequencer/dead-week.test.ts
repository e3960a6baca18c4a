import assert from 'node:assert/strict'
import type { Hex } from 'viem'
import { passTime } from '../../chain/development-chain.ts'
import { NO_RULES } from '../../deploy/rule-plan.ts'
import type { CircuitInput } from '../../protocol/circuit-input.ts'
import { ESCAPE_ABI } from '../../sdk/abi/escape.ts'
import { MOCK_FEED_ABI } from '../../sdk/abi/mock-feed.ts'
import { VAULT_ABI } from '../../sdk/abi/vault.ts'
import { exit } from '../../sdk/actions/exit.ts'
import { freeze } from '../../sdk/actions/freeze.ts'
import { pull } from '../../sdk/actions/pull.ts'
import { recover } from '../../sdk/actions/recover.ts'
import { newLink } from '../../sdk/actions/trade.ts'
import { sendCall } from '../../sdk/chain/send-call.ts'
import { NodeRefusal } from '../../sdk/client.ts'
import { NodeMetrics } from '../../sequencer/api/metrics.ts'
import { serve } from '../../sequencer/api/server.ts'
import type { SequencerNode } from '../../sequencer/node/node.ts'
import { chapters } from '../support/chapters.ts'
import { type EchoSystem, echo, echoKeys, startEchoSystem } from '../support/echo-system.ts'
import { movePrices } from '../support/live-chain.ts'
import { newOwner, type TestOwner } from '../support/test-owner.ts'

const USD = 10n ** 6n
const UNIT = 10n ** 8n
const WEI = 10n ** 18n
const HOUR = 3_600
const PATIENCE = 6 * HOUR
const LONG = { expiresIn: 604_800 }
const [ETH, BTC, PERP] = [1, 2, 3]

describe('a week in which every source of one asset is dead', () => {
  const it = chapters()
  let system: EchoSystem
  let node: SequencerNode
  let server: Awaited<ReturnType<typeof serve>>
  let owners: Record<'alice' | 'bob' | 'carol' | 'dave' | 'erin', TestOwner>
  let died: bigint
  let liquidated = 0
  const now = async () => (await system.signer.read.getBlock()).timestamp

  const step = async () => {
    const report = await node.step()
    if (report === undefined) return
    assert.ok(report.complete)
    liquidated += report.liquidated
  }
  /** Some hours later, at prices of the others that move a little. */
  const pass = async (hours: number) => {
    const [eth, , perp] = system.feeds
    const wave = (await now()) % 3n
    await movePrices(system.signer, [eth!, perp!], [(198n + wave) * WEI, (49n + wave) * WEI], hours * HOUR)
    await step()
  }
  const settled = async ({ id }: { readonly id: string }) => {
    for (let looks = 0; looks < 3; looks++) {
      const { status, code } = await owners.bob.wallet.client.operation(id)
      if (status === 'settled') return
      assert.ok(status === 'accepted' || status === 'proving', `${status} ${code}`)
      await step()
    }
    assert.fail(`${id} was not settled`)
  }
  const balances = async ({ wallet }: TestOwner) => (await wallet.read()).account.balances
  const refusal = (act: Promise<unknown>) =>
    act.then(
      () => assert.fail('it was taken'),
      (error: unknown) => {
        if (!(error instanceof NodeRefusal)) throw error
        return error.code
      },
    )
  /** The first sells, the second buys. */
  const trade = async (seller: TestOwner, buyer: TestOwner, asset: number, x: bigint, y: bigint) => {
    const link = newLink()
    await seller.wallet.trade({ asset, x, y, direction: 0 }, link, LONG)
    await settled(await buyer.wallet.trade({ asset, x, y, direction: 1 }, link, LONG))
  }
  /** Tokens that reached an owner by all that it may claim. */
  const claimed = async ({ address, signer, tokens }: TestOwner, symbol: string) => {
    const contract = { address: system.deployed.vault, abi: VAULT_ABI } as const
    const before = await tokens(symbol)
    const logs = await system.signer.read.getContractEvents({
      ...contract,
      eventName: 'WithdrawalPending',
      fromBlock: 0n,
      strict: true,
    })
    for (const { args } of logs) {
      const withdrawal = await system.signer.read.readContract({
        ...contract,
        functionName: 'withdrawal',
        args: [args.id],
      })
      if (withdrawal.recipient === address && !withdrawal.claimed)
        await sendCall(signer, { ...contract, functionName: 'claim', args: [args.id] })
    }
    return (await tokens(symbol)) - before
  }

  before(async () => {
    const rule = { gap: 1_000n }
    system = await startEchoSystem('tiny', {}, undefined, undefined, {
      ...NO_RULES,
      patience: PATIENCE,
      assets: { ETH: rule, BTC: rule },
    })
    node = await system.open()
    server = await serve(node, new NodeMetrics(), 0)
    const api = `http://127.0.0.1:${server.port}`
    const owner = () => newOwner(system, api)
    owners = {
      alice: await owner(),
      bob: await owner(),
      carol: await owner(),
      dave: await owner(),
      erin: await owner(),
    }
    const { alice, bob, carol, dave, erin } = owners
    await alice.open('ETH', 10n * WEI)
    await bob.open('USD', 20_000n * USD)
    await carol.open('BTC', WEI / 4n)
    await dave.open('BTC', WEI / 10n)
    await erin.open('BTC', WEI / 4n)
    await step()
    await step()
    for (const [{ wallet, address }, amount] of [
      [alice, 500n],
      [carol, 1_000n],
      [erin, 1_300n],
    ] as const)
      await settled(await wallet.withdraw(0, amount * USD, address, LONG))
    await trade(bob, alice, PERP, 5n * USD, 250n * USD)
  })
  after(async () => {
    server.server.close()
    server.server.closeAllConnections()
    await node.close()
    await system.stop()
  })

  it('begins: nobody is liquidated before patience ends, whatever owners owe against it', async () => {
    died = await now()
    await sendCall(system.signer, {
      address: system.feeds[BTC - 1]!,
      abi: MOCK_FEED_ABI,
      functionName: 'setReverting',
      args: [true],
    })
    for (let hours = 0; hours < 5; hours++) await pass(1)
    const { assets } = await owners.bob.wallet.client.round()
    assert.deepEqual(
      assets.map(({ heldSince, widened }) => [heldSince !== null, widened]),
      [
        [false, 0],
        [true, 0],
        [false, 0],
      ],
    )
    assert.equal(liquidated, 0)
    assert.ok((await now()) < died + BigInt(PATIENCE))
  })

  it('lets nobody take new risk on it, and lets everybody reduce risk, also on it', async () => {
    const { alice, bob, carol } = owners
    // More of it owed or held by credit: neither.
    const short = { asset: BTC, x: UNIT, y: 8_000n * USD, direction: 0 } as const
    assert.equal(await refusal(bob.wallet.trade(short, newLink(), LONG)), 'TARGET_TOO_LOW')
    assert.equal(await refusal(carol.wallet.withdraw(0, USD, carol.address, LONG)), 'TARGET_TOO_LOW')
    // Carol, who owes against it alone, sells what repays her; Alice closes the perpetual.
    await trade(carol, bob, BTC, UNIT / 8n, 1_000n * USD)
    assert.deepEqual((await balances(carol)).slice(0, 3), [0n, 0n, UNIT / 8n])
    await trade(alice, bob, PERP, 5n * USD, 245n * USD)
    assert.equal((await balances(alice))[PERP], 0n)
  })

  it('lets owners withdraw the other assets, and the held one itself where they owe nothing', async () => {
    const { alice, bob, dave } = owners
    await settled(await bob.wallet.withdraw(0, 1_000n * USD, bob.address, LONG))
    await settled(await alice.wallet.withdraw(ETH, 2n * UNIT, alice.address, LONG))
    await settled(await dave.wallet.withdraw(BTC, UNIT / 10n, dave.address, LONG))
    await pass(1)
    assert.equal(await claimed(bob, 'USD'), 1_000n * USD)
    assert.equal(await claimed(alice, 'ETH'), 2n * WEI)
    assert.equal(await claimed(dave, 'BTC'), WEI / 10n)
    assert.deepEqual(await balances(dave), Array(8).fill(0n))
  })

  it('goes on for a week with complete rounds, in which the others come and go as ever', async () => {
    const { alice, bob } = owners
    for (let day = 0; day < 7; day++) {
      for (let i = 0; i < 3; i++) await pass(8)
      if (day % 3 > 0) continue
      await settled(await bob.wallet.withdraw(0, 100n * USD, bob.address, LONG))
      await settled(await alice.wallet.withdraw(ETH, UNIT / 100n, alice.address, LONG))
    }
    await pass(1)
    assert.ok((await now()) > died + 604_800n)
    assert.equal(await claimed(bob, 'USD'), 300n * USD)
    const { assets } = await bob.wallet.client.round()
    const btc = assets[BTC - 1]!
    assert.ok(btc.heldSince !== null && btc.widened > 10 && btc.widened < 99)
    // Only Erin owes against it: her position was cut by then, and not closed at once.
    assert.ok(liquidated > 0)
    const [cash, , left] = await balances(owners.erin)
    assert.ok(left! > 0n && cash! > -1_300n * USD, `${left} ${cash}`)
    for (const owner of [alice, bob, owners.carol]) assert.ok((await balances(owner)).every((one) => one > -600n * USD))
  })

  it('ends, if the sequencer goes too, with everybody’s exit: the whole custody is shared out, the held asset with it', async () => {
    const { settlement, escape: exits, vault } = system.deployed
    const { read } = system.signer
    await node.close()
    const later = (seconds: number) => passTime(system.signer, seconds)
    await later(7_300)
    await freeze(system.signer, { settlement, onNotice: () => later(901) })
    const [holdings, denominator] = await read.readContract({
      address: exits,
      abi: ESCAPE_ABI,
      functionName: 'snapshot',
    })
    assert.ok(holdings[BTC]! > 0n)
    const transactions: Hex[] = []
    let equities = 0n
    for (const { wallet, address, signer, tokens } of Object.values(owners)) {
      const before = await tokens('BTC')
      const recovered = await recover(signer, { settlement, key: wallet.key, atCheckpoint: true })
      const prover = { prove: (input: CircuitInput) => echo(echoKeys('tiny'), 'exit', input) }
      const left = await exit(signer, { settlement, key: wallet.key, recovered, recipient: address, prover })
      const amounts = await pull(signer, { settlement, index: recovered.account.index })
      assert.equal(amounts[BTC], ((holdings[BTC]! * left.equity) / denominator) * 10n ** 10n)
      assert.equal((await tokens('BTC')) - before, amounts[BTC])
      if (left.transaction !== null) transactions.push(left.transaction)
      equities += left.equity
    }
    assert.ok(transactions.length >= 4)
    for (const owner of Object.values(owners)) await claimed(owner, 'USD')
    // What is left is the backstop's profit, which nobody insures and nobody owns.
    const { equity } = await read.readContract({ address: vault, abi: VAULT_ABI, functionName: 'lastCheckpoint' })
    assert.ok(equity >= 0n && denominator - equities === equity)
    for (const a of [0, 1, 2]) {
      const ledger = await read.readContract({ address: vault, abi: VAULT_ABI, functionName: 'ledger', args: [a] })
      const ours = (holdings[a]! * equity) / denominator
      assert.ok(ledger.custody >= ours && ledger.custody - ours <= 5n, `asset ${a}: ${ledger.custody} and ${ours}`)
    }
  })
})
