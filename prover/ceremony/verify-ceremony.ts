import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PlimsollError } from '../../protocol/errors.ts'
import { closeCurve, curveIsOpen, curveWithoutThreads } from '../curve.ts'
import { describeKey } from '../keys.ts'
import type { CircuitName } from '../profiles.ts'
import { CIRCUITS } from '../profiles.ts'
import { type CompileChoices, type CompiledCircuit, compiledCircuits } from './compiled-circuits.ts'
import { type CeremonyProgress, percent, requirePower } from './import-ptau.ts'
import { G1_GENERATOR, type Point, samePoint } from './points.ts'
import { checkPtau, type PtauFile } from './ptau-file.ts'
import { withSnarkjs } from './snarkjs-job.ts'
import {
  describeKeys,
  difference,
  NoTranscript,
  readKeys,
  readTranscript,
  TRANSCRIPT,
  type Transcript,
  zkeyPath,
} from './transcript.ts'
import type { ZkeyState } from './zkey-state.ts'

export interface VerifyOptions extends Pick<CompileChoices, 'source'> {
  readonly directory: string
  readonly ptau: string
  /** As `checkPtau` takes it. */
  readonly hash?: string | undefined
  /** Accept a ceremony that goes on: without a beacon, or even without a contribution. */
  readonly unfinished?: boolean
  readonly onProgress?: CeremonyProgress
}

export type CeremonyVerdict =
  | { readonly ok: true; readonly finished: boolean; readonly transcript: Transcript }
  | {
      readonly ok: false /** Null when it is no single circuit. */
      readonly circuit: CircuitName | null
      readonly error: string
    }

/** Something to verify against could not be had, which says nothing about the ceremony. */
class VerificationImpossible extends PlimsollError {}

/**
 * Verifies a ceremony, or exported keys, from the powers of tau to the last step, trusting nothing in the directory: the
 * circuits are those of this installation, the Powers of Tau file is a published one or that of `hash`, and each field of
 * the transcript is recomputed.
 * @throws PlimsollError when there is no ceremony in the directory, or nothing to verify it with
 */
export async function verifyCeremony(options: VerifyOptions): Promise<CeremonyVerdict> {
  const { directory, ptau, unfinished = false, onProgress } = options
  let current: CircuitName | null = null
  try {
    const transcript = await readTranscript(directory)
    const keys = await readKeys(directory)
    const { file, circuits } = await premises(options, transcript)
    if (file.blake2b512 !== transcript.powersOfTau.blake2b512)
      throw new PlimsollError(`The ceremony began from another Powers of Tau file than ${ptau}.`)
    for (const circuit of CIRCUITS) {
      current = circuit
      if (circuits[circuit].r1csSha256 !== transcript.circuits[circuit].r1csSha256)
        throw new PlimsollError("The ceremony was for another circuit than this installation's: its r1cs hash differs.")
    }
    current = null
    const { published, power, blake2b512 } = file
    const wrong = difference(
      await describeKeys(
        { profile: transcript.profile, powersOfTau: { published, power, blake2b512 }, circuits },
        keys,
      ),
      transcript,
    )
    if (wrong !== undefined)
      throw new PlimsollError(`${TRANSCRIPT} is not that of the keys beside it: ${wrong} differs.`)
    for (const circuit of CIRCUITS) {
      current = circuit
      await requireSoundChain(keys[circuit], unfinished)
      requireOwnDelta(keys, circuit)
    }
    current = null
    if (transcript.beacon === null && !unfinished) throw new PlimsollError('The ceremony has no beacon yet.')
    await withSnarkjs(async (snarkjs) => {
      for (const circuit of CIRCUITS) {
        current = circuit
        const { files, constraints } = circuits[circuit]
        const complaint = await snarkjs.run(
          { kind: 'verify', r1cs: `${files}.r1cs`, ptau, input: zkeyPath(directory, circuit) },
          (text) => onProgress?.(`verifying ${circuit}: ${text}`),
        )
        if (complaint !== '') throw new PlimsollError(`snarkjs refuses the key: ${complaint}.`)
        await requireOwnDescription(directory, circuit, constraints)
      }
    })
    return { ok: true, finished: transcript.beacon !== null, transcript }
  } catch (error) {
    if (!(error instanceof PlimsollError) || error instanceof VerificationImpossible || error instanceof NoTranscript)
      throw error
    return { ok: false, circuit: current, error: error.message }
  }
}

/** Ground on which a ceremony is verified: a checked Powers of Tau file and this installation's circuits. */
async function premises(
  { ptau, hash, source, onProgress }: VerifyOptions,
  { profile }: Transcript,
): Promise<{ file: PtauFile; circuits: Record<CircuitName, CompiledCircuit> }> {
  try {
    const file = await checkPtau(ptau, hash, (share) => onProgress?.(`hashing ${ptau}: ${percent(share)}`))
    const circuits = await compiledCircuits(profile, {
      ...(source && { source }),
      onProgress: ({ circuit, share }) => onProgress?.(`compiling ${circuit}: ${percent(share)}`),
    })
    for (const circuit of CIRCUITS) requirePower(ptau, file.power, circuit, circuits[circuit].power)
    return { file, circuits }
  } catch (error) {
    if (!(error instanceof PlimsollError)) throw error
    throw new VerificationImpossible(error.message, error.hint === undefined ? {} : { hint: error.hint })
  }
}

/**
 * A check that snarkjs does not make: that a secret went into the key, so that proofs under it cannot be forged by everybody.
 * @throws PlimsollError
 */
async function requireSoundChain(
  { contributions, delta1, delta2, gamma2 }: ZkeyState,
  unfinished: boolean,
): Promise<void> {
  const secret = contributions.filter(({ beacon }) => beacon === undefined)
  if (secret.length === 0) {
    if (unfinished && contributions.length === 0) return
    throw new PlimsollError('Nobody has contributed to the key: proofs under it can be forged.')
  }
  if (samePoint(gamma2, delta2))
    throw new PlimsollError('The key has gamma equal to delta: proofs under it can be forged.')
  let delta: Point = G1_GENERATOR
  for (const [i, { name, deltaAfter }] of contributions.entries()) {
    if (samePoint(delta, deltaAfter))
      throw new PlimsollError(`Contribution ${i + 1} (${name}) changes nothing: its secret is 1.`)
    delta = deltaAfter
  }
  // A beacon on top would hide it, but its value is public.
  if (samePoint(secret.at(-1)!.deltaAfter, G1_GENERATOR))
    throw new PlimsollError('The contributions cancel out: proofs under the key can be forged.')

  const curve = await curveWithoutThreads()
  const [x, y] = delta1 as [bigint, bigint]
  const [x0, x1, y0, y1] = delta2 as [bigint, bigint, bigint, bigint]
  const g1 = curve.G1.fromObject([x, y, 1n])
  const g2 = curve.G2.fromObject([
    [x0, x1],
    [y0, y1],
    [1n, 0n],
  ])
  if (!curve.G1.isValid(g1) || !curve.G2.isValid(g2) || !curve.G2.isZero(curve.G2.timesScalar(g2, curve.r)))
    throw new PlimsollError("The key's delta is not a point of the curve's group.")
}

/**
 * Checks that no circuit before this one has its delta: under a common one, a proof could use points of both circuits' keys.
 * @throws PlimsollError
 */
function requireOwnDelta(keys: Readonly<Record<CircuitName, ZkeyState>>, circuit: CircuitName): void {
  const { delta2, contributions } = keys[circuit]
  if (contributions.length === 0) return
  for (const other of CIRCUITS.slice(0, CIRCUITS.indexOf(circuit))) {
    if (samePoint(keys[other].delta2, delta2))
      throw new PlimsollError(`The key has the delta of ${other}'s: proofs under both can be forged.`)
  }
}

/**
 * Checks that, where the keys were exported, what was written beside them must be theirs.
 * @throws PlimsollError
 */
async function requireOwnDescription(directory: string, circuit: CircuitName, constraints: number): Promise<void> {
  const names = ['json', 'sol'].map((extension) => `${circuit}.${extension}`)
  const given = await Promise.all(names.map((name) => readFile(join(directory, name), 'utf8').catch(() => undefined)))
  if (given.every((text) => text === undefined)) return
  const curveWasOpen = curveIsOpen()
  const temporary = await mkdtemp(join(tmpdir(), 'plimsoll-keys-'))
  try {
    await describeKey(zkeyPath(directory, circuit), temporary, circuit, constraints)
    for (const [i, name] of names.entries()) {
      if (given[i] !== (await readFile(join(temporary, name), 'utf8')))
        throw new PlimsollError(`${name} is not what is exported from the key.`)
    }
  } finally {
    await rm(temporary, { recursive: true })
    if (!curveWasOpen) await closeCurve()
  }
}
