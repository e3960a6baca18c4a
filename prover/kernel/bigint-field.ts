import { FIELD } from '../../protocol/constants.ts'

/** BN254's base field, of the coordinates of points. */
export const BASE_FIELD = 21888242871839275222246405745257275088696311157297823662689037894645226208583n
/** BN254's scalar field: the order of G1 and G2, and the field of the circuits. */
export const SCALAR_FIELD = FIELD

/** The representative in [0, modulus). */
export function modulo(value: bigint, modulus: bigint): bigint {
  const remainder = value % modulus
  return remainder < 0n ? remainder + modulus : remainder
}

/** `base ** exponent` modulo `modulus`, for an exponent of 0 or more. */
export function power(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n
  let square = modulo(base, modulus)
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = (result * square) % modulus
    square = (square * square) % modulus
  }
  return result
}

/** The inverse modulo any modulus that shares no factor with `value`. @throws RangeError where there is none. */
export function inverse(value: bigint, modulus: bigint): bigint {
  let [a, b] = [modulo(value, modulus), modulus]
  let [x, y] = [1n, 0n]
  while (a > 1n) {
    const quotient = b / a
    ;[a, b] = [b - quotient * a, a]
    ;[x, y] = [y - quotient * x, x]
  }
  if (a !== 1n) throw new RangeError('Zero has no inverse.')
  return modulo(x, modulus)
}

/** A square root of a nonzero value modulo an odd prime, by Tonelli and Shanks. @throws RangeError where there is none. */
export function squareRoot(value: bigint, modulus: bigint): bigint {
  let [odd, twos] = [modulus - 1n, 0]
  for (; odd % 2n === 0n; odd /= 2n) twos++
  let nonResidue = 2n
  while (power(nonResidue, (modulus - 1n) / 2n, modulus) === 1n) nonResidue++
  let root = power(value, (odd + 1n) / 2n, modulus)
  let error = power(value, odd, modulus)
  let generator = power(nonResidue, odd, modulus)
  // root^2 = value error, and the order of the error is a power of 2, which shrinks.
  for (let order = twos; error !== 1n; ) {
    let exponent = 0
    for (let square = error; square !== 1n; square = (square * square) % modulus) exponent++
    if (exponent >= order) throw new RangeError('The number is not a square.')
    const factor = power(generator, 1n << BigInt(order - exponent - 1), modulus)
    root = (root * factor) % modulus
    generator = (factor * factor) % modulus
    error = (error * generator) % modulus
    order = exponent
  }
  return root
}
