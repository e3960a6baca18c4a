/** The base field of BN254. */
export const BN254_Q = 21888242871839275222246405745257275088696311157297823662689037894645226208583n

export const G1_BYTES = 64
export const G2_BYTES = 128

/** Affine coordinates: x, y of G1, or x_0, x_1, y_0, y_1 of G2 with the imaginary parts at 1. */
export type Point = readonly bigint[]

export const G1_GENERATOR: Point = [1n, 2n]
// 2^256 is the Montgomery factor of snarkjs's files.
const MONTGOMERY_INVERSE = inverse((1n << 256n) % BN254_Q)

/**
 * Coordinates from snarkjs's form: each 32 bytes little-endian, in Montgomery form.
 * @returns undefined for coordinates beyond the field
 */
export function decodePoint(bytes: Buffer): Point | undefined {
  const words = Array.from({ length: bytes.length / 32 }, (_, i) => BigInt(`0x${Buffer.from(bytes.subarray(32 * i, 32 * i + 32)).reverse().toString('hex')}`))
  if (words.some((word) => word >= BN254_Q)) return undefined
  return words.map((word) => (word * MONTGOMERY_INVERSE) % BN254_Q)
}

/** The form that a ceremony's hashes are over: 32 bytes big-endian each, imaginary parts first. */
export function uncompressed(point: Point): Buffer {
  const words = point.length === 2 ? point : [point[1]!, point[0]!, point[3]!, point[2]!]
  return Buffer.from(words.map((word) => word.toString(16).padStart(64, '0')).join(''), 'hex')
}

export function samePoint(a: Point, b: Point): boolean {
  return a.join() === b.join()
}

function inverse(value: bigint): bigint {
  let result = 1n
  let base = value
  for (let exponent = BN254_Q - 2n; exponent > 0n; exponent >>= 1n) {
    if (exponent & 1n) result = (result * base) % BN254_Q
    base = (base * base) % BN254_Q
  }
  return result
}
