/** Words of a scalar, 32 bits each, little-endian. */
export const SCALAR_WORDS = 8

/**
 * Windows of signed digits that cover scalars below r; the last takes the carry, which r leaves room for in all sizes
 * of windows.
 */
export function windowCount(bits: number): number {
  return Math.ceil(255 / bits)
}

/**
 * Signed digits of scalars below r: digit `w` of scalar `i` is `digits[w * stride + i]`, in [-2^(bits - 1), 2^(bits - 1)), and a scalar is
 * the sum of `2^(bits w)` times its digits. Works on the scalars from `first` to before `end`.
 */
export function signedDigits(
  scalars: Uint32Array,
  digits: Int16Array,
  stride: number,
  bits: number,
  first: number,
  end: number,
): void {
  const windows = windowCount(bits)
  const [base, half] = [2 ** bits, 2 ** (bits - 1)]
  for (let i = first; i < end; i++) {
    const words = i * SCALAR_WORDS
    let carry = 0
    for (let w = 0; w < windows; w++) {
      const position = w * bits
      const [word, shift] = [position >> 5, position & 31]
      let digit = word < SCALAR_WORDS ? scalars[words + word]! >>> shift : 0
      if (shift + bits > 32 && word + 1 < SCALAR_WORDS) digit |= scalars[words + word + 1]! << (32 - shift)
      digit = (digit & (base - 1)) + carry
      carry = digit >= half ? 1 : 0
      digits[w * stride + i] = digit - carry * base
    }
  }
}
