import { SCALE } from '../protocol/constants.ts'
import { formatDecimal } from '../protocol/decimal.ts'
import { divUp } from '../protocol/integer.ts'

interface Unit {
  readonly decimals: number
}

/** The decimal price of a mark, in cash a whole unit, rounded to `digits` decimals: up or down. */
export function priceOfMark(mark: bigint, cash: Unit, asset: Unit, rounding: 'up' | 'down', digits = 6): string {
  const numerator = mark * 10n ** BigInt(asset.decimals + digits)
  const denominator = SCALE * 10n ** BigInt(cash.decimals)
  return formatDecimal(rounding === 'up' ? divUp(numerator, denominator) : numerator / denominator, digits)
}
