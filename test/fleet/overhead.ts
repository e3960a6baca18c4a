import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Fleet } from '../../fleet/fleet.ts'
import { FleetKey } from '../../fleet/fleet-key.ts'
import type { CircuitInput } from '../../protocol/circuit-input.ts'
import { startWorker, stubKeys } from '../support/fleet.ts'
import { startRedis } from '../support/redis.ts'
import { stubProver } from '../support/stub-prover.ts'

// `npm run bench:fleet`: what a fleet costs beside the proofs, on one machine: four provers that need no time, each a process of
// its own, over a Redis that writes all it has to the disk. Verifying a proof, which the local prover does as well, is not in it.

const WORKERS = 4
const JOBS = 200
/** Field elements of an input: about those of a batch of `tiny`, and of a sweep of `large`. */
const SIZES = [150, 4_000]

const directory = await mkdtemp(join(tmpdir(), 'plimsoll-'))
const redis = await startRedis()
const keyFile = join(directory, 'fleet.key')
const key = await FleetKey.create(keyFile)
const { keys, source } = await stubKeys(directory)
const local = { ...stubProver('honest', 0), prove: () => Promise.reject(new Error('The node was to prove nothing.')) }
const fleet = await Fleet.open({ redis: redis.url, key, local })
await fleet.announce(keys)
const workers = await Promise.all(
  Array.from({ length: WORKERS }, (_, i) =>
    startWorker(redis.url, keyFile, source, { name: `w${i}`, delay: 0, cache: join(directory, 'cache') }),
  ),
)
while (fleet.figures.workers < WORKERS) await sleep(100)

let number = 0n
const input = (size: number): CircuitInput => ({
  digest: ++number,
  z: 2n,
  y: 3n,
  rest: Array.from({ length: size }, (_, i) => (number << 200n) + BigInt(i)),
})
const timed = async (action: () => Promise<unknown>) => {
  const started = performance.now()
  await action()
  return performance.now() - started
}
process.stdout.write('field elements  one at a time, ms a job  all at once, ms a job\n')
for (const size of SIZES) {
  const inputs = Array.from({ length: 2 * JOBS }, () => input(size))
  for (const each of inputs.splice(0, 10)) await fleet.prove(keys, 'sweep', each)
  const single = await timed(async () => {
    for (const each of inputs.splice(0, JOBS / 2)) await fleet.prove(keys, 'sweep', each)
  })
  const batch = inputs.splice(0, JOBS)
  const together = await timed(() => Promise.all(batch.map((each) => fleet.prove(keys, 'sweep', each))))
  const row = [
    String(size).padStart(14),
    (single / (JOBS / 2)).toFixed(1).padStart(24),
    (together / JOBS).toFixed(1).padStart(22),
  ]
  process.stdout.write(`${row.join('  ')}\n`)
}

for (const worker of workers) await worker.kill('SIGTERM')
await fleet.close()
await redis.stop()
await rm(directory, { recursive: true })
process.exit(0)
