import { WORD } from '../protocol/constants.ts'
import { parseDecimal } from '../protocol/decimal.ts'
import { PlimsollError } from '../protocol/errors.ts'

/** Base units of a decimal on the command line. @throws PlimsollError unless it is above 0 and below 2^64 base units */
export function parseAmount(text: string, decimals: number, option: string): bigint {
  const amount = parseDecimal(text, decimals, option)
  if (amount <= 0n) throw new PlimsollError(`${option} is not above 0.`)
  if (amount >= WORD) throw new PlimsollError(`${option} is 2^64 base units or more.`)
  return amount
}
