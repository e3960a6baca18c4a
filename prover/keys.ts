import { createHash } from 'node:crypto'
import { readdir, readFile, rmdir, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { zKey } from 'snarkjs'
import type { Hex } from 'viem'
import { PlimsollError } from '../protocol/errors.ts'
import { compileCircuit, compilerVersions } from './compile.ts'
import { closeCurve, curveIsOpen } from './curve.ts'
import { openKernel, writeDevelopmentKey } from './development-key.ts'
import type { Kernel } from './kernel/kernel.ts'
import { cachedDirectory } from './key-cache.ts'
import type { CircuitName, Profile, ProfileName } from './profiles.ts'
import { CIRCUITS, mainSource, PROFILES, SWEEPS } from './profiles.ts'
import { readR1cs } from './r1cs.ts'
import type { VerificationKey } from './verification-key.ts'
import { keyHash, requireSoundKey } from './verification-key.ts'

/** Keys to make and to check proofs of a circuit: its witness program, its proving key, and the key to verify under. */
export interface ProvingKeys {
  readonly circuit: CircuitName
  readonly wasm: string
  readonly zkey: string
  readonly verificationKey: VerificationKey
  readonly keyHash: Hex
}

/** One circuit's files and keys. */
export interface CircuitKeys extends ProvingKeys {
  readonly r1cs: string
  readonly sym: string
  readonly constraints: number
  /** snarkjs's verifier contract for this key. */
  readonly solidity: string
}

/** Whoever made development keys can forge proofs; for ceremony keys, only all contributors together could. */
export type KeyOrigin = 'development' | 'ceremony'

/** Keys of a profile: of all circuits, or of the circuits `C`. */
export type KeySet<C extends CircuitName = CircuitName> = Readonly<Record<C, CircuitKeys>> & {
  readonly profile: Profile
  readonly origin: KeyOrigin
  readonly directory: string
}

/** Circuits of the batches that a settlement takes: those that a node proves. */
export const BATCH_CIRCUITS = [...SWEEPS, 'resolve', 'transact'] as const satisfies readonly CircuitName[]
export type BatchKeys = KeySet<(typeof BATCH_CIRCUITS)[number]>

/** Keys of a profile for some circuits, whichever. */
export type SomeKeys = Pick<KeySet<never>, 'profile'> & Partial<Readonly<Record<CircuitName, ProvingKeys>>>

/** A circuit's keys among others. @throws PlimsollError where they were not loaded */
export function keyOf(keys: SomeKeys, circuit: CircuitName): ProvingKeys {
  const found = keys[circuit]
  if (found === undefined) throw new PlimsollError(`The keys of the circuit ${circuit} are not at hand.`)
  return found
}

export interface KeyProgress {
  readonly circuit: CircuitName
  readonly stage: 'compile' | 'key'
  /** 0 to 1; a compilation is only 0 and 1. */
  readonly share: number
}

export interface KeyOptions<C extends CircuitName = CircuitName> {
  /** Only called when there is something to build. */
  readonly onProgress?: (progress: KeyProgress) => void
  /** The circuits whose keys are wanted, in any order; all of them by default. */
  readonly circuits?: readonly C[]
  /** Replaces the project's own circuits, for tests. */
  readonly source?: CircuitSource
}

export interface CircuitSource {
  /** The directory of the templates. */
  readonly circuits: string
  /** Source text of a main component. */
  readonly main: (circuit: CircuitName) => string
}

// Part of every key's identity: change it when the generator's output changes.
const GENERATOR = 'plimsoll development keys 2'
const ROOT = fileURLToPath(new URL('..', import.meta.url))

/**
 * The keys of a profile for all circuits or for those that are asked for. Each circuit's are compiled and generated when this
 * version of the circuits has none in the cache (`.plimsoll` in the package, or the directory named by PLIMSOLL_CACHE), and
 * checked against their checksums when it has.
 * @throws PlimsollError for a circuit that does not compile and for a cached file that is missing or was changed.
 */
export async function ensureKeys<C extends CircuitName = CircuitName>(
  profileName: ProfileName,
  options: KeyOptions<C> = {},
): Promise<KeySet<C>> {
  const profile = PROFILES[profileName]
  const source = options.source ?? projectCircuits(profile)
  const circuits = options.circuits ?? (CIRCUITS as readonly C[])
  const identity = await contentHash(source)
  const directory = join(cacheRoot(), 'keys', profile.name, identity)
  await buildKeys(source, identity, directory, circuits, options.onProgress)
  const keys = await Promise.all(
    circuits.map(async (circuit) => [circuit, await loadCircuit(join(directory, circuit), circuit)] as const),
  )
  return { profile, origin: 'development', directory, ...(Object.fromEntries(keys) as Record<C, CircuitKeys>) }
}

/** Directory of the compiled circuits and the development keys. */
export function cacheRoot(): string {
  return process.env.PLIMSOLL_CACHE ?? join(ROOT, '.plimsoll')
}

/** The project's own circuits in the sizes of a profile. */
export function projectCircuits(profile: Profile): CircuitSource {
  return { circuits: join(ROOT, 'circuits'), main: (circuit) => mainSource(circuit, profile) }
}

/** Sees to it that each circuit has its directory below `directory`, whole; what one lacks is built. */
async function buildKeys(
  source: CircuitSource,
  identity: string,
  directory: string,
  circuits: readonly CircuitName[],
  onProgress?: KeyOptions['onProgress'],
): Promise<void> {
  const curveWasOpen = curveIsOpen()
  let kernel: Kernel | undefined
  const stop = new AbortController()
  let failure: unknown
  // One key after the other, each on all cores, while other circuits may still be compiling.
  let previous = Promise.resolve()
  const build = async (circuit: CircuitName, output: string): Promise<void> => {
    onProgress?.({ circuit, stage: 'compile', share: 0 })
    await compileCircuit({
      name: circuit,
      main: source.main(circuit),
      circuits: source.circuits,
      output,
      signal: stop.signal,
    })
    onProgress?.({ circuit, stage: 'compile', share: 1 })
    const key = previous.then(() => {
      kernel ??= openKernel()
      return writeKey(kernel, output, circuit, `${identity} ${circuit}`, (share) =>
        onProgress?.({ circuit, stage: 'key', share }),
      )
    })
    // A key that fails is no reason not to finish another's.
    previous = key.catch(() => {})
    await key
  }
  await Promise.all(
    circuits.map((circuit) =>
      cachedDirectory(directory, circuit, (output) => build(circuit, output)).catch((error: unknown) => {
        failure ??= error
        stop.abort()
      }),
    ),
  )
  if (kernel !== undefined) {
    await kernel.close()
    if (!curveWasOpen) await closeCurve()
  }
  if (failure === undefined) return
  // Gone again where nothing was finished.
  await rmdir(directory).catch(() => {})
  throw failure
}

async function writeKey(
  kernel: Kernel,
  output: string,
  circuit: CircuitName,
  deltaSeed: string,
  onProgress: (share: number) => void,
): Promise<void> {
  const zkey = join(output, `${circuit}.zkey`)
  const r1cs = join(output, `${circuit}.r1cs`)
  // Every key is of one phase 1, as every key of a ceremony is.
  await writeDevelopmentKey({ r1cs, zkey, phase1Seed: GENERATOR, deltaSeed, kernel, onProgress })
  await describeKey(zkey, output, circuit, readR1cs(r1cs).constraintCount)
}

/** Writes a key's verification key (`<circuit>.json`) and snarkjs's verifier contract (`<circuit>.sol`). */
export async function describeKey(
  zkey: string,
  output: string,
  circuit: CircuitName,
  constraints: number,
): Promise<void> {
  const verificationKey = await zKey.exportVerificationKey(zkey)
  const template = await readFile(solidityTemplate(), 'utf8')
  await writeFile(join(output, `${circuit}.sol`), await zKey.exportSolidityVerifier(zkey, { groth16: template }))
  await writeFile(join(output, `${circuit}.json`), JSON.stringify({ constraints, verificationKey }))
}

/** A circuit's files and keys, from a directory with keys and one, maybe the same, with compiled circuits. */
export async function loadCircuit(directory: string, circuit: CircuitName, compiled = directory): Promise<CircuitKeys> {
  const path = (extension: string, from = directory): string => join(from, `${circuit}.${extension}`)
  const { constraints, verificationKey } = JSON.parse(await readFile(path('json'), 'utf8')) as {
    constraints: number
    verificationKey: VerificationKey
  }
  requireSoundKey(verificationKey, path('zkey'))
  return {
    circuit,
    r1cs: path('r1cs', compiled),
    wasm: path('wasm', compiled),
    sym: path('sym', compiled),
    zkey: path('zkey'),
    verificationKey,
    keyHash: keyHash(verificationKey),
    constraints,
    solidity: await readFile(path('sol'), 'utf8'),
  }
}

function solidityTemplate(): string {
  const require = createRequire(import.meta.url)
  return join(dirname(require.resolve('snarkjs')), '..', 'templates', 'verifier_groth16.sol.ejs')
}

async function contentHash(source: CircuitSource): Promise<string> {
  return createHash('sha256')
    .update(`${GENERATOR} ${await circuitsHash(source)}`)
    .digest('hex')
    .slice(0, 32)
}

/** Identifies circuits and their compiler, whatever the comments say. */
export async function circuitsHash({ circuits, main }: CircuitSource): Promise<string> {
  const hash = createHash('sha256')
  const add = (part: string): void => {
    hash.update(`${Buffer.byteLength(part)}:`).update(part)
  }
  add(compilerVersions())
  for (const circuit of CIRCUITS) add(main(circuit))
  const names = (await readdir(circuits, { recursive: true })).filter((name) => name.endsWith('.circom')).sort()
  for (const name of names) {
    add(name)
    add(withoutComments(await readFile(join(circuits, name), 'utf8')))
  }
  return hash.digest('hex').slice(0, 32)
}

/** Circom source without comments, line by line: a failing constraint is told by its line. Strings stay as they are. */
function withoutComments(source: string): string {
  return source
    .replace(
      /("[^"\n]*")|\/\/[^\n]*|\/\*[\s\S]*?\*\//g,
      (all, string: string | undefined) => string ?? all.replace(/[^\n]+/g, ''),
    )
    .replace(/[ \t]+$/gm, '')
}
