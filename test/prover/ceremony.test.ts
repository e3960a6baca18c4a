import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { cp, mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { powersOfTau, zKey } from 'snarkjs'
import { PlimsollError } from '../../protocol/errors.ts'
import { compiledCircuits } from '../../prover/ceremony/compiled-circuits.ts'
import { exportKeys, loadExportedKeys } from '../../prover/ceremony/exported-keys.ts'
import { applyBeacon, contribute } from '../../prover/ceremony/extend-ceremony.ts'
import { importPtau } from '../../prover/ceremony/import-ptau.ts'
import { checkPtau } from '../../prover/ceremony/ptau-file.ts'
import { PUBLISHED_PTAU } from '../../prover/ceremony/published-ptau.ts'
import { withSnarkjs } from '../../prover/ceremony/snarkjs-job.ts'
import {
  describeKeys,
  readKeys,
  readTranscript,
  type Transcript,
  writeTranscript,
} from '../../prover/ceremony/transcript.ts'
import { verifyCeremony } from '../../prover/ceremony/verify-ceremony.ts'
import { closeCurve, curveIsOpen } from '../../prover/curve.ts'
import { ensureKeys } from '../../prover/keys.ts'
import type { CircuitName } from '../../prover/profiles.ts'
import { CIRCUITS } from '../../prover/profiles.ts'
import { writeVerifierContracts } from '../../prover/verifier-contract.ts'
import { verifyProof } from '../../prover/verify-proof.ts'
import { proofs } from '../support/proofs.ts'
import {
  contributeSecret,
  contributionsOf,
  inverse,
  readSections,
  type Sections,
  setContributions,
  writeSections,
} from '../support/zkey-surgery.ts'
import { blake2b512, TOY_POWER, TOY_SOURCE, writeToyPtau } from './toy-ceremony.ts'

const INPUT = { digest: 21n, z: 3n, y: 7n, secret: 5n }
const SIGNALS = [21n, 3n, 7n]
const BEACON = '00112233445566778899aabbccddeeff'
const BN254_R = 21888242871839275222246405745257275088548364400416034343698204186575808495617n

describe('key ceremony', () => {
  let directory: string
  let hash: string
  const at = (...names: string[]): string => join(directory, ...names)
  const previousCache = process.env.PLIMSOLL_CACHE

  const source = TOY_SOURCE
  const verify = (name: string, options: { ptau?: string; unfinished?: boolean } = {}) =>
    verifyCeremony({ directory: at(name), ptau: at('toy.ptau'), hash, source, ...options })

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'plimsoll-ceremony-'))
    process.env.PLIMSOLL_CACHE = at('cache')
    hash = await writeToyPtau(at('toy.ptau'))
    await importPtau({ ptau: at('toy.ptau'), hash, profile: 'tiny', output: at('step0'), source })
    await contribute({ directory: at('step0'), output: at('step1'), name: 'Alice' })
    await contribute({
      directory: at('step1'),
      output: at('step2'),
      name: 'Bob of the Übersee',
      text: 'dice: 3 1 6 6 2',
    })
    await applyBeacon({
      directory: at('step2'),
      output: at('closed'),
      value: `0x${BEACON.toUpperCase()}`,
      iterations: 10,
    })
    assert.deepEqual(
      await exportKeys({ directory: at('closed'), ptau: at('toy.ptau'), hash, output: at('keys'), source }),
      await verify('closed'),
    )
  })

  after(async () => {
    if (previousCache === undefined) delete process.env.PLIMSOLL_CACHE
    else process.env.PLIMSOLL_CACHE = previousCache
    await proofs.close()
    await rm(directory, { recursive: true })
  })

  /** The files there are, but for the ones that snarkjs made the powers of tau with. */
  const list = async (): Promise<string[]> => (await readdir(directory)).sort()

  /** A call must be refused in one sentence, and leave nothing behind. */
  async function refused(call: () => Promise<unknown>, message: RegExp): Promise<void> {
    const before = await list()
    await assert.rejects(call(), (error: unknown) => {
      assert.ok(error instanceof PlimsollError, String(error))
      assert.match(error.message, message)
      assert.doesNotMatch(error.message, /\n/)
      return true
    })
    assert.deepEqual(await list(), before)
  }

  /** A copy of a ceremony, changed. */
  async function copy(from: string, change: (directory: string) => Promise<unknown>): Promise<string> {
    await rm(at('copy'), { recursive: true, force: true })
    await cp(at(from), at('copy'), { recursive: true })
    await change(at('copy'))
    return 'copy'
  }

  /** A copy whose keys are changed, with a transcript that is true to them. */
  async function forged(
    from: string,
    change: (sections: Sections, circuit: CircuitName) => unknown,
    circuits: readonly CircuitName[] = CIRCUITS,
  ): Promise<string> {
    return copy(from, async (forgery) => {
      for (const circuit of circuits) {
        const path = join(forgery, `${circuit}.zkey`)
        const sections = await readSections(path)
        await change(sections, circuit)
        await rm(path)
        writeSections(path, 'zkey', sections)
      }
      await writeTranscript(forgery, await describeKeys(await readTranscript(forgery), await readKeys(forgery)))
    })
  }

  async function invalid(
    name: string,
    circuit: CircuitName | null,
    error: RegExp,
    options: { ptau?: string; unfinished?: boolean } = {},
  ): Promise<void> {
    const verdict = await verify(name, options)
    assert.ok(!verdict.ok, 'it was accepted')
    assert.match(verdict.error, error)
    assert.doesNotMatch(verdict.error, /\n/)
    assert.equal(verdict.circuit, circuit)
  }

  describe('that is honest', () => {
    it('is verified from the powers of tau to the beacon', async () => {
      const verdict = await verify('closed')
      assert.ok(verdict.ok, JSON.stringify(verdict))
      assert.equal(verdict.finished, true)
    })

    it('has a transcript that says what happened', async () => {
      const transcript = JSON.parse(await readFile(at('closed', 'transcript.json'), 'utf8')) as Transcript
      assert.deepEqual(transcript.powersOfTau, {
        published: null,
        power: TOY_POWER,
        blake2b512: await blake2b512(at('toy.ptau')),
      })
      assert.deepEqual(Object.keys(transcript.circuits), [...CIRCUITS])
      assert.deepEqual(
        transcript.contributions.map(({ name }) => name),
        ['Alice', 'Bob of the Übersee'],
      )
      assert.deepEqual({ ...transcript.beacon, hashes: null }, { value: BEACON, iterations: 10, hashes: null })
      const keys = await loadExportedKeys(at('keys'), 'tiny', { source })
      for (const circuit of CIRCUITS) {
        const { constraints, r1csSha256, zkeySha256, keyHash } = transcript.circuits[circuit]
        assert.equal(
          r1csSha256,
          createHash('sha256')
            .update(await readFile(keys[circuit].r1cs))
            .digest('hex'),
        )
        assert.equal(
          zkeySha256,
          createHash('sha256')
            .update(await readFile(at('closed', `${circuit}.zkey`)))
            .digest('hex'),
        )
        assert.deepEqual(
          { constraints, keyHash },
          { constraints: keys[circuit].constraints, keyHash: keys[circuit].keyHash },
        )
      }
      const { contributions } = await readTranscript(at('step1'))
      assert.deepEqual(transcript.contributions[0], contributions[0])
    })

    it('has the contribution hashes that snarkjs prints', async () => {
      const path = at('by-hand.zkey')
      const printed = await zKey.contribute(at('step0', 'sweep.zkey'), path, 'Alice', 'text')
      const sections = await readSections(path)
      await rm(path)
      const name = await copy('step0', async (changed) => {
        await rm(join(changed, 'sweep.zkey'))
        writeSections(join(changed, 'sweep.zkey'), 'zkey', sections)
      })
      const { sweep } = await readKeys(at(name))
      assert.equal(sweep.contributions[0]!.hash, Buffer.from(printed).toString('hex'))
    })

    it('makes keys that prove and verify, under no other', async () => {
      const keys = await loadExportedKeys(at('keys'), 'tiny', { source })
      assert.equal(keys.origin, 'ceremony')
      for (const circuit of CIRCUITS) {
        const { proof, signals } = await proofs.prove(keys, circuit, INPUT)
        assert.deepEqual(signals, SIGNALS)
        assert.equal(await verifyProof(keys, circuit, SIGNALS, proof), true)
        assert.equal(await verifyProof(keys, circuit, [21n, 7n, 3n], proof), false)
        const development = await ensureKeys('tiny', { source })
        assert.equal(await verifyProof(development, circuit, SIGNALS, proof), false)
      }
    })

    it('gives another key each time, whatever the text', async () => {
      const hashes = new Set<string>()
      for (const output of ['again', 'and-again']) {
        const { contributions } = await contribute({
          directory: at('step0'),
          output: at(output),
          name: 'Alice',
          text: 'the same',
        })
        for (const circuit of CIRCUITS) hashes.add(contributions[0]!.hashes[circuit])
        await rm(at(output), { recursive: true })
      }
      assert.equal(hashes.size, 2 * CIRCUITS.length)
    })

    it('can be verified while it goes on, only when told so', async () => {
      for (const name of ['step0', 'step1', 'step2']) {
        const verdict = await verify(name, { unfinished: true })
        assert.ok(verdict.ok, JSON.stringify(verdict))
        assert.equal(verdict.finished, false)
      }
      await invalid('step2', null, /has no beacon yet/)
      await invalid('step0', 'sweep', /Nobody has contributed/)
    })

    it('is the same after export, which takes nothing unfinished', async () => {
      assert.deepEqual(await verify('keys'), await verify('closed'))
      const verdict = await exportKeys({
        directory: at('step2'),
        ptau: at('toy.ptau'),
        hash,
        output: at('early'),
        source,
      })
      assert.deepEqual(verdict, { ok: false, circuit: null, error: 'The ceremony has no beacon yet.' })
      assert.ok(!(await list()).includes('early'))
    })
  })

  describe('takes no Powers of Tau file', () => {
    const begin = (ptau: string, given?: string) =>
      importPtau({ ptau: at(ptau), hash: given, profile: 'tiny', output: at('never'), source })

    it('of another hash', async () => {
      const other = `${hash.slice(0, -1)}${hash.endsWith('0') ? '1' : '0'}`
      await refused(
        () => begin('toy.ptau', other),
        /toy\.ptau is not the file of --hash: its hash is [0-9a-f]{16}\.\.\. instead of/,
      )
      await refused(() => begin('toy.ptau', 'ab'.repeat(32)), /is not the file of --hash/)
      await refused(
        () => verifyCeremony({ directory: at('closed'), ptau: at('toy.ptau'), hash: other, source }),
        /is not the file of --hash/,
      )
    })

    it('whose hash is not given nor published, and does not tell the hash to copy', async () => {
      await refused(() => begin('toy.ptau'), /is not a published one that this version knows/)
      await refused(
        () => verifyCeremony({ directory: at('closed'), ptau: at('toy.ptau'), source }),
        /is not a published one/,
      )
      await assert.rejects(begin('toy.ptau'), (error: PlimsollError) => !`${error.message}${error.hint}`.includes(hash))
    })

    it('that only has the name of a published one', async () => {
      await cp(at('toy.ptau'), at('powersOfTau28_hez_final_08.ptau'))
      await refused(
        () => begin('powersOfTau28_hez_final_08.ptau'),
        /is not the published file of that name.*instead of d6a8fb3a04feb600/,
      )
    })

    it('without a proper hash', async () => {
      for (const text of ['', 'abc', `${hash}00`, 'g'.repeat(128)])
        await refused(() => begin('toy.ptau', text), /--hash is neither a blake2b-512/)
    })

    it('that is cut short, even where the hash is right', async () => {
      const whole = await readFile(at('toy.ptau'))
      for (const length of [4, 11, 50, 1000, whole.length - 1]) {
        await writeFile(at('short.ptau'), whole.subarray(0, length))
        await refused(
          async () => begin('short.ptau', await blake2b512(at('short.ptau'))),
          /short\.ptau is (cut short|not a \.ptau file)/,
        )
      }
      const sections = await readSections(at('toy.ptau'))
      sections.set(12, sections.get(12)!.subarray(64))
      await rm(at('short.ptau'))
      writeSections(at('short.ptau'), 'ptau', sections)
      await refused(
        async () => begin('short.ptau', await blake2b512(at('short.ptau'))),
        /does not have the powers it claims: section 12 has/,
      )
    })

    it('that is too small for a circuit', async () => {
      const small = await writeToyPtau(at('small.ptau'), TOY_POWER - 1)
      await refused(
        () => begin('small.ptau', small),
        /small\.ptau has 2\^4 powers of tau, the circuit sweep needs 2\^5/,
      )
      await refused(
        () => verifyCeremony({ directory: at('closed'), ptau: at('small.ptau'), hash: small, source }),
        /small\.ptau has 2\^4 powers/,
      )
    })

    it('that is not prepared, or that nobody contributed to', async () => {
      await refused(
        async () => begin('toy.ptau.contributed', await blake2b512(at('toy.ptau.contributed'))),
        /is not prepared for phase 2/,
      )
      await powersOfTau.preparePhase2(at('toy.ptau.new'), at('trivial.ptau'))
      await refused(
        async () => begin('trivial.ptau', await blake2b512(at('trivial.ptau'))),
        /Nobody has contributed to .*trivial\.ptau/,
      )
    })

    it('that is none', async () => {
      await refused(() => begin('nowhere.ptau', hash), /nowhere\.ptau: there is no such file/)
      await refused(() => begin('closed', hash), /it is (a directory|not a file)/)
      await refused(() => begin('closed/sweep.zkey', hash), /sweep\.zkey is not a \.ptau file/)
    })
  })

  describe('is not valid', () => {
    it('with a contribution dropped', async () => {
      const name = await forged('closed', (sections) => setContributions(sections, contributionsOf(sections).slice(1)))
      await invalid(name, 'sweep', /snarkjs refuses the key: INVALID\(0\): Inconsistent transcript/)
    })

    it('with the last contribution dropped from the list only', async () => {
      const name = await forged('step2', (sections) =>
        setContributions(sections, contributionsOf(sections).slice(0, 1)),
      )
      await invalid(name, 'sweep', /snarkjs refuses the key: INVALID: Invalid delta1/, { unfinished: true })
    })

    it('with contributions in another order', async () => {
      const name = await forged('closed', (sections) => {
        const [first, second, ...others] = contributionsOf(sections)
        setContributions(sections, [second!, first!, ...others])
      })
      await invalid(name, 'sweep', /INVALID\(0\): Inconsistent transcript/)
    })

    it('with a step taken back', async () => {
      await invalid(
        await copy('step2', (changed) => cp(at('step1', 'resolve.zkey'), join(changed, 'resolve.zkey'))),
        null,
        /The chain of resolve has 1 contributions, that of sweep 2/,
        { unfinished: true },
      )
      const name = await copy('step2', async (changed) => {
        for (const circuit of CIRCUITS) await cp(at('step1', `${circuit}.zkey`), join(changed, `${circuit}.zkey`))
      })
      await invalid(
        name,
        null,
        /transcript\.json is not that of the keys beside it: circuits\.sweep\.zkeySha256 differs/,
        { unfinished: true },
      )
    })

    it('with contributions by others for one circuit', async () => {
      const renamed = await copy('step0', async (changed) => {
        await rm(join(changed, 'sweep.zkey'))
        await zKey.contribute(at('step0', 'sweep.zkey'), join(changed, 'sweep.zkey'), 'Mallory', 'text')
        await rm(join(changed, 'sweep2.zkey'))
        await zKey.contribute(at('step0', 'sweep2.zkey'), join(changed, 'sweep2.zkey'), 'Alice', 'text')
      })
      await invalid(renamed, null, /Contribution 1 of sweep2 is not by the one who made that of sweep/, {
        unfinished: true,
      })
    })

    it('with the key of another circuit', async () => {
      const swap = async (changed: string): Promise<void> => {
        await cp(at('closed', 'sweep.zkey'), join(changed, 'resolve.zkey'))
        await cp(at('closed', 'resolve.zkey'), join(changed, 'sweep.zkey'))
      }
      await invalid(await copy('closed', swap), null, /circuits\.sweep\.circuitHash differs/)
      const name = await copy('closed', async (changed) => {
        await swap(changed)
        await writeTranscript(changed, await describeKeys(await readTranscript(changed), await readKeys(changed)))
      })
      await invalid(name, 'sweep', /snarkjs refuses the key: INVALID: Different circuit parameters/)
    })

    it('for circuits that are not those of this installation', async () => {
      const other = {
        ...source,
        main: (circuit: CircuitName) => source.main(circuit).replace(/Squares\(\d+\)/, 'Squares(17)'),
      }
      const verdict = await verifyCeremony({ directory: at('closed'), ptau: at('toy.ptau'), hash, source: other })
      assert.deepEqual(verdict, {
        ok: false,
        circuit: 'sweep',
        error: "The ceremony was for another circuit than this installation's: its r1cs hash differs.",
      })
    })

    it('from another Powers of Tau file', async () => {
      const otherHash = await writeToyPtau(at('other.ptau'))
      const verdict = await verifyCeremony({ directory: at('closed'), ptau: at('other.ptau'), hash: otherHash, source })
      assert.deepEqual(
        [verdict.ok, 'error' in verdict && /began from another Powers of Tau file/.test(verdict.error)],
        [false, true],
      )
      // Nor where the transcript says so.
      const name = await copy('closed', async (changed) => {
        const transcript = await readTranscript(changed)
        await writeTranscript(changed, {
          ...transcript,
          powersOfTau: { ...transcript.powersOfTau, blake2b512: otherHash },
        })
      })
      const second = await verifyCeremony({ directory: at(name), ptau: at('other.ptau'), hash: otherHash, source })
      assert.ok(!second.ok)
      assert.match(second.error, /snarkjs refuses the key: INVALID: Invalid alpha1/)
    })

    const points: [string, number, RegExp][] = [
      ['a public input', 3, /IC section is not identical/],
      ['the matrices', 4, /Coeffs section is not identical/],
      ['A', 5, /A section is not identical/],
      ['B of G1', 6, /B1 section is not identical/],
      ['B of G2', 7, /B2 section is not identical/],
      ['a private wire', 8, /L section does not match/],
      ['the quotient', 9, /H section does not match/],
    ]
    for (const [what, section, complaint] of points) {
      it(`with one other point of ${what}`, async () => {
        const name = await forged(
          'closed',
          (sections) => {
            const bytes = Buffer.from(sections.get(section)!)
            // Another proper point where snarkjs computes with the points, else just other bytes.
            if ([3, 8, 9].includes(section)) bytes.copyWithin(0, 64, 128)
            else bytes[20]! ^= 1
            sections.set(section, bytes)
          },
          ['sweep'],
        )
        await invalid(name, 'sweep', complaint)
      })
    }

    it('with a delta that no contribution made', async () => {
      const name = await forged(
        'closed',
        (sections) => {
          const header = Buffer.from(sections.get(2)!)
          header.copyWithin(header.length - 128, 84 + 128, 84 + 256)
          sections.set(2, header)
        },
        ['resolve'],
      )
      await invalid(name, 'resolve', /snarkjs refuses the key: INVALID: Invalid delta2/)
      const off = await forged(
        'closed',
        (sections) => {
          const header = Buffer.from(sections.get(2)!)
          header[header.length - 1]! ^= 1
          sections.set(2, header)
        },
        ['resolve'],
      )
      await invalid(off, 'resolve', /delta is not a point of the curve's group/)
    })

    it('with a beacon of another value', async () => {
      const name = await forged('closed', (sections) => {
        const contributions = contributionsOf(sections)
        contributions.at(-1)![contributions.at(-1)!.length - 1]! ^= 1
        setContributions(sections, contributions)
      })
      await invalid(name, 'sweep', /INVALID\(2\): Key of the beacon does not match/)
    })

    it('with steps after the beacon, or with nothing before it', async () => {
      const after = await copy('closed', (changed) =>
        onEach(changed, (input, output) => zKey.contribute(input, output, 'Late', 'text')),
      )
      await invalid(after, null, /A contribution follows the beacon.*contribution 4 of sweep/)
      const alone = await copy('step0', (changed) =>
        onEach(changed, (input, output) => zKey.beacon(input, output, 'beacon', BEACON, 10)),
      )
      await invalid(alone, null, /The beacon is the only contribution: everybody knows the secret/)
    })

    it('with a name that could play tricks on a terminal', async () => {
      const name = await copy('step0', (changed) =>
        onEach(changed, (input, output) => zKey.contribute(input, output, 'Alice\u001b[2J', 'text')),
      )
      await invalid(name, null, /Contribution 1 of sweep has no proper name/, { unfinished: true })
    })
  })

  describe('is not valid although snarkjs accepts each key, where', () => {
    /**
     * Appends contributions of known secrets to all keys of the first step, then a beacon if told so; snarkjs must not
     * object. The last secret is multiplied by a factor of the circuit's.
     */
    async function withSecrets(
      secrets: readonly bigint[],
      beacon: boolean,
      factor: (circuit: CircuitName) => bigint = () => 1n,
    ): Promise<string> {
      const name = await forged('step0', async (sections, circuit) => {
        for (const [i, secret] of secrets.entries())
          await contributeSecret(sections, `M${i}`, i < secrets.length - 1 ? secret : secret * factor(circuit))
      })
      if (beacon) {
        await onEach(at(name), (input, output) => zKey.beacon(input, output, 'beacon', BEACON, 10))
        await writeTranscript(at(name), await describeKeys(await readTranscript(at(name)), await readKeys(at(name))))
      }
      const circuits = await compiledCircuits('tiny', { source })
      await withSnarkjs(async (snarkjs) => {
        for (const circuit of CIRCUITS) {
          const [r1cs, ptau] = [`${circuits[circuit].files}.r1cs`, at('toy.ptau')]
          assert.equal(await snarkjs.run({ kind: 'verify', r1cs, ptau, input: at(name, `${circuit}.zkey`) }), '')
        }
      })
      return name
    }

    it('(an honest secret of this test is accepted)', async () => {
      const own = (circuit: CircuitName) => BigInt(CIRCUITS.indexOf(circuit) + 1)
      const verdict = await verify(await withSecrets([123n, 456n], true, own))
      assert.ok(verdict.ok, JSON.stringify(verdict))
    })

    it('two circuits have one delta, since somebody used a secret twice', async () => {
      await invalid(await withSecrets([123n, 456n], true), 'sweep2', /has the delta of sweep's/)
      const twice = (circuit: CircuitName) => BigInt(CIRCUITS.indexOf(circuit === 'exit' ? 'resolve' : circuit) + 1)
      await invalid(await withSecrets([123n], true, twice), 'exit', /has the delta of resolve's/)
    })

    it('gamma equals delta, since two secrets cancel out', async () => {
      await invalid(
        await withSecrets([7n, inverse(7n, BN254_R)], false),
        'sweep',
        /gamma equal to delta: proofs under it can be forged/,
        { unfinished: true },
      )
    })

    it('two secrets cancel out below a beacon', async () => {
      await invalid(await withSecrets([7n, inverse(7n, BN254_R)], true), 'sweep', /The contributions cancel out/)
    })

    it('a secret is 1', async () => {
      await invalid(await withSecrets([1n], false), 'sweep', /gamma equal to delta/, { unfinished: true })
      await invalid(
        await withSecrets([5n, 1n], true),
        'sweep',
        /Contribution 2 \(M1\) changes nothing: its secret is 1/,
      )
      await invalid(await withSecrets([1n], true), 'sweep', /Contribution 1 \(M0\) changes nothing/)
    })
  })

  describe('is not valid with a transcript that', () => {
    const edits: [string, (transcript: any) => void, RegExp][] = [
      ['renames somebody', (t) => (t.contributions[0].name = 'Alicia'), /contributions\[0\]\.name differs/],
      [
        'has another hash',
        (t) => (t.contributions[1].hashes.resolve = t.contributions[1].hashes.sweep),
        /contributions\[1\]\.hashes\.resolve differs/,
      ],
      ['leaves somebody out', (t) => t.contributions.shift(), /contributions\[\d\](\.name)? differs/],
      ['adds somebody', (t) => t.contributions.push(t.contributions[0]), /contributions\[2\] differs/],
      ['exchanges two', (t) => t.contributions.reverse(), /contributions\[0\]\.name differs/],
      ['has another beacon', (t) => (t.beacon.value = '00'), /beacon\.value differs/],
      ['has more iterations', (t) => (t.beacon.iterations = 20), /beacon\.iterations differs/],
      ['forgets the beacon', (t) => (t.beacon = null), /beacon differs/],
      [
        'calls the powers of tau published',
        (t) => (t.powersOfTau.published = 'powersOfTau28_hez_final_08.ptau'),
        /powersOfTau\.published differs/,
      ],
      ['counts other powers', (t) => (t.powersOfTau.power = 28), /powersOfTau\.power differs/],
      ['counts other constraints', (t) => (t.circuits.sweep.constraints = 1), /circuits\.sweep\.constraints differs/],
      [
        'has another verification key',
        (t) => (t.circuits.sweep.keyHash = t.circuits.resolve.keyHash),
        /circuits\.sweep\.keyHash differs/,
      ],
      [
        'has another circuit hash',
        (t) => (t.circuits.sweep.circuitHash = t.circuits.resolve.circuitHash),
        /circuits\.sweep\.circuitHash differs/,
      ],
      ['says more', (t) => (t.note = 'x'), /transcript\.json: note does not belong there/],
      ['says less', (t) => delete t.circuits.resolve, /circuits\.resolve is not a JSON object/],
      [
        'has a hash too short',
        (t) => (t.circuits.sweep.zkeySha256 = 'ab'),
        /circuits\.sweep\.zkeySha256 is not a hash of 32 bytes/,
      ],
      ['is of an unknown profile', (t) => (t.profile = 'huge'), /the profile is unknown/],
      ['is of a later format', (t) => (t.format = 3), /format is not 2/],
      ['is of an earlier format, before there was a ladder of sweeps', (t) => (t.format = 1), /format is not 2/],
    ]
    for (const [what, edit, complaint] of edits) {
      it(what, async () => {
        const name = await copy('closed', async (changed) => {
          const transcript: unknown = JSON.parse(await readFile(join(changed, 'transcript.json'), 'utf8'))
          edit(transcript)
          await writeFile(join(changed, 'transcript.json'), JSON.stringify(transcript))
        })
        await invalid(name, null, complaint)
        await refused(() => contribute({ directory: at(name), output: at('never'), name: 'Carol' }), /./)
      })
    }
  })

  describe('is not taken from a directory', () => {
    it('without a key', async () => {
      const name = await copy('step1', (changed) => rm(join(changed, 'resolve.zkey')))
      await invalid(name, null, /resolve\.zkey: there is no such file/, { unfinished: true })
      await refused(
        () => contribute({ directory: at(name), output: at('never'), name: 'Carol' }),
        /resolve\.zkey: there is no such file/,
      )
    })

    it('with half a key', async () => {
      const whole = await readFile(at('step1', 'resolve.zkey'))
      for (const length of [0, 11, 100, 500, whole.length - 200, whole.length - 1]) {
        const name = await copy('step1', (changed) => truncate(join(changed, 'resolve.zkey'), length))
        await invalid(name, null, /resolve\.zkey is (cut short|not a \.zkey file)/, { unfinished: true })
        await refused(
          () => contribute({ directory: at(name), output: at('never'), name: 'Carol' }),
          /resolve\.zkey is (cut short|not a \.zkey file)/,
        )
      }
    })

    it('with bytes of a key changed in transit', async () => {
      const name = await copy('step1', async (changed) => {
        const bytes = await readFile(join(changed, 'sweep.zkey'))
        bytes[bytes.length >> 1]! ^= 1
        await writeFile(join(changed, 'sweep.zkey'), bytes)
      })
      await refused(
        () => contribute({ directory: at(name), output: at('never'), name: 'Carol' }),
        /circuits\.sweep\.zkeySha256 differs/,
      )
    })

    it('without a transcript, or with half of one', async () => {
      const none = await copy('step1', (changed) => rm(join(changed, 'transcript.json')))
      await refused(() => verify(none), /holds no ceremony: it has no transcript\.json/)
      await refused(() => verify('nowhere'), /holds no ceremony/)
      await refused(
        () => contribute({ directory: at('nowhere'), output: at('never'), name: 'Carol' }),
        /holds no ceremony/,
      )
      await invalid(
        await copy('step1', (changed) => truncate(join(changed, 'transcript.json'), 100)),
        null,
        /transcript\.json: Invalid JSON/,
      )
    })

    it('of development keys', async () => {
      const development = await ensureKeys('tiny', { source })
      const name = await copy('step0', async (changed) => {
        for (const circuit of CIRCUITS) await cp(development[circuit].zkey, join(changed, `${circuit}.zkey`))
        await writeTranscript(changed, await describeKeys(await readTranscript(changed), await readKeys(changed)))
      })
      await invalid(name, 'sweep', /Nobody has contributed/)
      await invalid(name, 'sweep', /snarkjs refuses the key/, { unfinished: true })
      await refused(() => loadExportedKeys(development.directory, 'tiny', { source }), /holds no ceremony/)
    })
  })

  describe('does not go on', () => {
    it('after its beacon, nor end before a contribution', async () => {
      await refused(
        () => contribute({ directory: at('closed'), output: at('never'), name: 'Carol' }),
        /closed is closed: its beacon has been applied/,
      )
      await refused(
        () => applyBeacon({ directory: at('closed'), output: at('never'), value: BEACON, iterations: 10 }),
        /is closed/,
      )
      await refused(
        () => applyBeacon({ directory: at('step0'), output: at('never'), value: BEACON, iterations: 10 }),
        /step0 has no contribution yet/,
      )
    })

    it('with a name or a beacon that is none', async () => {
      for (const name of ['', ' Alice', 'a\nb', 'a\u202eb', '\ud800', 'x'.repeat(65)]) {
        await refused(
          () => contribute({ directory: at('step0'), output: at('never'), name }),
          /The contribution has no proper name/,
        )
      }
      for (const value of ['', '0x', 'abc', 'xy', '00'.repeat(256)]) {
        await refused(
          () => applyBeacon({ directory: at('step1'), output: at('never'), value, iterations: 10 }),
          /not 1 to 255 bytes in hexadecimal/,
        )
      }
      for (const iterations of [9, 31, 10.5]) {
        await refused(
          () => applyBeacon({ directory: at('step1'), output: at('never'), value: BEACON, iterations }),
          /not from 10 to 30/,
        )
      }
    })

    it('into a directory that is in use or cannot be made', async () => {
      await refused(
        () => contribute({ directory: at('step0'), output: at('step1'), name: 'Carol' }),
        /Cannot write to .*step1/,
      )
      await refused(
        () => contribute({ directory: at('step0'), output: at('no', 'where'), name: 'Carol' }),
        /Cannot write to .*where/,
      )
      await mkdir(at('empty'))
      await contribute({ directory: at('step0'), output: at('empty'), name: 'Carol' })
      assert.deepEqual(
        (await readdir(at('empty'))).sort(),
        [...CIRCUITS.map((circuit) => `${circuit}.zkey`), 'transcript.json'].sort(),
      )
      await rm(at('empty'), { recursive: true })
    })
  })

  describe('exports keys that are refused', () => {
    const load = (name: string) => loadExportedKeys(at(name), 'tiny', { source })

    for (const name of ['sweep.zkey', 'resolve.json', 'sweep.sol', 'transcript.json']) {
      it(`where ${name} was changed, is cut short or missing`, async () => {
        const flipped = await copy('keys', async (changed) => {
          const bytes = await readFile(join(changed, name))
          // A letter or a digit of a text, so that it stays one.
          const place = name.endsWith('.zkey') ? bytes.length - 1 : bytes.lastIndexOf('1')
          bytes[place]! ^= 1
          await writeFile(join(changed, name), bytes)
        })
        await refused(() => load(flipped), new RegExp(`${name} is not the file that was written there`))
        const cut = await copy('keys', (changed) => truncate(join(changed, name), 90))
        await refused(() => load(cut), new RegExp(name))
        const missing = await copy('keys', (changed) => rm(join(changed, name)))
        await refused(() => load(missing), new RegExp(name))
      })
    }

    it('where they were never exported', async () => {
      await refused(() => load('closed'), /manifest\.json is missing or unreadable/)
      await refused(() => load('step0'), /manifest\.json is missing/)
      await refused(() => load('nowhere'), /holds no ceremony/)
    })

    it('for another profile, or for other circuits', async () => {
      await refused(() => loadExportedKeys(at('keys'), 'small', { source }), /are of profile tiny, not small/)
      const other = {
        ...source,
        main: (circuit: CircuitName) => source.main(circuit).replace(/Squares\(\d+\)/, 'Squares(19)'),
      }
      await refused(
        () => loadExportedKeys(at('keys'), 'tiny', { source: other }),
        /are for another sweep circuit than this version's/,
      )
    })

    it('by verify, where what is written beside the keys is not theirs', async () => {
      const tampered = await copy('keys', async (changed) => {
        const path = join(changed, 'sweep.sol')
        await writeFile(path, (await readFile(path, 'utf8')).replace('mstore(0, isValid)', 'mstore(0, 1)'))
      })
      await invalid(tampered, 'sweep', /sweep\.sol is not what is exported from the key/)
    })
  })

  it('takes a Powers of Tau file by its SHA-256 hash, and a published one by itself', async () => {
    const sha256 = createHash('sha256')
      .update(await readFile(at('toy.ptau')))
      .digest('hex')
    assert.deepEqual(await checkPtau(at('toy.ptau'), sha256), {
      path: at('toy.ptau'),
      power: TOY_POWER,
      blake2b512: hash,
      published: null,
    })
    const table = PUBLISHED_PTAU as Record<string, string>
    table['of-this-test.ptau'] = hash
    try {
      assert.equal((await checkPtau(at('toy.ptau'), undefined)).published, 'of-this-test.ptau')
    } finally {
      delete table['of-this-test.ptau']
    }
  })

  it('knows the published hashes that snarkjs lists', async () => {
    const readme = await readFile(
      join(dirname(createRequire(import.meta.url).resolve('snarkjs')), '..', 'README.md'),
      'utf8',
    )
    const rows = [...readme.matchAll(/\[(powersOfTau28_hez_final\S*\.ptau)\]\(\S+\)\s*\|\s*([0-9a-f]{128})\s*\|/g)]
    assert.deepEqual(Object.fromEntries(rows.map(([, name, published]) => [name, published])), PUBLISHED_PTAU)
    assert.equal(rows.length, 21)
  })

  it('has verifiers that do not ask for a local chain, apart from those of development keys', async () => {
    const keys = await loadExportedKeys(at('keys'), 'tiny', { source })
    const paths = await writeVerifierContracts(keys, at('contracts'))
    for (const circuit of CIRCUITS) {
      const text = await readFile(paths[circuit], 'utf8')
      assert.ok(text.includes(`return ${keys[circuit].keyHash};`))
      assert.doesNotMatch(text, /DevelopmentKeysOnly|AnyChain|development|chainid/)
    }
    await rm(at('contracts'), { recursive: true })
  })

  /** Replaces each key by what `step` makes of it. */
  async function onEach(changed: string, step: (input: string, output: string) => Promise<unknown>): Promise<void> {
    for (const circuit of CIRCUITS) {
      const path = join(changed, `${circuit}.zkey`)
      await step(path, `${path}.new`)
      await cp(`${path}.new`, path)
      await rm(`${path}.new`)
    }
  }

  it('leaves no threads running', async () => {
    await closeCurve()
    await verify('keys')
    assert.equal(curveIsOpen(), false)
  })
})
