import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { groth16 } from 'snarkjs'
import { keccak256 } from 'viem'
import { PlimsollError } from '../../protocol/errors.ts'
import { calldata, type Proof } from '../../protocol/proof.ts'
import { AccountTree } from '../../protocol/tree.ts'
import { compileCircuit } from '../../prover/compile.ts'
import { writeDevelopmentKey } from '../../prover/development-key.ts'
import { hasFusedMultiplyAdd } from '../../prover/kernel/fused.ts'
import { Kernel } from '../../prover/kernel/kernel.ts'
import type { KeySet } from '../../prover/keys.ts'
import { circuitsHash, ensureKeys } from '../../prover/keys.ts'
import { CIRCUITS, type CircuitName } from '../../prover/profiles.ts'
import { readR1cs } from '../../prover/r1cs.ts'
import { keyHash, requireSoundKey, type VerificationKey } from '../../prover/verification-key.ts'
import { writeVerifierContracts } from '../../prover/verifier-contract.ts'
import { verifyProof } from '../../prover/verify-proof.ts'
import { encodeWitness, WitnessCalculator } from '../../prover/witness.ts'
import { proofs } from '../support/proofs.ts'
import { ensureToyKeys, TOY_CIRCUITS, toyMain } from './toy-keys.ts'

const INPUT = { digest: 21n, z: 3n, y: 7n, secret: [5, '6'] }
const SIGNALS = [21n, 3n, 7n]
const BN254_Q = 21888242871839275222246405745257275088696311157297823662689037894645226208583n

describe('keys and proofs', () => {
  let cache: string
  let keys: KeySet
  let proof: Proof
  const stages = new Set<string>()
  const previousCache = process.env.PLIMSOLL_CACHE

  before(async () => {
    cache = await mkdtemp(join(tmpdir(), 'plimsoll-keys-'))
    process.env.PLIMSOLL_CACHE = cache
    keys = await ensureToyKeys(({ circuit, stage }) => stages.add(`${circuit} ${stage}`))
    const result = await proofs.prove(keys, 'sweep', INPUT)
    assert.deepEqual(result.signals, SIGNALS)
    proof = result.proof
  })

  after(async () => {
    if (previousCache === undefined) delete process.env.PLIMSOLL_CACHE
    else process.env.PLIMSOLL_CACHE = previousCache
    await proofs.close()
    await rm(cache, { recursive: true })
  })

  describe('development keys', () => {
    it('are the same bytes for the same circuit and seeds, whatever computes them, and others for another seed', async () => {
      const make = async (name: string, seeds: readonly [string, string], kernel?: Kernel): Promise<string> => {
        const zkey = join(cache, name)
        const [phase1Seed, deltaSeed] = seeds
        await writeDevelopmentKey({ r1cs: keys.resolve.r1cs, zkey, phase1Seed, deltaSeed, ...(kernel && { kernel }) })
        return createHash('sha256')
          .update(await readFile(zkey))
          .digest('hex')
      }
      // What the generator has made from its beginning, when all its arithmetic was ffjavascript's.
      const known = '85e12664ec4a94bf732fcade94edd161f36d287edac0ce2018891a615dc0de84'
      const seeds = ['seed', 'seed'] as const
      assert.equal(await make('default.zkey', seeds), known)
      for (const [variant, threads] of [
        [hasFusedMultiplyAdd() ? 'fma' : 'integer', 3],
        ['integer', 1],
      ] as const) {
        const kernel = new Kernel({ variant, threads })
        try {
          assert.equal(await make(`${threads}.zkey`, seeds, kernel), known)
          // The memory is used again.
          assert.notEqual(await make(`${threads}-phase1.zkey`, ['other seed', 'seed'], kernel), known)
          assert.notEqual(await make(`${threads}-delta.zkey`, ['seed', 'other seed'], kernel), known)
          assert.equal(await make(`${threads}-again.zkey`, seeds, kernel), known)
        } finally {
          await kernel.close()
        }
      }
    })

    it('are of one phase 1, and each has a delta of its own, in another profile too', async () => {
      const main = () => toyMain(1)
      const source = { circuits: TOY_CIRCUITS, main }
      const small = await ensureKeys('small', { source, circuits: ['resolve', 'exit'] })
      const sets = [...CIRCUITS.map((circuit) => keys[circuit]), small.resolve, small.exit]
      const all = sets.map(({ verificationKey }) => verificationKey)
      const distinct = (part: (key: VerificationKey) => unknown) => new Set(all.map((key) => String(part(key)))).size
      const phases1 = distinct((key) => [key.vk_alpha_1, key.vk_beta_2, key.vk_gamma_2])
      assert.deepEqual([phases1, distinct((key) => key.vk_delta_2)], [1, all.length])
      // Made for one circuit, so by the same tau.
      assert.deepEqual(keys.resolve.verificationKey.IC, keys.exit.verificationKey.IC)
      assert.notEqual(keys.resolve.keyHash, keys.exit.keyHash)
      await rm(dirname(small.directory), { recursive: true })
    })

    it('are refused when gamma equals delta', () => {
      const key = keys.sweep.verificationKey
      requireSoundKey(key, 'sweep')
      assert.throws(
        () => requireSoundKey({ ...key, vk_delta_2: key.vk_gamma_2 }, 'sweep'),
        isPlimsollError(/gamma equal to delta/),
      )
    })

    it('are named by a hash of every point', () => {
      const key = keys.sweep.verificationKey
      const word = (value: string): string => BigInt(value).toString(16).padStart(64, '0')
      const g2 = (point: string[][]): string =>
        [point[0]![1]!, point[0]![0]!, point[1]![1]!, point[1]![0]!].map(word).join('')
      const encoded = [
        word(key.vk_alpha_1[0]!) + word(key.vk_alpha_1[1]!),
        g2(key.vk_beta_2),
        g2(key.vk_gamma_2),
        g2(key.vk_delta_2),
        ...key.IC.map((point) => word(point[0]!) + word(point[1]!)),
      ]
      assert.equal(key.IC.length, 4)
      assert.equal(keys.sweep.keyHash, keccak256(`0x${encoded.join('')}`))
      const swapped = { ...key, IC: [key.IC[1]!, key.IC[0]!, ...key.IC.slice(2)] }
      assert.notEqual(keyHash(swapped), keys.sweep.keyHash)
    })

    it('refuse an r1cs file that is cut short', async () => {
      const r1cs = join(cache, 'short.r1cs')
      const whole = await readFile(keys.resolve.r1cs)
      await writeFile(r1cs, whole.subarray(0, whole.length - 1000))
      await assert.rejects(
        writeDevelopmentKey({ r1cs, zkey: join(cache, 'short.zkey'), phase1Seed: '', deltaSeed: '' }),
        isPlimsollError(/short\.r1cs/),
      )
    })

    const malformations: [string, (constraints: Buffer) => void, RegExp][] = [
      ['a wire that is none', (constraints) => constraints.writeUInt32LE(1 << 20, 4), /malformed/],
      ['more terms than the file has', (constraints) => constraints.writeUInt32LE(1 << 20, 0), /malformed/],
      ['a coefficient of r or more', (constraints) => constraints.fill(255, 8, 40), /coefficient/],
    ]
    for (const [what, malform, message] of malformations) {
      it(`refuse an r1cs file with ${what}`, async () => {
        const [r1cs, zkey] = [join(cache, 'malformed.r1cs'), join(cache, 'malformed.zkey')]
        const file = await readFile(keys.resolve.r1cs)
        malform(file.subarray(file.indexOf(readR1cs(keys.resolve.r1cs).constraints)))
        await writeFile(r1cs, file)
        await assert.rejects(
          writeDevelopmentKey({ r1cs, zkey, phase1Seed: '', deltaSeed: '' }),
          isPlimsollError(message),
        )
        await assert.rejects(stat(zkey))
      })
    }
  })

  describe('compiler', () => {
    it('takes a circuit with the name of the file of its template', async () => {
      await compileCircuit({ name: 'toy', main: toyMain(1), circuits: TOY_CIRCUITS, output: cache })
      assert.deepEqual((await readdir(cache)).filter((name) => name.startsWith('toy')).sort(), [
        'toy.r1cs',
        'toy.sym',
        'toy.wasm',
      ])
      assert.equal(readR1cs(join(cache, 'toy.r1cs')).constraintCount, keys.resolve.constraints)
    })

    it('says what is wrong with a circuit', async () => {
      const circuits = join(cache, 'circuits')
      await mkdir(circuits, { recursive: true })
      await assert.rejects(
        compileCircuit({
          name: 'broken',
          main: 'pragma circom 2.2.0;\ncomponent main = Missing();\n',
          circuits,
          output: cache,
        }),
        (error: unknown) =>
          error instanceof PlimsollError && /broken/.test(error.message) && /Missing/.test(error.hint ?? ''),
      )
      assert.deepEqual(
        (await readdir(cache)).filter((name) => name.startsWith('broken')),
        [],
      )
    })
  })

  describe('cache', () => {
    it('keeps nothing of a build that fails', async () => {
      await assert.rejects(
        ensureKeys('small', {
          source: { circuits: TOY_CIRCUITS, main: (circuit) => (circuit === 'sweep' ? 'nonsense' : toyMain(1)) },
        }),
        isPlimsollError(/circuit sweep does not compile/),
      )
      assert.deepEqual(await readdir(join(cache, 'keys', 'small')), [])
    })

    it('reports the progress of all circuits when it is filled and nothing when it is used', async () => {
      assert.deepEqual(
        [...stages].sort(),
        [...CIRCUITS].sort().flatMap((circuit) => [`${circuit} compile`, `${circuit} key`]),
      )
      let calls = 0
      const again = await ensureToyKeys(() => calls++)
      assert.equal(calls, 0)
      assert.deepEqual(again, keys)
    })

    it('leaves no temporary files', async () => {
      assert.deepEqual(await readdir(dirname(keys.directory)), [basename(keys.directory)])
      assert.deepEqual((await readdir(keys.directory)).sort(), [...CIRCUITS].sort())
    })

    it('makes the keys that are asked for and no others', async () => {
      const main = (circuit: CircuitName) => toyMain(circuit === 'exit' ? 4 : 3)
      const source = { circuits: TOY_CIRCUITS, main }
      const built = new Set<string>()
      const onProgress = ({ circuit }: { circuit: CircuitName }) => built.add(circuit)
      const exit = await ensureKeys('large', { source, circuits: ['exit'], onProgress })
      assert.deepEqual([...built], ['exit'])
      assert.deepEqual(await readdir(exit.directory), ['exit'])
      assert.deepEqual(Object.keys(exit).sort(), ['directory', 'exit', 'origin', 'profile'])
      built.clear()
      const two = await ensureKeys('large', { source, circuits: ['sweep', 'exit'], onProgress })
      assert.deepEqual([...built], ['sweep'])
      assert.deepEqual(two.exit, exit.exit)
    })

    it('makes no new ones for a comment, but for anything else', async () => {
      const circuits = join(cache, 'commented')
      await cp(TOY_CIRCUITS, circuits, { recursive: true })
      const main = () => toyMain(1)
      const hash = () => circuitsHash({ circuits, main })
      const before = await hash()
      const path = join(circuits, 'toy.circom')
      const text = await readFile(path, 'utf8')
      await writeFile(path, text.replace(/\n/, ' // say "//"\n').replace(/; *\n/g, '; /* more of it */\n'))
      assert.equal(await hash(), before)
      await writeFile(path, text.replace(/include "/, 'include "./'))
      assert.notEqual(await hash(), before)
    })

    const damages: [string, string, (path: string) => Promise<void>][] = [
      ['a truncated key', 'sweep.zkey', (path) => truncate(path, 1000)],
      ['a key with one other byte', 'resolve.zkey', flipLastByte],
      ['a foreign witness program', 'sweep.wasm', flipLastByte],
      ['a changed verification key', 'resolve.json', flipLastByte],
      ['a missing file', 'resolve.r1cs', (path) => rm(path)],
      ['an unreadable manifest', 'manifest.json', (path) => truncate(path, 10)],
      ['a manifest without files', 'manifest.json', (path) => writeFile(path, '{"files":{}}')],
    ]
    for (const [what, name, damage] of damages) {
      it(`refuses ${what} and names the file`, async () => {
        const backup = join(cache, 'backup')
        const circuit = join(keys.directory, name.startsWith('resolve') ? 'resolve' : 'sweep')
        await cp(keys.directory, backup, { recursive: true })
        try {
          await damage(join(circuit, name))
          await assert.rejects(
            ensureToyKeys(),
            (error: unknown) =>
              error instanceof PlimsollError &&
              error.message.includes(join(circuit, name)) &&
              /plimsoll setup/.test(error.hint ?? ''),
          )
        } finally {
          await rm(keys.directory, { recursive: true })
          await cp(backup, keys.directory, { recursive: true })
          await rm(backup, { recursive: true })
        }
      })
    }
  })

  describe('proofs', () => {
    it('verify', async () => {
      assert.equal(await verifyProof(keys, 'sweep', SIGNALS, proof), true)
    })

    it('are refused for other signals, another circuit and another number of signals', async () => {
      assert.equal(await verifyProof(keys, 'sweep', [21n, 3n, 8n], proof), false)
      assert.equal(await verifyProof(keys, 'resolve', SIGNALS, proof), false)
      assert.equal(await verifyProof(keys, 'sweep', SIGNALS.slice(1), proof), false)
    })

    const forgeries: [string, (forged: Proof) => unknown][] = [
      ['with a point of another proof part', (forged) => ({ ...forged, pi_a: forged.pi_c })],
      ['with a point off the curve', (forged) => ({ ...forged, pi_c: ['1', '1', '1'] })],
      [
        'with a coordinate beyond the field',
        (forged) => ({ ...forged, pi_a: [(BigInt(forged.pi_a[0]!) + BN254_Q).toString(), ...forged.pi_a.slice(1)] }),
      ],
      ['with a projective coordinate', (forged) => ({ ...forged, pi_a: [...forged.pi_a.slice(0, 2), '2'] })],
      ['with a word that is no number', (forged) => ({ ...forged, pi_c: ['x', ...forged.pi_c.slice(1)] })],
      ['with a part missing', ({ pi_a, pi_c, protocol, curve }) => ({ pi_a, pi_c, protocol, curve })],
      ['of another curve', (forged) => ({ ...forged, curve: 'bls12381' })],
      ['that is nothing', () => null],
    ]
    for (const [what, forge] of forgeries) {
      it(`are refused: one ${what}`, async () => {
        assert.equal(await verifyProof(keys, 'sweep', SIGNALS, forge(structuredClone(proof))), false)
      })
    }

    it('of a witness with one wire changed are refused', async () => {
      const calculator = await WitnessCalculator.open(keys.sweep.wasm, 'sweep')
      const witness = await calculator.calculate(INPUT)
      const wires = witness.length / 32
      assert.deepEqual(
        SIGNALS.map((_, i) => BigInt(witness[(i + 1) * 32]!)),
        SIGNALS,
      )
      // A public signal, a secret input, a wire in between and the last one.
      for (const wire of [3, 4, wires >> 1, wires - 1]) {
        const changed = witness.slice()
        changed[wire * 32]! ^= 1
        const forged = await groth16.prove(keys.sweep.zkey, encodeWitness(changed))
        assert.equal(
          await verifyProof(keys, 'sweep', forged.publicSignals.map(BigInt), forged.proof),
          false,
          `wire ${wire}`,
        )
      }
      const honest = await groth16.prove(keys.sweep.zkey, encodeWitness(witness))
      assert.equal(await verifyProof(keys, 'sweep', SIGNALS, honest.proof), true)
    })

    it('are not made for an input that the circuit refuses', async () => {
      await assert.rejects(proofs.prove(keys, 'sweep', { ...INPUT, y: 8n }), isPlimsollError(/circuit sweep/))
    })

    it('are not made for a missing, unknown or resized input', async () => {
      const { y: _, ...missing } = INPUT
      await assert.rejects(proofs.prove(keys, 'sweep', missing), hint(/4 of 5 input values/))
      await assert.rejects(
        proofs.prove(keys, 'sweep', { ...INPUT, other: 1 }),
        hint(/other has 1 values, the circuit has no such input/),
      )
      await assert.rejects(
        proofs.prove(keys, 'sweep', { ...INPUT, secret: [1] }),
        hint(/secret has 1 values, the circuit has 2 values/),
      )
    })

    it('have call data with the halves of b swapped', () => {
      const { a, b, c } = calldata(proof)
      assert.deepEqual(a, proof.pi_a.slice(0, 2).map(BigInt))
      assert.deepEqual(b[0], [BigInt(proof.pi_b[0]![1]!), BigInt(proof.pi_b[0]![0]!)])
      assert.deepEqual(b[1], [BigInt(proof.pi_b[1]![1]!), BigInt(proof.pi_b[1]![0]!)])
      assert.deepEqual(c, proof.pi_c.slice(0, 2).map(BigInt))
    })
  })

  describe('verifier contracts', () => {
    it('compile, name their key and sizes, and refuse other chains', async () => {
      const directory = join(cache, 'contracts')
      const paths = await writeVerifierContracts(keys, directory)
      const sources = Object.fromEntries(
        await Promise.all(
          Object.values(paths).map(async (path) => [path, { content: await readFile(path, 'utf8') }] as const),
        ),
      )
      const solc = createRequire(import.meta.url)('solc') as { compile(input: string): string }
      const output = JSON.parse(
        solc.compile(
          JSON.stringify({
            language: 'Solidity',
            sources,
            settings: { outputSelection: { '*': { '*': ['evm.bytecode.object'] } } },
          }),
        ),
      ) as {
        errors?: { severity: string; formattedMessage: string }[]
        contracts: Record<string, Record<string, unknown>>
      }
      assert.deepEqual(
        (output.errors ?? []).filter(({ severity }) => severity === 'error'),
        [],
      )
      assert.deepEqual(Object.keys(output.contracts[paths.resolve]!).sort(), [
        'ResolveGroth16Verifier',
        'ResolveVerifier',
        'ResolveVerifierAnyChain',
      ])

      const sweep = sources[paths.sweep]!.content
      assert.match(sweep, /block\.chainid != 31337 && block\.chainid != 1337\) revert DevelopmentKeysOnly/)
      assert.ok(sweep.includes(`return ${keys.sweep.keyHash};`))
      assert.match(sweep, /Do not edit/)
      assert.doesNotMatch(sweep, /function depth/)
      const { transact, exit } = paths
      for (const path of [transact, exit])
        assert.match(
          sources[path]!.content,
          new RegExp(`function depth\\(\\) external pure returns \\(uint256\\) {\\s*return ${keys.profile.depth};`),
        )
      assert.ok(sources[transact]!.content.includes(`return ${new AccountTree(keys.profile.depth).root};`))
      assert.match(sources[exit]!.content, /function steps\(\) external pure returns \(uint256\) {\s*return 1;/)
    })

    it('are not written again when nothing changes', async () => {
      const directory = join(cache, 'unchanged')
      const { sweep, resolve } = await writeVerifierContracts(keys, directory)
      await utimes(sweep, 1, 1)
      await writeFile(resolve, 'something else')
      await writeVerifierContracts(keys, directory)
      assert.equal((await stat(sweep)).mtimeMs, 1000)
      assert.match(await readFile(resolve, 'utf8'), /contract ResolveVerifier /)
    })
  })
})

async function flipLastByte(path: string): Promise<void> {
  const data = await readFile(path)
  data[data.length - 1]! ^= 1
  await writeFile(path, data)
}

function isPlimsollError(message: RegExp): (error: unknown) => boolean {
  return (error) => error instanceof PlimsollError && message.test(error.message)
}

function hint(text: RegExp): (error: unknown) => boolean {
  return (error) => error instanceof PlimsollError && text.test(error.hint ?? '')
}
