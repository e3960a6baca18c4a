import { type Address, isAddressEqual, type PublicClient } from 'viem'
import { PlimsollError } from '../../protocol/errors.ts'
import { divDown, divUp, max, min } from '../../protocol/integer.ts'
import { tickRootDown } from '../../protocol/tick.ts'
import { chainFailureIn, isUnserved } from './chain-failure.ts'

/** The views of a Uniswap v3 pool that a quote needs. */
const POOL_ABI = [
  { name: 'token0', type: 'function', stateMutability: 'view', inputs: [], outputs: [{ type: 'address' }] },
  { name: 'token1', type: 'function', stateMutability: 'view', inputs: [], outputs: [{ type: 'address' }] },
  { name: 'fee', type: 'function', stateMutability: 'view', inputs: [], outputs: [{ type: 'uint24' }] },
  { name: 'liquidity', type: 'function', stateMutability: 'view', inputs: [], outputs: [{ type: 'uint128' }] },
  {
    name: 'slot0',
    type: 'function',
    stateMutability: 'view',
    inputs: [],
    outputs: [
      { name: 'sqrtPriceX96', type: 'uint160' },
      { name: 'tick', type: 'int24' },
      { name: 'observationIndex', type: 'uint16' },
      { name: 'observationCardinality', type: 'uint16' },
      { name: 'observationCardinalityNext', type: 'uint16' },
      { name: 'feeProtocol', type: 'uint8' },
      { name: 'unlocked', type: 'bool' },
    ],
  },
  {
    name: 'observe',
    type: 'function',
    stateMutability: 'view',
    inputs: [{ type: 'uint32[]' }],
    outputs: [{ type: 'int56[]' }, { type: 'uint160[]' }],
  },
] as const

/** Seconds over which a pool's mean price is asked for. */
const WINDOW = 600
const Q96 = 1n << 96n
/** Fees are in millionths. */
const FEE_ONE = 1_000_000n

/** A pool of an asset's token and cash in a block. */
export interface PoolState {
  readonly isToken0: boolean
  /** Root of the price of token0 in token1, times 2^96. */
  readonly root: bigint
  /** The same of its mean price of the last ten minutes; undefined where it does not remember as long. */
  readonly meanRoot?: bigint | undefined
  readonly liquidity: bigint
  /** Millionths. */
  readonly fee: bigint
}

/** The two tokens of a pool, once it has said a price too. @throws PlimsollError where there is no Uniswap v3 pool at the address */
export async function poolTokens(read: PublicClient, pool: Address): Promise<readonly [Address, Address]> {
  const contract = { address: pool, abi: POOL_ABI } as const
  try {
    await read.readContract({ ...contract, functionName: 'slot0' })
    await read.readContract({ ...contract, functionName: 'liquidity' })
    return [
      await read.readContract({ ...contract, functionName: 'token0' }),
      await read.readContract({ ...contract, functionName: 'token1' }),
    ]
  } catch (error) {
    throw (
      chainFailureIn(error) ?? new PlimsollError(`There is no Uniswap v3 pool at ${pool}.`, { hint: 'Check --pool.' })
    )
  }
}

/** A pool as it stands in a block. @param token that of the asset */
export async function readPool(
  read: PublicClient,
  pool: Address,
  token: Address,
  blockNumber: bigint,
): Promise<PoolState> {
  const contract = { address: pool, abi: POOL_ABI, blockNumber } as const
  const [token0, [root], liquidity, fee, meanRoot] = await Promise.all([
    read.readContract({ ...contract, functionName: 'token0' }),
    read.readContract({ ...contract, functionName: 'slot0' }),
    read.readContract({ ...contract, functionName: 'liquidity' }),
    read.readContract({ ...contract, functionName: 'fee' }),
    read.readContract({ ...contract, functionName: 'observe', args: [[WINDOW, 0]] }).then(
      ([sums]) => rootAt(divDown(sums[1]! - sums[0]!, BigInt(WINDOW))),
      (error: unknown) => {
        if (isUnserved(error)) throw error
        return undefined
      },
    ),
  ])
  return { isToken0: isAddressEqual(token0, token), root, meanRoot, liquidity, fee: BigInt(fee) }
}

/**
 * The pool as whoever trades with it should count on it: at its mean price where that is the worse one, so that a push of the moment
 * makes nothing look better than it is.
 */
export function prudent(pool: PoolState, sells: boolean): PoolState {
  const { root, meanRoot = root, isToken0 } = pool
  // The price of token0 grows with the root; a seller is worse off with the lower price.
  return { ...pool, root: sells === isToken0 ? min(root, meanRoot) : max(root, meanRoot) }
}

/** Root of the price at a tick, times 2^96, rounded down at each step. */
function rootAt(tick: bigint): bigint {
  const inverse = tickRootDown(tick)
  return tick < 0n ? inverse : (Q96 * Q96) / inverse
}

/**
 * Token units of cash that a pool pays for token units of the asset, by the liquidity at its price: beyond the next tick with liquidity
 * there may be less or more. Rounded down.
 */
export function saleDown({ isToken0, root, liquidity, fee }: PoolState, units: bigint): bigint {
  if (liquidity === 0n) return 0n
  const paid = (units * (FEE_ONE - fee)) / FEE_ONE
  if (isToken0) {
    // 1 / root grows by paid / liquidity.
    const next = divUp(liquidity * Q96 * root, liquidity * Q96 + paid * root)
    return (liquidity * (root - next)) / Q96
  }
  const next = root + (paid * Q96) / liquidity
  return (liquidity * Q96 * (next - root)) / (root * next)
}

/**
 * Token units of cash that token units of the asset cost in a pool, in the same way; undefined where it has not as many. Rounded up.
 */
export function purchaseUp({ isToken0, root, liquidity, fee }: PoolState, units: bigint): bigint | undefined {
  if (liquidity === 0n) return undefined
  let cash: bigint
  if (isToken0) {
    // 1 / root falls by units / liquidity.
    const rest = liquidity * Q96 - units * root
    if (rest <= 0n) return undefined
    const next = divUp(liquidity * Q96 * root, rest)
    cash = divUp(liquidity * (next - root), Q96)
  } else {
    const next = root - divUp(units * Q96, liquidity)
    if (next <= 0n) return undefined
    cash = divUp(liquidity * Q96 * (root - next), root * next)
  }
  return divUp(cash * FEE_ONE, FEE_ONE - fee)
}
