import { withKappa } from './concentration.ts'
import { FACTOR_ONE, PRICE_LIMIT, PRICE_MIN, WORD } from './constants.ts'
import { PlimsollError } from './errors.ts'
import { type Balances, health, isOversize } from './health.ts'
import { divDown, divUp, max, min } from './integer.ts'
import { type AssetMarks, assetMarks, type Marks, type RiskParameters, WORD_FACTOR } from './marks.ts'
import { meetsInitial } from './operation.ts'

/** Weighed sides of an account at marks: it is breached iff `collateral < liabilities`. Unit: 2^-32 base units of cash. */
export interface Coverage {
  readonly collateral: bigint
  readonly liabilities: bigint
}

/** Maintenance value of all an account has, and of all it owes. */
export function coverage(balances: Balances, marks: Marks): Coverage {
  let [collateral, liabilities] = [0n, 0n]
  for (const [a, balance] of balances.entries()) {
    if (balance > 0n) collateral += balance * marks[a]!.collateralValue
    else liabilities -= balance * marks[a]!.liabilityValue
  }
  return { collateral, liabilities }
}

/**
 * The price mark of asset `a` at which the account is just not breached, all other marks as they are: below it where the
 * balance is positive, or above it where it is negative, its health is negative. Undefined where there is none: the account
 * does not have the asset, is breached at no price of it, or at any.
 */
export function boundaryMark(balances: Balances, marks: Marks, a: number): bigint | undefined {
  const balance = balances[a]!
  const factors = factorsOf(marks[a]!)
  if (a === 0 || balance === 0n || factors === undefined) return undefined
  const rest = health(balances.with(a, 0n), marks)
  if (balance > 0n) {
    // floor(price factor / 10^4) >= the value that a unit must have.
    const value = divUp(-rest, balance)
    if (value <= 0n || factors.collateralFactor === 0n) return undefined
    const price = divUp(value * FACTOR_ONE, factors.collateralFactor)
    // Below the range a unit has no value at all.
    const mark = max(price, PRICE_MIN)
    return mark < PRICE_LIMIT ? mark : undefined
  }
  // ceil(price factor / 10^4) <= the value that a unit may have.
  const value = divDown(rest, -balance)
  const mark = divDown(value * FACTOR_ONE, factors.liabilityFactor)
  return value > 0n && mark >= PRICE_MIN && mark < PRICE_LIMIT ? mark : undefined
}

/**
 * The marks with the price mark of one asset moved; what is charged for concentration moves with it, rounded up.
 * @throws PlimsollError where its factors do not follow from its marks
 */
export function withPrice(marks: Marks, a: number, price: bigint, field: string): Marks {
  const factors = factorsOf(marks[a]!)
  if (factors === undefined)
    throw new PlimsollError(`${field}: the asset has no price, or one so low that its factors do not show.`)
  const { price: from, initialCollateralValue, initialLiabilityValue } = marks[a]!
  const collateral = exactFactor(initialCollateralValue, from, divUp, divDown)
  const liability = exactFactor(initialLiabilityValue, from, divDown, divUp)
  const liable = max(price, PRICE_MIN)
  // An interval that values new risk moves with the price; an asset that is held stays held.
  const initial = {
    initialCollateralValue:
      price < PRICE_MIN
        ? 0n
        : collateral === undefined
          ? divDown(initialCollateralValue * price, from)
          : divDown(price * collateral, FACTOR_ONE),
    initialLiabilityValue:
      liability === undefined
        ? min(divUp(initialLiabilityValue * liable, from), WORD - 1n)
        : divUp(liable * liability, FACTOR_ONE),
  }
  const { concentration } = marks[a]!
  const kappa = divUp(concentration * liable, from)
  return marks.with(
    a,
    withKappa({ ...assetMarks(price, factors, field), ...initial }, kappa < WORD ? kappa : undefined),
  )
}

type Quotient = (dividend: bigint, divisor: bigint) => bigint

/** The factor that makes a mark of a price, where there is one: a mark of another price has none, or only by chance. */
function exactFactor(mark: bigint, price: bigint, inverse: Quotient, quotient: Quotient): bigint | undefined {
  const factor = inverse(mark * FACTOR_ONE, price)
  return quotient(price * factor, FACTOR_ONE) === mark && factor <= WORD_FACTOR ? factor : undefined
}

/** Whether an owner's withdrawal or trade may leave the account so: docs/protocol.md#transact, small and enough. */
export function isAllowed(balances: Balances, marks: Marks): boolean {
  return !isOversize(balances, marks) && meetsInitial(balances, marks)
}

/**
 * The factors behind marks. The price being 2^16 or more, a mark tells its factor exactly. Undefined for an asset without a
 * price and for one that has collapsed. The depth, on which no value of an account rests, is given as 0.
 */
function factorsOf({ price, ...marks }: AssetMarks): RiskParameters | undefined {
  if (price < PRICE_MIN || (price === PRICE_MIN && marks.sell === 0n)) return undefined
  const down = (mark: bigint) => divUp(mark * FACTOR_ONE, price)
  const up = (mark: bigint) => divDown(mark * FACTOR_ONE, price)
  return {
    collateralFactor: down(marks.collateralValue),
    liabilityFactor: up(marks.liabilityValue),
    targetCollateralFactor: down(marks.targetCollateralValue),
    targetLiabilityFactor: up(marks.targetLiabilityValue),
    penalty: FACTOR_ONE - down(marks.sell),
    depth: 0n,
  }
}
