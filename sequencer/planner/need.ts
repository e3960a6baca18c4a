import { ASSETS, TRADED } from '../../protocol/constants.ts'
import type { Balances } from '../../protocol/health.ts'
import type { Marks } from '../../protocol/marks.ts'

/** Maintenance marks as floats; entry 0 is cash. */
export interface FloatMarks {
  readonly u: readonly number[]
  readonly v: readonly number[]
}

export function floatMarks(marks: Marks): FloatMarks {
  return { u: marks.map((mark) => Number(mark.u)), v: marks.map((mark) => Number(mark.v)) }
}

/**
 * What an account asks of an envelope.
 * `sides` is a bit set: bit a - 1 when it is long in asset a (it needs a floor), bit 7 + a - 1 when it is short (it needs a
 * ceiling). `reach` is the largest log-distance t at which it is healthy when every price of its sides has moved against it
 * by the factor e^t, and infinite when no price can breach it.
 */
export interface Need {
  readonly sides: number
  readonly reach: number
}

const FREE: Need = { sides: 0, reach: Infinity }

/** Need of an account that is healthy at the marks. Floating point: envelopes made from it are checked exactly afterwards. */
export function accountNeed(balances: Balances, { u, v }: FloatMarks): Need {
  const cash = Number(balances[0]!) * u[0]!
  let sides = 0
  let long = 0
  let short = 0
  for (let a = 1; a < ASSETS; a++) {
    const balance = Number(balances[a]!)
    if (balance > 0) {
      long += u[a]! * balance
      sides |= 1 << (a - 1)
    } else if (balance < 0) {
      short -= v[a]! * balance
      sides |= 1 << (TRADED + a - 1)
    }
  }
  if (short === 0 && cash >= 0) return FREE
  // With x = e^-t, health is long x - short / x + cash: it vanishes at the positive root of long x^2 + cash x - short.
  const root = Math.sqrt(cash * cash + 4 * long * short)
  const x = cash >= 0 ? (2 * short) / (cash + root) : (root - cash) / (2 * long)
  return { sides, reach: Math.max(0, -Math.log(x)) }
}
