import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { PlimsollError } from '../../protocol/errors.ts'
import { BASE_FIELD } from '../kernel/bigint-field.ts'
import { G1_BYTES, G2_BYTES } from './points.ts'
import { PUBLISHED_PTAU } from './published-ptau.ts'
import { SectionReader } from './section-reader.ts'

/** A Powers of Tau file whose hash was checked. */
export interface PtauFile {
  readonly path: string
  /** The file has the powers for circuits of up to 2^power constraints. */
  readonly power: number
  readonly blake2b512: string
  /** Name under which its hash is published; null for a file that was trusted by `--hash`. */
  readonly published: string | null
}

// Numbers of snarkjs's sections.
const HEADER = 1
const TAU_G1 = 2
const ALPHA_TAU_G1 = 4
const BETA_TAU_G1 = 5
const LAGRANGE_TAU_G1 = 12

const MAX_POWER = 28

/**
 * Checks that a prepared Powers of Tau file is whole and that its hash is a published one, or the one given.
 * @param hash blake2b-512 (128 hexadecimal digits) or SHA-256 (64) of a file whose hash this version does not know
 * @throws PlimsollError
 */
export async function checkPtau(
  path: string,
  hash: string | undefined,
  onProgress?: (share: number) => void,
): Promise<PtauFile> {
  const expected = hash === undefined ? undefined : parseHash(hash)
  const power = await SectionReader.use(path, 'ptau', readPower)
  const [blake2b512, sha256] = await hashFile(
    path,
    expected?.length === 64 ? ['blake2b512', 'sha256'] : ['blake2b512'],
    onProgress,
  )
  const published = Object.entries(PUBLISHED_PTAU).find(([, known]) => known === blake2b512)?.[0] ?? null

  if (expected !== undefined) {
    const actual = expected.length === 128 ? blake2b512 : sha256
    if (actual !== expected)
      throw new PlimsollError(
        `${path} is not the file of --hash: its hash is ${short(actual!)} instead of ${short(expected)}.`,
        { hint: 'Download it again.' },
      )
  } else if (published === null) {
    const named = Object.hasOwn(PUBLISHED_PTAU, basename(path)) ? PUBLISHED_PTAU[basename(path)]! : undefined
    if (named !== undefined) {
      throw new PlimsollError(
        `${path} is not the published file of that name: its blake2b-512 hash is ${short(blake2b512!)} instead of ${short(named)}.`,
        { hint: 'Download it again.' },
      )
    }
    // The whole hash is left out: copied from here to --hash it would check nothing.
    throw new PlimsollError(
      `The blake2b-512 hash of ${path} (${short(blake2b512!)}) is not a published one that this version knows.`,
      {
        hint: 'Give the hash that its ceremony published with --hash.',
      },
    )
  }
  return { path, power, blake2b512: blake2b512!, published }
}

/** The power needed for a circuit: snarkjs binds the constant one and each public signal with one more row. */
export function powerOf(constraints: number, publicSignals: number): number {
  return Math.max(1, Math.ceil(Math.log2(constraints + publicSignals + 1)))
}

/** The power of a file that has all its sections, whole. */
async function readPower(reader: SectionReader): Promise<number> {
  const { path } = reader
  const header = await reader.read(HEADER, 0, 44)
  const modulus = BigInt(`0x${Buffer.from(header.subarray(4, 36)).reverse().toString('hex')}`)
  const power = header.readUInt32LE(36)
  if (header.readUInt32LE(0) !== 32 || modulus !== BASE_FIELD) throw new PlimsollError(`${path} is not over BN254.`)
  if (power < 1 || power > MAX_POWER) throw new PlimsollError(`${path} claims 2^${power} powers.`)
  if (reader.size(LAGRANGE_TAU_G1) === undefined) {
    throw new PlimsollError(`${path} is not prepared for phase 2.`, {
      hint: 'The published ones are; another can be by `snarkjs powersoftau prepare phase2`.',
    })
  }
  const points = 2 ** power
  const sizes: readonly (readonly [section: number, bytes: number])[] = [
    [TAU_G1, (2 * points - 1) * G1_BYTES],
    [3, points * G2_BYTES],
    [ALPHA_TAU_G1, points * G1_BYTES],
    [BETA_TAU_G1, points * G1_BYTES],
    [6, G2_BYTES],
    [LAGRANGE_TAU_G1, (4 * points - 1) * G1_BYTES],
    [13, (2 * points - 1) * G2_BYTES],
    [14, (2 * points - 1) * G1_BYTES],
    [15, (2 * points - 1) * G1_BYTES],
  ]
  const wrong = sizes.find(([section, bytes]) => reader.size(section) !== bytes)
  if (wrong !== undefined)
    throw new PlimsollError(
      `${path} does not have the powers it claims: section ${wrong[0]} has ${reader.size(wrong[0]) ?? 0} bytes instead of ${wrong[1]}.`,
    )

  const generator = await reader.read(TAU_G1, 0, G1_BYTES)
  const tau = await reader.read(TAU_G1, G1_BYTES, G1_BYTES)
  const alpha = await reader.read(ALPHA_TAU_G1, 0, G1_BYTES)
  const beta = await reader.read(BETA_TAU_G1, 0, G1_BYTES)
  if ([tau, alpha, beta].some((point) => point.equals(generator)))
    throw new PlimsollError(`Nobody has contributed to ${path}: tau, alpha or beta is 1.`)
  return power
}

/** Hexadecimal hashes of a file, read once. */
export async function hashFile(
  path: string,
  algorithms: readonly string[],
  onProgress?: (share: number) => void,
): Promise<string[]> {
  const hashes = algorithms.map((algorithm) => createHash(algorithm))
  const { size } = await stat(path)
  let done = 0
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>) {
    for (const hash of hashes) hash.update(chunk)
    done += chunk.length
    onProgress?.(done / size)
  }
  return hashes.map((hash) => hash.digest('hex'))
}

function parseHash(text: string): string {
  const digits = text.toLowerCase().replace(/^0x/, '')
  if (!/^([0-9a-f]{64}|[0-9a-f]{128})$/.test(digits)) {
    throw new PlimsollError('--hash is neither a blake2b-512 hash (128 hexadecimal digits) nor a SHA-256 hash (64).')
  }
  return digits
}

function short(hash: string): string {
  return `${hash.slice(0, 16)}...`
}
