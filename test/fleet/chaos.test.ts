import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Fleet } from '../../fleet/fleet.ts'
import { FleetKey } from '../../fleet/fleet-key.ts'
import type { CircuitInput } from '../../protocol/circuit-input.ts'
import type { SomeKeys } from '../../prover/keys.ts'
import { inOrder } from '../../sdk/chain/in-order.ts'
import { verifyEcho } from '../support/echo-proof.ts'
import { PULSE, startWorker, stubKeys, type TestWorker } from '../support/fleet.ts'
import { startRedis, type TestRedis } from '../support/redis.ts'
import { type Conduct, stubProver } from '../support/stub-prover.ts'

const JOBS = 200
/** Balances of a book that nobody may see, in every input. */
const BALANCES = [987_654_321_012_345_678n, 1_234_567_890_987_654n, 31_415_926_535_897_932n]

function inputOf(job: number): CircuitInput {
  return { digest: BigInt(job + 1), z: 2n, y: BigInt(job) ** 3n, balances: BALANCES, owners: [[BigInt(job), -5n]] }
}

describe('a fleet under fire', () => {
  let directory: string
  let redis: TestRedis
  let keyFile: string
  let key: FleetKey
  let keys: SomeKeys
  let source: string
  const workers: TestWorker[] = []
  const start = async (name: string, conduct: Conduct = 'honest') => {
    workers.push(await startWorker(redis.url, keyFile, source, { name, conduct, cache: join(directory, 'cache') }))
  }

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'plimsoll-'))
    redis = await startRedis()
    keyFile = join(directory, 'fleet.key')
    key = await FleetKey.create(keyFile)
    const made = await stubKeys(directory)
    keys = made.keys
    source = made.source
  })
  after(async () => {
    for (const worker of workers) await worker.kill()
    await redis.stop()
    await rm(directory, { recursive: true })
  })

  it('settles every batch, none twice, in order, while provers die, lie and sleep and Redis is restarted', async () => {
    const warnings: string[] = []
    const local = stubProver('honest', 250)
    const fleet = await Fleet.open({
      redis: redis.url,
      key,
      local,
      pulse: PULSE,
      patience: 2_000,
      log: { info: () => {}, warn: (_, message) => warnings.push(message) },
    })
    await fleet.announce(keys)
    await Promise.all([start('honest-0'), start('honest-1'), start('liar', 'liar'), start('mute', 'mute')])
    while (fleet.figures.workers < 4) await sleep(PULSE)

    const dumps: Buffer[] = []
    const kills = { workers: 0, redis: 0 }
    const starting: Promise<void>[] = []
    /** Kills a prover, whichever, and has another one come. */
    const killWorker = async () => {
      await Promise.all(starting)
      const alive = workers.filter(
        ({ name, process }) => name.startsWith('honest') && process.exitCode === null && process.signalCode === null,
      )
      await alive[Math.floor(Math.random() * alive.length)]?.kill()
      starting.push(start(`honest-${2 + kills.workers++}`))
    }
    /** Once it has what it wrote, and once it has forgotten everything. */
    const restartRedis = async (forget: boolean) => {
      // A prover that finds no Redis when it starts ends.
      await Promise.all(starting)
      dumps.push(await redis.dump())
      await redis.kill({ forget })
      await sleep(200)
      await redis.start()
      kills.redis++
    }
    const settled: bigint[] = []
    const jobs = Array.from({ length: JOBS }, (_, job) => job)
    const proven = inOrder(
      jobs,
      async (job) => {
        const input = inputOf(job)
        return [input, await fleet.prove(keys, job % 3 === 0 ? 'resolve' : 'transact', input)] as const
      },
      16,
    )
    for await (const [input, proof] of proven) {
      assert.ok(await verifyEcho(keys, 'transact', proof))
      assert.deepEqual(proof.signals, [input.digest, input.z, input.y])
      settled.push(proof.signals[0]!)
      if (settled.length % 40 === 10) await killWorker()
      if (settled.length === 75) await restartRedis(false)
      if (settled.length === 125) await restartRedis(true)
    }
    await Promise.all(starting)
    assert.deepEqual(
      settled,
      jobs.map((job) => BigInt(job + 1)),
    )
    const { counts, figures } = fleet
    assert.equal(counts.fleet + counts.local, JOBS)
    assert.ok(counts.fleet > counts.local, `the fleet made most of them: ${JSON.stringify(counts)}`)
    assert.ok(kills.workers === 5 && kills.redis === 2, JSON.stringify(kills))
    assert.ok(counts.false >= 1 && counts.stalled >= 1)
    assert.equal(figures.tasks.fleet + figures.tasks.local + figures.tasks.waiting, 0)
    for (const name of ['liar', 'mute'])
      assert.ok(
        warnings.some((text) => text.includes(`the prover ${name} is put aside`)),
        warnings.join('\n'),
      )

    for (const name of ['liar', 'mute']) {
      const { process, lines } = workers.find((worker) => worker.name === name)!
      while (process.exitCode === null) await sleep(PULSE)
      assert.match(lines.at(-1)!, /^aside: /)
    }
    dumps.push(await redis.dump())
    await fleet.close()
    assert.ok(
      dumps.some((dump) => dump.includes(key.id)),
      'the dumps hold jobs',
    )
    await requireNothingPrivate(Buffer.concat(dumps))
  })

  async function requireNothingPrivate(dump: Buffer): Promise<void> {
    const secret = (await readFile(keyFile, 'utf8')).trim().slice(2)
    for (const balance of BALANCES) {
      const hex = balance.toString(16)
      const padded = hex.padStart(64, '0')
      const bytes = Buffer.from(padded, 'hex')
      for (const form of [
        String(balance),
        hex,
        hex.toUpperCase(),
        bytes,
        bytes.subarray(16),
        Buffer.from(bytes).reverse(),
      ])
        assert.ok(!dump.includes(form), `the balance ${balance} is in Redis`)
      // Of base64 the middle is the same wherever it begins, but for three ways to begin.
      for (const shift of [0, 1, 2]) {
        const text = Buffer.concat([Buffer.alloc(shift), bytes])
          .toString('base64')
          .slice(44 - 12, 44 - 4)
        assert.ok(!dump.includes(text), `the balance ${balance} is in Redis in base64`)
      }
    }
    for (const form of [
      secret,
      secret.toUpperCase(),
      Buffer.from(secret, 'hex'),
      Buffer.from(secret, 'hex').toString('base64'),
    ])
      assert.ok(!dump.includes(form), 'the key of the fleet is in Redis')
  }
})
