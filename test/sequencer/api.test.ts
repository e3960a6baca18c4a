import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, readFile } from 'node:fs/promises'
import { connect as connectSocket } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { newLink } from '../../sdk/actions/trade.ts'
import { PlimsollClient } from '../../sdk/client.ts'
import { OwnerWallet } from '../../sdk/owner-wallet.ts'
import { NodeMetrics } from '../../sequencer/api/metrics.ts'
import { serve } from '../../sequencer/api/server.ts'
import type { SequencerNode } from '../../sequencer/node/node.ts'
import { chapters } from '../support/chapters.ts'
import { type EchoSystem, startEchoSystem } from '../support/echo-system.ts'
import { onFullDisk } from '../support/full-disk.ts'
import { newOwner, type TestOwner } from '../support/test-owner.ts'

const USD = 10n ** 6n
const DAY = { expiresIn: 86_400 }
const SCRIPT = fileURLToPath(new URL('../support/echo-node.ts', import.meta.url))

describe("the owners' API", () => {
  const it = chapters()
  let system: EchoSystem
  let node: SequencerNode
  let server: Awaited<ReturnType<typeof serve>>
  let url: string
  let owner: TestOwner

  const call = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(`${url}${path}`, { ...init, headers: { connection: 'close', ...init.headers } })
    const body = await response.text()
    assert.doesNotMatch(body, /at .*\.ts|node:|Error:/, 'a stack trace')
    return { status: response.status, body: body === '' ? undefined : JSON.parse(body) }
  }
  const refused = async (path: string, init: RequestInit, status: number, code: string, message?: RegExp) => {
    const answer = await call(path, init)
    assert.deepEqual(
      [answer.status, answer.body.error?.code, typeof answer.body.error?.message],
      [status, code, 'string'],
      JSON.stringify(answer.body),
    )
    if (message !== undefined) assert.match(answer.body.error.message, message)
  }
  const post = (body: string) => ({ method: 'POST', body })

  before(async () => {
    system = await startEchoSystem()
    node = await system.open()
    server = await serve(node, new NodeMetrics(), 0)
    url = `http://127.0.0.1:${server.port}`
    owner = await newOwner(system, url)
    await refused('/v1/round', {}, 503, 'NO_FRESH_ROUND')
    await owner.open('USD', 1_000n * USD)
    await node.step()
  })
  after(async () => {
    server.server.close()
    await node.close()
    await system.stop()
  })

  it('describes the deployment, round and accounts, with nothing private in it', async () => {
    const { deployment, round, accounts, account } = {
      deployment: await owner.wallet.client.deployment(),
      round: await owner.wallet.client.round(),
      accounts: await owner.wallet.client.accounts(owner.wallet.key.publicKey),
      account: await owner.wallet.client.account(0),
    }
    assert.deepEqual(
      deployment.assets.map(({ symbol, spot, tokenDecimals }) => [symbol, spot, tokenDecimals]),
      [
        ['USD', true, 6],
        ['ETH', true, 18],
        ['BTC', true, 18],
        ['PERP', false, 0],
      ],
    )
    assert.deepEqual([round.number, round.complete, accounts], [1, true, [0]])
    assert.deepEqual([account.version, account.pendingVersion, account.leaf], [0, 0, node.system.tree.leaf(0)])
    const served = (
      await Promise.all(
        ['/v1/deployment', '/v1/round', '/v1/accounts/0', '/v1/withdrawals?index=0', '/state'].map(async (path) =>
          JSON.stringify((await call(path)).body),
        ),
      )
    ).join()
    const { owner: hash, viewKey, balances } = node.system.accounts.at(0)!
    for (const secret of [hash, viewKey, balances[0]!, node.system.secret!, owner.wallet.key.secret])
      assert.ok(!served.includes(`"${secret}"`))
  })

  it('answers what is not there, not allowed, or too much', async () => {
    await refused('/v1/nothing', {}, 404, 'NOT_FOUND')
    await refused('/v1/', {}, 404, 'NOT_FOUND')
    await refused('/v1/accounts/0/leaf', {}, 404, 'NOT_FOUND')
    await refused('/v1/accounts/9', {}, 404, 'NOT_FOUND')
    await refused(`/v1/operations/0x${'0'.repeat(64)}`, {}, 404, 'NOT_FOUND')
    await refused('/nothing', {}, 404, 'NOT_FOUND')
    for (const path of [
      '/v1/accounts/-1',
      '/v1/accounts/01',
      '/v1/accounts/4294967296',
      '/v1/accounts/%00',
      '/v1/accounts',
      '/v1/accounts?owner=1',
      '/v1/operations/0x12',
      '/v1/operations',
      '/v1/operations?index=x',
      '/v1/withdrawals',
    ]) {
      await refused(path, {}, 400, 'BAD_REQUEST')
    }
    await refused('/v1/round', post('{}'), 405, 'BAD_REQUEST')
    for (const method of ['PUT', 'DELETE']) await refused('/v1/operations', { method }, 405, 'BAD_REQUEST')
    await refused(`/v1/operations/0x${'0'.repeat(64)}`, post('{}'), 405, 'BAD_REQUEST')
    await refused('/v1/operations?index=0', {}, 401, 'UNAUTHORIZED')
    await refused(`/v1/operations/0x${'0'.repeat(64)}`, { method: 'DELETE' }, 404, 'NOT_FOUND')
    await refused('/state', post('{}'), 405, 'BAD_REQUEST')
    await refused('/v1/operations', post('x'.repeat(16 * 1024 + 1)), 413, 'BAD_REQUEST')
    assert.equal((await call('/v1/operations', { method: 'OPTIONS' })).status, 204)
  })

  it('answers bodies that make no sense with the field that is wrong', async () => {
    const good = {
      kind: 'withdraw',
      index: 0,
      version: 0,
      asset: 0,
      amount: '1',
      recipient: owner.address,
      expiry: 2_000_000_000,
      signature: { r8: ['0', '1'], s: '1' },
    }
    await refused('/v1/operations', post(''), 400, 'BAD_REQUEST', /JSON/)
    await refused('/v1/operations', post('{'), 400, 'BAD_REQUEST', /line 1/)
    await refused('/v1/operations', post('\ud800'), 400, 'BAD_REQUEST')
    await refused('/v1/operations', post('null'), 400, 'BAD_REQUEST')
    await refused('/v1/operations', post('[]'), 400, 'BAD_REQUEST')
    await refused('/v1/operations', post('{"kind":"open"}'), 400, 'BAD_REQUEST', /kind/)
    await refused('/v1/operations', post(`{"kind":"withdraw","kind":"withdraw"}`), 400, 'BAD_REQUEST', /there twice/)
    await refused('/v1/operations', post(`${'['.repeat(5_000)}`), 400, 'BAD_REQUEST', /nested/)
    for (const [change, message] of [
      [{ amount: 1 }, /amount/],
      [{ amount: '-1' }, /amount/],
      [{ amount: '1.0' }, /amount/],
      [{ amount: '01' }, /amount/],
      [{ amount: String(2n ** 64n) }, /amount is not below 2\^64/],
      [{ amount: '9'.repeat(10_000) }, /amount/],
      [{ index: 1.5 }, /index/],
      [{ index: 2 ** 32 }, /index/],
      [{ version: '0' }, /version/],
      [{ asset: 8 }, /asset/],
      [{ recipient: '0x12' }, /recipient/],
      [{ expiry: 2 ** 40 }, /expiry/],
      [{ signature: {} }, /signature/],
      [{ signature: { r8: ['0'], s: '1' } }, /signature\.r8/],
      [{ extra: 1 }, /[Uu]nrecognized/],
      [{ __proto__: null }, undefined],
    ] as const) {
      const body = { ...good, ...change }
      await refused(
        '/v1/operations',
        post(JSON.stringify(body)),
        message === undefined ? 422 : 400,
        message === undefined ? 'BAD_SIGNATURE' : 'BAD_REQUEST',
        message,
      )
    }
    await refused('/v1/operations', post(JSON.stringify({ ...good, expiry: 5 })), 422, 'EXPIRED')
    await refused('/v1/operations', post(JSON.stringify({ ...good, index: 5 })), 422, 'UNKNOWN_ACCOUNT')
    await refused('/v1/operations', post(JSON.stringify({ ...good, version: 5 })), 409, 'STALE_VERSION')
  })

  it('survives connections that do not speak HTTP, or break off', async () => {
    for (const sent of [
      'nonsense\r\n\r\n',
      'POST /v1/operations HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{',
      'POST /v1/operations HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
    ]) {
      const socket = connectSocket(server.port, '127.0.0.1')
      socket.on('error', () => {})
      socket.write(sent)
      setTimeout(() => socket.destroy(), 100)
      await text(socket).catch(() => '')
    }
    assert.equal((await call('/health')).status, 200)
  })

  it('answers whatever comes in a form that a client can read, and stays', async () => {
    const raw = async (sent: string) => {
      const socket = connectSocket(server.port, '127.0.0.1')
      socket.on('error', () => {})
      socket.write(sent)
      const answer = await text(socket)
      const [head, body] = answer.split('\r\n\r\n') as [string, string]
      assert.doesNotMatch(answer, /\.ts:|node:internal/)
      return {
        status: Number(head.split(' ')[1]),
        body: body === '' ? undefined : JSON.parse(body.replace(/^[0-9a-f]+\r\n/, '').replace(/\r\n0$/, '')),
        head,
      }
    }
    const close = 'Host: x\r\nConnection: close\r\n'
    for (const [sent, status] of [
      ['nonsense\r\n\r\n', 400],
      [`GET / HTTP/1.1\r\n${close}X: ${'y'.repeat(20_000)}\r\n\r\n`, 431],
      [`POST /v1/operations HTTP/1.1\r\n${close}Transfer-Encoding: chunked\r\n\r\nzz\r\n`, 400],
      [`BREW /v1/round HTTP/1.1\r\n${close}\r\n`, 400],
      [`GET /v1/accounts/0?x=%ff%00&x[__proto__]=1 HTTP/1.1\r\n${close}\r\n`, 200],
      [`GET /v1/accounts?owner=0,1&owner=2 HTTP/1.1\r\n${close}\r\n`, 200],
      [`GET /v1/accounts?owner=${'9'.repeat(78)},${'9'.repeat(78)} HTTP/1.1\r\n${close}\r\n`, 200],
      [`GET /v1/accounts?owner=+1,-1 HTTP/1.1\r\n${close}\r\n`, 400],
      [`GET /v1/accounts/1e0 HTTP/1.1\r\n${close}\r\n`, 400],
      [`GET /v1/accounts/0x0 HTTP/1.1\r\n${close}\r\n`, 400],
      [`GET /v1/operations/0x${'A'.repeat(64)} HTTP/1.1\r\n${close}\r\n`, 400],
      [`GET /v1/__proto__ HTTP/1.1\r\n${close}\r\n`, 404],
      [`GET /v1/accounts/0/../../secret HTTP/1.1\r\n${close}\r\n`, 404],
      [`PUT /v1/operations HTTP/1.1\r\n${close}Content-Length: 0\r\n\r\n`, 405],
      [`POST /v1/operations HTTP/1.1\r\n${close}Content-Length: 3\r\n\r\n{}\xff`, 400],
    ] as const) {
      const answer = await raw(sent)
      assert.equal(answer.status, status, sent.slice(0, 80))
      if (status >= 400)
        assert.deepEqual(
          [typeof answer.body.error.code, typeof answer.body.error.message],
          ['string', 'string'],
          sent.slice(0, 80),
        )
    }
    assert.equal((await raw(`HEAD /v1/round HTTP/1.1\r\n${close}\r\n`)).status, 405)
    for (const body of [
      '{"__proto__":{"kind":"withdraw"}}',
      '{"constructor":{"prototype":{}},"kind":"withdraw"}',
      '{"kind":"toString"}',
      '{"kind":{"kind":"withdraw"}}',
      '"withdraw"',
      'true',
      '1e999',
    ]) {
      await refused('/v1/operations', post(body), 400, 'BAD_REQUEST')
    }
    assert.equal(({} as { kind?: string }).kind, undefined)
    // A page of another origin may list and cancel its owner's operations as well: with a signature in a header.
    const preflight = await fetch(`${url}/v1/operations`, {
      method: 'OPTIONS',
      headers: {
        origin: 'https://wallet.example',
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'content-type',
        connection: 'close',
      },
    })
    assert.deepEqual(
      ['origin', 'methods', 'headers'].map((name) => preflight.headers.get(`access-control-allow-${name}`)),
      ['*', 'GET, POST, DELETE', 'content-type, authorization'],
    )
    const silent = Array.from({ length: 200 }, () => connectSocket(server.port, '127.0.0.1').on('error', () => {}))
    assert.equal((await call('/health')).status, 200)
    for (const socket of silent) socket.destroy()
    assert.equal((server.server.address() as { address: string }).address, '127.0.0.1')
  })

  it('takes an operation once, and says so with its id', async () => {
    const { wallet } = owner
    const submitted: unknown[] = []
    const submit = wallet.client.submit.bind(wallet.client)
    wallet.client.submit = (operation) => {
      submitted.push(operation)
      return submit(operation)
    }
    const { id } = await wallet.withdraw(0, 10n * USD, owner.address, DAY)
    wallet.client.submit = submit
    const again = await call(
      '/v1/operations',
      post(JSON.stringify(submitted[0], (_, value) => (typeof value === 'bigint' ? String(value) : value))),
    )
    assert.deepEqual([again.status, again.body.error.code, again.body.id], [409, 'DUPLICATE', id])
    await assert.rejects(
      submit({ ...(submitted[0] as any), amount: 11n * USD }),
      (error: any) => error.code === 'STALE_VERSION' || error.code === 'BAD_SIGNATURE',
    )
    await node.step()
    assert.equal((await wallet.client.operation(id)).status, 'settled')
  })

  it('streams rounds, lots and the operations that are named, and nothing of others', async () => {
    const { wallet } = owner
    const [own, other] = [
      await wallet.withdraw(0, 2n * USD, owner.address, DAY),
      await wallet.withdraw(0, 3n * USD, owner.address, DAY),
    ]
    const heard: [string, unknown][] = []
    const stop = new AbortController()
    const opened = Promise.withResolvers<void>()
    const settled = Promise.withResolvers<void>()
    const following = wallet.client.follow(
      {
        open: () => opened.resolve(),
        round: (event) => heard.push(['round', event]),
        lots: (event) => heard.push(['lots', event]),
        operation: (event) => {
          heard.push(['operation', event])
          if (event.status === 'settled') settled.resolve()
        },
      },
      stop.signal,
      [own.id, `0x${'5'.repeat(64)}`],
    )
    await opened.promise
    await node.step()
    await settled.promise
    stop.abort()
    await following
    const operations = heard.flatMap(([event, body]) => (event === 'operation' ? [body as any] : []))
    assert.deepEqual([...new Set(operations.map(({ id }) => id))], [own.id])
    assert.ok(['accepted', 'proving'].includes(operations[0].status))
    assert.deepEqual(operations.at(-1), { id: own.id, status: 'settled' })
    assert.ok(!JSON.stringify(heard, (_, v) => (typeof v === 'bigint' ? String(v) : v)).includes(other.id))
    const rounds = heard.flatMap(([event, body]) => (event === 'round' ? [body as any] : []))
    assert.ok(rounds.at(-1).settlements > rounds[0].settlements, 'a settlement is told of')
    assert.ok(heard.some(([event, body]) => event === 'lots' && (body as any).offers.length === 8))
    await refused(
      `/v1/events?${Array.from({ length: 65 }, () => `operation=0x${'5'.repeat(64)}`).join('&')}`,
      {},
      400,
      'BAD_REQUEST',
    )
    await refused('/v1/events?operation=5', {}, 400, 'BAD_REQUEST')
    await refused('/v1/events', post('{}'), 405, 'BAD_REQUEST')
  })

  it('knows the rounds before the latest from the chain, and the clocks of checkpoint and stall', async () => {
    const { client } = owner.wallet
    const { rounds, more } = await client.rounds()
    assert.deepEqual([rounds.map(({ number }) => number), more], [[1], false])
    const [first] = rounds as [(typeof rounds)[0]]
    assert.deepEqual([first.complete, first.prices[0]], [true, (await client.round()).marks[1]![0]])
    assert.equal(first.settlements.length, node.snapshot.state.settlements)
    assert.equal(
      first.settlements.reduce((sum, { operations }) => sum + operations, 0),
      4,
      'a deposit and three withdrawals',
    )
    for (const { proofs, sweeps, gas, timestamp } of first.settlements) {
      assert.ok(proofs >= sweeps + 1 && gas! > 100_000n && timestamp >= first.timestamp)
    }
    assert.deepEqual(await client.rounds(1), { rounds: [], more: false })
    for (const before of ['0', 'x', '-1', '1.5', '9'.repeat(16)])
      await refused(`/v1/rounds?before=${before}`, {}, 400, 'BAD_REQUEST')
    const clocks = await client.clocks()
    assert.deepEqual(
      [clocks.frozen, clocks.stalled, clocks.notice, clocks.grace, clocks.checkpointedAt, clocks.depositsWaiting],
      [false, false, null, node.grace, node.snapshot.checkpointedAt, 0],
    )
    assert.equal(clocks.roundAt, first.timestamp)
  })

  it('refuses what it cannot write down, and does not remember it', async () => {
    const { wallet } = owner
    const { pendingVersion } = await wallet.client.account(0)
    await assert.rejects(
      onFullDisk(() => wallet.withdraw(0, USD, owner.address, DAY)),
      (error: any) => error.code === 'UNAVAILABLE' && /no space left/.test(error.message),
    )
    assert.equal((await wallet.client.account(0)).pendingVersion, pendingVersion)
    assert.equal((await wallet.withdraw(0, USD, owner.address, DAY)).status, 'accepted')
    await node.step()
  })

  it('keeps every promise through kill -9', async () => {
    const data = await system.copyState('killed')
    await chmod(data, 0o700)
    const start = async (): Promise<{ child: ChildProcess; wallet: OwnerWallet }> => {
      const child = spawn(process.execPath, [SCRIPT, system.chain.url, data], { stdio: ['ignore', 'pipe', 'inherit'] })
      const [port] = (await once(createInterface(child.stdout!), 'line')) as [string]
      const client = new PlimsollClient({ node: `http://127.0.0.1:${port}` })
      return { child, wallet: OwnerWallet.open(client, await client.deployment(), owner.wallet.key) }
    }
    const promised: { id: string; status: string }[] = []
    for (let round = 0; round < 3; round++) {
      const { child, wallet } = await start()
      for (const { id, status } of promised) assert.equal((await wallet.client.operation(id)).status, status)
      for (let i = 0; i < 3; i++) promised.push(await wallet.withdraw(0, BigInt(1 + i) * USD, owner.address, DAY))
      const unanswered = wallet.withdraw(0, 9n * USD, owner.address, DAY).catch(() => undefined)
      child.kill('SIGKILL')
      await once(child, 'exit')
      const answered = await unanswered
      if (answered !== undefined) promised.push(answered)
    }
    const { child, wallet } = await start()
    promised.push(await wallet.trade({ asset: 1, direction: 1, x: 10n ** 8n, y: 200n * USD }, newLink(), DAY))
    child.kill('SIGKILL')
    await once(child, 'exit')
    assert.equal((await readFile(join(data, 'journal.jsonl'), 'utf8')).split('\n').length > promised.length, true)
    const late = await system.open({ data })
    for (const { id, status } of promised) assert.equal(late.pool.state(id as `0x${string}`).status, status)
    const before = late.system.accounts.at(0)!.balances[0]!
    // After an unclean stop the first look takes up one batch of operations, those after it the rest.
    const reports = [await late.step()]
    assert.equal(reports[0]?.operations, late.system.ledger.shape.transact.steps)
    while (late.pool.units().length > 0 && reports.length < 9) reports.push(await late.step())
    assert.ok(reports.reduce((sum, report) => sum + (report?.operations ?? 0), 0) >= 9)
    for (const { id, status } of promised)
      assert.equal(late.pool.state(id as `0x${string}`).status, status === 'waiting' ? 'waiting' : 'settled')
    assert.ok(late.system.accounts.at(0)!.balances[0]! <= before - 18n * USD)
    await late.close()
  })
})
