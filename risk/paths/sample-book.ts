import { NEUTRAL_WEIGHTS } from '../../protocol/account.ts'
import { type Book, QUOTE_DECIMALS } from '../../protocol/book.ts'
import { FACTOR_ONE } from '../../protocol/constants.ts'
import { assetMarks, CASH_PARAMETERS, fillMarks, priceMarkDown, type RiskParameters } from '../../protocol/marks.ts'
import { sampleAccounts } from './sample-accounts.ts'

/** An asset of a sample book; factors and the penalty are numbers such as 0.85. */
export interface SampleBookAsset {
  readonly symbol: string
  readonly price: number
  readonly collateralFactor: number
  readonly liabilityFactor: number
  readonly targetCollateralFactor: number
  readonly targetLiabilityFactor: number
  readonly penalty: number
}

export interface SampleBookOptions {
  readonly seed: number
  readonly accounts: number
  /** Depth of an asset over what accounts hold and owe in it together. */
  readonly depthRatio: number
}

const CASH_DECIMALS = 6
const DECIMALS = 8
/** Dust threshold, in whole units of cash. */
const MIN_LIABILITY = 50n

function basisPoints(value: number): bigint {
  return BigInt(Math.round(value * Number(FACTOR_ONE)))
}

/**
 * A seeded book of accounts of mixed shape (`sampleAccounts`), within initial margins of 20 points at its prices. Its depth is an
 * assumption: so many times what its own accounts hold and owe.
 */
export function sampleBook(
  assets: readonly SampleBookAsset[],
  { seed, accounts, depthRatio }: SampleBookOptions,
): Book {
  const shapes = sampleAccounts(
    seed,
    accounts,
    assets.map(({ price }) => ({ price, decimals: DECIMALS })),
    { cashDecimals: CASH_DECIMALS },
  )
  const traded = assets.map((asset, i) => {
    let gross = 0n
    for (const { balances } of shapes) gross += balances[i + 1]! < 0n ? -balances[i + 1]! : balances[i + 1]!
    const parameters: RiskParameters = {
      collateralFactor: basisPoints(asset.collateralFactor),
      liabilityFactor: basisPoints(asset.liabilityFactor),
      targetCollateralFactor: basisPoints(asset.targetCollateralFactor),
      targetLiabilityFactor: basisPoints(asset.targetLiabilityFactor),
      penalty: basisPoints(asset.penalty),
      depth: (gross * BigInt(Math.round(depthRatio * 1000))) / 1000n,
    }
    // A price of 12 digits, as people write it.
    const price = BigInt(Math.round(asset.price * 1e6)) * 10n ** BigInt(QUOTE_DECIMALS - 6)
    return { symbol: asset.symbol, decimals: DECIMALS, price, parameters }
  })
  return {
    assets: [
      { symbol: 'USD', decimals: CASH_DECIMALS, price: 10n ** BigInt(QUOTE_DECIMALS), parameters: CASH_PARAMETERS },
      ...traded,
    ],
    cashDecimals: CASH_DECIMALS,
    minLiability: MIN_LIABILITY * 10n ** BigInt(CASH_DECIMALS),
    marks: fillMarks(
      traded.map(({ symbol, price, parameters }) =>
        assetMarks(priceMarkDown(price, QUOTE_DECIMALS, CASH_DECIMALS, DECIMALS), parameters, symbol),
      ),
    ),
    accounts: shapes.map(({ balances }, i) => ({ id: `a${i + 1}`, balances, weights: NEUTRAL_WEIGHTS })),
  }
}
