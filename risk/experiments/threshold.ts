import { NEUTRAL_WEIGHTS } from '../../protocol/account.ts'
import type { Book } from '../../protocol/book.ts'
import { FACTOR_ONE } from '../../protocol/constants.ts'
import { assetMarks, CASH_PARAMETERS, fillMarks, priceMarkDown, type RiskParameters } from '../../protocol/marks.ts'
import { Engine } from '../engine/engine.ts'
import { engineBook, marketImpact } from '../engine/job.ts'
import { cascade } from '../flow/cascade.ts'
import { LiquidationCurve } from '../flow/liquidation-curve.ts'
import { reproductionMatrix, spectralRadius } from '../flow/sensitivity.ts'
import { plimsoll } from '../policies/plimsoll.ts'

/** A book of a wanted reproduction number, and what a shock does to it. */
export interface ThresholdRun {
  readonly rho: number
  readonly spectralRadius: number
  /** Fall of `ln p` at the cascade's fixed point over that of the shock. */
  readonly amplification: number
  /** Share of the accounts that the engine liquidates after the shock, step by step. */
  readonly liquidated: number
  /** The share by the closed form, `shock / (1 - rho)`; 1 from `rho` = 1 on. */
  readonly expected: number
}

const PRICE = 1000
const COLLATERAL_FACTOR = 8500n
/** Accounts have their lines down to half of the price, equally far apart in `ln p`. */
const SPAN = Math.log(2)
const SHOCK = -Math.log(0.99)
const STEPS = 400

/** A book of longs of one unit each, all of them dust, so that each is closed as a whole; `Delta` is the same down to half of the price. */
function evenBook(rho: number, accounts: number): Book {
  const parameters: RiskParameters = {
    collateralFactor: COLLATERAL_FACTOR,
    liabilityFactor: 11_500n,
    targetCollateralFactor: 8000n,
    targetLiabilityFactor: 12_000n,
    penalty: 200n,
    depth: BigInt(Math.round((accounts / SPAN / rho) * 1e8)),
  }
  const price = BigInt(PRICE) * 10n ** 18n
  return {
    assets: [
      { symbol: 'USD', decimals: 6, price: 10n ** 18n, parameters: CASH_PARAMETERS },
      { symbol: 'ETH', decimals: 8, price, parameters },
    ],
    cashDecimals: 6,
    minLiability: 10n ** 12n,
    marks: fillMarks([assetMarks(priceMarkDown(price, 18, 6, 8), parameters, 'ETH')]),
    accounts: Array.from({ length: accounts }, (_, i) => {
      const line = PRICE * 1e6 * Math.exp((-SPAN * (i + 0.5)) / accounts)
      const debt = BigInt(Math.floor((line * Number(COLLATERAL_FACTOR)) / Number(FACTOR_ONE)))
      return { id: `a${i}`, balances: [-debt, 10n ** 8n, 0n, 0n, 0n, 0n, 0n, 0n], weights: NEUTRAL_WEIGHTS }
    }),
  }
}

/** A fall of 1 % in a market whose reproduction number is `rho`, by the fixed point and by simulation with permanent linear impact. */
export function thresholdRun(rho: number, accounts = 4000): ThresholdRun {
  const book = evenBook(rho, accounts)
  const curve = new LiquidationCurve([{ name: 'even', book }])
  const engine = new Engine(engineBook(book), {
    policy: plimsoll,
    impact: marketImpact('linear', Infinity),
    stepSeconds: 1,
  })
  const path = new Float64Array(STEPS).fill(Math.exp(-SHOCK))
  path[0] = 1
  return {
    rho,
    spectralRadius: spectralRadius(reproductionMatrix(curve, 100)),
    amplification: cascade(curve, Float64Array.of(-SHOCK)).moves[0]! / -SHOCK,
    liquidated: engine.run(path).liquidations / accounts,
    expected: rho < 1 ? Math.min(1, SHOCK / (1 - rho) / SPAN) : 1,
  }
}
