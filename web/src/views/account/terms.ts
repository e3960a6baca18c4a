import type { TradeTerms } from '../../../../sdk/owner-wallet.ts'
import { amount } from '../../format.ts'
import type { SessionAsset } from '../../session.ts'

/** The terms of a trade as one of its sides signs them, in words. */
export function termsInWords({ asset, direction, x, y }: TradeTerms, assets: readonly SessionAsset[]): string {
  const cash = assets[0]!
  const unit = assets[asset] ?? cash
  const [units, paid] = [`${amount(x, unit)} ${unit.symbol}`, `${amount(y, cash)} ${cash.symbol}`]
  if (y === 0n) return `${direction === 1 ? 'get' : 'give'} ${units} for nothing`
  if (x === 0n) return `${direction === 1 ? 'give' : 'get'} ${paid} for nothing`
  return `${direction === 1 ? 'buy' : 'sell'} ${units} for ${paid}`
}
