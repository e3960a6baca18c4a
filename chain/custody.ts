import { ASSETS } from '../protocol/constants.ts'

/** What the contracts say of each asset at a look: what the reference machine does not know. */
export interface Custody {
  readonly frozen: boolean
  /** There is a round younger than `maxAge`. */
  readonly fresh: boolean
  /** Whether there is a token. */
  readonly spot: readonly boolean[]
  /** Withdrawals are multiples of this many base units. */
  readonly unitsPerTokenUnit: readonly bigint[]
  /** What may be withdrawn, in base units. */
  readonly free: readonly bigint[]
  /** What the backstop sells or buys a base unit for, at the scale of marks; 0 where it has none. */
  readonly unwindPrices: readonly bigint[]
}

/** Of a deployment nobody can deposit into or withdraw from yet. */
export const NO_CUSTODY: Custody = {
  frozen: false,
  fresh: false,
  spot: Array<boolean>(ASSETS).fill(false),
  unitsPerTokenUnit: Array<bigint>(ASSETS).fill(1n),
  free: Array<bigint>(ASSETS).fill(0n),
  unwindPrices: Array<bigint>(ASSETS).fill(0n),
}
