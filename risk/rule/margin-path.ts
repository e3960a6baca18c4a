import { QUOTE_DECIMALS } from '../../protocol/book.ts'
import { PRICE_LIMIT } from '../../protocol/constants.ts'
import { parseDecimal } from '../../protocol/decimal.ts'
import { PlimsollError } from '../../protocol/errors.ts'
import {
  GRID_SECONDS,
  type InitialFactors,
  initialFactors,
  type MarginReading,
  startMargin,
  stepMargin,
} from '../../protocol/margin-rule.ts'
import { priceMarkDown } from '../../protocol/marks.ts'

/** Grid steps are numbered with 28 bits: times from here on cannot be sampled. */
const TIME_LIMIT = (1n << 28n) * GRID_SECONDS

/** A price that the rule sees, and when. */
export interface PriceRow {
  /** Unix seconds. */
  readonly unix: bigint
  /** Price mark: cash base units per base unit of the asset, times 2^32. */
  readonly mark: bigint
}

/** Options of an asset's rule, as it is deployed. */
export interface MarginOptions {
  /** Factors of maintenance, in 1/10^4. */
  readonly maintenance: InitialFactors
  /** Factors of the target, in 1/10^4; those of maintenance where left out. */
  readonly target?: InitialFactors
  /** Gap in calm markets, in 1/10^4. */
  readonly g: bigint
}

/** The rule at one row: integers as the contract has them, s and q times 2^48, gap and factors in 1/10^4. */
export interface MarginPoint {
  readonly unix: bigint
  readonly s2: bigint
  readonly s5: bigint
  readonly s8: bigint
  readonly q: bigint
  readonly gapBp: bigint
  readonly initialCollateralFactorBp: bigint
  readonly initialLiabilityFactorBp: bigint
}

/**
 * Reads rows `unix,price`, with or without a header of these names, oldest first; times may repeat.
 * @throws PlimsollError naming the line
 */
export function parsePriceRows(text: string, decimals: number, cashDecimals: number): PriceRow[] {
  const rows: PriceRow[] = []
  text.split(/\r?\n/).forEach((line, i) => {
    if (line.trim() === '') return
    const fields = line.split(',').map((field) => field.trim())
    if (i === 0 && fields.join() === 'unix,price') return
    const place = `line ${i + 1}`
    if (fields.length !== 2) throw new PlimsollError(`${place}: not a time and a price, "unix,price".`)
    const [time, price] = fields as [string, string]
    if (!/^\d{1,15}$/.test(time) || BigInt(time) >= TIME_LIMIT)
      throw new PlimsollError(`${place}: "${time}" is not a time in seconds below ${TIME_LIMIT}.`)
    const unix = BigInt(time)
    if (rows.length > 0 && unix < rows[rows.length - 1]!.unix)
      throw new PlimsollError(`${place}: the row is earlier than the one before it.`)
    const quote = parseDecimal(price, QUOTE_DECIMALS, `${place}: the price`)
    if (quote <= 0n) throw new PlimsollError(`${place}: the price is not above 0.`)
    const mark = priceMarkDown(quote, QUOTE_DECIMALS, cashDecimals, decimals)
    if (mark >= PRICE_LIMIT)
      throw new PlimsollError(`${place}: the price mark ${mark} is not below 2^60.`, { hint: 'Use more --decimals.' })
    rows.push({ unix, mark })
  })
  if (rows.length === 0) throw new PlimsollError('no rows.')
  return rows
}

/** The rule along a path: the first row is its start; no liquidity floor. */
export function marginPath(
  rows: readonly PriceRow[],
  { maintenance, target = maintenance, g }: MarginOptions,
): MarginPoint[] {
  let reading: MarginReading | undefined
  return rows.map(({ unix, mark }) => {
    reading =
      reading === undefined ? startMargin(mark, unix, g) : stepMargin(reading.state, reading.storedGap, mark, unix, g)
    const { s2, s5, s8, quantile, gap } = reading
    const { collateralFactor, liabilityFactor } = initialFactors(gap, maintenance, target)
    return {
      unix,
      s2,
      s5,
      s8,
      q: quantile,
      gapBp: gap,
      initialCollateralFactorBp: collateralFactor,
      initialLiabilityFactorBp: liabilityFactor,
    }
  })
}
