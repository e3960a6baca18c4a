/** Floor of `a / b` for any sign of `a`; `b > 0`. */
export function divDown(a: bigint, b: bigint): bigint {
  const quotient = a / b
  return a % b < 0n ? quotient - 1n : quotient
}

/** Ceiling of `a / b` for any sign of `a`; `b > 0`. */
export function divUp(a: bigint, b: bigint): bigint {
  return -divDown(-a, b)
}

export function abs(a: bigint): bigint {
  return a < 0n ? -a : a
}

export function min(a: bigint, b: bigint): bigint {
  return a < b ? a : b
}

export function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b
}

/** A fixed-point number to the power n, by squaring, rounded down at each product. @param bits of its fraction */
export function powerDown(base: bigint, n: bigint, bits: bigint): bigint {
  let power = 1n << bits
  let square = base
  for (let rest = n; rest > 0n; rest >>= 1n) {
    if ((rest & 1n) === 1n) power = (power * square) >> bits
    square = (square * square) >> bits
  }
  return power
}

/** Largest integer whose square is not above `value`, by Newton's iteration from above. */
export function squareRootDown(value: bigint): bigint {
  if (value < 2n) return value
  let x = 1n << BigInt((value.toString(2).length + 1) >> 1)
  for (;;) {
    const y = (x + value / x) >> 1n
    if (y >= x) return x
    x = y
  }
}
