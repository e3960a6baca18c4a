import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type Hex, isAddressEqual, parseTransaction } from 'viem'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import { rawCall } from '../../chain/development-chain.ts'
import { deployContract } from '../../deploy/deploy.ts'
import { deployLocalPool, type LocalPool } from '../../deploy/local-pool.ts'
import { MARKET_ABI } from '../../sdk/abi/market.ts'
import { ROUNDS_ABI } from '../../sdk/abi/rounds.ts'
import { TOKEN_ABI } from '../../sdk/abi/token.ts'
import { VAULT_ABI } from '../../sdk/abi/vault.ts'
import { take } from '../../sdk/actions/take.ts'
import { approve } from '../../sdk/chain/approve.ts'
import { ChainFailure } from '../../sdk/chain/chain-failure.ts'
import { connectSigner } from '../../sdk/chain/client.ts'
import { refusal } from '../../sdk/chain/contract-errors.ts'
import { sendCall } from '../../sdk/chain/send-call.ts'
import { systemContracts } from '../../sdk/chain/system-contracts.ts'
import { Keeper } from '../../sdk/keeper.ts'
import { type EchoSystem, startEchoSystem } from '../support/echo-system.ts'
import {
  altered,
  dropped,
  error,
  type FaultProxy,
  type ProxyQuestion,
  page,
  type Rule,
  result,
  silent,
  startFaultProxy,
  status,
} from '../support/fault-proxy.ts'
import { movePrices } from '../support/live-chain.ts'
import { complaintOf, runCli } from '../support/run-cli.ts'

const USD = 10n ** 6n
const WEI = 10n ** 18n
const MAIN = fileURLToPath(new URL('../../cli/main.ts', import.meta.url))
/** So that what cannot be answered is given up soon. */
const IMPATIENT = { patience: 1_500, limitedPatience: 1_500, timeout: 1_000 }
const isSending = ({ method }: ProxyQuestion) => /^eth_send/.test(method)

type Line = Record<string, any>

describe('a keeper', () => {
  let system: EchoSystem
  let proxy: FaultProxy
  let market: `0x${string}`
  let chain: readonly string[]
  let pool: LocalPool
  let key: Hex
  let address: `0x${string}`
  let price = { eth: 150n, btc: 8_000n }

  const at = async (eth = price.eth, btc = price.btc) => {
    price = { eth, btc }
    await movePrices(system.signer, system.feeds, [eth * WEI, btc * WEI, 50n * WEI])
    await sendCall(system.signer, {
      address: system.deployed.rounds,
      abi: ROUNDS_ABI,
      functionName: 'postRound',
      args: [],
    })
  }
  const donate = async (symbol: string, asset: number, tokens: bigint) => {
    await system.mint(symbol, system.signer.sender, tokens)
    const { vault } = system.deployed
    await approve(system.signer, system.deployed.tokens[symbol]!, vault, tokens)
    await sendCall(system.signer, { address: vault, abi: VAULT_ABI, functionName: 'donate', args: [asset, tokens] })
  }
  const tokens = (symbol: string) =>
    system.signer.read.readContract({
      address: system.deployed.tokens[symbol]!,
      abi: TOKEN_ABI,
      functionName: 'balanceOf',
      args: [address],
    })
  const offers = async (asset = 1) =>
    (await system.signer.read.readContract({
      address: market,
      abi: MARKET_ABI,
      functionName: 'lots',
      args: [BigInt(asset)],
    })) as readonly [boolean, readonly { units: bigint; price: bigint }[], bigint]
  const available = async () => (await offers())[2]
  /** Has somebody else take units of ETH. */
  const rivalTakes = async (units: bigint) => {
    const { signer, deployed } = system
    await system.mint('USD', signer.sender, 100_000n * USD)
    await take(signer, { settlement: deployed.settlement, asset: 1, units })
  }
  /** Rounds until the oldest lot of ETH is to be had for so many hundredths of its mark. */
  const until = async (hundredths: bigint) => {
    for (let rounds = 0; ; rounds++) {
      const [, [oldest]] = await offers()
      if (oldest!.price * 100n <= ((price.eth * USD * hundredths) << 32n) / 10n ** 8n) return
      assert.ok(rounds < 60)
      await at()
    }
  }
  /** Somebody new with ether, so that nothing is left of before. */
  const renew = async () => {
    key = generatePrivateKey()
    address = privateKeyToAccount(key).address
    await rawCall(system.signer, 'hardhat_setBalance', address, `0x${(10n ** 20n).toString(16)}`)
  }

  const env = () => ({ PLIMSOLL_KEEPER_KEY: key })
  const run = (...args: string[]) => runCli(['keeper', ...chain, '--json', ...args], { env: env() })
  const linesOf = (text: string): Line[] =>
    text
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line))
  const keep = async (...args: string[]) => {
    const { code, stdout, stderr } = await run('--once', ...args)
    assert.deepEqual([code, stderr], [0, ''], stdout)
    return linesOf(stdout)
  }
  const refused = async (args: readonly string[], words: RegExp) => {
    const all = ['keeper', ...args]
    const { code, stdout, stderr } = await runCli(all, { env: env() })
    assert.match(complaintOf(all, stderr), words)
    assert.deepEqual([code, stdout], [2, ''])
  }

  /** A keeper that looks every second until it is told to end. */
  function start(...args: string[]) {
    proxy.asked.length = 0
    const child = spawn(process.execPath, [MAIN, 'keeper', ...chain, '--json', '--interval', '1', ...args], {
      env: { ...process.env, ...env() },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let [out, err] = ['', '']
    child.stdout.on('data', (data) => (out += data))
    child.stderr.on('data', (data) => (err += data))
    const closed = Promise.all([once(child, 'close'), text(child.stdout).catch(() => '')])
    /** Waits until something is so. */
    async function waits<T>(found: () => T | undefined): Promise<T> {
      for (let i = 0; i < 600; i++) {
        const it = found()
        if (it !== undefined) return it
        assert.equal(child.exitCode, null, `${out}${err}`)
        await sleep(50)
      }
      throw new assert.AssertionError({ message: `It said ${out}${err}` })
    }
    return {
      said: (event: string) => waits(() => linesOf(out).find((line) => line.event === event)),
      /** A complaint that was not made before the last one that was waited for. */
      complained: async (words: RegExp) => {
        const from = err.length
        return waits(() => linesOf(err.slice(from)).find(({ error }) => words.test(error.message)))
      },
      asked: (found: (question: ProxyQuestion) => boolean) => waits(() => proxy.asked.find(found)),
      async end(signal: NodeJS.Signals = 'SIGTERM') {
        const began = performance.now()
        child.kill(signal)
        const [[code]] = await closed
        assert.ok(out.endsWith('\n'))
        return { code, lines: linesOf(out), errors: linesOf(err), seconds: (performance.now() - began) / 1000 }
      },
    }
  }

  before(async () => {
    system = await startEchoSystem()
    proxy = await startFaultProxy(system.chain.url)
    ;({ market } = await systemContracts(system.signer.read, system.deployed.settlement))
    chain = ['--rpc', proxy.url, '--settlement', system.deployed.settlement]
    const { ETH, USD: cash } = system.deployed.tokens
    pool = await deployLocalPool(system.signer, {
      asset: ETH!,
      cash: cash!,
      price: { cash: 150n * USD, asset: WEI },
      liquidity: 50_000_000n * USD,
    })
    await at()
    await donate('ETH', 1, 40n * WEI)
  })
  beforeEach(renew)
  afterEach(() => proxy.clear())
  after(async () => {
    await proxy.close()
    await system.stop()
  })

  describe('that cannot begin', () => {
    it('says in one sentence that its endpoint is dead', async () => {
      await proxy.down()
      for (const form of [[], ['--json']])
        await refused(
          [...chain, ...form],
          /^plimsoll: No JSON-RPC endpoint answers at http:\/\/127\.0\.0\.1:\d+\. .*ECONNREFUSED/,
        )
      await proxy.up()
      proxy.add({ fault: status(401, 'no such key') })
      await refused(chain, /No JSON-RPC endpoint answers at .*no such key/)
      proxy.clear()
      // Two endpoints of two chains.
      proxy.add({ methods: ['eth_chainId'], fault: result('0x5') })
      await refused([...chain, '--rpc', system.chain.url], /serve different chains: .* is chain 31337, not 5/)
    })

    it('names the settlement that is none, or of another version', async () => {
      const at = (settlement: string) => ['--rpc', proxy.url, '--settlement', settlement]
      const none = /There is no settlement of this version at 0x\w{40}\. Check --settlement/
      await refused(at(address), none)
      await refused(at(market), none)
      await refused(at(system.deployed.tokens.ETH!), none)
      await refused(at('0x12'), /must be an address/)
    })

    it('names the pool that is none, or of other tokens', async () => {
      const { tokens: own } = system.deployed
      const none = /There is no Uniswap v3 pool at 0x\w{40}\. Check --pool/
      await refused([...chain, '--pool', address], none)
      await refused([...chain, '--pool', own.ETH!], none)
      const other = await deployContract(system.signer, 'MockToken', ['OTHER', 18])
      const foreign = await deployLocalPool(system.signer, {
        asset: other,
        cash: own.USD!,
        price: { cash: USD, asset: WEI },
        liquidity: USD,
      })
      await refused([...chain, '--pool', foreign.address], /is not one of an asset of the settlement and its cash/)
      await refused([...chain, '--pool', pool.address, '--pool', foreign.address], /is not one of an asset/)
      await refused([...chain, '--max-inventory', '0'], /--max-inventory is not above 0/)
      await refused([...chain, '--max-inventory', '1.0000001'], /--max-inventory/)
    })
  })

  describe('under a bad endpoint', () => {
    it('goes on where it was dead, of another chain, or asked too much, and takes what pays', async () => {
      await until(98n)
      const bot = start()
      await bot.asked(({ method }) => method === 'eth_gasPrice')
      const dead = bot.complained(/ECONNREFUSED/)
      await proxy.down()
      assert.equal((await dead).error.exitCode, 2)
      const other = bot.complained(/it serves chain 5, not 31337/)
      proxy.add({ methods: ['eth_chainId'], fault: result('0x5') })
      await proxy.up()
      await other
      // It has seen none of this as its own, and sent nothing.
      assert.deepEqual(proxy.asked.filter(isSending), [])
      proxy.clear()
      proxy.add({ fault: status(429, 'slow down'), times: 3 })
      await system.mint('USD', address, 450n * USD)
      const taken = await bot.said('taken')
      assert.ok(Number(taken.cash) <= 450 && Number(taken.profit) > 0, JSON.stringify(taken))
      const { code, lines } = await bot.end()
      assert.equal(code, 0)
      assert.deepEqual(
        lines.map(({ event }) => event).filter((event) => event !== 'taken'),
        ['end'],
      )
      const end = lines.at(-1)!
      assert.deepEqual([end.fills >= 1, end.missed, end.error], [true, 0, undefined])
      assert.equal(tokensOf(taken.units), await tokens('ETH'))
    })

    const lies: [string, Rule, RegExp][] = [
      ['a page of HTML', { fault: page(200) }, /a page of HTML/],
      ['too many requests, without end', { fault: status(429, 'slow down') }, /status 429 .*slow down/],
      ['connections that are dropped', { fault: dropped }, /closed|ECONNRESET|SOCKET/],
      ['views that answer with nothing', { methods: ['eth_call'], fault: result('0x') }, /no contract of this version/],
      ['views that answer with words', { methods: ['eth_call'], fault: result('hello') }, /"hello" in place of bytes/],
      [
        'views that are cut off',
        { methods: ['eth_call'], fault: altered((data) => data.slice(0, 66)) },
        /did not serve/,
      ],
      ['a block that is null', { methods: ['eth_getBlockByNumber'], fault: result(null) }, /null in place of a block/],
      [
        'a price of gas in words',
        { methods: ['eth_gasPrice'], fault: result('cheap') },
        /"cheap" in place of a quantity/,
      ],
      ['a header that is not found', { methods: ['eth_call'], fault: error('header not found') }, /header not found/],
    ]
    for (const [name, rule, words] of lies) {
      it(`is told of ${name}, and takes nothing before it is over`, async () => {
        const signer = await connectSigner(proxy.url, privateKeyToAccount(key), IMPATIENT)
        await system.mint('USD', address, 100n * USD)
        const { settlement } = system.deployed
        const keeper = await Keeper.open(signer, { settlement, pools: [], minProfit: 0n })
        const found = await keeper.look()
        assert.equal(found.length, 1)
        proxy.add(rule)
        proxy.asked.length = 0
        const acts = [() => keeper.look(), () => keeper.take(signer, found[0]!)]
        for (const act of rule.methods?.includes('eth_gasPrice') ? acts.slice(0, 1) : acts)
          await assert.rejects(act, (thrown: Error) => {
            const failure = refusal(thrown, 'the look')
            assert.ok(failure instanceof ChainFailure, String(failure))
            assert.match(failure.message, words)
            return true
          })
        assert.deepEqual(proxy.asked.filter(isSending), [])
        proxy.clear()
        assert.deepEqual((await keeper.look()).length, 1)
      })
    }

    it('ends at once when it is told to, whatever it waits for', async () => {
      for (const signal of ['SIGINT', 'SIGTERM'] as const) {
        const idle = start()
        await idle.asked(({ method }) => method === 'eth_gasPrice')
        const first = await idle.end(signal)
        assert.deepEqual([first.code, first.errors], [0, []])
        assert.deepEqual(first.lines, [{ event: 'end', fills: 0, missed: 0, gas: '0', profit: '0' }])
        assert.ok(first.seconds < 5, `${first.seconds}`)
        const hanging = start()
        await hanging.asked(({ method }) => method === 'eth_gasPrice')
        proxy.add({ fault: silent })
        const before = proxy.asked.length
        await hanging.asked((question) => proxy.asked.indexOf(question) >= before)
        const second = await hanging.end(signal)
        assert.deepEqual([second.code, second.errors, second.lines.length], [0, [], 1])
        assert.ok(second.seconds < 5, `${second.seconds}`)
        proxy.clear()
      }
    })
  })

  describe('whose transaction', () => {
    /** Whether a question sends a fill. */
    const isTake = (question: ProxyQuestion) =>
      question.method === 'eth_sendRawTransaction' &&
      isAddressEqual(parseTransaction(question.params[0] as Hex).to!, market)
    const automine = (on: boolean) => rawCall(system.signer, 'evm_setAutomine', on)
    const mine = () => rawCall(system.signer, 'evm_mine')
    afterEach(async () => {
      await mine()
      await automine(true)
    })

    it('is stuck has it replaced at a higher fee, and takes once', async () => {
      await until(98n)
      await system.mint('USD', address, 90n * USD)
      const connected = await connectSigner(proxy.url, privateKeyToAccount(key))
      const signer = { ...connected, patience: 300 }
      const { settlement } = system.deployed
      const keeper = await Keeper.open(signer, { settlement, pools: [], minProfit: 0n })
      const [move] = await keeper.look()
      proxy.asked.length = 0
      // From the fill on nothing is mined, until it has been sent at a third fee.
      proxy.add({
        when: isTake,
        fault: async ({ ask }) => {
          await automine(false)
          const answer = await ask()
          if (proxy.asked.filter(isTake).length === 3) await mine()
          return answer
        },
      })
      const taken = await keeper.take(signer, move!)
      const sent = proxy.asked.filter(isTake).map(({ params }) => parseTransaction(params[0] as Hex))
      assert.equal(sent.length, 3)
      assert.equal(new Set(sent.map(({ nonce }) => nonce)).size, 1)
      for (const [i, { maxFeePerGas }] of sent.entries())
        if (i > 0) assert.ok(maxFeePerGas! * 100n >= sent[i - 1]!.maxFeePerGas! * 125n)
      assert.equal(await tokens('ETH'), taken.units * 10n ** 10n)
      assert.equal(await tokens('USD'), 90n * USD - taken.cash)
      assert.ok(taken.profit > 0n && taken.gas > 0n)
    })

    it('is second in its block loses its gas, says so, and nothing else', async () => {
      await until(98n)
      await system.mint('USD', address, 90n * USD)
      const { signer, deployed } = system
      await system.mint('USD', signer.sender, 100_000n * USD)
      await approve(signer, deployed.tokens.USD!, deployed.vault, 100_000n * USD)
      const ether = await signer.read.getBalance({ address })
      proxy.add({
        when: isTake,
        times: 1,
        fault: async ({ ask }) => {
          await automine(false)
          const all = await available()
          await signer.write.writeContract({
            address: market,
            abi: MARKET_ABI,
            functionName: 'take',
            args: [1, all, 1n << 60n, signer.sender, '0x'],
            gas: 1_000_000n,
            maxFeePerGas: 10n ** 12n,
            maxPriorityFeePerGas: 10n ** 11n,
          })
          const answer = await ask()
          await mine()
          await automine(true)
          return answer
        },
      })
      const [missed, end, ...more] = await keep()
      assert.deepEqual(more, [])
      assert.deepEqual([missed!.event, missed!.asset], ['missed', 'ETH'])
      assert.match(missed!.reason, /^Somebody was faster, or the price moved: the transaction 0x\w{64} was reverted\.$/)
      const receipt = await signer.read.getTransactionReceipt({ hash: missed!.transaction })
      assert.equal(receipt.status, 'reverted')
      assert.ok(Number(missed!.gas) > 0)
      const { fills, gas, profit } = end!
      assert.deepEqual([fills, end!.missed, gas, profit], [0, 1, missed!.gas, `-${missed!.gas}`])
      assert.deepEqual([await tokens('USD'), await tokens('ETH')], [90n * USD, 0n])
      // To the cent: what it says of gas is what the fill cost, the approval before it aside.
      const paid = Number(receipt.gasUsed * receipt.effectiveGasPrice) / 1e18
      assert.ok(Math.abs(Number(gas) - paid * Number(price.eth)) < 1e-4)
      assert.ok(ether - (await signer.read.getBalance({ address })) >= receipt.gasUsed * receipt.effectiveGasPrice)
      await donate('ETH', 1, 40n * WEI)
    })

    it('waits when it is told to end is not forgotten, and nothing else is sent beside it', async () => {
      await until(98n)
      await system.mint('USD', address, 90n * USD)
      proxy.add({
        when: isTake,
        fault: async ({ ask }) => {
          await automine(false)
          return ask()
        },
      })
      const bot = start()
      await bot.asked(isTake)
      await sleep(300)
      const { code, lines, errors, seconds } = await bot.end()
      assert.ok(seconds < 5, `${seconds}`)
      assert.equal(code, 3)
      const [unknown, end] = lines
      assert.deepEqual([unknown!.event, unknown!.asset], ['unknown', 'ETH'])
      assert.deepEqual([end!.event, end!.fills, end!.unknown, lines.length], ['end', 0, 1, 2])
      assert.deepEqual([errors.length, errors[0]!.error.exitCode], [1, 3])
      proxy.asked.length = 0
      assert.deepEqual(
        (await keep()).map(({ event }) => event),
        ['waiting', 'end'],
      )
      assert.deepEqual(proxy.asked.filter(isSending), [])
      await mine()
      const receipt = await system.signer.read.getTransactionReceipt({ hash: unknown!.transaction })
      assert.equal(receipt.status, 'success')
      assert.ok((await tokens('ETH')) > 0n)
    })
  })

  it('sends nothing in a dry run', async () => {
    await until(98n)
    await system.mint('USD', address, 90n * USD)
    proxy.asked.length = 0
    const [found, end] = await keep('--dry-run')
    assert.deepEqual([found!.event, end!.event, end!.fills], ['found', 'end', 0])
    assert.ok(proxy.asked.length > 0)
    assert.deepEqual(proxy.asked.filter(isSending), [])
    assert.deepEqual([await tokens('USD'), await tokens('ETH')], [90n * USD, 0n])
    assert.equal(await system.signer.read.getTransactionCount({ address }), 0)
  })

  it('keeps its inventory within what it may be, over several assets and fills, to the unit', async () => {
    await donate('BTC', 2, WEI)
    for (let rounds = 0; rounds < 40; rounds++) {
      const [, lots] = await offers(2)
      if (lots[0]!.price * 100n < ((price.btc * USD * 98n) << 32n) / 10n ** 8n) break
      await at()
    }
    await until(98n)
    await system.mint('USD', address, 10_000n * USD)
    const most = 1_234_567_891n
    const worth = async () => (await tokens('ETH')) * price.eth + (await tokens('BTC')) * price.btc
    const fills: Line[] = []
    for (let i = 0; i < 4; i++) {
      const lines = await keep('--max-inventory', '1234.567891')
      fills.push(...lines.filter(({ event }) => event === 'taken'))
      // In units of 10^-18 USD.
      assert.ok((await worth()) <= most * 10n ** 12n, `${await worth()} after ${i}`)
    }
    assert.ok(fills.length >= 1)
    const spent = fills.reduce((sum, { cash }) => sum + tokensOf(cash, 6), 0n)
    assert.equal(10_000n * USD - (await tokens('USD')), spent)
    assert.ok(spent <= most)
    // No more fits: a base unit of ETH, 10^-8, is worth less than what is left of it, times gas.
    assert.ok((await worth()) > (most - 5n * USD) * 10n ** 12n, `${await worth()}`)
    assert.equal((await keep('--max-inventory', '1234.567891')).length, 1)
    // What it already has counts, also where it is more.
    assert.equal((await keep('--max-inventory', '100')).length, 1)
  })

  it('believes no pool that was pushed, and none without a memory better than the mark', async () => {
    // A lot that has just begun costs more than the mark.
    await rivalTakes(await available())
    await donate('ETH', 1, 40n * WEI)
    await system.mint('USD', address, 1_000n * USD)
    const isDear = async () => (await offers())[1][0]!.price > ((price.eth * USD) << 32n) / 10n ** 8n
    const look = async (...pools: string[]) =>
      (await keep('--dry-run', ...pools.flatMap((one) => ['--pool', one]))).filter(({ asset }) => asset === 'ETH')
    assert.deepEqual(await look(pool.address), [])
    // Pushed by half for a moment: believed, it would have the lot taken above its mark.
    await pool.moveTo({ cash: 225n * USD, asset: WEI })
    assert.deepEqual(await look(pool.address), [])
    const { ETH, USD: cash } = system.deployed.tokens
    const young = await deployLocalPool(system.signer, {
      asset: ETH!,
      cash: cash!,
      price: { cash: 225n * USD, asset: 10n * WEI },
      liquidity: 50_000_000n * USD,
    })
    await young.moveTo({ cash: 225n * USD, asset: WEI })
    assert.deepEqual(await look(young.address, pool.address), [])
    assert.ok(await isDear())
    // What is paid for ten minutes is a price.
    await at()
    await at()
    const [found] = await look(pool.address)
    assert.deepEqual([found!.event, Number(found!.worth) > 200 * Number(found!.units)], ['found', true])
  })
})

/** Units of so many decimals that a decimal means. */
function tokensOf(decimal: string, decimals = 18): bigint {
  const [whole, part = ''] = decimal.split('.')
  return BigInt(whole! + part.padEnd(decimals, '0'))
}
