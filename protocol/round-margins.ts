import type { AuctionReading } from './auction-terms.ts'
import { concentratedMarks } from './concentration.ts'
import { FACTOR_ONE, POINT } from './constants.ts'
import { liquidityGapUp, nextDepth, type PoolToken, poolDepthDown, wantedDepth } from './depth.ts'
import { max, min } from './integer.ts'
import {
  calmDepthDown,
  GAP_MOST,
  GRID_SECONDS,
  initialFactors,
  type MarginState,
  quantileOf,
  slowMarginDown,
  startMargin,
  stepMargin,
  VARIANCE_START,
  widenedDown,
} from './margin-rule.ts'
import { type AssetMarks, assetMarks, heldMarks, initialFactorsOf, type RiskParameters } from './marks.ts'
import type { OracleReading } from './oracle.ts'

// From the readings of a round to risk parameters and marks, exactly as `contracts/core/Margins.sol` has it.

/** Rules by which the parameters of an asset follow the market; shares and margins in 1/10^4. */
export interface MarginRules {
  /** Gap between maintenance and initial margin in calm markets. */
  readonly gap: bigint
  /** Slow lane: maintenance margin per unit of the slow quantile, 0 where there is none, and its bounds. */
  readonly laneScale: bigint
  readonly laneLeast: bigint
  readonly laneMost: bigint
  /** Undefined: depth follows the quantile. */
  readonly pool: MarginPool | undefined
}

export interface MarginPool extends PoolToken {
  readonly share: bigint
  readonly most: bigint
}

/** A traded asset as a deployment configures it. */
export interface MarginAsset {
  readonly decimals: number
  /** Undefined: the rule is off. */
  readonly rules: MarginRules | undefined
  /** Depth that the deployment named, in base units. */
  readonly depth: bigint
}

/** Memory of an asset from round to round. */
export interface MarginBook {
  readonly parameters: RiskParameters
  /** Undefined: no round had a price yet. */
  readonly state: MarginState | undefined
  /** Stored gap of the rule, and gap that liquidity asks for, in 1/10^4. */
  readonly gap: bigint
  readonly liquidityGap: bigint
  /** Unix seconds of the last change of depth; 0: there was none. */
  readonly depthChangedAt: bigint
  readonly pending: PendingParameters | undefined
}

export interface PendingParameters {
  readonly parameters: RiskParameters
  readonly readyAt: bigint
}

/** Facts that a round is stepped with. */
export interface RoundFacts {
  /** Unix seconds of the round, and of the one before; undefined: there was none. */
  readonly time: bigint
  readonly previous: bigint | undefined
  /** Seconds for which a held asset's marks stay. */
  readonly patience: bigint
  /** Factor F of concentration in 1/10^4; 0: it is off. */
  readonly concentration: bigint
}

/** Facts of one asset that a round is stepped with. */
export interface AssetFacts {
  readonly reading: OracleReading
  /** Base units of accounts and backstop at the last checkpoint; 0 for a synthetic. */
  readonly holdings: bigint
  /** Word of the pool; 0: it said nothing. */
  readonly pool: bigint
}

/** An asset at a round. */
export interface RoundMargin {
  readonly book: MarginBook
  readonly marks: AssetMarks
  /** Reading that prices lots: within a grid step as of this round; of a held asset, and without the rule, the stored one. */
  readonly auction: AuctionReading
  /** Parameters that were due and are applied: where the rule is on, the rest of them follows from what rounds say. */
  readonly applied: RiskParameters | undefined
  /** Whether an initial factor is stricter than before, or concentration charged at less depth. */
  readonly tightened: boolean
}

/** Seconds from a step of the slow lane to the next announcement. */
export const LANE_SECONDS = 86_400n

export function newMarginBook(parameters: RiskParameters): MarginBook {
  return { parameters, state: undefined, gap: 0n, liquidityGap: 0n, depthChangedAt: 0n, pending: undefined }
}

/**
 * Steps an asset to a round.
 * @throws PlimsollError where a mark does not fit 64 bits
 */
export function stepAsset(asset: MarginAsset, before: MarginBook, round: RoundFacts, facts: AssetFacts): RoundMargin {
  const { reading } = facts
  const due = before.pending !== undefined && round.time >= before.pending.readyAt
  const pending = due ? undefined : before.pending
  const applied = due ? appliedParameters(before, asset.rules !== undefined) : undefined
  const parameters = applied ?? before.parameters
  const held = reading.heldSince !== 0n
  const end = reading.heldSince + round.patience
  const widened = held && round.time > end ? widenedDown(quantileOf(before.state), round.time - end) : 0n
  const present = { ...before, parameters, pending }
  const { book, auction } =
    asset.rules === undefined
      ? { book: present, auction: storedReading(undefined) }
      : follow(asset, asset.rules, present, round, facts)
  const { depth } = book.parameters
  const plain = concentratedMarks(
    assetMarks(reading.price, book.parameters, 'the asset', reading),
    depth,
    round.concentration,
  )
  const [from, to] = [initialFactorsOf(before.parameters), initialFactorsOf(book.parameters)]
  return {
    book,
    marks: held ? heldMarks(plain, widened) : plain,
    auction,
    applied,
    tightened:
      to.collateral < from.collateral ||
      to.liability > from.liability ||
      (round.concentration !== 0n && depth < before.parameters.depth),
  }
}

/** Parameters that a round applies: where the rule is on, maintenance and target; the rest follows from what rounds say. */
function appliedParameters({ parameters, pending }: MarginBook, ruled: boolean): RiskParameters {
  const next = pending!.parameters
  if (!ruled) return next
  const { initialCollateralFactor, initialLiabilityFactor, depth } = parameters
  return { ...next, initialCollateralFactor, initialLiabilityFactor, depth }
}

function follow(
  asset: MarginAsset,
  rules: MarginRules,
  before: MarginBook,
  { time, previous }: RoundFacts,
  { reading, holdings, pool }: AssetFacts,
): Pick<RoundMargin, 'book' | 'auction'> {
  const { parameters, state } = before
  const withGap = (gap: bigint, book: MarginBook): MarginBook => {
    const { collateralFactor, liabilityFactor, targetCollateralFactor, targetLiabilityFactor } = book.parameters
    const { collateralFactor: initialCollateralFactor, liabilityFactor: initialLiabilityFactor } = initialFactors(
      max(gap, book.liquidityGap),
      { collateralFactor, liabilityFactor },
      { collateralFactor: targetCollateralFactor, liabilityFactor: targetLiabilityFactor },
    )
    return { ...book, parameters: { ...book.parameters, initialCollateralFactor, initialLiabilityFactor } }
  }
  if (reading.heldSince !== 0n || reading.price === 0n)
    return {
      book: withGap(state === undefined ? rules.gap : before.gap, before),
      auction: storedReading(state),
    }
  const stepped =
    state === undefined
      ? startMargin(reading.price, time, rules.gap)
      : stepMargin(state, before.gap, reading.price, time, rules.gap)
  const aim = aimedDepth(asset, rules, stepped.quantile, pool)
  const depth = aim === undefined ? parameters.depth : nextDepth(parameters.depth, aim, before.depthChangedAt, time)
  const steps = previous === undefined ? 0n : time / GRID_SECONDS - previous / GRID_SECONDS
  const asked = liquidityGapUp(parameters.collateralFactor, parameters.penalty, holdings, depth)
  const book = withGap(stepped.gap, {
    ...before,
    parameters: { ...parameters, depth },
    state: stepped.state,
    gap: stepped.storedGap,
    liquidityGap: min(min(asked, before.liquidityGap + steps * POINT), GAP_MOST),
    depthChangedAt: depth === parameters.depth ? before.depthChangedAt : time,
  })
  return { book, auction: { s5: stepped.s5, quantile: stepped.quantile } }
}

/** The reading of a state that no round steps; where there is none, that which every average starts with. */
function storedReading(state: MarginState | undefined): AuctionReading {
  return { s5: state?.s5 ?? VARIANCE_START, quantile: quantileOf(state) }
}

/** Undefined: the depth stays, as the pool said nothing, or none is configured. */
function aimedDepth({ depth, decimals }: MarginAsset, { pool }: MarginRules, quantile: bigint, word: bigint) {
  if (depth === 0n) return undefined
  if (pool === undefined) return wantedDepth(depth, calmDepthDown(depth, quantile), depth)
  return word === 0n ? undefined : wantedDepth(depth, poolDepthDown(word, pool, pool.share, decimals), pool.most)
}

/**
 * The step of the slow lane that may be announced now: maintenance one point towards where the slow average wants it, and the
 * target with it. Undefined where none may: there is no lane, no state yet, or the margin is less than two points away.
 */
export function laneStep(rules: MarginRules, { parameters, state }: MarginBook): RiskParameters | undefined {
  if (rules.laneScale === 0n || state === undefined) return undefined
  const wanted = slowMarginDown(state, rules.laneScale)
  const aim = max(rules.laneLeast, min(wanted, rules.laneMost))
  const present = FACTOR_ONE - parameters.collateralFactor
  if (aim < present + 2n * POINT && present < aim + 2n * POINT) return undefined
  const step = aim > present ? POINT : -POINT
  const targetCollateralFactor = max(0n, parameters.targetCollateralFactor - step)
  const targetLiabilityFactor = parameters.targetLiabilityFactor + step
  return {
    ...parameters,
    collateralFactor: parameters.collateralFactor - step,
    liabilityFactor: parameters.liabilityFactor + step,
    targetCollateralFactor,
    targetLiabilityFactor,
    initialCollateralFactor: targetCollateralFactor,
    initialLiabilityFactor: targetLiabilityFactor,
  }
}
