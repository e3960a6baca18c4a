import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface, type Interface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type LocalChain, startLocalChain } from '../../contracts/local-chain.ts'
import { connectSigner } from '../../sequencer/rpc.ts'
import { goodBook } from '../support/books.ts'
import { movePrices } from '../support/live-chain.ts'
import { runCli } from '../support/run-cli.ts'

const MAIN = fileURLToPath(new URL('../../cli/main.ts', import.meta.url))

describe('plimsoll node', () => {
  let directory: string
  let chain: LocalChain
  let deployed: { settlement: string; feeds: Record<string, `0x${string}`>; accounts: number; chainId: number }
  let child: ChildProcess
  let lines: AsyncIterator<string>
  let reader: Interface
  let complaints: Promise<string>
  let address: string

  const start = (...options: string[]) => {
    child = spawn(process.execPath, [MAIN, 'node', '--rpc', chain.url, '--data', 'state', '--port', '0', '--interval', '1', ...options], { cwd: directory, stdio: ['ignore', 'pipe', 'pipe'] })
    reader = createInterface(child.stdout!)
    lines = reader[Symbol.asyncIterator]()
    complaints = text(child.stderr!)
  }
  const line = async () => (await lines.next()).value as string
  const health = async () => {
    const response = await fetch(`${address}/health`, { headers: { connection: 'close' } })
    return { status: response.status, body: (await response.json()) as { ok: boolean; round: number; complete: boolean; error: string | null } }
  }
  /** Ends it as a service manager does; everything it says until then. */
  const end = async () => {
    child.kill('SIGTERM')
    const [code, signal] = (await once(child, 'exit')) as [number | null, string | null]
    reader.close()
    return { code, signal, stderr: await complaints }
  }

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'plimsoll-'))
    await writeFile(join(directory, 'book.json'), JSON.stringify(goodBook()))
    chain = await startLocalChain()
    const { code, stdout, stderr } = await runCli(['deploy', 'book.json', '--rpc', chain.url, '--data', 'state', '--profile', 'tiny', '--json'], { cwd: directory })
    assert.deepEqual([code, stderr], [0, ''])
    deployed = JSON.parse(stdout)
  })
  after(async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
    await chain.stop()
    await rm(directory, { recursive: true })
  })

  it('is told by deploy where to find everything', () => {
    assert.deepEqual([deployed.chainId, deployed.accounts, Object.keys(deployed.feeds)], [31337, 2, ['ETH', 'BTC']])
    assert.match(deployed.settlement, /^0x[0-9a-fA-F]{40}$/)
  })

  it('writes a line of JSON a round, serves, and ends on SIGTERM with exit 0', async () => {
    start('--json')
    const listening = JSON.parse(await line())
    assert.equal(listening.settlement, deployed.settlement)
    address = listening.listening
    assert.match(address, /^http:\/\/127\.0\.0\.1:\d+$/)
    const first = JSON.parse(await line())
    assert.deepEqual([first.round, first.complete, first.liquidated, first.swept > 0], [1, true, 1, true])
    assert.deepEqual(await health(), { status: 200, body: { ok: true, round: 1, complete: true, error: null } })
    await movePrices(await connectSigner(chain.url), Object.values(deployed.feeds), [194_70n * 10n ** 16n, 7_935n * 10n ** 18n])
    const second = JSON.parse(await line())
    assert.deepEqual([second.round, second.complete, second.proofs], [2, true, 0])
    assert.deepEqual(await end(), { code: 0, signal: null, stderr: '' })
  })

  it('leaves a chain that verify --rpc accepts', async () => {
    const { code, stdout, stderr } = await runCli(['verify', '--rpc', chain.url, '--settlement', deployed.settlement, '--json'], { cwd: directory })
    assert.deepEqual([code, stderr], [0, ''])
    const verdict = JSON.parse(stdout)
    assert.ok(verdict.ok)
    assert.deepEqual(verdict.rounds.map(({ round, complete, resolved }: Record<string, unknown>) => [round, complete, resolved]), [[1, true, 1], [2, true, 0]])
    for (const round of verdict.rounds) assert.deepEqual(Object.keys(round), ['round', 'complete', 'swept', 'resolved', 'proofs', 'gas'])
    const plain = await runCli(['verify', '--rpc', chain.url, '--settlement', deployed.settlement], { cwd: directory })
    assert.equal(plain.code, 0)
    assert.match(plain.stdout, /^round 1: complete/)
    assert.match(plain.stdout, /Not known: What was in the leaves at the start/)
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
    const [, found] = /^Serving (\S+) for the settlement/.exec(await line())!
    address = found!
    assert.match(await line(), /^round +expired +swept/)
    // Its first look posts a round, where the contract's clock allows it, and handles the latest in any case.
    assert.match(await line(), /^ +[23] .* yes$/)
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
