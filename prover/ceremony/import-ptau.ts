import { PlimsollError } from '../../protocol/errors.ts'
import type { CircuitName, ProfileName } from '../profiles.ts'
import { CIRCUITS } from '../profiles.ts'
import { type CompileChoices, compiledCircuits } from './compiled-circuits.ts'
import { checkPtau } from './ptau-file.ts'
import { withSnarkjs } from './snarkjs-job.ts'
import { writeDirectory } from './staging.ts'
import { describeKeys, readKeys, type Transcript, writeTranscript, zkeyPath } from './transcript.ts'

/** Progress of a ceremony's work. */
export type CeremonyProgress = (line: string) => void

export interface ImportOptions extends Pick<CompileChoices, 'source'> {
  readonly ptau: string
  /** As `checkPtau` takes it. */
  readonly hash?: string | undefined
  readonly profile: ProfileName
  /** The directory to write. */
  readonly output: string
  readonly onProgress?: CeremonyProgress
}

/**
 * Begins a ceremony: initial keys of all circuits of a profile from a checked Powers of Tau file, and a transcript without
 * contributions. Nobody may use keys at this stage: their delta is 1.
 * @throws PlimsollError when the file is not the published one or too small, or the directory cannot be written
 */
export async function importPtau({
  ptau,
  hash,
  profile,
  output,
  source,
  onProgress,
}: ImportOptions): Promise<Transcript> {
  const file = await checkPtau(ptau, hash, (share) => onProgress?.(`hashing ${ptau}: ${percent(share)}`))
  const circuits = await compiledCircuits(profile, {
    ...(source && { source }),
    onProgress: (progress) => onProgress?.(`compiling ${progress.circuit}: ${percent(progress.share)}`),
  })
  for (const circuit of CIRCUITS) requirePower(ptau, file.power, circuit, circuits[circuit].power)

  return writeDirectory(output, async (directory) => {
    await withSnarkjs(async (snarkjs) => {
      for (const circuit of CIRCUITS)
        await snarkjs.run(
          { kind: 'initial', r1cs: `${circuits[circuit].files}.r1cs`, ptau, output: zkeyPath(directory, circuit) },
          (text) => onProgress?.(`initial key of ${circuit}: ${text}`),
        )
    })
    const setting = {
      profile,
      powersOfTau: { published: file.published, power: file.power, blake2b512: file.blake2b512 },
      circuits,
    }
    const transcript = await describeKeys(setting, await readKeys(directory))
    await writeTranscript(directory, transcript)
    return transcript
  })
}

/** @throws PlimsollError when a file has too few powers for a circuit */
export function requirePower(ptau: string, power: number, circuit: CircuitName, needed: number): void {
  if (power >= needed) return
  throw new PlimsollError(`${ptau} has 2^${power} powers of tau, the circuit ${circuit} needs 2^${needed}.`, {
    hint: `Use a larger file, such as powersOfTau28_hez_final_${String(Math.max(8, needed)).padStart(2, '0')}.ptau.`,
  })
}

export function percent(share: number): string {
  return `${Math.round(100 * share)} %`
}
