import { parseDecimal } from '../protocol/decimal.ts'
import { PlimsollError } from '../protocol/errors.ts'
import { limitMark } from '../protocol/forced-close.ts'

interface Unit {
  readonly decimals: number
}

/** Decimals of a price in the input, at the most. */
const PRICE_DECIMALS = 18

/**
 * The limit of a forced close, as a mark, from a price in cash for a whole unit.
 * @param direction 0 sells a long position, 1 buys a short one back
 * @param field name of the text in complaints
 * @throws PlimsollError unless it is above 0 and fits a mark
 */
export function parseLimit(text: string, direction: 0 | 1, cash: Unit, asset: Unit, field: string): bigint {
  const quote = parseDecimal(text, PRICE_DECIMALS, field)
  if (quote <= 0n) throw new PlimsollError(`${field} is not above 0.`, { hint: 'Leave it out to take any price.' })
  const units = { quote, quoteDecimals: PRICE_DECIMALS, cashDecimals: cash.decimals, decimals: asset.decimals }
  try {
    return limitMark(direction, units)
  } catch (error) {
    if (!(error instanceof PlimsollError)) throw error
    throw new PlimsollError(`${field} is beyond every price that the contracts take: ${text}.`)
  }
}
