import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Hex } from 'viem'
import { rawCall } from '../../chain/development-chain.ts'
import { DirectoryLock } from '../../lib/directory-lock.ts'
import { MOCK_FEED_ABI } from '../../sdk/abi/mock-feed.ts'
import { connectSigner } from '../../sdk/chain/client.ts'
import { sendCall } from '../../sdk/chain/send-call.ts'
import { NodeMetrics } from '../../sequencer/api/metrics.ts'
import { serve } from '../../sequencer/api/server.ts'
import { SequencerNode } from '../../sequencer/node/node.ts'
import type { NodeLog } from '../../sequencer/state/node-log.ts'
import { chapters } from '../support/chapters.ts'
import { type EchoSystem, echo, echoKeys, startEchoSystem } from '../support/echo-system.ts'
import { movePrices } from '../support/live-chain.ts'
import { type SwitchedEndpoint, startSwitchedEndpoint } from '../support/switched-endpoint.ts'
import { newOwner, type TestOwner } from '../support/test-owner.ts'

const USD = 10n ** 6n
const WEI = 10n ** 18n
const DAY = { expiresIn: 86_400 }

describe('what an operator sees of a node', () => {
  const it = chapters()
  let system: EchoSystem
  let endpoint: SwitchedEndpoint
  let node: SequencerNode
  let metrics: NodeMetrics
  let server: Awaited<ReturnType<typeof serve>>
  let alice: TestOwner
  let bob: TestOwner
  const lines: { level: string; fields: Record<string, unknown>; message: string }[] = []
  const write = (level: string) => (fields: object, message: string) =>
    void lines.push({ level, fields: fields as Record<string, unknown>, message })
  const log: NodeLog = { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') }
  /** Answer to a path; JSON has no type here. */
  const get = async (path: string): Promise<{ status: number; body: any }> => {
    const response = await fetch(`http://127.0.0.1:${server.port}${path}`, { headers: { connection: 'close' } })
    const text = await response.text()
    return { status: response.status, body: path === '/metrics' ? text : JSON.parse(text) }
  }
  const metric = async (name: string) => {
    const line = ((await get('/metrics')).body as string).split('\n').find((each) => each.startsWith(`${name} `))
    assert.ok(line, name)
    return Number(line.slice(name.length + 1))
  }
  const step = async () => {
    const report = await node.step()
    if (report !== undefined) metrics.record(report)
    return report
  }

  before(async () => {
    system = await startEchoSystem()
    endpoint = await startSwitchedEndpoint(system.chain.url)
    const signer = { ...(await connectSigner(endpoint.url)), patience: 100 }
    node = await SequencerNode.open(system.deployed.data, signer, async () => echoKeys('tiny'), {
      proofs: { prove: echo },
      decoys: false,
      log,
    })
    metrics = new NodeMetrics()
    server = await serve(node, metrics, 0)
    alice = await newOwner(system, `http://127.0.0.1:${server.port}`)
    bob = await newOwner(system, `http://127.0.0.1:${server.port}`)
  })
  after(async () => {
    server.server.close()
    server.server.closeAllConnections()
    await node.close()
    endpoint.close()
    await system.stop()
  })

  it('is not ready before its first look, and is after it', async () => {
    const early = await get('/ready')
    assert.deepEqual([early.status, early.body.ready], [503, false])
    await alice.open('USD', 5_000n * USD)
    await bob.open('USD', 5_000n * USD)
    await step()
    assert.deepEqual(await get('/ready'), { status: 200, body: { ready: true, code: null, error: null } })
  })

  it('has the figures that matter on /health', async () => {
    await alice.wallet.withdraw(0, USD, alice.address, DAY)
    await bob.wallet.trade({ asset: 1, direction: 1, x: 1n, y: 1n }, 5n, DAY)
    const { status, body } = await get('/health')
    assert.deepEqual([status, body.ok, body.error], [200, true, null])
    assert.match(body.lastLook.at, /^20\d\d-/)
    assert.ok(body.lastLook.age >= 0 && body.lastLook.seconds >= 0)
    assert.ok(body.roundAge >= 0 && body.checkpoint.age >= 0)
    assert.equal(body.checkpoint.grace, 7_200)
    assert.deepEqual(
      body.feeds.map(({ asset, up }: { asset: string; up: boolean }) => [asset, up]),
      [
        ['ETH', true],
        ['BTC', true],
        ['PERP', true],
      ],
    )
    assert.ok(Number(body.operator.ether) > 9_000 && body.operator.settlementsLeft > 1_000)
    assert.deepEqual([body.operations.accepted, body.operations.waiting], [1, 1])
    assert.ok(body.diskFree > 0)
  })

  it('counts rounds, not looks, and has the rest on /metrics', async () => {
    const rounds = await metric('plimsoll_rounds_total')
    await step()
    await alice.wallet.withdraw(0, USD, alice.address, DAY)
    await step()
    assert.equal(await metric('plimsoll_rounds_total'), rounds)
    await movePrices(system.signer, system.feeds, [201n * WEI, 8_000n * WEI, 50n * WEI])
    await step()
    assert.equal(await metric('plimsoll_rounds_total'), rounds + 1)
    assert.equal(await metric('plimsoll_operations_settled_total'), 2)
    assert.equal(await metric('plimsoll_operations_open{status="waiting"}'), 1)
    for (const name of [
      'plimsoll_healthy',
      'plimsoll_last_look_timestamp_seconds',
      'plimsoll_operator_ether',
      'plimsoll_operator_settlements_left',
      'plimsoll_grace_seconds',
      'plimsoll_disk_free_bytes',
      'plimsoll_feed_up{asset="ETH"}',
      'process_resident_memory_bytes',
      'process_cpu_seconds_total',
    ])
      assert.ok((await metric(name)) > 0, name)
    for (const name of [
      'plimsoll_last_look_seconds',
      'plimsoll_round_age_seconds',
      'plimsoll_feed_age_seconds{asset="BTC"}',
      'plimsoll_checkpoint_age_seconds',
      'plimsoll_deposits_waiting',
      'plimsoll_forced_requests_waiting',
    ])
      assert.ok((await metric(name)) >= 0, name)
    const { body } = await get('/metrics')
    assert.match(body, /plimsoll_endpoint_requests_total\{endpoint="[^"]+",outcome="ok"\} [1-9]/)
    assert.match(body, /plimsoll_endpoint_seconds_count\{endpoint="[^"]+"\} [1-9]/)
  })

  it('has failed operations by their code', async () => {
    const [waiting] = (await bob.wallet.operations()).filter((each) => each.status === 'waiting')
    await bob.wallet.cancel(waiting!.id)
    assert.equal(await metric('plimsoll_operations_failed_total{code="CANCELED"}'), 1)
    assert.equal((await get('/health')).body.operations.failed.CANCELED, 1)
  })

  it("logs a line for whatever happens to anybody's money, in amounts for people", async () => {
    lines.length = 0
    await alice.topUp(0, 'USD', 5n * USD)
    const { id } = await alice.wallet.withdraw(0, 12_340_000n, alice.address, DAY)
    await step()
    const told = lines.filter(({ level }) => level === 'info')
    const messages = told.map(({ message }) => message)
    assert.ok(messages.includes(`withdrawal of 12.34 USD from account 0 to ${alice.address}`), messages.join('\n'))
    assert.ok(messages.some((message) => /^deposit \d+ of 5 USD went to account 0$/.test(message)))
    const withdrawal = told.find(({ fields }) => fields.event === 'withdraw')!
    assert.deepEqual([withdrawal.fields.amount, withdrawal.fields.account], ['12340000', 0])
    assert.match(String(withdrawal.fields.transaction), /^0x[0-9a-f]{64}$/)
    assert.ok(lines.some(({ level, fields }) => level === 'debug' && fields.id === id))
  })

  it('shows a dead feed on /health although operations flow', async () => {
    const feed = { address: system.feeds[0]!, abi: MOCK_FEED_ABI } as const
    await sendCall(system.signer, { ...feed, functionName: 'setReverting', args: [true] })
    const { id } = await alice.wallet.withdraw(0, USD, alice.address, DAY)
    await step()
    assert.equal(node.pool.state(id as Hex).status, 'settled')
    const { status, body } = await get('/health')
    assert.deepEqual([status, body.ok, body.feeds[0].up], [503, false, false])
    assert.match(body.error, new RegExp(`The feed ${feed.address} does not answer`, 'i'))
    assert.equal(await metric('plimsoll_feed_up{asset="ETH"}'), 0)
    assert.equal(await metric('plimsoll_healthy'), 0)
    await sendCall(system.signer, { ...feed, functionName: 'setReverting', args: [false] })
    await step()
    assert.equal((await get('/health')).status, 200)
  })

  it('is not well where its endpoint fails, nor ready', async () => {
    endpoint.broken = true
    await assert.rejects(node.step())
    assert.deepEqual([(await get('/health')).status, (await get('/ready')).status], [503, 503])
    endpoint.broken = false
    await step()
    assert.deepEqual([(await get('/health')).status, (await get('/ready')).status], [200, 200])
  })

  it('is not well once it has made no progress for a few intervals, and is while it proves', async () => {
    const { health } = node
    health.interval = 10
    // An answer that is still on its way would be progress.
    endpoint.broken = true
    try {
      const { now } = performance
      let ahead = 0
      performance.now = () => now.call(performance) + ahead
      try {
        health.progress()
        assert.equal((await get('/health')).status, 200)
        ahead = 9_000
        const { status, body } = await get('/health')
        assert.equal(status, 503)
        assert.match(body.error, /has made no progress for 9 seconds/)
        health.proving = 1
        assert.equal((await get('/health')).status, 200)
        ahead = 200_000
        assert.equal((await get('/health')).status, 503)
      } finally {
        performance.now = now
        health.proving = 0
      }
    } finally {
      health.interval = undefined
      endpoint.broken = false
    }
  })

  it('notices that its journal was deleted, and loses nothing of it', async () => {
    const path = join(system.deployed.data, 'journal.jsonl')
    const before = (await readFile(path, 'utf8')).trim().split('\n')
    await rm(path)
    lines.length = 0
    await step()
    assert.ok(lines.some(({ level, message }) => level === 'error' && /journal was deleted/.test(message)))
    const ids = (text: readonly string[]) => new Set(text.map((line) => (JSON.parse(line) as { id: string }).id))
    assert.deepEqual(ids((await readFile(path, 'utf8')).trim().split('\n')), ids(before))
    await rm(path)
    const { id } = await alice.wallet.withdraw(0, USD, alice.address, DAY)
    assert.ok((await readFile(path, 'utf8')).includes(id))
    // Another file in its place is somebody's doing: nothing is promised on it.
    await rename(path, `${path}.away`)
    await writeFile(path, '')
    await assert.rejects(alice.wallet.withdraw(0, USD, alice.address, DAY), { code: 'UNAVAILABLE' })
    await assert.rejects(node.step(), /no longer the file that this node writes/)
    assert.equal((await get('/health')).status, 503)
    await rename(`${path}.away`, path)
    await step()
    assert.equal(node.pool.state(id as Hex).status, 'settled')
  })

  it('sees a price change at once on a chain that mines on demand, as soon as the contract takes a round', async () => {
    const { number } = node.latestRound
    await movePrices(system.signer, system.feeds, [202n * WEI, 8_000n * WEI, 50n * WEI])
    await step()
    assert.equal(node.latestRound.number, number + 1)
    // A change right after a round is too early for the next; half a minute later it is not, though no block came since.
    await movePrices(system.signer, system.feeds, [203n * WEI, 8_000n * WEI, 50n * WEI], 1)
    await step()
    assert.equal(node.latestRound.number, number + 1)
    await rawCall(system.signer, 'evm_increaseTime', '0x1f')
    await step()
    assert.equal(node.latestRound.number, number + 2)
  })

  it('is not kept out of its directory by a process that was killed and not reaped', async () => {
    const data = await system.copyState('zombie')
    // A shell that does not wait for its child.
    const parent = spawn('sh', ['-c', 'sleep 0.01 & echo $!; exec sleep 30'], { stdio: ['ignore', 'pipe', 'inherit'] })
    try {
      const [line] = (await once(parent.stdout, 'data')) as [Buffer]
      const pid = Number(String(line).trim())
      const stat = async () => readFile(`/proc/${pid}/stat`, 'utf8')
      const started = (await stat().catch(() => '')).split(') ')[1]?.split(' ')[19]
      while (!/\) Z /.test(await stat())) await sleep(20)
      assert.ok(started)
      await rm(join(data, 'lock-000001'), { force: true })
      await symlink(`${pid} ${started}`, join(data, 'lock-000007'))
      const lock = await DirectoryLock.acquire(data)
      assert.ok(lock.takenOver)
      await lock.release()
    } finally {
      parent.kill()
      await once(parent, 'exit')
    }
  })
})
