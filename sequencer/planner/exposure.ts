import { ASSETS, TRADED } from '../../protocol/constants.ts'
import type { Marks } from '../../protocol/marks.ts'
import type { AccountTable } from '../../protocol/scan.ts'

/** Maintenance marks as floats; entry 0 is cash. */
export interface FloatMarks {
  readonly collateralValue: readonly number[]
  readonly liabilityValue: readonly number[]
}

export function floatMarks(marks: Marks): FloatMarks {
  return {
    collateralValue: marks.map((mark) => Number(mark.collateralValue)),
    liabilityValue: marks.map((mark) => Number(mark.liabilityValue)),
  }
}

/**
 * Demands of an account on an envelope.
 * `sides` is a bit set: bit a - 1 when it is long in asset a (it needs a floor), bit 7 + a - 1 when it is short (it needs a
 * ceiling). `reach` is the largest log-distance t at which it is healthy when every price of its sides has moved against it
 * by the factor e^t, and infinite when no price can breach it.
 */
export interface Exposure {
  readonly sides: number
  readonly reach: number
}

const FREE: Exposure = { sides: 0, reach: Infinity }

/** Need of an account that is healthy at the marks. Floating point: envelopes made from it are checked exactly afterwards. */
export function accountExposure(
  table: AccountTable,
  row: number,
  { collateralValue, liabilityValue }: FloatMarks,
): Exposure {
  const { floats } = table
  const first = row * ASSETS
  const cash = floats[first]! * collateralValue[0]!
  let sides = 0
  let long = 0
  let short = 0
  for (let a = 1; a < ASSETS; a++) {
    const balance = floats[first + a]!
    if (balance > 0) {
      long += collateralValue[a]! * balance
      sides |= 1 << (a - 1)
    } else if (balance < 0) {
      short -= liabilityValue[a]! * balance
      sides |= 1 << (TRADED + a - 1)
    }
  }
  if (short === 0 && cash >= 0) return FREE
  // With x = e^-t, health is long x - short / x + cash: it vanishes at the positive root of long x^2 + cash x - short.
  const root = Math.sqrt(cash * cash + 4 * long * short)
  const x = cash >= 0 ? (2 * short) / (cash + root) : (root - cash) / (2 * long)
  return { sides, reach: Math.max(0, -Math.log(x)) }
}
