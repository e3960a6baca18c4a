import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { PlimsollError } from '../../protocol/errors.ts'
import { KernelProver } from '../../prover/backends/kernel.ts'
import { closeCurve } from '../../prover/curve.ts'
import type { KeySet } from '../../prover/keys.ts'
import { openProver, type Prover } from '../../prover/prover.ts'
import { verifyProof } from '../../prover/verify-proof.ts'
import { type Witness, WitnessCalculator } from '../../prover/witness.ts'
import { ensureToyKeys } from './toy-keys.ts'

const SIGNALS = [21n, 3n, 7n]
const rapidsnark = process.env.PLIMSOLL_RAPIDSNARK

/** Every backend that is present; a native one where PLIMSOLL_RAPIDSNARK names its executable. */
const BACKENDS: readonly (readonly [string, () => Promise<Prover>])[] = [
  ['kernel', () => openProver('kernel')],
  ['kernel without fused multiply-add', async () => new KernelProver({ variant: 'integer' })],
  ['kernel on one thread', async () => new KernelProver({ threads: 1 })],
  ['snarkjs', () => openProver('snarkjs')],
  ...(rapidsnark === undefined ? [] : [['rapidsnark', () => openProver(`rapidsnark=${rapidsnark}`)] as const]),
]

describe('provers', () => {
  let cache: string
  let keys: KeySet
  let witness: Witness
  const previousCache = process.env.PLIMSOLL_CACHE

  before(async () => {
    cache = await mkdtemp(join(tmpdir(), 'plimsoll-backends-'))
    process.env.PLIMSOLL_CACHE = cache
    keys = await ensureToyKeys()
    witness = await (await WitnessCalculator.open(keys.sweep.wasm, 'sweep')).calculate({
      digest: 21n,
      z: 3n,
      y: 7n,
      secret: [5, 6],
    })
  })

  after(async () => {
    if (previousCache === undefined) delete process.env.PLIMSOLL_CACHE
    else process.env.PLIMSOLL_CACHE = previousCache
    await closeCurve()
    await rm(cache, { recursive: true })
  })

  it('kernel refuses a key of 2 GiB without reading it', async () => {
    const zkey = join(cache, 'large.zkey')
    await writeFile(zkey, '')
    await truncate(zkey, 2 ** 31)
    const prover = await openProver('kernel')
    await assert.rejects(
      prover.prove(zkey, witness),
      (error: unknown) =>
        error instanceof PlimsollError && /large\.zkey has 2147483648 bytes, more than/.test(error.message),
    )
    await prover.close()
  })

  for (const [name, open] of BACKENDS) {
    describe(name, () => {
      let prover: Prover
      before(async () => {
        prover = await open()
      })
      after(() => prover.close())

      it('makes proofs that verify for their signals and no others', async () => {
        const proof = await prover.prove(keys.sweep.zkey, witness)
        assert.equal(await verifyProof(keys, 'sweep', SIGNALS, proof), true)
        assert.equal(await verifyProof(keys, 'sweep', [21n, 3n, 8n], proof), false)
      })

      it('blinds: two proofs of one witness share no point', async () => {
        const [first, second] = [
          await prover.prove(keys.sweep.zkey, witness),
          await prover.prove(keys.sweep.zkey, witness),
        ]
        for (const part of ['pi_a', 'pi_b', 'pi_c'] as const) assert.notDeepEqual(first[part], second[part])
        assert.equal(await verifyProof(keys, 'sweep', SIGNALS, second), true)
      })

      it('makes no valid proof of a false witness', async () => {
        const changed = new Uint8Array(witness) as Witness
        changed[32 * (keys.sweep.verificationKey.nPublic + 1)]! ^= 1
        const proof = await prover.prove(keys.sweep.zkey, changed).catch(() => undefined)
        assert.equal(await verifyProof(keys, 'sweep', SIGNALS, proof), false)
      })

      it('makes several proofs that are asked for at once, under two keys', async () => {
        const other = await (await WitnessCalculator.open(keys.resolve.wasm, 'resolve')).calculate({
          digest: 21n,
          z: 3n,
          y: 7n,
          secret: [5, 6],
        })
        const proofs = await Promise.all([
          prover.prove(keys.sweep.zkey, witness),
          prover.prove(keys.resolve.zkey, other),
          prover.prove(keys.sweep.zkey, witness),
        ])
        assert.deepEqual(
          await Promise.all([
            verifyProof(keys, 'sweep', SIGNALS, proofs[0]),
            verifyProof(keys, 'resolve', SIGNALS, proofs[1]),
            verifyProof(keys, 'sweep', SIGNALS, proofs[2]),
          ]),
          [true, true, true],
        )
      })
    })
  }

  it('of the kernel refuse a damaged key and go on', async () => {
    const prover = new KernelProver()
    const damaged = join(cache, 'damaged.zkey')
    const file = await readFile(keys.sweep.zkey)
    await writeFile(damaged, file.subarray(0, file.length - 100))
    await assert.rejects(
      prover.prove(damaged, witness),
      (error) => error instanceof PlimsollError && /damaged\.zkey is truncated/.test(error.message),
    )
    const proof = await prover.prove(keys.sweep.zkey, witness)
    assert.equal(await verifyProof(keys, 'sweep', SIGNALS, proof), true)
    await prover.close()
  })

  it('of the kernel start a new one after a fault', async () => {
    const prover = new KernelProver()
    prover.onPhase = () => {
      throw new Error('a fault')
    }
    await assert.rejects(prover.prove(keys.sweep.zkey, witness), /a fault/)
    prover.onPhase = undefined
    assert.equal(await verifyProof(keys, 'sweep', SIGNALS, await prover.prove(keys.sweep.zkey, witness)), true)
    await prover.close()
  })

  it('of the kernel do not keep a process alive', async () => {
    const file = join(cache, 'witness')
    await writeFile(file, witness)
    const script = `
      import { readFile } from 'node:fs/promises'
      import { openProver } from ${JSON.stringify(new URL('../../prover/prover.ts', import.meta.url).href)}
      const prover = await openProver('kernel')
      const proof = await prover.prove(process.argv[1], new Uint8Array(await readFile(process.argv[2])))
      console.log(proof.protocol)`
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--input-type=module', '-e', script, keys.sweep.zkey, file],
      { timeout: 60_000 },
    )
    assert.equal(stdout, 'groth16\n')
  })

  for (const [choice, message] of [
    ['groth', /There is no prover groth/],
    ['kernel=x', /There is no prover kernel=x/],
    ['rapidsnark', /needs the path/],
    ['rapidsnark=/nowhere/prover', /\/nowhere\/prover is not an executable file/],
  ] as const) {
    it(`are refused: ${choice}`, () =>
      assert.rejects(openProver(choice), (error) => error instanceof PlimsollError && message.test(error.message)))
  }
})
