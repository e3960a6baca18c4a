import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface, type Interface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { passTime, rawCall } from '../../chain/development-chain.ts'
import { type LocalChain, startLocalChain } from '../../chain/local-chain.ts'
import { MOCK_TOKEN_ABI } from '../../sdk/abi/mock-token.ts'
import { TOKEN_ABI } from '../../sdk/abi/token.ts'
import { VAULT_ABI } from '../../sdk/abi/vault.ts'
import { connectSigner } from '../../sdk/chain/client.ts'
import { sendCall } from '../../sdk/chain/send-call.ts'
import { chapters } from '../support/chapters.ts'
import { looseMarket } from '../support/echo-system.ts'
import { silent, startFaultProxy } from '../support/fault-proxy.ts'
import { ACCOUNTS_ROOT_SLOT, movePrices } from '../support/live-chain.ts'
import { runCli } from '../support/run-cli.ts'
import { stateText } from '../support/state-text.ts'

const MAIN = fileURLToPath(new URL('../../cli/main.ts', import.meta.url))

describe('plimsoll node', () => {
  const it = chapters()
  let directory: string
  let chain: LocalChain
  let deployed: {
    settlement: string
    vault: `0x${string}`
    feeds: Record<string, `0x${string}`>
    tokens: Record<string, `0x${string}`>
    accounts: number
    chainId: number
  }
  let wallet: string[]
  let child: ChildProcess
  let lines: AsyncIterator<string>
  let reader: Interface
  let complaints: Promise<string>
  let address: string

  const start = (...options: string[]) => {
    child = spawn(
      process.execPath,
      [
        MAIN,
        'node',
        ...(options.includes('--rpc') ? [] : ['--rpc', chain.url]),
        '--port',
        '0',
        '--interval',
        '1',
        // What a round proves is counted below, and decoys come as chance has it.
        '--no-decoys',
        ...(options.includes('--data') ? [] : ['--data', 'state']),
        ...options,
      ],
      { cwd: directory, stdio: ['ignore', 'pipe', 'pipe'] },
    )
    reader = createInterface(child.stdout!)
    lines = reader[Symbol.asyncIterator]()
    complaints = text(child.stderr!)
  }
  const line = async () => {
    const { value, done } = await lines.next()
    if (done) assert.fail(`The node ended: ${await complaints}`)
    return value
  }
  const health = async () => {
    const response = await fetch(`${address}/health`, { headers: { connection: 'close' } })
    // What an operator watches besides is told by test/sequencer/health.test.ts.
    const { ok, round, complete, error } = (await response.json()) as {
      ok: boolean
      round: number
      complete: boolean
      error: string | null
    }
    return { status: response.status, body: { ok, round, complete, error } }
  }
  /** Ends it as a service manager does; everything it says until then. */
  const end = async () => {
    child.kill('SIGTERM')
    const [code, signal] = (await once(child, 'exit')) as [number | null, string | null]
    reader.close()
    return { code, signal, stderr: await complaints }
  }

  /** A command of the wallet; its answer. */
  const own = async (args: readonly string[]) => {
    const { code, stdout, stderr } = await runCli(['wallet', ...args, '--json'], { cwd: directory })
    assert.deepEqual([code, stderr], [0, ''], stdout)
    return JSON.parse(stdout)
  }

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'plimsoll-'))
    await writeFile(join(directory, 'market.json'), JSON.stringify(looseMarket()))
    chain = await startLocalChain()
    const { code, stdout, stderr } = await runCli(
      ['deploy', 'market.json', '--rpc', chain.url, '--data', 'state', '--profile', 'tiny', '--json'],
      { cwd: directory },
    )
    assert.equal(code, 0, stderr)
    assert.match(JSON.parse(stderr).warning, /is admin and operator/)
    deployed = JSON.parse(stdout)
  })
  after(async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
    await chain.stop()
    await rm(directory, { recursive: true })
  })

  it('is told by deploy where to find everything', () => {
    assert.deepEqual(
      [deployed.chainId, deployed.accounts, Object.keys(deployed.feeds), Object.keys(deployed.tokens)],
      [31337, 0, ['ETH', 'BTC', 'PERP'], ['USD', 'ETH', 'BTC']],
    )
    assert.match(deployed.settlement, /^0x[0-9a-fA-F]{40}$/)
  })

  it('writes a line of JSON a round, takes up deposits and orders with real proofs, and ends on SIGTERM with exit 0', async () => {
    start('--json')
    const listening = JSON.parse(await line())
    assert.equal(listening.settlement, deployed.settlement)
    address = listening.listening
    assert.match(address, /^http:\/\/127\.0\.0\.1:\d+$/)
    const first = JSON.parse(await line())
    assert.deepEqual([first.round, first.complete, first.operations, first.proofs], [1, true, 0, 0])
    assert.deepEqual(await health(), { status: 200, body: { ok: true, round: 1, complete: true, error: null } })

    const signer = await connectSigner(chain.url)
    await sendCall(signer, {
      address: deployed.tokens.ETH!,
      abi: MOCK_TOKEN_ABI,
      functionName: 'mint',
      args: [signer.sender, 10n ** 20n],
    })
    wallet = ['--from', signer.sender, '--rpc', chain.url]
    const deposit = await own(['deposit', ...wallet, '--node', address, '--asset', 'ETH', '--amount', '10', '--wait'])
    assert.deepEqual([deposit.index, deposit.status], [0, 'settled'])
    const settled = JSON.parse(await line())
    assert.deepEqual([settled.round, settled.complete, settled.operations], [1, true, 1])
    const second = await runCli(['node', '--rpc', chain.url, '--data', 'state', '--port', '0'], { cwd: directory })
    assert.deepEqual([second.code, second.stdout], [2, ''])
    assert.equal(
      second.stderr,
      `plimsoll: The directory state is in use by process ${child.pid}. Stop that one first, or name another directory.\n`,
    )
    assert.equal(
      (await own(['preferences', ...wallet, '--node', address, '--set', 'ETH=9', '--wait'])).status,
      'settled',
    )
    assert.equal(JSON.parse(await line()).operations, 1)
    await movePrices(signer, Object.values(deployed.feeds), [201n * 10n ** 18n, 8_000n * 10n ** 18n, 50n * 10n ** 18n])
    const last = JSON.parse(await line())
    assert.deepEqual([last.round, last.complete, last.proofs], [2, true, 0])
    assert.deepEqual(await end(), { code: 0, signal: null, stderr: '' })
  })

  it('leaves a chain that verify --rpc accepts, and that owners recover their accounts from', async () => {
    const { code, stdout, stderr } = await runCli(
      ['verify', '--rpc', chain.url, '--settlement', deployed.settlement, '--json'],
      { cwd: directory },
    )
    assert.deepEqual([code, stderr], [0, ''])
    const verdict = JSON.parse(stdout)
    assert.ok(verdict.ok)
    assert.deepEqual(
      verdict.rounds.map(({ round, complete, operations }: Record<string, unknown>) => [round, complete, operations]),
      [
        [1, true, 2],
        [2, true, 0],
      ],
    )
    for (const round of verdict.rounds)
      assert.deepEqual(Object.keys(round), ['round', 'complete', 'sweeps', 'resolved', 'operations', 'proofs', 'gas'])
    const plain = await runCli(['verify', '--rpc', chain.url, '--settlement', deployed.settlement], { cwd: directory })
    assert.equal(plain.code, 0)
    assert.match(plain.stdout, /^round 1: complete/)
    assert.match(plain.stdout, /Not known: Whether the feeds/)
    const { balances, weights, version } = await own(['recover', ...wallet, '--settlement', deployed.settlement])
    assert.deepEqual([balances, weights, version], [{ ETH: '10' }, { ETH: 9 }, 1])
  })

  it('goes on after a handover to a new key of its own, and rekeys its accounts', async () => {
    const signer = await connectSigner(chain.url)
    const sequencer = async (...args: string[]) => {
      const where = args[0] === 'key' ? [] : ['--rpc', chain.url, '--settlement', deployed.settlement]
      const { code, stdout, stderr } = await runCli(['sequencer', ...args, ...where, '--json'], { cwd: directory })
      assert.deepEqual([code, stderr], [0, ''])
      return JSON.parse(stdout)
    }
    const { key } = await sequencer('key', '--data', 'state')
    await sequencer('nominate', signer.sender, '--key', key)
    await passTime(signer, 3_700)
    assert.equal((await sequencer('accept', '--data', 'state')).key, key)
    await movePrices(signer, Object.values(deployed.feeds), [201n * 10n ** 18n, 8_000n * 10n ** 18n, 50n * 10n ** 18n])
    start('--json')
    await line()
    const { complete, operations } = JSON.parse(await line())
    assert.deepEqual([complete, operations], [true, 1])
    assert.deepEqual(await end(), { code: 0, signal: null, stderr: '' })
    const { events } = await own(['history', ...wallet, '--settlement', deployed.settlement])
    assert.equal(events.at(-1).kind, 'rekey')
  })

  // By both keys, over the handover.
  it('rebuilds its state from the chain and the keys alone', async () => {
    await mkdir(join(directory, 'again'))
    const args = ['node', '--rpc', chain.url, '--data', 'again', '--rebuild', '--settlement', deployed.settlement]
    const keyless = await runCli(args, { cwd: directory })
    assert.deepEqual([keyless.code, keyless.stdout], [2, ''])
    assert.match(keyless.stderr, /There is no sequencer key/)
    await cp(join(directory, 'state', 'sequencer.key'), join(directory, 'again', 'sequencer.key'))
    start('--rebuild', '--settlement', deployed.settlement, '--data', 'again')
    assert.match(await line(), /^Serving /)
    assert.match(await line(), /^round +time +expired/)
    assert.deepEqual(await end(), { code: 0, signal: null, stderr: 'plimsoll: replaying the settlements...\n' })
    assert.equal(await stateText(join(directory, 'again')), await stateText(join(directory, 'state')))
  })

  it('checks every proof first where it is told to, and writes nothing where one is wrong', async () => {
    const args = ['--rebuild', '--settlement', deployed.settlement, '--verify']
    for (const name of ['checked', 'unsound']) {
      await mkdir(join(directory, name))
      await cp(join(directory, 'state', 'sequencer.key'), join(directory, name, 'sequencer.key'))
    }
    start(...args, '--data', 'checked')
    assert.match(await line(), /^Serving /)
    assert.match(await line(), /^round +time +expired/)
    assert.deepEqual(await end(), {
      code: 0,
      signal: null,
      stderr: 'plimsoll: checking the settlements...\nplimsoll: replaying the settlements...\n',
    })
    const signer = await connectSigner(chain.url)
    const bad = ACCOUNTS_ROOT_SLOT
    const good = await signer.read.getStorageAt({ address: deployed.settlement as `0x${string}`, slot: bad })
    await rawCall(signer, 'hardhat_setStorageAt', deployed.settlement, bad, `0x${'1'.padStart(64, '0')}`)
    const { code, stdout, stderr } = await runCli(['node', '--rpc', chain.url, ...args, '--data', 'unsound'], {
      cwd: directory,
    })
    await rawCall(signer, 'hardhat_setStorageAt', deployed.settlement, bad, good)
    assert.deepEqual([code, stdout], [2, ''])
    assert.match(
      stderr,
      /^plimsoll: checking the settlements...\nplimsoll: The chain's history is not sound: The contract's accounts root is not [^\n]+\n$/,
    )
    assert.deepEqual(await readdir(join(directory, 'unsound')), ['sequencer.key'])
  })

  it('ends promptly where its endpoint hangs, has lost nothing of what it took, and says all of it in JSON', async () => {
    const proxy = await startFaultProxy(chain.url)
    /** The log up to a line of an event; each line has its time, level and sentence. */
    const logged = async (event: string) => {
      for (;;) {
        const entry = JSON.parse(await line())
        assert.equal(new Date(entry.time).toISOString(), entry.time)
        assert.match(entry.level, /^(debug|info|warn|error)$/)
        assert.deepEqual([typeof entry.event, typeof entry.msg], ['string', 'string'])
        if (entry.event === event) return entry
      }
    }
    try {
      start('--rpc', proxy.url, '--log-format', 'json')
      address = (await logged('listening')).address
      await logged('round')
      proxy.add({ fault: silent })
      const { id, status } = await own(['preferences', ...wallet, '--node', address, '--set', 'ETH=10'])
      assert.equal(status, 'accepted')
      // By now a look waits for an answer that never comes.
      const { hits } = proxy
      while (proxy.hits === hits) await sleep(100)
      const signaled = performance.now()
      assert.deepEqual(await end(), { code: 0, signal: null, stderr: '' })
      assert.ok(performance.now() - signaled < 5_000, `${performance.now() - signaled} ms`)

      start('--log-format', 'json')
      address = (await logged('listening')).address
      const { account, outcome, settlement, transaction, msg } = await logged('preferences')
      assert.deepEqual([account, outcome, msg], [0, 'done', 'account 0 has new preferences'])
      assert.ok(Number.isInteger(settlement) && /^0x[0-9a-f]{64}$/.test(transaction))
      await logged('round')
      assert.equal((await own(['status', id, '--node', address])).status, 'settled')
      const { code, stderr } = await end()
      assert.deepEqual([code, stderr], [0, ''])
    } finally {
      await proxy.close()
    }
  })

  it('is not needed by an owner who leaves a frozen system', async () => {
    const signer = await connectSigner(chain.url)
    const snapshot = await rawCall(signer, 'evm_snapshot')
    const later = (seconds: number) => passTime(signer, seconds)
    try {
      // A deposit that nobody takes up any more.
      await sendCall(signer, {
        address: deployed.tokens.ETH!,
        abi: TOKEN_ABI,
        functionName: 'approve',
        args: [deployed.vault, 10n ** 18n],
      })
      const vault = { address: deployed.vault, abi: VAULT_ABI } as const
      const owner = await signer.read.readContract({ ...vault, functionName: 'ownerOf', args: [0] })
      await sendCall(signer, { ...vault, functionName: 'topUp', args: [0, owner, 1, 10n ** 18n] })
      const onChain = [...wallet, '--settlement', deployed.settlement]
      assert.deepEqual(await own(['refund', ...onChain]), { refunds: [], bonds: '0' })
      const args = ['exit', ...onChain, '--to', signer.sender, '--freeze', '--pull']
      const early = await runCli(['wallet', ...args], { cwd: directory })
      assert.deepEqual([early.code, early.stdout], [2, ''])
      assert.match(early.stderr, /^plimsoll: The system is not stalled: [^\n]+\n$/)
      await later(7_300)
      let waiting = true
      const hours = (async () => {
        for (; waiting; await sleep(500)) await later(901)
      })()
      const elsewhere = await runCli(['wallet', ...args, '--keys', 'nowhere'], { cwd: directory }).finally(
        () => (waiting = false),
      )
      await hours
      assert.deepEqual([elsewhere.code, elsewhere.stdout], [2, ''])
      assert.match(elsewhere.stderr, /^plimsoll: [^\n]*nowhere[^\n]*\n$/)
      const left = await own(args)
      // At 201, whose mark is rounded down.
      assert.deepEqual([left.index, left.equity, left.pulled], [0, '2009.999999', { ETH: '10' }])
      assert.match(left.transaction, /^0x/)
      assert.deepEqual(await own(args), { ...left, transaction: null, pulled: {} })
      const { refunds, bonds } = await own(['refund', ...onChain])
      assert.deepEqual(
        [refunds.map(({ depositId, asset, paid }: Record<string, unknown>) => [depositId, asset, paid]), bonds],
        [[[1, 'ETH', '1']], '0'],
      )
      assert.deepEqual((await own(['refund', ...onChain])).refunds, [])
    } finally {
      await rawCall(signer, 'evm_revert', snapshot)
    }
  })

  it('refuses a state or a port that it cannot use, in one line with exit 2', async () => {
    const refused = async (args: readonly string[], complaint: RegExp) => {
      const { code, stdout, stderr } = await runCli(['node', ...args], { cwd: directory })
      assert.match(stderr, /^plimsoll: [^\n]+\n$/)
      assert.match(stderr, complaint)
      assert.deepEqual({ code, stdout }, { code: 2, stdout: '' })
    }
    await refused(['--rpc', chain.url, '--data', 'nowhere'], /nowhere holds no state of a node/)
    await refused(['--rpc', chain.url, '--data', 'state', '--port', '65536'], /whole number from 0 to 65535/)
    await refused(['--rpc', chain.url, '--data', 'state', '--port', new URL(chain.url).port], /Cannot listen on port/)
    await refused(['--rpc', 'http://127.0.0.1:1', '--data', 'state'], /No JSON-RPC endpoint answers/)
  })

  it('goes on from its state, outlives its chain and says so', async () => {
    start()
    const serving = await line()
    assert.match(serving, /^Serving \S+ for the settlement/)
    address = serving.split(' ')[1]!
    assert.match(await line(), /^round +time +expired +swept/)
    // Its first look posts a round, where the contract's clock allows it, and handles the latest in any case.
    assert.match(await line(), /^ +[2-9] .* yes$/)
    await chain.stop()
    let answer = await health()
    while (answer.status === 200) {
      await sleep(200)
      answer = await health()
    }
    assert.deepEqual([answer.status, answer.body.ok], [503, false])
    assert.match(answer.body.error!, /The chain did not serve/)
    const { code, stderr } = await end()
    assert.equal(code, 0)
    assert.match(stderr, /^(plimsoll: The chain did not serve [^\n]+\n)+$/)
  })
})
