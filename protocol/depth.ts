import { FACTOR_ONE, POINT } from './constants.ts'
import { abs, divUp, max, min } from './integer.ts'
import { tickRootDown } from './tick.ts'

// Depth that follows the market, exactly as `contracts/libraries/Depths.sol` has it.

const HOUR = 3_600n
/** Words of pools have 2^23 plus the mean tick in their lowest 24 bits. */
const TICK_BITS = 24n
const TICK_ZERO = 1n << 23n

/** The asset's token in its pool. */
export interface PoolToken {
  /** Whether it is the second of the two. */
  readonly second: boolean
  readonly decimals: number
}

/**
 * Base units of an asset that at the slope of its pool move the price by 100 %, times a share.
 * @param word what the pool said at a round, not 0: harmonic-mean liquidity and mean tick
 * @param share in 1/10^4
 * @param decimals of the asset
 */
export function poolDepthDown(
  word: bigint,
  { second, decimals: own }: PoolToken,
  share: bigint,
  decimals: number,
): bigint {
  const tick = (word & ((1n << TICK_BITS) - 1n)) - TICK_ZERO
  const root = tickRootDown(tick)
  if (root === 0n) return 0n
  const liquidity = word >> TICK_BITS
  const amount = tick < 0n === second ? (liquidity * root) >> 97n : (liquidity << 95n) / root
  return (amount * share * 10n ** BigInt(decimals)) / (FACTOR_ONE * 10n ** BigInt(own))
}

/** The depth that the market asks for: what is offered, at most `most`, at least a 16th of the configured one. */
export function wantedDepth(configured: bigint, offered: bigint, most: bigint): bigint {
  return max(divUp(configured, 16n), min(offered, most))
}

/**
 * The depth from now on: only what is 10 % away moves it, an hour after the last move at the earliest, by a factor of two at the
 * most.
 * @param changedAt unix seconds of the last move; 0: there was none
 */
export function nextDepth(depth: bigint, aim: bigint, changedAt: bigint, time: bigint): bigint {
  const away = abs(aim - depth)
  if (time < changedAt + HOUR || away * 10n < depth || away === 0n) return depth
  if (aim > 2n * depth) return 2n * depth
  return max(aim, divUp(depth, 2n))
}

/**
 * The least gap, in whole points, at which new collateral is worth no more than selling all that is held would bring.
 * @param holdings base units of accounts and backstop
 */
export function liquidityGapUp(collateralFactor: bigint, penalty: bigint, holdings: bigint, depth: bigint): bigint {
  if (depth === 0n || holdings === 0n) return 0n
  const most = ((FACTOR_ONE - penalty) * depth) / (depth + holdings)
  return collateralFactor <= most ? 0n : divUp(collateralFactor - most, POINT) * POINT
}
