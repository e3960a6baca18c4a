import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { KernelProver } from '../../prover/backends/kernel.ts'
import type { TableEvent } from '../../prover/backends/table-maker.ts'
import { closeCurve } from '../../prover/curve.ts'
import type { KeySet } from '../../prover/keys.ts'
import { ProofService } from '../../prover/proof-service.ts'
import { verifyProof } from '../../prover/verify-proof.ts'
import { type Witness, WitnessCalculator } from '../../prover/witness.ts'
import { ensureToyKeys } from './toy-keys.ts'

const INPUT = { digest: 21n, z: 3n, y: 7n, secret: [5, 6] }
const SIGNALS = [21n, 3n, 7n]
const ENOUGH = 100e6

describe('tables of the kernel prover', function () {
  this.timeout(120_000)
  let directory: string
  let keys: KeySet
  let zkey: string
  let witness: Witness
  let events: TableEvent[]
  const open: KernelProver[] = []
  const previousCache = process.env.PLIMSOLL_CACHE

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'plimsoll-tables-'))
    process.env.PLIMSOLL_CACHE = directory
    keys = await ensureToyKeys()
    witness = await (await WitnessCalculator.open(keys.sweep.wasm, 'sweep')).calculate(INPUT)
  })

  beforeEach(async () => {
    events = []
    const own = await mkdtemp(join(directory, 'own-'))
    zkey = join(own, 'sweep.zkey')
    await copyFile(keys.sweep.zkey, zkey)
  })

  afterEach(async () => {
    for (const prover of open.splice(0)) await prover.close()
  })

  after(async () => {
    if (previousCache === undefined) delete process.env.PLIMSOLL_CACHE
    else process.env.PLIMSOLL_CACHE = previousCache
    await closeCurve()
    await rm(directory, { recursive: true })
  })

  const openProver = (bytes = ENOUGH): KernelProver => {
    const prover = new KernelProver({ threads: 2 }, { bytes, onEvent: (event) => events.push(event) })
    open.push(prover)
    return prover
  }
  const prove = async (prover: KernelProver, key = zkey): Promise<void> =>
    assert.equal(await verifyProof(keys, 'sweep', SIGNALS, await prover.prove(key, witness)), true)
  const told = () => events.splice(0).map(({ event }) => event)
  const files = async () => (await readdir(join(zkey, '..'))).filter((name) => name !== 'sweep.zkey')
  /** The tables' file, made by a prover of its own. */
  const makeFile = async (): Promise<{ path: string; content: Buffer }> => {
    const prover = openProver()
    await prove(prover)
    await prover.tables(zkey)
    assert.deepEqual(told(), ['tables-made'])
    const [name, ...others] = await files()
    assert.deepEqual(others, [])
    assert.match(name!, /^sweep\.zkey\.[0-9a-f]{16}\.tables$/)
    const path = join(zkey, '..', name!)
    return { path, content: await readFile(path) }
  }

  it('are made, used from then on, kept beside the key, and read by the next process', async () => {
    const { path, content } = await makeFile()
    await prove(open[0]!)
    const next = openProver()
    await prove(next)
    await next.tables(zkey)
    assert.deepEqual(told(), ['tables-read'])
    await prove(next)
    assert.deepEqual(await readFile(path), content)
  })

  it('are refused and made anew where their file is cut off, changed, longer, empty or of another key', async () => {
    const { path, content } = await makeFile()
    const middle = content.length >> 1
    const changed = (at: number) => Buffer.from(content.with(at, content[at]! ^ 1))
    for (const damaged of [
      content.subarray(0, content.length - 1),
      content.subarray(0, 40),
      Buffer.alloc(0),
      Buffer.concat([content, Buffer.of(0)]),
      changed(31),
      changed(middle),
      changed(content.length - 1),
    ]) {
      await writeFile(path, damaged)
      const prover = openProver()
      await prove(prover)
      await prover.tables(zkey)
      assert.deepEqual(told(), ['tables-refused', 'tables-made'])
      await prove(prover)
      assert.deepEqual(await readFile(path), content)
    }
  })

  it('replace those that their key had in another form, and nothing else', async () => {
    const other = join(zkey, '..', 'sweep.zkey.0123456789abcdef.tables')
    const beside = [
      'sweep.zkey.tables',
      'resolve.zkey.0123456789abcdef.tables',
      'sweep.zkey.0123456789abcdef.tables.txt',
    ]
    for (const name of [other, ...beside.map((one) => join(zkey, '..', one))]) await writeFile(name, 'x')
    const prover = openProver()
    await prove(prover)
    await prover.tables(zkey)
    const left = await files()
    assert.equal(left.length, beside.length + 1)
    assert.ok(beside.every((name) => left.includes(name)))
  })

  it('are not made where they would take more memory than is meant for them, all keys together', async () => {
    const { content } = await makeFile()
    const bytes = content.length - 64
    const tight = openProver(bytes - 1)
    await prove(tight)
    await tight.tables(zkey)
    assert.match(events[0]!.message, /^The tables for sweep\.zkey would take 1 MB, more than is left/)
    assert.deepEqual(told(), ['tables-not-made'])
    const second = join(zkey, '..', 'second.zkey')
    await copyFile(zkey, second)
    const one = openProver(2 * bytes - 1)
    await prove(one)
    await prove(one, second)
    await one.tables(second)
    assert.deepEqual(told(), ['tables-read', 'tables-not-made'])
    await prove(one, second)
  })

  it('are not made, nor read, where no memory is meant for them', async () => {
    const prover = openProver(0)
    await prove(prover)
    await prover.tables(zkey)
    await prove(prover)
    assert.deepEqual(await files(), [])
    assert.deepEqual(told(), [])
  })

  it('are used where they cannot be kept', async () => {
    const lost = join(await mkdtemp(join(directory, 'lost-')), 'keys')
    await mkdir(lost)
    await copyFile(zkey, join(lost, 'sweep.zkey'))
    const prover = openProver()
    await prover.prepare(join(lost, 'sweep.zkey'))
    await rm(lost, { recursive: true })
    await prove(prover, join(lost, 'sweep.zkey'))
    await prover.tables(join(lost, 'sweep.zkey'))
    assert.deepEqual(told(), ['tables-made', 'tables-not-kept'])
    await prove(prover, join(lost, 'sweep.zkey'))
  })

  it('are not made before the proofs under their key are as many as it takes, but read at once', async () => {
    const openCounting = () => {
      const prover = new KernelProver(
        { threads: 2 },
        { bytes: ENOUGH, after: 3, onEvent: (event) => events.push(event) },
      )
      open.push(prover)
      return prover
    }
    const few = openCounting()
    for (let i = 0; i < 2; i++) await prove(few)
    await few.close()
    assert.deepEqual(told(), [])
    assert.deepEqual(await files(), [])
    const enough = openCounting()
    for (let i = 0; i < 3; i++) await prove(enough)
    await enough.tables(zkey)
    assert.deepEqual(told(), ['tables-made'])
    const next = openCounting()
    await prove(next)
    while (events.length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
    assert.deepEqual(told(), ['tables-read'])
  })

  it('let proofs go first that are asked for while they are made', async () => {
    const prover = openProver()
    await prove(prover)
    const making = prover.tables(zkey)
    for (let i = 0; i < 3; i++) {
      await prove(prover)
      assert.deepEqual(told(), [])
    }
    await making
    assert.deepEqual(told(), ['tables-made'])
  })

  it('that are half made when the prover is closed are forgotten', async () => {
    const prover = openProver()
    await prove(prover)
    await prover.close()
    assert.deepEqual(told(), [])
    assert.deepEqual(await files(), [])
  })

  it('that spoil proofs cost each a second one, and a warning and their file, and are not asked again', async () => {
    const { path, content } = await makeFile()
    const body = content.subarray(0, -32)
    // Nothing of it is a multiple: good by its hash, as if the memory had been at fault when it was made.
    for (let at = 32; at < body.length; at += 16) body.copy(body, at, 32, 48)
    await writeFile(path, Buffer.concat([body, createHash('sha256').update(body).digest()]))
    const prover = openProver()
    const proofs = new ProofService(async () => prover)
    const own = { ...keys, sweep: { ...keys.sweep, zkey } }
    await proofs.prove(own, 'sweep', INPUT)
    await prover.tables(zkey)
    assert.deepEqual(told(), ['tables-read'])
    for (const proven of await Promise.all([1, 2].map(() => proofs.prove(own, 'sweep', INPUT))))
      assert.equal(await proofs.verify(own, 'sweep', proven), true)
    assert.match(events[0]!.message, /^The tables for sweep\.zkey made a proof that does not verify; they were removed/)
    assert.deepEqual(told(), ['tables-refused'])
    assert.deepEqual(await files(), [])
    await proofs.prove(own, 'sweep', INPUT)
    await prover.tables(zkey)
    assert.deepEqual(told(), [])
  })
})
