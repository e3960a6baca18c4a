import { ASSETS, FACTOR_ONE, PRICE_LIMIT, PRICE_MIN, SCALE, WORD } from './constants.ts'
import { PlimsollError } from './errors.ts'
import { divDown, divUp } from './integer.ts'

/** Risk parameters of an asset; factors in 1/10^4, depth in base units (docs/protocol.md#marks). */
export interface RiskParameters {
  readonly collateralFactor: bigint
  readonly liabilityFactor: bigint
  readonly targetCollateralFactor: bigint
  readonly targetLiabilityFactor: bigint
  /** Factors that new risk is taken on at; those of the target where left out. */
  readonly initialCollateralFactor?: bigint | undefined
  readonly initialLiabilityFactor?: bigint | undefined
  readonly penalty: bigint
  readonly depth: bigint
}

/** Prices that value new risk, of the sources of an asset: collateral at the least, liabilities at the greatest. */
export interface PriceInterval {
  readonly low: bigint
  readonly high: bigint
}

/** Parameters of cash, which is worth its amount on both sides. */
export const CASH_PARAMETERS: RiskParameters = {
  collateralFactor: FACTOR_ONE,
  liabilityFactor: FACTOR_ONE,
  targetCollateralFactor: FACTOR_ONE,
  targetLiabilityFactor: FACTOR_ONE,
  penalty: 0n,
  depth: 0n,
}

/** The public valuation of one asset in a round: integers below 2^64 (docs/protocol.md#marks). */
export interface AssetMarks {
  /** Value of a base unit, scaled so that a base unit of cash is worth 2^32. */
  readonly price: bigint
  /** Maintenance value of a positive unit, and of a negative one. */
  readonly collateralValue: bigint
  readonly liabilityValue: bigint
  /** Target value of a positive unit, and of a negative one: a liquidation ends there. */
  readonly targetCollateralValue: bigint
  readonly targetLiabilityValue: bigint
  /** Prices at which a liquidated unit is sold (`sell`) and one is bought back (`buy`). */
  readonly sell: bigint
  readonly buy: bigint
  /** Water-filling coefficients (docs/protocol.md#liquidation). */
  readonly kSell: bigint
  readonly kBuy: bigint
  /** Initial value of a positive unit, and of a negative one: withdrawals and trades end there. */
  readonly initialCollateralValue: bigint
  readonly initialLiabilityValue: bigint
  /** Charge of a squared unit in initial margin, times 2^48: `concentratedMarks`. */
  readonly concentration: bigint
}

/** Marks of assets 0..7; asset 0 is always `CASH_MARKS`, an unused asset `NO_MARKS`. */
export type Marks = readonly AssetMarks[]

/** In 1/10^4, as the contracts have them. */
const TARGET_GAP = 500n
const PENALTY_MAX = 1_000n
const DEPTH_MAX = 1n << 62n
const FACTOR_MAX = 4n * FACTOR_ONE
/** Factors of contracts have 16 bits. */
export const WORD_FACTOR = 65_535n

/** Marks that a resolve is proven at, in the order of its vector. */
export const LIQUIDATION_MARKS = [
  'price',
  'collateralValue',
  'liabilityValue',
  'targetCollateralValue',
  'targetLiabilityValue',
  'sell',
  'buy',
  'kSell',
  'kBuy',
] as const

/** All marks, in the order of the contracts. */
export const MARK_NAMES = [
  ...LIQUIDATION_MARKS,
  'initialCollateralValue',
  'initialLiabilityValue',
  'concentration',
] as const

/** Marks of an asset from a row of them in the order of `MARK_NAMES`. */
export function marksOfRow(row: readonly bigint[]): AssetMarks {
  return Object.fromEntries(MARK_NAMES.map((name, i) => [name, row[i]!])) as unknown as AssetMarks
}

/** Marks of all assets from the rows of those that are traded. */
export function marksOfRows(rows: readonly (readonly bigint[])[]): Marks {
  return [CASH_MARKS, ...rows.map(marksOfRow)]
}

/** Symbols of the marks in docs/protocol.md and the circuits, in the order of `MARK_NAMES`. */
const MARK_SYMBOLS = ['price', 'u', 'v', 'ut', 'vt', 'sell', 'buy', 'kSell', 'kBuy', 'ui', 'vi', 'kappa'] as const

export const CASH_MARKS: AssetMarks = {
  price: SCALE,
  collateralValue: SCALE,
  liabilityValue: SCALE,
  targetCollateralValue: SCALE,
  targetLiabilityValue: SCALE,
  sell: SCALE,
  buy: SCALE,
  kSell: 0n,
  kBuy: 0n,
  initialCollateralValue: SCALE,
  initialLiabilityValue: SCALE,
  concentration: 0n,
}

/** Initial values at which nobody takes on a position in the asset. */
export const NO_NEW_RISK = { initialCollateralValue: 0n, initialLiabilityValue: WORD - 1n } as const

export const NO_MARKS: AssetMarks = {
  price: 0n,
  collateralValue: 0n,
  liabilityValue: 0n,
  targetCollateralValue: 0n,
  targetLiabilityValue: 0n,
  sell: 0n,
  buy: 0n,
  kSell: 0n,
  kBuy: 0n,
  initialCollateralValue: 0n,
  initialLiabilityValue: 0n,
  concentration: 0n,
}

/** The initial factors of an asset: those given, else those of the target. */
export function initialFactorsOf(parameters: RiskParameters): { collateral: bigint; liability: bigint } {
  return {
    collateral: parameters.initialCollateralFactor ?? parameters.targetCollateralFactor,
    liability: parameters.initialLiabilityFactor ?? parameters.targetLiabilityFactor,
  }
}

/**
 * `price` mark of a quote, rounded down.
 * @param quote price in quote per whole unit, times 10^quoteDecimals
 */
export function priceMarkDown(quote: bigint, quoteDecimals: number, cashDecimals: number, decimals: number): bigint {
  return (quote * 10n ** BigInt(cashDecimals) * SCALE) / 10n ** BigInt(quoteDecimals + decimals)
}

/**
 * Refuses parameters that would let a liquidation of a solvent account make bad debt, that let an owner into a position which its
 * first move of the market ends, or whose margin is others' money: those that no contract takes.
 * @throws PlimsollError naming `field`
 */
export function checkParameters(parameters: RiskParameters, field: string): void {
  const { collateralFactor, liabilityFactor, targetCollateralFactor, targetLiabilityFactor, penalty } = parameters
  const initial = initialFactorsOf(parameters)
  const order = (holds: boolean, rule: string) => {
    if (!holds) throw new PlimsollError(`${field}: factors out of order, ${rule} is required.`)
  }
  order(initial.collateral <= targetCollateralFactor, 'initialCollateralFactor <= targetCollateralFactor')
  order(targetCollateralFactor <= collateralFactor, 'targetCollateralFactor <= collateralFactor')
  order(collateralFactor <= FACTOR_ONE - penalty, 'collateralFactor <= 1 - penalty')
  order(initial.liability >= targetLiabilityFactor, 'initialLiabilityFactor >= targetLiabilityFactor')
  order(targetLiabilityFactor >= liabilityFactor, 'targetLiabilityFactor >= liabilityFactor')
  order(liabilityFactor >= FACTOR_ONE + penalty, 'liabilityFactor >= 1 + penalty')
  if (targetLiabilityFactor - targetCollateralFactor < TARGET_GAP)
    throw new PlimsollError(`${field}: the target factors are less than 5 points apart.`)
  if (penalty > PENALTY_MAX) throw new PlimsollError(`${field}: a penalty is at most 10 points.`)
  if (parameters.depth > DEPTH_MAX) throw new PlimsollError(`${field}: a depth is at most 2^62 base units.`)
}

/** Refuses factors that do not fit a contract's words. @throws PlimsollError naming `field` */
export function checkContractFactors(parameters: RiskParameters, field: string): void {
  if (parameters.targetLiabilityFactor > FACTOR_MAX)
    throw new PlimsollError(`${field}: targetLiabilityFactor is above 4, the most that a contract takes.`)
  if (initialFactorsOf(parameters).liability > WORD_FACTOR)
    throw new PlimsollError(`${field}: initialLiabilityFactor is above 6.5535, the most that a contract takes.`)
}

/**
 * Marks of an asset at a `price` mark, by docs/protocol.md#marks. A price below the range values collateral at 0 and
 * liabilities at the range's floor, so that a collapsed asset cannot stop the rounds. Nothing is charged for concentration.
 * @param interval prices that value new risk, with `price` between them; both `price` where left out
 * @throws PlimsollError when the price is 2^60 or more, or a mark or k does not fit 64 bits
 */
export function assetMarks(
  price: bigint,
  parameters: RiskParameters,
  field: string,
  { low, high }: PriceInterval = { low: price, high: price },
): AssetMarks {
  if (price >= PRICE_LIMIT)
    throw new PlimsollError(`${field}: price mark ${price} is not below 2^60.`, {
      hint: 'Use more decimals for the asset.',
    })
  const collapsed = price < PRICE_MIN
  const asset = collapsed ? 0n : price
  const liability = collapsed ? PRICE_MIN : price
  const { collateralFactor, liabilityFactor, targetCollateralFactor, targetLiabilityFactor, penalty, depth } =
    parameters
  const initial = initialFactorsOf(parameters)
  const marks: AssetMarks = {
    price: liability,
    collateralValue: divDown(asset * collateralFactor, FACTOR_ONE),
    liabilityValue: divUp(liability * liabilityFactor, FACTOR_ONE),
    targetCollateralValue: divDown(asset * targetCollateralFactor, FACTOR_ONE),
    targetLiabilityValue: divUp(liability * targetLiabilityFactor, FACTOR_ONE),
    sell: divDown(asset * (FACTOR_ONE - penalty), FACTOR_ONE),
    buy: divUp(liability * (FACTOR_ONE + penalty), FACTOR_ONE),
    kSell: divDown(depth * (FACTOR_ONE - penalty - targetCollateralFactor), FACTOR_ONE),
    kBuy: divDown(depth * (targetLiabilityFactor - FACTOR_ONE - penalty), FACTOR_ONE),
    initialCollateralValue: low < PRICE_MIN ? 0n : divDown(low * initial.collateral, FACTOR_ONE),
    initialLiabilityValue: divUp((high < PRICE_MIN ? PRICE_MIN : high) * initial.liability, FACTOR_ONE),
    concentration: 0n,
  }
  for (const [i, name] of MARK_NAMES.entries()) {
    if (marks[name] >= WORD)
      throw new PlimsollError(`${field}: the mark ${MARK_SYMBOLS[i]} is 2^64 or more.`, {
        hint: 'Lower the factor or the depth it comes from.',
      })
  }
  return marks
}

/**
 * Marks of a held asset: no new risk, last in line when a position is sold, worth less or owed for more by so many points.
 * Never a coefficient of 0 where it was not: a partial liquidation would become a close at a stale price.
 * @param points widening, 0 to 99
 */
export function heldMarks(marks: AssetMarks, points: bigint): AssetMarks {
  const last = (k: bigint) => (k === 0n || k >= 256n ? k / 256n : 1n)
  const less = (value: bigint) => (value * (100n - points)) / 100n
  const more = (value: bigint) => {
    const wide = divUp(value * 100n, 100n - points)
    return wide < WORD ? wide : WORD - 1n
  }
  return {
    price: marks.price,
    collateralValue: less(marks.collateralValue),
    liabilityValue: more(marks.liabilityValue),
    targetCollateralValue: less(marks.targetCollateralValue),
    targetLiabilityValue: more(marks.targetLiabilityValue),
    sell: less(marks.sell),
    buy: more(marks.buy),
    kSell: last(marks.kSell),
    kBuy: last(marks.kBuy),
    ...NO_NEW_RISK,
    concentration: marks.concentration,
  }
}

/** All eight marks from those of assets 1 onward: cash first, unused assets zero. */
export function fillMarks(traded: readonly AssetMarks[]): Marks {
  return [CASH_MARKS, ...traded, ...Array<AssetMarks>(ASSETS - 1 - traded.length).fill(NO_MARKS)]
}
