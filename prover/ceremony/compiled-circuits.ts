import { join } from 'node:path'
import { compileCircuit } from '../compile.ts'
import { cachedDirectory } from '../key-cache.ts'
import { type CircuitSource, cacheRoot, circuitsHash, type KeyProgress, projectCircuits } from '../keys.ts'
import type { CircuitName, ProfileName } from '../profiles.ts'
import { CIRCUITS, PROFILES } from '../profiles.ts'
import { readR1cs } from '../r1cs.ts'
import { hashFile, powerOf } from './ptau-file.ts'
import { forEachCircuit } from './transcript.ts'

/** A circuit as this installation compiles it: the one thing in a ceremony that is taken from nobody else. */
export interface CompiledCircuit {
  /** Its files are `files` with .r1cs, .wasm and .sym appended. */
  readonly files: string
  readonly constraints: number
  readonly r1csSha256: string
  /** The powers of tau that a key takes. */
  readonly power: number
}

export interface CompileChoices {
  /** Only called when there is something to compile. */
  readonly onProgress?: (progress: KeyProgress) => void
  /** Replaces the project's own circuits, for tests. */
  readonly source?: CircuitSource
}

/**
 * The circuits of a profile without keys, compiled when the cache has none of this version.
 * @throws PlimsollError for a circuit that does not compile and for a cached file that is missing or was changed.
 */
export async function compiledCircuits(
  profileName: ProfileName,
  choices: CompileChoices = {},
): Promise<Record<CircuitName, CompiledCircuit>> {
  const source = choices.source ?? projectCircuits(PROFILES[profileName])
  const directory = await cachedDirectory(
    join(cacheRoot(), 'compiled', profileName),
    await circuitsHash(source),
    async (output) => {
      for (const circuit of CIRCUITS) {
        choices.onProgress?.({ circuit, stage: 'compile', share: 0 })
        await compileCircuit({ name: circuit, main: source.main(circuit), circuits: source.circuits, output })
        choices.onProgress?.({ circuit, stage: 'compile', share: 1 })
      }
    },
  )
  return forEachCircuit(async (circuit) => {
    const files = join(directory, circuit)
    const { constraintCount, publicSignals } = readR1cs(`${files}.r1cs`)
    const [r1csSha256] = await hashFile(`${files}.r1cs`, ['sha256'])
    return {
      files,
      constraints: constraintCount,
      r1csSha256: r1csSha256!,
      power: powerOf(constraintCount, publicSignals),
    }
  })
}
