import { ASSETS, SIZE_LIMIT } from './constants.ts'
import { abs } from './integer.ts'
import type { Marks } from './marks.ts'

/** Eight signed balances in base units: positive is collateral or long, negative debt or short. */
export type Balances = readonly bigint[]

/** Bounds of a slot on assets 1..7 (index 0 is asset 1): `u >= floor` and `v <= ceiling` while it is covered. */
export interface Envelope {
  readonly floors: readonly bigint[]
  readonly ceilings: readonly bigint[]
}

/** Health `H`: an account is breached iff it is negative. Unit: 2^-32 base units of cash. */
export function health(balances: Balances, marks: Marks): bigint {
  let sum = 0n
  for (let a = 0; a < ASSETS; a++)
    sum += balances[a]! * (balances[a]! > 0n ? marks[a]!.collateralValue : marks[a]!.liabilityValue)
  return sum
}

/** Target health: `T` at the target marks, which a liquidation ends at. */
export function targetHealth(balances: Balances, marks: Marks): bigint {
  let sum = 0n
  for (let a = 0; a < ASSETS; a++)
    sum += balances[a]! * (balances[a]! > 0n ? marks[a]!.targetCollateralValue : marks[a]!.targetLiabilityValue)
  return sum
}

/** Initial health: `T` at the initial marks, which withdrawals and trades must end at. */
export function initialHealth(balances: Balances, marks: Marks): bigint {
  let sum = 0n
  for (let a = 0; a < ASSETS; a++)
    sum += balances[a]! * (balances[a]! > 0n ? marks[a]!.initialCollateralValue : marks[a]!.initialLiabilityValue)
  return sum
}

/** Health at the envelope's worst corner: the account is safe in it iff this is not negative. */
export function cornerHealth(balances: Balances, envelope: Envelope): bigint {
  let sum = balances[0]! << 32n
  for (let a = 1; a < ASSETS; a++) {
    sum += balances[a]! * (balances[a]! > 0n ? envelope.floors[a - 1]! : envelope.ceilings[a - 1]!)
  }
  return sum
}

/** Whether a slot of this envelope is covered at the marks. */
export function isCovered(envelope: Envelope, marks: Marks): boolean {
  for (let a = 1; a < ASSETS; a++) {
    if (marks[a]!.collateralValue < envelope.floors[a - 1]! || marks[a]!.liabilityValue > envelope.ceilings[a - 1]!)
      return false
  }
  return true
}

/** `sum price |b|`, cash included. */
export function size(balances: Balances, marks: Marks): bigint {
  let sum = 0n
  for (let a = 0; a < ASSETS; a++) sum += abs(balances[a]!) * marks[a]!.price
  return sum
}

/**
 * Whether an account is of a size that is refused everywhere: `sum price |b|` of 2^95 or more
 * (docs/protocol.md#decisions-where-the-design-was-silent).
 */
export function isOversize(balances: Balances, marks: Marks): boolean {
  return size(balances, marks) >= SIZE_LIMIT
}
