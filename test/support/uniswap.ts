import { readFile } from 'node:fs/promises'
import type { Abi, Address, Hex } from 'viem'
import type { Chain, Contract } from '../contracts/chain.ts'

// Uniswap v3 on a test chain: the published bytecode of factory and pool, from npm, and an actor that provides liquidity
// and swaps.

const MAX_TICK = 887_272
/** Limits of a pool's price, exclusive. */
const MIN_SQRT_PRICE = 4295128739n
const MAX_SQRT_PRICE = 1461446703485210103287273052203988822378723970342n
const Q96 = 1n << 96n
/** By fee, in millionths. */
const TICK_SPACING = { 500: 10, 3000: 60, 10000: 200 } as const

interface Slot0 {
  readonly sqrtPriceX96: bigint
  readonly tick: number
}

export interface PoolOptions {
  /** Millionths. */
  readonly fee?: keyof typeof TICK_SPACING
  /** Whole units of `quote` for a whole unit of `base`. */
  readonly price: number
  readonly baseDecimals: number
  readonly quoteDecimals: number
  /** Whole units of `quote` in the pool beside as much in `base`, over the whole range of prices. */
  readonly quoteLiquidity: number
  /** Observations that the pool remembers. */
  readonly observations?: number
}

export type Pool = Awaited<ReturnType<typeof deployPool>>

async function artifact(name: string): Promise<{ abi: Abi; bytecode: Hex }> {
  const path = import.meta.resolve(`@uniswap/v3-core/artifacts/contracts/${name}.sol/${name}.json`)
  return JSON.parse(await readFile(new URL(path), 'utf8')) as { abi: Abi; bytecode: Hex }
}

/** A factory of pools. */
async function deployFactory(chain: Chain) {
  const { abi, bytecode } = await artifact('UniswapV3Factory')
  const { address } = await chain.create({ abi, bytecode })
  return { abi, address }
}

/**
 * A pool with liquidity over all prices, two mock tokens of its own where none are given, and an actor with as much of
 * both as anybody can want.
 */
export async function deployPool(chain: Chain, options: PoolOptions, tokens?: { base: Contract; quote: Contract }) {
  const { fee = 3_000, price, baseDecimals, quoteDecimals, quoteLiquidity, observations = 1 } = options
  const factory = await deployFactory(chain)
  const base = tokens?.base ?? (await chain.contract('MockToken', ['BASE', baseDecimals]))
  const quote = tokens?.quote ?? (await chain.contract('MockToken', ['QUOTE', quoteDecimals]))
  const baseIsToken0 = base.address.toLowerCase() < quote.address.toLowerCase()
  const { client } = chain
  const account = chain.accounts[0]!
  const create = { ...factory, functionName: 'createPool', args: [base.address, quote.address, fee], account } as const
  const { result, request } = await client.simulateContract(create)
  await client.waitForTransactionReceipt({ hash: await client.writeContract({ ...request, account }) })
  const address = result as Address
  const { abi } = await artifact('UniswapV3Pool')
  const read = async <T>(functionName: string, ...args: unknown[]) =>
    (await client.readContract({ address, abi, functionName, args })) as T
  const write = async (functionName: string, ...args: unknown[]) => {
    const hash = await client.writeContract({ address, abi, functionName, args, account, gas: 12_000_000n })
    return client.waitForTransactionReceipt({ hash })
  }
  const raw = (price * 10 ** quoteDecimals) / 10 ** baseDecimals
  const sqrtPrice = (of: number) => BigInt(Math.floor(Math.sqrt(baseIsToken0 ? of : 1 / of) * 2 ** 96))
  await write('initialize', sqrtPrice(raw))
  if (observations > 1) await write('increaseObservationCardinalityNext', observations)

  const actor = await chain.contract('PoolActor')
  for (const token of [base, quote]) await token.write('mint', [actor.address, 1n << 200n])
  // Over the whole range the amount of token1 is the liquidity times the root of the price.
  const amount = quoteLiquidity * 10 ** quoteDecimals
  const liquidity = BigInt(Math.floor(amount / Math.sqrt(raw)))
  const spacing = TICK_SPACING[fee]
  const edge = Math.floor(MAX_TICK / spacing) * spacing
  await actor.write('mint', [address, -edge, edge, liquidity])

  async function slot0(): Promise<Slot0> {
    const [sqrtPriceX96, tick] = await read<[bigint, number]>('slot0')
    return { sqrtPriceX96, tick }
  }
  /** Whole units of `quote` for a whole unit of `base`. */
  async function spot(): Promise<number> {
    const root = Number((await slot0()).sqrtPriceX96) / Number(Q96)
    const ratio = baseIsToken0 ? root * root : 1 / (root * root)
    return (ratio * 10 ** baseDecimals) / 10 ** quoteDecimals
  }
  const balances = async () => ({
    base: await base.read<bigint>('balanceOf', actor.address),
    quote: await quote.read<bigint>('balanceOf', actor.address),
  })
  /** What the actor gets of each token by a swap; negative: what it pays. */
  async function changes(act: () => Promise<unknown>) {
    const before = await balances()
    await act()
    const after = await balances()
    return { base: after.base - before.base, quote: after.quote - before.quote }
  }

  return {
    address,
    abi,
    base,
    quote,
    actor,
    baseIsToken0,
    read,
    write,
    slot0,
    spot,
    /** Sells so many base units of `base`, or with `of: 'quote'` of `quote`. */
    sell: (units: bigint, of: 'base' | 'quote' = 'base') => {
      const zeroForOne = (of === 'base') === baseIsToken0
      return changes(() =>
        actor.write('swap', [address, zeroForOne, units, zeroForOne ? MIN_SQRT_PRICE + 1n : MAX_SQRT_PRICE - 1n]),
      )
    },
    /** Swaps until the pool's price is this, in whole units of `quote` for one of `base`. */
    pushTo: async (to: number) => {
      const target = sqrtPrice((to * 10 ** quoteDecimals) / 10 ** baseDecimals)
      const zeroForOne = target < (await slot0()).sqrtPriceX96
      return changes(() => actor.write('swap', [address, zeroForOne, 1n << 190n, target]))
    },
  }
}
