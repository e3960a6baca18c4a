import { createHash, randomBytes } from 'node:crypto'
import { PlimsollError } from '../../protocol/errors.ts'
import { CIRCUITS } from '../profiles.ts'
import type { CeremonyProgress } from './import-ptau.ts'
import { type SnarkjsJob, withSnarkjs } from './snarkjs-job.ts'
import { writeDirectory } from './staging.ts'
import {
  BEACON_NAME,
  describeKeys,
  difference,
  readKeys,
  readTranscript,
  requireName,
  TRANSCRIPT,
  type Transcript,
  writeTranscript,
  zkeyPath,
} from './transcript.ts'

interface StepOptions {
  /** The ceremony so far. */
  readonly directory: string
  /** Directory for the ceremony with the step. */
  readonly output: string
  readonly onProgress?: CeremonyProgress
}

export interface ContributeOptions extends StepOptions {
  /** The contributor's, public. */
  readonly name: string
  /** Text of the contributor's, of any length, to stir into the platform's randomness. */
  readonly text?: string
}

export interface BeaconOptions extends StepOptions {
  /** Public and not known to anybody before the last contribution was: hexadecimal, 1 to 255 bytes. */
  readonly value: string
  /** The value is hashed 2^iterations times. */
  readonly iterations: number
}

const MIN_ITERATIONS = 10
const MAX_ITERATIONS = 30

/**
 * Multiplies the secret of every circuit's key by a fresh random number, and forgets the numbers.
 * @throws PlimsollError when the directory holds no open ceremony or the output cannot be written
 */
export async function contribute({ name, text = '', ...options }: ContributeOptions): Promise<Transcript> {
  requireName(name, 'The contribution')
  const before = await readOpenCeremony(options.directory)
  return extend(before, options, (input, output) => ({
    kind: 'contribute',
    input,
    output,
    name,
    entropy: entropy(text),
  }))
}

/**
 * Closes a ceremony with a public random value.
 * @throws PlimsollError when the directory holds no open ceremony with a contribution, or the output cannot be written
 */
export async function applyBeacon({ value, iterations, ...options }: BeaconOptions): Promise<Transcript> {
  const digits = value.toLowerCase().replace(/^0x/, '')
  if (!/^([0-9a-f]{2}){1,255}$/.test(digits))
    throw new PlimsollError("The beacon's value is not 1 to 255 bytes in hexadecimal.")
  if (!Number.isInteger(iterations) || iterations < MIN_ITERATIONS || iterations > MAX_ITERATIONS) {
    throw new PlimsollError(
      `The exponent of the beacon's iterations is not from ${MIN_ITERATIONS} to ${MAX_ITERATIONS}.`,
    )
  }
  const before = await readOpenCeremony(options.directory)
  if (before.contributions.length === 0)
    throw new PlimsollError(`The ceremony in ${options.directory} has no contribution yet.`, {
      hint: '`plimsoll keys contribute` adds one.',
    })
  return extend(before, options, (input, output) => ({
    kind: 'beacon',
    input,
    output,
    name: BEACON_NAME,
    value: digits,
    iterations,
  }))
}

async function extend(
  before: Transcript,
  { directory, output, onProgress }: StepOptions,
  step: (input: string, output: string) => SnarkjsJob,
): Promise<Transcript> {
  return writeDirectory(output, async (staging) => {
    await withSnarkjs(async (snarkjs) => {
      for (const circuit of CIRCUITS)
        await snarkjs.run(step(zkeyPath(directory, circuit), zkeyPath(staging, circuit)), (text) =>
          onProgress?.(`${circuit}: ${text}`),
        )
    })
    const transcript = await describeKeys(before, await readKeys(staging))
    await writeTranscript(staging, transcript)
    return transcript
  })
}

/**
 * A ceremony without a beacon, whose transcript and keys agree. Whether the keys follow from circuits and powers of tau is
 * left to `verify`.
 */
async function readOpenCeremony(directory: string): Promise<Transcript> {
  const transcript = await readTranscript(directory)
  const wrong = difference(transcript, await describeKeys(transcript, await readKeys(directory)))
  if (wrong !== undefined) {
    throw new PlimsollError(`${TRANSCRIPT} in ${directory} is not that of the keys beside it: ${wrong} differs.`, {
      hint: 'Get the directory again from whoever made it.',
    })
  }
  if (transcript.beacon !== null)
    throw new PlimsollError(`The ceremony in ${directory} is closed: its beacon has been applied.`)
  return transcript
}

/**
 * 64 bytes of the platform's randomness and the hash of the text, in hexadecimal. snarkjs hashes them with 64 bytes of
 * its own.
 */
function entropy(text: string): string {
  return randomBytes(64).toString('hex') + createHash('sha512').update(text).digest('hex')
}
