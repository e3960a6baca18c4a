import { NEUTRAL_WEIGHTS } from '../../protocol/account.ts'
import { concentratedMarks } from '../../protocol/concentration.ts'
import { ASSETS } from '../../protocol/constants.ts'
import { assetMarks, CASH_PARAMETERS, fillMarks, type Marks, type RiskParameters } from '../../protocol/marks.ts'
import { meetsInitial } from '../../protocol/operation.ts'
import { Engine } from '../engine/engine.ts'
import { marketImpact } from '../engine/job.ts'
import { plimsoll } from '../policies/plimsoll.ts'

/** An owner's position, held at the most debt that initial margins allow. */
export interface ConcentrationSetting {
  /** Position in all, over the market's depth. */
  readonly share: number
  /** Accounts that it is split over. */
  readonly accounts: number
  /** Factor F of concentration in 1/10^4; 0: none. */
  readonly factor: bigint
}

/** The worst that befalls the backstop by it, over falls of the price; shares are of the position's value at the start. */
export interface ConcentrationRun extends ConcentrationSetting {
  /** The owner's own money. */
  readonly equity: number
  /** Fall of the market's own price at which the backstop loses most. */
  readonly worstFall: number
  /** Bad debt, and what the backstop loses by its sales. */
  readonly loss: number
  /** The same in whole units of cash. */
  readonly amount: number
}

const [CASH_DECIMALS, DECIMALS] = [6, 8]
/** Whole units: 250,000 ETH at 200. */
export const DEPTH = 250_000
export const PRICE = 200
const PARAMETERS: RiskParameters = {
  collateralFactor: 8_500n,
  liabilityFactor: 11_500n,
  targetCollateralFactor: 8_000n,
  targetLiabilityFactor: 12_000n,
  penalty: 200n,
  depth: BigInt(DEPTH) * 10n ** BigInt(DECIMALS),
}
const PRICE_MARK = (BigInt(PRICE) * 10n ** BigInt(CASH_DECIMALS) * 2n ** 32n) / 10n ** BigInt(DECIMALS)
/** Falls that are tried. */
const FALLS = Array.from({ length: 30 }, (_, i) => (i + 1) / 100)
/** Steps after the fall, in which what liquidations do to the price can go round. */
const STEPS = 60

function marksOf(factor: bigint): Marks {
  return fillMarks([concentratedMarks(assetMarks(PRICE_MARK, PARAMETERS, 'ETH'), PARAMETERS.depth, factor)])
}

/** The most cash, in base units, that an account may owe for a position. */
function mostDebt(position: bigint, marks: Marks): bigint {
  const owing = (debt: bigint) => [-debt, position, ...Array<bigint>(ASSETS - 2).fill(0n)]
  let [low, high] = [0n, (position * PRICE_MARK) >> 32n]
  while (low < high) {
    const middle = (low + high + 1n) >> 1n
    if (meetsInitial(owing(middle), marks)) low = middle
    else high = middle - 1n
  }
  return low
}

/**
 * One owner who holds as much as the margins allow, and what he can cost: the price falls at once, by whatever is worst, and stays
 * there but for what the sales do to it (linear impact that stays). Liquidations are the reference machine's.
 */
export function concentrationRun({ share, accounts, factor }: ConcentrationSetting): ConcentrationRun {
  const whole = BigInt(Math.round(share * DEPTH)) * 10n ** BigInt(DECIMALS)
  const position = whole / BigInt(accounts)
  const debt = mostDebt(position, marksOf(factor))
  const engine = new Engine(
    {
      assets: [
        { symbol: 'USD', decimals: CASH_DECIMALS, parameters: CASH_PARAMETERS },
        { symbol: 'ETH', decimals: DECIMALS, parameters: PARAMETERS },
      ],
      minLiability: 0n,
      prices: [2n ** 32n, PRICE_MARK],
      accounts: Array.from({ length: accounts }, () => ({
        balances: [-debt, position, ...Array<bigint>(ASSETS - 2).fill(0n)],
        weights: NEUTRAL_WEIGHTS,
      })),
    },
    { policy: plimsoll, impact: marketImpact('linear', Infinity), stepSeconds: 60 },
  )
  const value = Number(whole) * (Number(PRICE_MARK) / 2 ** 32)
  const lossAt = (fall: number) => engine.run(new Float64Array(STEPS).fill(1 - fall, 1).fill(1, 0, 1)).systemLoss
  const losses = FALLS.map(lossAt)
  const worst = losses.indexOf(Math.max(...losses))
  return {
    share,
    accounts,
    factor,
    equity: 1 - Number(debt * BigInt(accounts)) / value,
    worstFall: FALLS[worst]!,
    loss: losses[worst]! / value,
    amount: losses[worst]! / 10 ** CASH_DECIMALS,
  }
}
