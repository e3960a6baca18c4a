import { mkdir, mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { compiledCircuits } from '../prover/ceremony/compiled-circuits.ts'
import { exportKeys, loadExportedKeys } from '../prover/ceremony/exported-keys.ts'
import { applyBeacon, contribute } from '../prover/ceremony/extend-ceremony.ts'
import { importPtau } from '../prover/ceremony/import-ptau.ts'
import { hashFile } from '../prover/ceremony/ptau-file.ts'
import { zkeyPath } from '../prover/ceremony/transcript.ts'
import { verifyCeremony } from '../prover/ceremony/verify-ceremony.ts'
import { CIRCUITS, type ProfileName } from '../prover/profiles.ts'
import { writeKnownPtau } from './known-ptau.ts'

// Time of every step of a ceremony, from powers of tau that are made here: its keys are for nothing else. `--keep DIR`
// keeps its directories.

const { values } = parseArgs({ options: { profile: { type: 'string', default: 'tiny' }, keep: { type: 'string' } } })
const profile = values.profile as ProfileName
const directory = values.keep === undefined ? await mkdtemp(join(tmpdir(), 'plimsoll-ceremony-')) : resolve(values.keep)
await mkdir(directory, { recursive: true })
const at = (name: string): string => join(directory, name)

async function time<T>(what: string, step: () => Promise<T>): Promise<T> {
  const started = performance.now()
  const result = await step()
  console.log(`${what.padEnd(24)} ${((performance.now() - started) / 1000).toFixed(1).padStart(7)} s`)
  return result
}

const circuits = await time('compile', () => compiledCircuits(profile))
const powers = CIRCUITS.map((circuit) => circuits[circuit].power)
const ptau = at('known.ptau')
await time(`known powers of tau, 2^${Math.max(...powers)}`, () =>
  writeKnownPtau(ptau, powers, { tau: 3n ** 99n, alpha: 5n ** 99n, beta: 7n ** 99n }),
)
const [hash] = await hashFile(ptau, ['blake2b512'])

await time('import-ptau', () => importPtau({ ptau, hash, profile, output: at('step0') }))
await time('contribute', () => contribute({ directory: at('step0'), output: at('step1'), name: 'Alice' }))
await time('contribute', () => contribute({ directory: at('step1'), output: at('step2'), name: 'Bob' }))
await time('beacon', () =>
  applyBeacon({ directory: at('step2'), output: at('closed'), value: '00'.repeat(32), iterations: 10 }),
)
const verdict = await time('verify', () => verifyCeremony({ directory: at('closed'), ptau, hash }))
if (!verdict.ok) throw new Error(verdict.error)
await time('export', () => exportKeys({ directory: at('closed'), ptau, hash, output: at('keys') }))
await time('load', () => loadExportedKeys(at('keys'), profile))
for (const circuit of CIRCUITS)
  console.log(`${circuit}: ${((await stat(zkeyPath(at('keys'), circuit))).size / 1e6).toFixed(1)} MB`)
if (values.keep === undefined) await rm(directory, { recursive: true })
