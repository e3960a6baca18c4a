import { FACTOR_ONE, WORD } from './constants.ts'
import { type Balances, initialHealth } from './health.ts'
import { divUp } from './integer.ts'
import { type AssetMarks, type Marks, NO_NEW_RISK } from './marks.ts'

// What a large position pays in initial margin (docs/protocol.md#concentration): the one place of kappa and the charge.

/** Factor F of a deployment that names none, in 1/10^4; 0 is off, and any other lies between the two bounds. */
export const CONCENTRATION_DEFAULT = 30_000n
export const CONCENTRATION_LEAST = 10_000n
export const CONCENTRATION_MOST = 80_000n
/** Fraction bits that a charge has beyond those of a value: kappa is below 2^64, and means kappa / 2^48. */
const CHARGE_BITS = 48n
/** A deployment is refused with a kappa of this or more: room for a market to rise, or to lose its depth, by a factor of 256. */
export const KAPPA_DEPLOYED_LIMIT = 1n << 56n

/** Whether a deployment may have this factor F. */
export function isConcentrationFactor(factor: bigint): boolean {
  return factor === 0n || (factor >= CONCENTRATION_LEAST && factor <= CONCENTRATION_MOST)
}

/**
 * `kappa = ceil(price F 2^47 / (10^4 depth))`, in 2^-80 base units of cash per squared base unit of the asset; half of the loss of
 * value, `price b / depth`, at which a position of b leaves its market, times f. Undefined where it is no word: there is no depth, or too little of it.
 * @param price mark, below 2^60
 * @param depth base units
 * @param factor F in 1/10^4
 */
export function kappaUp(price: bigint, depth: bigint, factor: bigint): bigint | undefined {
  if (factor === 0n) return 0n
  if (depth === 0n) return undefined
  const kappa = divUp((price * factor) << (CHARGE_BITS - 1n), FACTOR_ONE * depth)
  return kappa < WORD ? kappa : undefined
}

/** Marks with the charge of their market; without new risk on the asset, and without a charge, where kappa is no word. */
export function concentratedMarks(marks: AssetMarks, depth: bigint, factor: bigint): AssetMarks {
  return withKappa(marks, kappaUp(marks.price, depth, factor))
}

/** Marks with a kappa; undefined: no new risk. */
export function withKappa(marks: AssetMarks, kappa: bigint | undefined): AssetMarks {
  if (kappa !== undefined) return { ...marks, concentration: kappa }
  return { ...marks, ...NO_NEW_RISK, concentration: 0n }
}

/** Charge of each asset, of cash 0: `kappa b^2`. Unit: 2^-80 base units of cash. */
function charges(balances: Balances, marks: Marks): bigint[] {
  return balances.map((balance, a) => (a === 0 ? 0n : marks[a]!.concentration * balance * balance))
}

/** Charge of an account for concentration. Unit: 2^-32 base units of cash, rounded up. */
export function concentrationChargeUp(balances: Balances, marks: Marks): bigint {
  return divUp(
    charges(balances, marks).reduce((sum, charge) => sum + charge, 0n),
    1n << CHARGE_BITS,
  )
}

/** Charge of one position. Unit: 2^-32 base units of cash, rounded up. */
export function positionChargeUp(balance: bigint, { concentration }: AssetMarks): bigint {
  return divUp(concentration * balance * balance, 1n << CHARGE_BITS)
}

/** The asset with the greatest charge; undefined where nothing is charged. */
export function mostConcentrated(balances: Balances, marks: Marks): number | undefined {
  const all = charges(balances, marks)
  const most = all.reduce((best, charge, a) => (charge > all[best]! ? a : best), 0)
  return all[most] === 0n ? undefined : most
}

/**
 * Initial health less the charge, which withdrawals and trades must end at. That the charge is rounded up makes no difference: a
 * whole number is at most T less the charge iff it is at most T less the charge rounded up. Unit: 2^-32 base units of cash.
 */
export function chargedHealthDown(balances: Balances, marks: Marks): bigint {
  return initialHealth(balances, marks) - concentrationChargeUp(balances, marks)
}

/**
 * The largest position in an asset, in base units, beyond which more of it as collateral lowers the charged health: where
 * `ui 2^48 = 2 kappa b`. Undefined where there is no such bound.
 */
export function collateralLimit({ initialCollateralValue, concentration }: AssetMarks): bigint | undefined {
  return concentration === 0n ? undefined : (initialCollateralValue << (CHARGE_BITS - 1n)) / concentration
}
