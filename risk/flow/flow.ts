import { formatDecimal } from '../../protocol/decimal.ts'
import { PlimsollError } from '../../protocol/errors.ts'
import { cascade, marketMove } from './cascade.ts'
import { LiquidationCurve, type NamedBook } from './liquidation-curve.ts'
import { reproduction, reproductionMatrix, sensitivity, spectralRadius } from './sensitivity.ts'

/** Shocks in basis points, from the first to the last by equal steps. */
export interface ShockRange {
  readonly from: number
  readonly to: number
  readonly step: number
}

export interface FlowOptions {
  readonly shocks: ShockRange
  /** The asset whose price moves; without it all move alike. */
  readonly asset?: string | undefined
  readonly onProgress?: (done: number, total: number) => void
}

/** Amounts are exact decimals by symbol, zero ones left out. */
export interface FlowReport {
  readonly points: readonly {
    readonly shockBp: number
    readonly liquidated: number
    readonly closed: number
    readonly sold: Readonly<Record<string, string>>
    readonly bought: Readonly<Record<string, string>>
    readonly badDebt: string
  }[]
  readonly delta: Readonly<Record<string, number>>
  readonly gamma: Readonly<Record<string, number>>
  readonly rho: Readonly<Record<string, number>>
  readonly spectralRadius: number
  readonly cascade: readonly {
    readonly shockBp: number
    readonly finalBp: number
    readonly amplification: number | null
  }[]
}

const MOST_POINTS = 100_000
/** Slopes are taken over at most so many basis points to either side. */
const SLOPE_STEP = 100

/**
 * A range `FROM:TO:STEP` in whole basis points, both ends included.
 * @throws PlimsollError when it is malformed
 */
export function parseShocks(text: string): ShockRange {
  const match = /^(-?\d{1,9}):(-?\d{1,9}):(\d{1,9})$/.exec(text)
  if (match === null)
    throw new PlimsollError(`The range of shocks ${JSON.stringify(text)} is not FROM:TO:STEP in whole basis points.`, {
      hint: 'Write, say, -5000:0:100.',
    })
  const [from, to, step] = match.slice(1).map(Number) as [number, number, number]
  if (step === 0) throw new PlimsollError(`The range of shocks ${text} has a step of 0.`)
  if (from > to)
    throw new PlimsollError(
      `The range of shocks ${text} runs from ${from} to ${to}: its first shock is above its last.`,
    )
  if (from <= -10_000)
    throw new PlimsollError(`The range of shocks ${text} begins at ${from} basis points, where no price is left.`, {
      hint: 'Shocks are above -10000.',
    })
  if ((to - from) / step + 1 > MOST_POINTS)
    throw new PlimsollError(`The range of shocks ${text} has more than ${MOST_POINTS} points.`)
  return { from, to, step }
}

/**
 * The liquidation curve of the books over a range of shocks, its slopes at their prices, and where a cascade from each shock ends.
 * @throws PlimsollError when the books do not share a market, or do not know the asset
 */
export function flow(books: readonly NamedBook[], { shocks, asset, onProgress }: FlowOptions): FlowReport {
  const curve = new LiquidationCurve(books)
  const { assets } = curve
  const only = asset === undefined ? undefined : assets.findIndex(({ symbol }) => symbol === asset)
  if (only === -1) {
    throw new PlimsollError(`No book has the traded asset ${JSON.stringify(asset)}.`, {
      hint: assets.length === 0 ? 'There is only cash.' : `There are ${assets.map(({ symbol }) => symbol).join(', ')}.`,
    })
  }
  const vector = (shock: number) => assets.map((_, a) => (only === undefined || only === a ? shock : 0))
  const amounts = (values: readonly bigint[]) =>
    Object.fromEntries(
      assets.flatMap(({ symbol, decimals }, a) =>
        values[a] === 0n ? [] : [[symbol, formatDecimal(values[a]!, decimals)]],
      ),
    )
  const bySymbol = (values: ArrayLike<number>) =>
    Object.fromEntries(assets.map(({ symbol }, a) => [symbol, values[a]!]))

  const count = Math.floor((shocks.to - shocks.from) / shocks.step) + 1
  const points: FlowReport['points'][number][] = []
  const ends: FlowReport['cascade'][number][] = []
  for (let i = 0; i < count; i++) {
    onProgress?.(i, count)
    const shockBp = shocks.from + i * shocks.step
    const { liquidated, closed, sold, bought, badDebt } = curve.atShock(vector(shockBp))
    points.push({
      shockBp,
      liquidated,
      closed,
      sold: amounts(sold),
      bought: amounts(bought),
      badDebt: formatDecimal(badDebt, curve.cashDecimals),
    })
    const shock = Float64Array.from(vector(shockBp), (bp) => Math.log1p(bp / 10_000))
    const { moves } = cascade(curve, shock)
    const finalBp = moves.every((x, a) => x === shock[a]) ? shockBp : marketMove(curve, moves, only)
    ends.push({ shockBp, finalBp, amplification: finalBp === shockBp ? 1 : shockBp === 0 ? null : finalBp / shockBp })
  }
  const step = Math.min(shocks.step, SLOPE_STEP)
  const { delta, gamma } = sensitivity(curve, step, only)
  return {
    points,
    delta: bySymbol(delta),
    gamma: bySymbol(gamma),
    rho: bySymbol(delta.map((value, a) => reproduction(value, assets[a]!.depth))),
    spectralRadius: spectralRadius(reproductionMatrix(curve, step)),
    cascade: ends,
  }
}
