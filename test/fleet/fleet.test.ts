import assert from 'node:assert/strict'
import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Registry } from 'prom-client'
import { Fleet } from '../../fleet/fleet.ts'
import { FleetKey } from '../../fleet/fleet-key.ts'
import { FleetMetrics } from '../../fleet/fleet-metrics.ts'
import { decodeInput, encodeInput } from '../../fleet/input-codec.ts'
import { openAnswer, openRequest, priorityOf, sealAnswer, sealRequest } from '../../fleet/job.ts'
import { KeyStore } from '../../fleet/key-store.ts'
import { ProofTimes } from '../../fleet/proof-times.ts'
import { connect, RedisRefuses, redisClient, requireRedisUrl } from '../../fleet/redis.ts'
import { Roster } from '../../fleet/roster.ts'
import { FleetWorker } from '../../fleet/worker.ts'
import type { CircuitInput } from '../../protocol/circuit-input.ts'
import { FIELD } from '../../protocol/constants.ts'
import { manifestOf } from '../../prover/key-files.ts'
import { keyOf, type SomeKeys } from '../../prover/keys.ts'
import type { ProofSource } from '../../prover/proof-service.ts'
import { PULSE, stubKeys } from '../support/fleet.ts'
import { startRedis, type TestRedis } from '../support/redis.ts'
import { type Conduct, stubProver } from '../support/stub-prover.ts'

const input = (digest: number): CircuitInput => ({ digest: BigInt(digest), z: 2n, y: 3n, balances: [5n, [-6n]] })

describe('the key of a fleet', () => {
  let directory: string
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'plimsoll-'))
  })
  after(() => rm(directory, { recursive: true }))

  it('is made once, for its owner only, and read again', async () => {
    const path = join(directory, 'fleet.key')
    const made = await FleetKey.create(path)
    assert.equal((await stat(path)).mode & 0o777, 0o600)
    assert.match(await readFile(path, 'utf8'), /^0x[0-9a-f]{64}\n$/)
    assert.equal((await FleetKey.read(path)).id, made.id)
    await assert.rejects(FleetKey.create(path), /There is a file .*fleet\.key already/)
    await assert.rejects(FleetKey.create(join(directory, 'no', 'key')), /Cannot write .*no such file/)
    await chmod(path, 0o640)
    await assert.rejects(FleetKey.read(path), /can be read by others/)
  })

  it('is refused where it is none', async () => {
    const path = join(directory, 'bad.key')
    await assert.rejects(FleetKey.read(path), /there is no such file/)
    await assert.rejects(FleetKey.read(directory), /it is a directory/)
    for (const text of [
      '',
      'secret',
      `0x${'1'.repeat(63)}`,
      `0x${'g'.repeat(64)}`,
      `0x${'1'.repeat(64)} 0x${'1'.repeat(64)}`,
    ]) {
      await writeFile(path, text, { mode: 0o600 })
      await assert.rejects(FleetKey.read(path), /is not a fleet's key/)
    }
  })

  it('opens what it sealed, where it belongs, whole, and nothing else', () => {
    const [key, other] = [new FleetKey(Buffer.alloc(32, 1)), new FleetKey(Buffer.alloc(32, 2))]
    assert.notEqual(key.id, other.id)
    const sealed = key.seal('here', Buffer.from('text'))
    assert.equal(key.open('here', sealed).toString(), 'text')
    assert.notEqual(key.seal('here', Buffer.from('text')), sealed, 'every nonce is another')
    assert.throws(() => key.open('there', sealed), /was not sealed there/)
    assert.throws(() => other.open('here', sealed), /was not sealed there/)
    const bytes = Buffer.from(sealed, 'base64')
    for (let at = 0; at < bytes.length; at++) {
      const changed = Buffer.from(bytes)
      changed[at]! ^= 1
      assert.throws(() => key.open('here', changed.toString('base64')))
    }
    for (const bad of ['', 'x', undefined, null, 7, bytes.subarray(0, 20).toString('base64')])
      assert.throws(() => key.open('here', bad), /was not sealed there/)
  })

  it('names the same bytes alike, and says nothing about them', () => {
    const [key, other] = [new FleetKey(Buffer.alloc(32, 1)), new FleetKey(Buffer.alloc(32, 2))]
    assert.equal(key.digest('a', 'b'), key.digest('a', Buffer.from('b')))
    assert.notEqual(key.digest('a', 'b'), key.digest('ab', ''))
    assert.notEqual(key.digest('a'), other.digest('a'))
  })
})

describe('a job', () => {
  const key = new FleetKey(Buffer.alloc(32, 1))

  it('is as long whatever the balances are', () => {
    const [small, large] = [
      { a: 0n, b: [[1n, 2n]], c: [] },
      { a: FIELD - 1n, b: [[-1n, 10n ** 70n]], c: [] },
    ].map(encodeInput)
    assert.equal(small!.length, large!.length)
    assert.deepEqual(decodeInput(large!), { a: FIELD - 1n, b: [[FIELD - 1n, 10n ** 70n]], c: [] })
    assert.deepEqual(decodeInput(encodeInput({ a: '7', b: [8, [9n]] })), { a: 7n, b: [8n, [9n]] })
    assert.throws(() => decodeInput(small!.subarray(0, -1)), /too short/)
  })

  it('goes there and back under its own name only', () => {
    const keys = { circuit: 'sweep', keyHash: '0x1' } as never
    const request = { profile: 'tiny', keys, input: input(1) } as const
    const { digest, sealed } = sealRequest(key, request)
    assert.match(digest, /^[0-9a-f]{64}$/)
    assert.equal(sealRequest(key, request).digest, digest)
    assert.notEqual(sealRequest(key, { ...request, input: input(2) }).digest, digest)
    assert.equal(openRequest(key, digest, sealed).input.digest, 1n)
    assert.throws(() => openRequest(key, '0'.repeat(64), sealed))
    const proven = { proof: {} as never, signals: [1n, 2n, 3n] }
    const answer = sealAnswer(key, digest, 'a', { proven, seconds: 1 })
    assert.deepEqual(openAnswer(key, digest, answer), { proven, seconds: 1 })
    assert.throws(() => openAnswer(key, digest, { ...answer, worker: 'b' }), /was not sealed there/)
    assert.throws(() => openAnswer(key, '0'.repeat(64), answer), /was not sealed there/)
  })

  it('comes first where there is distress, and before its like where it was asked for before', () => {
    const order = [
      priorityOf('distress', true),
      priorityOf('distress', false),
      priorityOf('operations', true),
      priorityOf('operations', false),
      priorityOf('ahead', true),
      priorityOf('ahead', false),
    ]
    assert.deepEqual(
      [...order].sort((a, b) => a - b),
      order,
    )
    assert.ok(order.every((priority) => priority >= 1))
  })
})

describe('what a node knows of its fleet', () => {
  it('who is there: who beats, by its own clock, and was not put aside', () => {
    const roster = new Roster(10)
    const say = (beat: number, jobs: string[] = []) => new Map([['a', { beat, slots: 2, jobs }]])
    roster.update(say(5), 0)
    assert.deepEqual(roster.live(0), [], 'it may have been dead for long')
    roster.update(say(6, ['x']), 10)
    assert.equal(roster.live(10)[0]!.jobs.get('x'), 10)
    roster.update(say(7, ['x', 'y']), 20)
    assert.deepEqual(
      [...roster.live(20)[0]!.jobs],
      [
        ['x', 10],
        ['y', 20],
      ],
    )
    for (let now = 30; now <= 100; now += 10) roster.update(say(7), now)
    assert.equal(roster.live(100).length, 1)
    assert.equal(roster.live(101).length, 0)
    assert.deepEqual(roster.update(say(7), 621), ['a'])
    roster.update(say(8), 700)
    assert.equal(roster.live(700).length, 1)
    for (const [now, live] of [
      [780, 1],
      [781, 0],
    ] as const) {
      assert.deepEqual(roster.update(new Map(), now), [])
      assert.equal(roster.live(now).length, live, 'Redis may have lost its word')
    }
    roster.update(say(9), 800)
    roster.update(new Map([['a', { beat: 10, slots: 0, jobs: [] }]]), 810)
    assert.equal(roster.live(810).length, 0, 'it has left')
    roster.update(say(11), 820)
    roster.putAside('a', 'lies')
    assert.equal(roster.live(820).length, 0)
  })

  it('how long a proof may take', () => {
    const times = new ProofTimes(1_000, 50)
    assert.equal(times.limit('sweep'), 1_000)
    times.record('sweep', 20)
    assert.equal(times.limit('sweep'), 160)
    assert.equal(times.limit('resolve'), 1_000)
    times.record('sweep', 1)
    assert.equal(times.limit('sweep'), 160)
    times.record('sweep', 1e9)
    times.record('sweep', Number.NaN)
    assert.equal(times.limit('sweep'), 1_000, 'whatever a worker says')
    times.record('transact', 1)
    assert.equal(times.limit('transact'), 50)
  })

  it('the URL of Redis', () => {
    for (const good of ['redis://127.0.0.1', 'rediss://u:p@host:1/2']) assert.equal(requireRedisUrl(good), good)
    for (const bad of ['', 'redis://', 'http://127.0.0.1:1', 'localhost:6379', 'redis://a b'])
      assert.throws(() => requireRedisUrl(bad), /The URL of Redis is none/)
    assert.throws(
      () => requireRedisUrl('redis://u:secret@h/x'),
      (error: Error) => /is no number/.test(error.message) && !/secret/.test(error.message),
    )
  })
})

describe('the keys of a prover elsewhere', () => {
  let directory: string
  let keys: SomeKeys
  let source: string
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'plimsoll-'))
    const made = await stubKeys(directory)
    keys = made.keys
    source = made.source
  })
  after(() => rm(directory, { recursive: true }))

  it('are fetched once, checked by their hash, and fetched again where they are damaged', async () => {
    const cache = join(directory, 'cache')
    const manifest = await manifestOf(keyOf(keys, 'sweep'))
    const own = keyOf(await new KeyStore(cache, source).keys('tiny', manifest), 'sweep')
    assert.deepEqual(await readFile(own.zkey), await readFile(keyOf(keys, 'sweep').zkey))
    const nowhere = join(directory, 'nowhere')
    assert.equal(keyOf(await new KeyStore(cache, nowhere).keys('tiny', manifest), 'sweep').wasm, own.wasm)
    await writeFile(own.zkey, Buffer.alloc(manifest.zkey.size))
    await assert.rejects(
      new KeyStore(cache, nowhere).keys('tiny', manifest),
      /Cannot read the proving key of sweep, .*there is no such file/,
    )
    await new KeyStore(cache, source).keys('tiny', manifest)
    assert.deepEqual(await readFile(own.zkey), await readFile(keyOf(keys, 'sweep').zkey))
  })

  it('are refused where they are others', async () => {
    const manifest = await manifestOf(keyOf(keys, 'resolve'))
    const forged = join(directory, 'forged')
    await mkdir(forged)
    await writeFile(join(forged, manifest.wasm.sha256), 'x')
    await writeFile(join(forged, manifest.zkey.sha256), 'x')
    await assert.rejects(
      new KeyStore(join(directory, 'cache'), forged).keys('tiny', manifest),
      /from .*forged is not the file with the hash/,
    )
    await assert.rejects(
      new KeyStore(join(directory, 'cache'), 'http://127.0.0.1:2').keys('tiny', manifest),
      /Cannot fetch the .* of resolve from http:\/\/127\.0\.0\.1:2\/keys\/[0-9a-f]{64}: nobody listens there/,
    )
    await assert.rejects(
      new KeyStore(join(directory, 'cache'), source).keys('tiny', { ...manifest, keyHash: '0x12' }),
      /does not have the hash/,
    )
  })
})

describe('a fleet', () => {
  let directory: string
  let redis: TestRedis
  let key: FleetKey
  let keys: SomeKeys
  let source: string
  const open: (Fleet | FleetWorker)[] = []
  const warnings: string[] = []

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'plimsoll-'))
    redis = await startRedis({ password: 'opensesame' })
    const made = await stubKeys(directory)
    keys = made.keys
    source = made.source
  })
  beforeEach(() => {
    // Another fleet each time.
    key = new FleetKey(Buffer.from(Array.from({ length: 32 }, () => Math.floor(256 * Math.random()))))
    warnings.length = 0
  })
  afterEach(async () => {
    for (const each of open.splice(0)) await (each instanceof FleetWorker ? each.close(true) : each.close())
  })
  after(async () => {
    await redis.stop()
    await rm(directory, { recursive: true })
  })

  const node = async (
    local: Fleet extends never ? never : Parameters<typeof Fleet.open>[0]['local'],
    patience = 30_000,
  ) => {
    const log = { info: () => {}, warn: (_: object, message: string) => warnings.push(message) }
    const fleet = await Fleet.open({ redis: redis.url, key, local, pulse: PULSE, patience, log })
    open.push(fleet)
    return fleet
  }
  const worker = async (name: string, proofs: ProofSource) => {
    const made = await FleetWorker.open({
      redis: redis.url,
      key,
      keys: new KeyStore(join(directory, 'cache'), source),
      proofs,
      name,
      slots: 1,
      pulse: PULSE,
    })
    open.push(made)
    return made
  }
  const none = { ...stubProver('honest', 0), prove: async () => assert.fail('the node does not prove') }
  const present = async (fleet: Fleet, count: number) => {
    while (fleet.figures.workers !== count) await sleep(PULSE / 2)
  }
  const conducted = (conduct: Conduct) => stubProver(conduct, 1)

  it('makes the same proof once, for the first node and for one that comes after a crash', async () => {
    const first = await node(none)
    const prover = await worker('a', conducted('honest'))
    await present(first, 1)
    const [one, two] = await Promise.all([first.prove(keys, 'sweep', input(1)), first.prove(keys, 'sweep', input(2))])
    assert.deepEqual([one.signals[0], two.signals[0]], [1n, 2n])
    await first.close()
    const second = await node(none)
    await present(second, 1)
    assert.deepEqual(await second.prove(keys, 'sweep', input(1)), one)
    assert.equal(prover.made, 2)
  })

  it('takes the distressed first', async () => {
    const fleet = await node(none)
    const order: string[] = []
    const prover = await worker('a', {
      prove: async (...args) => {
        order.push(String(args[2].digest))
        return stubProver('honest', 30).prove(...args)
      },
    })
    await present(fleet, 1)
    assert.equal(prover.made, 0)
    const first = fleet.prove(keys, 'sweep', input(1))
    await sleep(15)
    await Promise.all([
      first,
      fleet.prove(keys, 'sweep', input(2), { urgency: 'ahead' }),
      fleet.prove(keys, 'transact', input(3)),
      fleet.prove(keys, 'resolve', input(4), { urgency: 'distress' }),
    ])
    assert.deepEqual(order, ['1', '4', '3', '2'])
  })

  for (const conduct of ['liar', 'replayer', 'refuser'] as const)
    it(`is rid of a ${conduct}`, async () => {
      const fleet = await node(stubProver('honest', 0))
      const bad = await worker('bad', conducted(conduct))
      await present(fleet, 1)
      assert.equal((await fleet.prove(keys, 'sweep', input(1))).signals[0], 1n)
      await bad.ended
      assert.match(
        bad.aside!,
        conduct === 'refuser' ? /refused an input that the circuit takes/ : /answered with a false proof/,
      )
      assert.equal(fleet.counts.false, 1)
      assert.equal(fleet.figures.workers, 0)
      assert.match(warnings.join(), /the prover bad is put aside/)
    })

  it('is rid of one that never answers, and of one that always fails', async () => {
    const fleet = await node(stubProver('honest', 0), 3 * PULSE)
    const mute = await worker('mute', conducted('mute'))
    await present(fleet, 1)
    const proof = fleet.prove(keys, 'sweep', input(1))
    assert.equal((await proof).signals[0], 1n)
    await mute.ended
    assert.match(mute.aside!, /has not answered for/)
    const broken = await worker('broken', conducted('broken'))
    await present(fleet, 1)
    assert.equal((await fleet.prove(keys, 'sweep', input(2))).signals[0], 2n)
    await broken.ended
    assert.match(broken.aside!, /failed 3 times in a row/)
  })

  it('says what the circuit says where it refuses the input', async () => {
    const fleet = await node(stubProver('refuser', 0))
    const prover = await worker('a', conducted('refuser'))
    await present(fleet, 1)
    await assert.rejects(fleet.prove(keys, 'sweep', input(1)), /does not satisfy the circuit sweep/)
    assert.equal(prover.aside, undefined)
  })

  it('stops at once what nobody wants any more: what waits, and what a prover is at', async () => {
    const fleet = await node(none)
    let [began, stopped] = [0, 0]
    await worker('a', {
      prove: async (_keys, _circuit, _input, { signal } = {}) => {
        began++
        await sleep(20_000, undefined, { signal: signal! }).catch(() => stopped++)
        throw new Error('stopped')
      },
    })
    await present(fleet, 1)
    const stop = new AbortController()
    const proofs = [1, 2, 3].map((digest) => fleet.prove(keys, 'sweep', input(digest), { signal: stop.signal }))
    while (began === 0) await sleep(5)
    const void_ = new Error('a new round')
    stop.abort(void_)
    for (const proof of proofs) await assert.rejects(proof, void_)
    while (stopped === 0) await sleep(5)
    while ((await fleet.depth()).waiting + (await fleet.depth()).active > 0) await sleep(5)
    assert.equal(began, 1)
    assert.equal(fleet.counts.canceled, 3)
    await assert.rejects(fleet.prove(keys, 'sweep', input(4), { signal: stop.signal }), void_)
  })

  it('is a single node where Redis is gone, and a fleet again when it is back', async () => {
    const fleet = await node(stubProver('honest', 1))
    const prover = await worker('a', conducted('honest'))
    await present(fleet, 1)
    await redis.kill()
    while (fleet.figures.connected) await sleep(5)
    assert.equal((await fleet.prove(keys, 'sweep', input(1))).signals[0], 1n)
    assert.equal(fleet.counts.local, 1)
    assert.match(warnings.join(), /Redis is gone: redis:\/\/127\.0\.0\.1:\d+; the node proves by itself/)
    await redis.start()
    await present(fleet, 1)
    assert.equal((await fleet.prove(keys, 'sweep', input(2))).signals[0], 2n)
    assert.equal(prover.made, 1)
  })

  it('asks again for what Redis has forgotten', async () => {
    const fleet = await node(none)
    let began = 0
    const prover = await worker('a', {
      prove: async (...args) => {
        began++
        return stubProver('honest', 50).prove(...args)
      },
    })
    await present(fleet, 1)
    const proofs = Promise.all([1, 2, 3].map((digest) => fleet.prove(keys, 'sweep', input(digest))))
    while (began === 0) await sleep(5)
    const client = redisClient(redis.url, true)
    await client.flushall()
    client.disconnect()
    assert.deepEqual(
      (await proofs).map(({ signals }) => signals[0]),
      [1n, 2n, 3n],
    )
    assert.equal(prover.made, began)
    assert.equal(fleet.counts.local, 0)
  })

  it('proves by itself where Redis holds the connection and says nothing', async () => {
    const fleet = await node(stubProver('honest', 1))
    await worker('a', conducted('honest'))
    await present(fleet, 1)
    redis.pause()
    const proof = fleet.prove(keys, 'sweep', input(1))
    assert.equal((await proof).signals[0], 1n)
    redis.resume()
    assert.equal(fleet.counts.local, 1)
    await present(fleet, 1)
  })

  it('has metrics of queue, provers and proofs', async () => {
    const fleet = await node(none)
    const registry = new Registry()
    new FleetMetrics(fleet, registry)
    await worker('a', conducted('honest'))
    await present(fleet, 1)
    await fleet.prove(keys, 'sweep', input(1))
    const page = await registry.metrics()
    for (const line of [
      'plimsoll_fleet_connected 1',
      'plimsoll_fleet_workers{state="ready"} 1',
      'plimsoll_fleet_workers{state="aside"} 0',
      'plimsoll_fleet_slots 1',
      'plimsoll_fleet_tasks{place="fleet"} 0',
      'plimsoll_fleet_jobs{state="waiting"} 0',
      'plimsoll_fleet_proofs_total{by="fleet"} 1',
      'plimsoll_fleet_proofs_total{by="node"} 0',
      'plimsoll_fleet_mishaps_total{kind="false"} 0',
      'plimsoll_fleet_canceled_total 0',
      'plimsoll_fleet_proof_seconds_count{circuit="sweep"} 1',
      'plimsoll_fleet_wait_seconds_count 1',
    ])
      assert.ok(page.includes(`${line}\n`), `${line}\n${page}`)
  })

  it('tells a prover whose key is of another fleet', async () => {
    const fleet = await node(none)
    while (!fleet.figures.connected) await sleep(5)
    await sleep(PULSE)
    key = new FleetKey(Buffer.alloc(32, 9))
    await assert.rejects(worker('a', conducted('honest')), /No node at redis:\/\/127\.0\.0\.1:\d+ has this fleet's key/)
  })

  it('tells a prover or a node that Redis refuses, and a prover that nobody is there', async () => {
    const wrong = redis.url.replace('opensesame', 'sesame')
    const refused = (error: Error) => error instanceof RedisRefuses && !/sesame/.test(error.message)
    await assert.rejects(Fleet.open({ redis: wrong, key, local: none }), refused)
    const client = redisClient(wrong, true)
    await assert.rejects(connect(client, wrong), refused)
    client.disconnect()
    const nobody = redisClient('redis://127.0.0.1:1', true)
    await assert.rejects(
      connect(nobody, 'redis://127.0.0.1:1'),
      /Cannot reach Redis at redis:\/\/127\.0\.0\.1:1: nobody listens there/,
    )
    nobody.disconnect()
    const fleet = await Fleet.open({ redis: 'redis://127.0.0.1:1', key, local: stubProver('honest', 0) })
    open.push(fleet)
    assert.equal((await fleet.prove(keys, 'sweep', input(1))).signals[0], 1n)
  })
})
