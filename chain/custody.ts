import { ASSETS } from '../protocol/constants.ts'

/** Facts of an asset at a look that only the contracts know, not the reference machine. */
export interface Custody {
  readonly frozen: boolean
  /** There is a round younger than `maxAge`. */
  readonly fresh: boolean
  /** Whether there is a token. */
  readonly spot: readonly boolean[]
  /** Withdrawals are multiples of this many base units. */
  readonly unitsPerTokenUnit: readonly bigint[]
  /** Amount that may be withdrawn, in base units. */
  readonly free: readonly bigint[]
  /** Price at which the backstop sells or buys a base unit, at the scale of marks; 0 where it has none. */
  readonly unwindPrices: readonly bigint[]
}

/** Custody of a deployment that nobody can deposit into or withdraw from yet. */
export const NO_CUSTODY: Custody = {
  frozen: false,
  fresh: false,
  spot: Array<boolean>(ASSETS).fill(false),
  unitsPerTokenUnit: Array<bigint>(ASSETS).fill(1n),
  free: Array<bigint>(ASSETS).fill(0n),
  unwindPrices: Array<bigint>(ASSETS).fill(0n),
}
