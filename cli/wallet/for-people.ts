import { formatDecimal } from '../../protocol/decimal.ts'
import { priceOfMark } from '../../sdk/price.ts'
import type { AssetInfo } from '../../sdk/schemas.ts'

/** A time of the chain, in unix seconds, for people: `2026-11-28 08:15:00 UTC`. */
export function dateOf(unix: number | bigint): string {
  return `${new Date(Number(unix) * 1_000).toISOString().slice(0, 19).replace('T', ' ')} UTC`
}

/**
 * A node's message about one asset with its symbol, amounts and prices as decimals and times as dates: the node speaks of
 * numbers, base units, marks and unix seconds, which are the same for all its clients.
 */
export function messageForPeople(message: string, assets: readonly Pick<AssetInfo, 'symbol' | 'decimals'>[]): string {
  const asset = assets[Number(/\basset (\d+)\b/.exec(message)?.[1] ?? Number.NaN)]
  const dated = message.replace(
    /\b(until|by|at|since|before|after) (1[0-9]{9})\b/g,
    (_, word: string, unix: string) => `${word} ${dateOf(Number(unix))}`,
  )
  if (asset === undefined) return dated
  const amount = (units: string) => `${formatDecimal(BigInt(units), asset.decimals)} ${asset.symbol}`
  return dated
    .replace(
      /\bis (\d+) a base unit now, at the scale of 2\^32/,
      (_, mark: string) => `is ${priceOfMark(BigInt(mark), assets[0]!, asset, 'down')} ${assets[0]!.symbol} now`,
    )
    .replace(
      /\b(\d+) base units of asset \d+, not (\d+)/,
      (_, held: string, asked: string) => `${amount(held)}, not ${amount(asked)}`,
    )
    .replace(/\b(\d+) base units\b(?: of asset \d+)?/g, (_, units: string) => amount(units))
    .replace(/\basset \d+\b/g, asset.symbol)
}
