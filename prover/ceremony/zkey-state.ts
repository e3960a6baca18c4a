import { createHash } from 'node:crypto'
import type { Hex } from 'viem'
import { PlimsollError } from '../../protocol/errors.ts'
import { BASE_FIELD } from '../kernel/bigint-field.ts'
import { keyHash, type VerificationKey } from '../verification-key.ts'
import { decodePoint, G1_BYTES, G2_BYTES, type Point, uncompressed } from './points.ts'
import { SectionReader } from './section-reader.ts'

/** One step of a key's chain. */
export interface ZkeyContribution {
  readonly name: string
  /** The contribution hash of snarkjs: blake2b-512, hexadecimal. */
  readonly hash: string
  readonly deltaAfter: Point
  /** Value and iterations of a beacon, a step from a public value instead of a secret. */
  readonly beacon: { readonly value: string; readonly iterations: number } | undefined
}

/** Contents of a .zkey, without the points that only proving needs. */
export interface ZkeyState {
  readonly path: string
  readonly wires: number
  readonly publicSignals: number
  readonly domainSize: number
  readonly gamma2: Point
  readonly delta1: Point
  readonly delta2: Point
  /** blake2b-512 of the initial key's points: the circuit at these powers of tau. */
  readonly circuitHash: string
  readonly contributions: readonly ZkeyContribution[]
  /** As the verifier contracts report it. */
  readonly keyHash: Hex
}

const HASH_BYTES = 64
/** Thousands of contributions. */
const MAX_HISTORY_BYTES = 16 << 20

/**
 * Reads what a .zkey says about itself. Nothing of it is verified.
 * @throws PlimsollError when it is no whole Groth16 key over BN254
 */
export function readZkeyState(path: string): Promise<ZkeyState> {
  return SectionReader.use(path, 'zkey', async (reader) => {
    const malformed = (what: string) => new PlimsollError(`${path} is malformed: ${what}.`)
    const point = (bytes: Buffer, at: number, size: number): Point => {
      const decoded = decodePoint(bytes.subarray(at, at + size))
      if (decoded === undefined) throw malformed('it has coordinates beyond the field')
      return decoded
    }
    if ((await reader.read(1, 0, 4)).readUInt32LE(0) !== 1) throw malformed('it is not a Groth16 key')
    const header = await reader.read(2, 0, 84 + 3 * G1_BYTES + 3 * G2_BYTES)
    const modulus = BigInt(`0x${Buffer.from(header.subarray(4, 36)).reverse().toString('hex')}`)
    if (header.readUInt32LE(0) !== 32 || modulus !== BASE_FIELD || header.readUInt32LE(36) !== 32)
      throw malformed('it is not over BN254')
    const [wires, publicSignals, domainSize] = [72, 76, 80].map((at) => header.readUInt32LE(at)) as [
      number,
      number,
      number,
    ]
    const alpha1 = point(header, 84, G1_BYTES)
    const beta2 = point(header, 84 + 2 * G1_BYTES, G2_BYTES)
    const gamma2 = point(header, 84 + 2 * G1_BYTES + G2_BYTES, G2_BYTES)
    const delta1 = point(header, 84 + 2 * G1_BYTES + 2 * G2_BYTES, G1_BYTES)
    const delta2 = point(header, 84 + 3 * G1_BYTES + 2 * G2_BYTES, G2_BYTES)
    const inputs = await reader.read(3, 0, (publicSignals + 1) * G1_BYTES)
    const ic = Array.from({ length: publicSignals + 1 }, (_, i) => point(inputs, i * G1_BYTES, G1_BYTES))

    if ((reader.size(10) ?? 0) > MAX_HISTORY_BYTES) throw malformed('its list of contributions is too long')
    const history = await reader.read(10)
    let position = 0
    const take = (bytes: number): Buffer => {
      if (position + bytes > history.length) throw malformed('its list of contributions is cut short')
      position += bytes
      return history.subarray(position - bytes, position)
    }
    const circuitHash = take(HASH_BYTES).toString('hex')
    const count = take(4).readUInt32LE(0)
    if (count > history.length) throw malformed('its list of contributions is cut short')
    const contributions = Array.from({ length: count }, (_, i) => {
      const number = i + 1
      const points = take(3 * G1_BYTES + G2_BYTES)
      const [deltaAfter, s, sx] = [0, 1, 2].map((k) => point(points, k * G1_BYTES, G1_BYTES)) as [Point, Point, Point]
      const spx = point(points, 3 * G1_BYTES, G2_BYTES)
      const transcript = take(HASH_BYTES)
      const type = take(4).readUInt32LE(0)
      const fields = parameters(take(take(4).readUInt32LE(0)), () =>
        malformed(`contribution ${number} has parameters that are out of order or unknown`),
      )
      if (type > 1) throw malformed(`contribution ${number} is of an unknown type`)
      const expected = type === 1 ? 2 : 0
      if ([fields.iterations, fields.value].filter((field) => field !== undefined).length !== expected)
        throw malformed(`contribution ${number} has the parameters of another type`)
      const hash = createHash('blake2b512')
      for (const part of [...[deltaAfter, s, sx, spx].map(uncompressed), transcript]) hash.update(part)
      return {
        name: fields.name ?? '',
        hash: hash.digest('hex'),
        deltaAfter,
        beacon: type === 1 ? { value: fields.value!, iterations: fields.iterations! } : undefined,
      }
    })
    if (position !== history.length) throw malformed('bytes follow its list of contributions')

    const g1 = (p: Point): string[] => [...p.map(String), '1']
    const g2 = ([x0, x1, y0, y1]: Point): string[][] => [
      [String(x0), String(x1)],
      [String(y0), String(y1)],
      ['1', '0'],
    ]
    return {
      path,
      wires,
      publicSignals,
      domainSize,
      gamma2,
      delta1,
      delta2,
      circuitHash,
      contributions,
      keyHash: keyHash({
        vk_alpha_1: g1(alpha1),
        vk_beta_2: g2(beta2),
        vk_gamma_2: g2(gamma2),
        vk_delta_2: g2(delta2),
        IC: ic.map(g1),
      } as VerificationKey),
    }
  })
}

/** A contribution's fields, in ascending order: 1 is a name, 2 a beacon's iterations as a power of two, 3 its value. */
function parameters(
  bytes: Buffer,
  malformed: () => PlimsollError,
): { name?: string; iterations?: number; value?: string } {
  const fields: { name?: string; iterations?: number; value?: string } = {}
  let last = 0
  for (let at = 0; at < bytes.length; ) {
    const type = bytes[at]!
    const length = type === 2 ? 1 : bytes[at + 1]
    const start = type === 2 ? at + 1 : at + 2
    if (type <= last || type > 3 || length === undefined || start + length > bytes.length) throw malformed()
    const value = bytes.subarray(start, start + length)
    if (type === 1) fields.name = value.toString('utf8')
    else if (type === 2) fields.iterations = value[0]!
    else fields.value = value.toString('hex')
    last = type
    at = start + length
  }
  return fields
}
