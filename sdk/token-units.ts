import { PlimsollError } from '../protocol/errors.ts'

/** Decimals of an asset, as the vault counts it and as its token does. */
export interface TokenDecimals {
  readonly decimals: number
  readonly tokenDecimals: number
}

/** Base units that are one token unit, where the token has fewer decimals; else 1. */
export function unitsPerTokenUnit({ decimals, tokenDecimals }: TokenDecimals): bigint {
  return 10n ** BigInt(Math.max(0, decimals - tokenDecimals))
}

/** Token units that are one base unit, where the token has more decimals; else 1. */
export function tokenUnitsPerUnit({ decimals, tokenDecimals }: TokenDecimals): bigint {
  return 10n ** BigInt(Math.max(0, tokenDecimals - decimals))
}

/**
 * Token units of an amount of base units.
 * @param what the amount, as an error is to call it
 * @throws PlimsollError when the token has fewer decimals than the amount needs
 */
export function toTokenUnits(
  amount: bigint,
  asset: TokenDecimals & { readonly symbol: string },
  what = 'The amount',
): bigint {
  if (amount % unitsPerTokenUnit(asset) !== 0n)
    throw new PlimsollError(
      `${what} has more decimals than the token of ${asset.symbol}, which has ${asset.tokenDecimals}.`,
    )
  return (amount * tokenUnitsPerUnit(asset)) / unitsPerTokenUnit(asset)
}
