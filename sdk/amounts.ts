import { NEUTRAL_WEIGHT } from '../protocol/constants.ts'
import { formatDecimal } from '../protocol/decimal.ts'

interface Unit {
  readonly symbol: string
  readonly decimals: number
}

/** Exact decimals by symbol; zero entries are left out. */
export function amountsBySymbol(assets: readonly Unit[], values: readonly bigint[]): Record<string, string> {
  // fromEntries defines own properties, whatever the symbols are.
  return Object.fromEntries(
    assets.flatMap(({ symbol, decimals }, a) => (values[a] ? [[symbol, formatDecimal(values[a], decimals)]] : [])),
  )
}

/** Weights by symbol; neutral ones are left out. */
export function weightsBySymbol(assets: readonly Unit[], weights: readonly number[]): Record<string, number> {
  return Object.fromEntries(
    assets.flatMap(({ symbol }, a) => (weights[a] === NEUTRAL_WEIGHT ? [] : [[symbol, weights[a]!]])),
  )
}

/** For reading. */
export function listAmounts(amounts: Readonly<Record<string, string>>): string {
  return (
    Object.entries(amounts)
      .map(([symbol, amount]) => `${amount} ${symbol}`)
      .join(', ') || 'nothing'
  )
}
