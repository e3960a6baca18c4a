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
