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
