import { BASE_FIELD, inverse } from '../kernel/bigint-field.ts'
import { littleEndian } from '../kernel/section-file.ts'

export const G1_BYTES = 64
export const G2_BYTES = 128

/** Affine coordinates: x, y of G1, or x_0, x_1, y_0, y_1 of G2 with the imaginary parts at 1. */
export type Point = readonly bigint[]

export const G1_GENERATOR: Point = [1n, 2n]
// 2^256 is the Montgomery factor of snarkjs's files.
const MONTGOMERY_INVERSE = inverse(1n << 256n, BASE_FIELD)

/**
 * Coordinates from snarkjs's form: each 32 bytes little-endian, in Montgomery form.
 * @returns undefined for coordinates beyond the field
 */
export function decodePoint(bytes: Buffer): Point | undefined {
  const words = Array.from({ length: bytes.length / 32 }, (_, i) => littleEndian(bytes.subarray(32 * i, 32 * i + 32)))
  if (words.some((word) => word >= BASE_FIELD)) return undefined
  return words.map((word) => (word * MONTGOMERY_INVERSE) % BASE_FIELD)
}

/** The form that a ceremony's hashes are over: 32 bytes big-endian each, imaginary parts first. */
export function uncompressed(point: Point): Buffer {
  const words = point.length === 2 ? point : [point[1]!, point[0]!, point[3]!, point[2]!]
  return Buffer.from(words.map((word) => word.toString(16).padStart(64, '0')).join(''), 'hex')
}

export function samePoint(a: Point, b: Point): boolean {
  return a.join() === b.join()
}
