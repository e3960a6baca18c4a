import type { Market } from '../protocol/book.ts'
import { KAPPA_DEPLOYED_LIMIT, kappaUp } from '../protocol/concentration.ts'
import { formatDecimal } from '../protocol/decimal.ts'
import { PlimsollError } from '../protocol/errors.ts'
import { ContractRefusal } from '../sdk/chain/contract-errors.ts'

/** Factors are in 1/10^4. */
const FACTOR_DECIMALS = 4
const HINT = 'Name a greater depth, or more decimals; "concentration": "0" charges nothing.'

/**
 * Refuses markets so shallow for their prices that what is charged for concentration would soon be no word (kappa of 2^56 or more).
 * @param sourced whether an asset has a feed or sources: then not the market's price counts, and the contract asks them
 * @throws PlimsollError naming the first such asset
 */
export function requireDepths({ assets, marks }: Market, factor: bigint, sourced: (symbol: string) => boolean): void {
  for (const [a, asset] of assets.entries()) {
    const { depth } = asset.parameters
    if (a === 0 || depth === 0n || sourced(asset.symbol)) continue
    const kappa = kappaUp(marks[a]!.price, depth, factor)
    if (kappa !== undefined && kappa < KAPPA_DEPLOYED_LIMIT) continue
    throw new PlimsollError(
      `${asset.symbol}: its depth of ${formatDecimal(depth, asset.decimals)} is too small to charge for concentration at its price.`,
      { hint: HINT },
    )
  }
}

/** Rethrows what the contract says of depths too small for the prices of its sources as a sentence, any other error as it is. */
export function explainDepths(factor: bigint): (error: unknown) => never {
  return (error) => {
    if (!(error instanceof ContractRefusal) || !error.message.includes('InvalidConfig(concentration)')) throw error
    throw new PlimsollError(
      `The depth of an asset is too small to charge for concentration at what its sources say: the factor is ${formatDecimal(factor, FACTOR_DECIMALS)}.`,
      { hint: HINT },
    )
  }
}
