import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import { passTime, rawCall } from '../../chain/development-chain.ts'
import { deployContract } from '../../deploy/deploy.ts'
import { deployLocalPool, type LocalPool } from '../../deploy/local-pool.ts'
import { MARKET_ABI } from '../../sdk/abi/market.ts'
import { MOCK_FEED_ABI } from '../../sdk/abi/mock-feed.ts'
import { ROUNDS_ABI } from '../../sdk/abi/rounds.ts'
import { VAULT_ABI } from '../../sdk/abi/vault.ts'
import { take } from '../../sdk/actions/take.ts'
import { approve } from '../../sdk/chain/approve.ts'
import { sendCall } from '../../sdk/chain/send-call.ts'
import { systemContracts } from '../../sdk/chain/system-contracts.ts'
import { PlimsollClient } from '../../sdk/client.ts'
import { NodeMetrics } from '../../sequencer/api/metrics.ts'
import { serve } from '../../sequencer/api/server.ts'
import type { SequencerNode } from '../../sequencer/node/node.ts'
import { chapters } from '../support/chapters.ts'
import { type EchoSystem, startEchoSystem } from '../support/echo-system.ts'
import { movePrices } from '../support/live-chain.ts'
import { complaintOf, runCli } from '../support/run-cli.ts'
import { newOwner } from '../support/test-owner.ts'

const USD = 10n ** 6n
const WEI = 10n ** 18n
const ROOT = fileURLToPath(new URL('../..', import.meta.url))

describe('the liquidation market from outside', () => {
  const it = chapters()
  let system: EchoSystem
  let node: SequencerNode
  let api: string
  let chain: readonly string[]
  let market: `0x${string}`
  let pool: LocalPool
  let taker: string
  let close: () => void
  let directory: string
  const keeper = generatePrivateKey()
  const keeperAddress = privateKeyToAccount(keeper).address

  const run = async (...args: string[]) => {
    const { code, stdout, stderr } = await runCli([...args, '--json'], {
      cwd: directory,
      env: { PLIMSOLL_KEEPER_KEY: keeper },
    })
    assert.deepEqual([code, stderr], [0, ''], stdout)
    return stdout
  }
  const auctions = async () => JSON.parse(await run('auctions', ...chain))
  const keep = async (...args: string[]) =>
    (await run('keeper', ...chain, '--once', ...args))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
  const refused = async (args: readonly string[], complaint: RegExp) => {
    const { code, stdout, stderr } = await runCli(args, { cwd: directory, env: { PLIMSOLL_KEEPER_KEY: keeper } })
    assert.match(complaintOf(args, stderr), complaint)
    assert.deepEqual([code, stdout], [2, ''])
  }
  const at = async (price: bigint) => {
    await movePrices(system.signer, system.feeds, [price * WEI, 8_000n * WEI, 50n * WEI])
    await node.step()
  }
  /** Rounds at the price until the lots are at so much less than the mark. */
  const untilDiscount = async (price: bigint, discount: number) => {
    for (let rounds = 0; (await auctions()).lots[0].discount < discount; rounds++) {
      assert.ok(rounds < 40)
      await at(price)
    }
  }

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'plimsoll-'))
    system = await startEchoSystem()
    node = await system.open()
    const { server, port } = await serve(node, new NodeMetrics(), 0)
    close = () => {
      server.close()
      server.closeAllConnections()
    }
    api = `http://127.0.0.1:${port}`
    chain = ['--rpc', system.chain.url, '--settlement', system.deployed.settlement]
    ;({ market } = await systemContracts(system.signer.read, system.deployed.settlement))
  })
  after(async () => {
    close()
    await node.close()
    await system.stop()
    await rm(directory, { recursive: true })
  })

  const gift = async () => {
    const { signer, deployed } = system
    await system.mint('ETH', signer.sender, WEI)
    await approve(signer, deployed.tokens.ETH!, deployed.vault, WEI)
    await sendCall(signer, { address: deployed.vault, abi: VAULT_ABI, functionName: 'donate', args: [1, WEI] })
  }
  /** What happens to the chain meanwhile is undone. */
  const undone = async (happens: () => Promise<void>) => {
    const snapshot = await rawCall(system.signer, 'evm_snapshot')
    await happens().finally(() => rawCall(system.signer, 'evm_revert', snapshot))
  }
  /** Lots and fills in exactly the form of the documentation. */
  const inForm = ({ lots, fills, recaptured, ...more }: any) => {
    assert.deepEqual(more, {})
    const decimal = (value: unknown) => typeof value === 'string' && /^(0|[1-9]\d*)(\.\d*[1-9])?$/.test(value)
    const share = (value: unknown) => typeof value === 'number' && Number.isFinite(value)
    for (const lot of lots) {
      const keys = ['lot', 'asset', 'side', 'units', 'ageSeconds', 'price', 'mark', 'discount']
      assert.deepEqual(Object.keys(lot), keys)
      assert.match(lot.lot, new RegExp(`^${lot.asset}:\\d+$`))
      assert.ok(['sell', 'buy'].includes(lot.side) && decimal(lot.units) && Number(lot.units) > 0)
      assert.ok(Number.isInteger(lot.ageSeconds) && lot.ageSeconds >= 0)
      assert.ok((lot.mark === null || decimal(lot.mark)) && (lot.price === null) === (lot.discount === null))
      assert.ok(lot.price === null || (decimal(lot.price) && share(lot.discount)))
    }
    for (const fill of fills) {
      assert.deepEqual(Object.keys(fill), ['lot', 'units', 'price', 'discount', 'taker', 'block'])
      assert.ok(decimal(fill.units) && decimal(fill.price) && share(fill.discount) && Number.isInteger(fill.block))
      assert.match(fill.taker, /^(0x[0-9a-fA-F]{40}|inside)$/)
    }
    assert.ok(fills.length === 0 ? recaptured === null : share(recaptured))
    return { lots, fills, recaptured }
  }

  it('has no prices before the first round', async () => {
    assert.deepEqual(await auctions(), { lots: [], fills: [], recaptured: null })
    await undone(async () => {
      await gift()
      const {
        lots: [{ ageSeconds, ...lot }],
        ...more
      } = inForm(await auctions())
      const none = { price: null, mark: null, discount: null }
      assert.deepEqual(lot, { lot: 'ETH:0', asset: 'ETH', side: 'sell', units: '1', ...none })
      assert.ok(ageSeconds < 60)
      assert.deepEqual(more, { fills: [], recaptured: null })
      const { code, stdout } = await runCli(['auctions', ...chain])
      assert.equal(code, 0)
      assert.match(stdout, /^lot +side +units +age +price +mark +discount\nETH:0 +sell +1 +\d+ s +none now *\n/)
      assert.match(stdout, /\nNothing was taken yet\.\n$/)
      assert.deepEqual(await keep('--dry-run'), [{ event: 'end', fills: 0, missed: 0, gas: '0', profit: '0' }])
    })
    await rawCall(system.signer, 'hardhat_setBalance', keeperAddress, `0x${(10n ** 20n).toString(16)}`)
    const [alice, bob] = [await newOwner(system, api), await newOwner(system, api)]
    await alice.open('USD', 10_000n * USD)
    await bob.open('ETH', 10n * WEI)
    await at(200n)
    await bob.wallet.withdraw(0, 1_500n * USD, bob.address, { expiresIn: 86_400 })
    await node.step()
    const { ETH, USD: cash } = system.deployed.tokens
    pool = await deployLocalPool(system.signer, {
      asset: ETH!,
      cash: cash!,
      price: { cash: 200n * USD, asset: WEI },
      liquidity: 5_000_000n * USD,
    })
    taker = await deployContract(system.signer, 'PoolTaker', [
      { market, pool: pool.address, asset: 1, window: 600, tolerance: 100, tip: 3n * USD, least: 100n * USD },
    ])
  })
  it('shows nothing while nothing waits', async () => {
    assert.deepEqual(await auctions(), { lots: [], fills: [], recaptured: null })
    const { code, stdout } = await runCli(['auctions', ...chain])
    assert.deepEqual(
      [code, stdout],
      [0, 'Nothing waits: the backstop neither holds nor is short of anything.\nNothing was taken yet.\n'],
    )
    assert.deepEqual(await keep(), [{ event: 'end', fills: 0, missed: 0, gas: '0', profit: '0' }])
  })

  it('shows what liquidations brought, from above the mark', async () => {
    await pool.moveTo({ cash: 150n * USD, asset: WEI })
    await at(150n)
    const { lots, fills, recaptured } = inForm(await auctions())
    assert.deepEqual([fills, recaptured, lots.length], [[], null, 1])
    const [{ units, price, ageSeconds, discount, ...lot }] = lots
    assert.deepEqual(lot, { lot: 'ETH:0', asset: 'ETH', side: 'sell', mark: '150' })
    assert.ok(Number(units) > 0 && Number(price) > 150 && ageSeconds >= 0)
    assert.ok(Math.abs(discount - (1 - Number(price) / 150)) < 1e-6)
    const info = await new PlimsollClient({ node: api }).auctions()
    assert.deepEqual([info.fillCount, info.discount, info.timeToClear, info.recaptured], [0, null, null, null])
    assert.equal(info.lots[0]!.units, BigInt(Math.round(Number(units) * 1e8)))
    assert.match(await (await fetch(`${api}/metrics`)).text(), /^plimsoll_lots\{asset="ETH",side="sell"\} 1$/m)
    const { stdout: table } = await runCli(['auctions', ...chain])
    const below = /\nETH:0 +sell +[\d.]+ +\d+ s +15\d\.\d+ +150 +-\d\.\d{3} %\nNothing was taken yet\.\n$/
    assert.match(table, below)
  })

  it('shows no price while the asset is held, or the round is old', async () => {
    const priceless = async (mark: string) => {
      const { lots } = inForm(await auctions())
      assert.deepEqual([lots.length, lots[0].price, lots[0].mark, lots[0].discount], [1, null, mark, null])
    }
    await undone(async () => {
      await passTime(system.signer, 850)
      assert.notEqual((await auctions()).lots[0].price, null)
    })
    await undone(async () => {
      await passTime(system.signer, 901)
      await priceless('150')
    })
    await undone(async () => {
      const { signer, feeds, deployed } = system
      const feed = { address: feeds[0]!, abi: MOCK_FEED_ABI } as const
      await sendCall(signer, { ...feed, functionName: 'setReverting', args: [true] })
      await movePrices(signer, feeds, [150n * WEI, 8_000n * WEI, 50n * WEI])
      await sendCall(signer, { address: deployed.rounds, abi: ROUNDS_ABI, functionName: 'postRound', args: [] })
      await priceless('150')
      assert.deepEqual(await keep('--dry-run'), [{ event: 'end', fills: 0, missed: 0, gas: '0', profit: '0' }])
    })
  })

  it('has a keeper that says what it would take, and does not take it', async () => {
    await untilDiscount(150n, 0.005)
    const nothing = (await keep('--dry-run', '--min-profit', '100000'))[0]
    assert.equal(nothing.event, 'end')
    const [found, end] = await keep('--dry-run', '--max-inventory', '200')
    // It has no cash.
    assert.deepEqual([found.event, end], ['end', undefined])
    const { stdout } = await runCli(['keeper', ...chain, '--once', '--dry-run', '--json', '--max-inventory', '200'])
    const [would] = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    assert.deepEqual([would.event, would.asset, would.side, would.through], ['found', 'ETH', 'sell', null])
    assert.ok(Number(would.cash) <= 200 && Number(would.cash) > 150 && Number(would.profit) > 0)
    assert.deepEqual((await auctions()).fills, [])
  })

  it('has a keeper that takes what pays after gas, within its inventory, and reports it', async () => {
    await system.mint('USD', keeperAddress, 1_000n * USD)
    const [taken, end] = await keep('--max-inventory', '300')
    assert.deepEqual([taken.event, end.event, end.fills], ['taken', 'end', 1])
    assert.ok(Number(taken.cash) <= 300)
    assert.equal(end.profit, taken.profit)
    const { fills, recaptured } = inForm(await auctions())
    assert.equal(fills.length, 1)
    const { lot, units, discount, taker, block } = fills[0]
    assert.deepEqual([lot, taker, units], ['ETH:0', keeperAddress, taken.units])
    assert.ok(discount > 0.004 && Number.isInteger(block) && recaptured > 0 && recaptured < 1)
    // What it has counts.
    const [again] = await keep('--max-inventory', '300')
    assert.equal(again.event, 'end')
    const info = await new PlimsollClient({ node: api }).auctions()
    assert.equal(info.fillCount, 1)
    assert.equal(info.fills[0]!.taker, keeperAddress)
    assert.ok(info.timeToClear! >= 400 && Math.abs(info.discount! - discount) < 1e-9)
    assert.match(await (await fetch(`${api}/metrics`)).text(), /^plimsoll_fills_total 1$/m)
  })

  it('quotes pools, and calls the taker of the protocol for its tip', async () => {
    const [own] = await keep('--pool', pool.address, '--max-inventory', '400', '--dry-run')
    assert.deepEqual([own.event, own.through], ['found', null])
    await untilDiscount(150n, 0.02)
    const [found] = await keep('--pool', taker, '--dry-run', '--max-inventory', '0.000001')
    assert.deepEqual([found.event, found.worth, found.cash], ['found', '3', null])
    assert.equal(found.through.toLowerCase(), taker.toLowerCase())
    const before = (await auctions()).fills.length
    const [taken] = await keep('--pool', taker, '--max-inventory', '0.000001')
    assert.deepEqual([taken.event, taken.worth], ['taken', '3'])
    assert.equal((await auctions()).fills.length, before + 1)
  })

  it('refuses what it cannot mean', async () => {
    await refused(['keeper', ...chain, '--pool', market], /There is no Uniswap v3 pool at 0x/)
    await refused(['keeper', ...chain, '--max-inventory', '-1'], /--max-inventory is not above 0/)
    await refused(['keeper', ...chain, '--min-profit', 'x'], /--min-profit is not a plain decimal/)
    await refused(['keeper', ...chain, '--interval', '0'], /whole number from 1/)
    await refused(['auctions', '--rpc', system.chain.url, '--settlement', market], /no settlement of this version/)
    await refused(['auctions', '--rpc', system.chain.url, '--settlement', '0x12'], /must be an address/)
    const nobody = `0x${'5a'.repeat(20)}`
    const at = (settlement: string, rpc = system.chain.url) => ['auctions', '--rpc', rpc, '--settlement', settlement]
    const none = /There is no settlement of this version at 0x(5a){20}\. Check --settlement and --rpc\./i
    for (const form of [[], ['--json']]) await refused([...at(nobody), ...form], none)
    await refused(at(system.deployed.tokens.ETH!), /There is no settlement of this version/)
    await refused([...at(nobody, 'http://127.0.0.1:9'), '--json'], /No JSON-RPC endpoint answers at http/)
    // A node is no chain.
    await refused(at(nobody, api), /No JSON-RPC endpoint answers at http/)
    await refused(at(nobody, 'nowhere'), /nowhere/)
    await refused(['auctions', '--rpc', system.chain.url], /--settlement/)
    await refused(['auctions', '--settlement', nobody], /--rpc/)
  })

  it("is open to bots of others, such as the documentation's", async () => {
    // A gift is a lot too.
    await gift()
    assert.ok((await auctions()).lots.length > 0)
    const text = await readFile(`${ROOT}/docs/market.md`, 'utf8')
    const [, code] = /```ts\n([\s\S]*?)```/.exec(text)!
    assert.ok(code!.trim().split('\n').length <= 40)
    const folder = `${ROOT}/.plimsoll/bot-${process.pid}`
    await mkdir(folder, { recursive: true })
    try {
      await writeFile(`${folder}/bot.ts`, code!)
      await system.mint('USD', keeperAddress, 10_000n * USD)
      const before = (await auctions()).fills.length
      const child = spawn(process.execPath, [`${folder}/bot.ts`, system.chain.url, market, '1', '1000'], {
        env: { ...process.env, BOT_KEY: keeper },
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      const ended = once(child, 'exit')
      let said = ''
      child.stdout.on('data', (data) => (said += data))
      for (let i = 0; i < 300 && !/success/.test(said) && child.exitCode === null; i++) await sleep(100)
      child.kill()
      await ended
      assert.match(said, /success/)
      assert.ok((await auctions()).fills.length > before)
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  it('shows what the backstop buys back, and a keeper that sells it what it has', async () => {
    // An account that owes ETH, which then costs half as much again.
    const [carol, lender] = [await newOwner(system, api), await newOwner(system, api)]
    await lender.open('ETH', 10n * WEI)
    await carol.open('USD', 1_000n * USD)
    await at(150n)
    await carol.wallet.withdraw(1, 4n * 10n ** 8n, carol.address, { expiresIn: 86_400 })
    await node.step()
    const { signer, deployed } = system
    const args = [1n] as const
    const [, , units] = await signer.read.readContract({ address: market, abi: MARKET_ABI, functionName: 'lots', args })
    if (units > 0n) {
      await system.mint('USD', signer.sender, 10_000n * USD)
      await take(signer, { settlement: deployed.settlement, asset: 1, units })
    }
    assert.deepEqual((await auctions()).lots, [])
    await at(230n)
    const { lots } = inForm(await auctions())
    const [{ units: wanted, price, discount, ...lot }] = lots
    assert.deepEqual([lots.length, lot.side, lot.asset], [1, 'buy', 'ETH'])
    // Marks are times 2^32, rounded down.
    assert.ok(Math.abs(Number(lot.mark) - 230) < 1e-6)
    // It begins with less than the mark, in favor of the backstop.
    assert.ok(Number(wanted) > 0 && Number(price) < 230 && discount < 0)
    assert.ok(Math.abs(discount - (Number(price) / 230 - 1)) < 1e-6)
    await untilDiscount(230n, 0.01)
    const shown = (await auctions()).lots[0]
    assert.ok(Number(shown.price) > 230)
    const [found] = await keep('--dry-run')
    assert.deepEqual([found.event, found.side], ['found', 'buy'])
    const [taken, end] = await keep('--max-inventory', '1')
    assert.deepEqual([taken.event, taken.side, end.fills], ['taken', 'buy', 1])
    assert.ok(Number(taken.cash) > 230 * Number(taken.units) && Number(taken.profit) > 0)
    const after = inForm(await auctions())
    const fill = after.fills.at(-1)
    assert.deepEqual([fill.taker, fill.units], [keeperAddress, taken.units])
    assert.ok(fill.discount > 0.005)
  })
})
