import { abs, powerDown, squareRootDown } from './integer.ts'

/** floor(2^128 / 1.0001) */
const TICK_BASE = 340248342086729790484326174814286782777n

/** Root of 1.0001 to the power of `-|tick|`, times 2^96, rounded down at each step: of the price at a Uniswap v3 tick, or its inverse. */
export function tickRootDown(tick: bigint): bigint {
  return squareRootDown(powerDown(TICK_BASE, abs(tick), 128n) << 64n)
}
