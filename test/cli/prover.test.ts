import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { type LocalChain, startLocalChain } from '../../chain/local-chain.ts'
import { MOCK_TOKEN_ABI } from '../../sdk/abi/mock-token.ts'
import { connectSigner } from '../../sdk/chain/client.ts'
import { sendCall } from '../../sdk/chain/send-call.ts'
import { looseMarket } from '../support/echo-system.ts'
import { startRedis, type TestRedis } from '../support/redis.ts'
import { complaintOf, runCli } from '../support/run-cli.ts'

const MAIN = fileURLToPath(new URL('../../cli/main.ts', import.meta.url))

/** A command that runs until it is told to end, and its lines on standard output. */
function startCommand(args: readonly string[], cwd: string, env: Readonly<Record<string, string>> = {}) {
  const child = spawn(process.execPath, [MAIN, ...args], {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const lines: string[] = []
  let news = () => {}
  createInterface(child.stdout).on('line', (line) => {
    lines.push(line)
    news()
  })
  /** The first line that matches, as soon as there is one. */
  const line = async (pattern: RegExp): Promise<string> => {
    for (;;) {
      const found = lines.find((text) => pattern.test(text))
      if (found !== undefined) return found
      assert.equal(child.exitCode, null, `It has ended: ${lines.join('\n')}`)
      await new Promise<void>((resolve) => {
        news = resolve
      })
    }
  }
  return { child, lines, line }
}

describe('plimsoll prover', () => {
  let directory: string
  let redis: TestRedis
  let chain: LocalChain
  const children: ChildProcess[] = []
  const start = (args: readonly string[], env?: Readonly<Record<string, string>>) => {
    const started = startCommand(args, directory, env)
    children.push(started.child)
    return started
  }

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'plimsoll-'))
    redis = await startRedis()
    chain = await startLocalChain()
  })
  after(async () => {
    for (const child of children) {
      if (child.exitCode !== null || child.signalCode !== null) continue
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
    await chain.stop()
    await redis.stop()
    await rm(directory, { recursive: true })
  })

  it('proves for a node elsewhere with keys that it fetches of it, and ends on SIGTERM with exit 0', async () => {
    const made = await runCli(['fleet-key', 'fleet.key', '--json'], { cwd: directory })
    assert.equal(made.code, 0)
    assert.match(JSON.parse(made.stdout).fleet, /^[0-9a-f]{16}$/)
    await writeFile(join(directory, 'market.json'), JSON.stringify(looseMarket()))
    const deployed = await runCli(
      ['deploy', 'market.json', '--rpc', chain.url, '--data', 'state', '--profile', 'tiny', '--json'],
      { cwd: directory },
    )
    assert.equal(deployed.code, 0, deployed.stderr)
    const fleet = ['--redis', redis.url, '--fleet-key', 'fleet.key']
    const node = start([
      'node',
      '--rpc',
      chain.url,
      '--data',
      'state',
      '--port',
      '0',
      '--interval',
      '1',
      '--log-format',
      'json',
      ...fleet,
    ])
    const { address } = JSON.parse(await node.line(/"listening"/)) as { address: string }
    const cache = join(directory, 'cache')
    const prover = start(['prover', ...fleet, '--keys-from', address, '--name', 'test'], { PLIMSOLL_CACHE: cache })
    await prover.line(/takes jobs/)
    await node.line(/provers in the fleet: 1/)
    assert.equal((await readdir(join(cache, 'fleet-keys'))).length, 10, 'keys and programs of five circuits')
    assert.deepEqual(await (await fetch(`${address}/keys/${'0'.repeat(64)}`)).status, 404)

    const { tokens } = JSON.parse(deployed.stdout) as { tokens: Record<string, `0x${string}`> }
    const signer = await connectSigner(chain.url)
    const args = [signer.sender, 10n ** 20n] as const
    await sendCall(signer, { address: tokens.ETH!, abi: MOCK_TOKEN_ABI, functionName: 'mint', args })
    const deposit = await runCli(
      [
        'wallet',
        'deposit',
        '--from',
        signer.sender,
        '--rpc',
        chain.url,
        '--node',
        address,
        '--asset',
        'ETH',
        '--amount',
        '10',
        '--wait',
        '--json',
      ],
      { cwd: directory },
    )
    assert.equal(deposit.code, 0, deposit.stderr)
    await prover.line(/transact in /)
    await prover.line(/sweep\d? in /)
    const page = await (await fetch(`${address}/metrics`)).text()
    assert.match(page, /^plimsoll_fleet_proofs_total\{by="fleet"\} [1-9]/m)
    assert.match(page, /^plimsoll_fleet_proofs_total\{by="node"\} 0$/m)

    for (const { child } of [prover, node]) {
      child.kill('SIGTERM')
      const [code] = (await once(child, 'exit')) as [number | null]
      assert.equal(code, 0)
    }
    assert.match(prover.lines.at(-1)!, /\d proofs made$/)
  })

  it('refuses what it cannot work with, in a sentence, with exit 2', async () => {
    await runCli(['fleet-key', 'good.key'], { cwd: directory })
    await writeFile(join(directory, 'bad.key'), 'x', { mode: 0o600 })
    const dead = 'redis://127.0.0.1:2'
    for (const [args, complaint] of [
      [['prover', '--redis', 'nowhere', '--fleet-key', 'good.key'], /The URL of Redis is none/],
      [
        ['prover', '--redis', dead, '--fleet-key', 'good.key'],
        /Cannot reach Redis at redis:\/\/127\.0\.0\.1:2: nobody listens there/,
      ],
      [['prover', '--redis', redis.url, '--fleet-key', 'bad.key'], /bad\.key is not a fleet's key/],
      [
        ['prover', '--redis', redis.url, '--fleet-key', 'no.key', '--json'],
        /Cannot read the fleet's key no\.key: there is no such file/,
      ],
      [
        ['prover', '--redis', redis.url, '--fleet-key', 'good.key', '--keys-from', 'nowhere'],
        /There are no keys to be had from nowhere/,
      ],
      [['prover', '--redis', redis.url], /'--fleet-key <file>' not specified/],
      [['node', '--rpc', chain.url, '--data', 'state', '--redis', redis.url], /--redis needs --fleet-key/],
    ] as const) {
      const { code, stdout, stderr } = await runCli(args, { cwd: directory })
      assert.match(complaintOf(args, stderr), complaint)
      assert.deepEqual({ code, stdout }, { code: 2, stdout: '' }, args.join(' '))
    }
  })
})
