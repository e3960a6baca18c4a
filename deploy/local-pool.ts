import { readFile } from 'node:fs/promises'
import { type Abi, type Address, encodeDeployData, type Hex, parseEventLogs } from 'viem'
import { loadArtifact } from '../chain/artifacts.ts'
import { squareRootDown } from '../protocol/integer.ts'
import { MOCK_TOKEN_ABI } from '../sdk/abi/mock-token.ts'
import type { SigningClient } from '../sdk/chain/client.ts'
import { sendCall } from '../sdk/chain/send-call.ts'
import { sendTransaction } from '../sdk/chain/send-transaction.ts'
import { deployContract } from './deploy.ts'

/** The fee of the pool in millionths, and the ticks between its limits. */
const FEE = 500
const SPACING = 10
const TICK_MOST = 887_270
const Q96 = 96n
const ROOT_MIN = 4_295_128_739n
const ROOT_MAX = 1_461_446_703_485_210_103_287_273_052_203_988_822_378_723_970_342n
const OBSERVATIONS = 200

export interface LocalPoolOptions {
  /** Mock tokens, of which as many are minted as the pool takes. */
  readonly asset: Address
  readonly cash: Address
  /** Token units of cash for so many token units of the asset. */
  readonly price: { readonly cash: bigint; readonly asset: bigint }
  /** Token units of cash in the pool, beside as much in the asset, over all prices. */
  readonly liquidity: bigint
}

/** A Uniswap v3 pool of a local chain. */
export interface LocalPool {
  readonly address: Address
  /** Trades until the pool has a price, as whoever trades between markets would. */
  moveTo(price: LocalPoolOptions['price']): Promise<void>
}

/** Deploys Uniswap v3's published factory, a pool of it that remembers its past, and liquidity from an actor of the tests. */
export async function deployLocalPool(signer: SigningClient, options: LocalPoolOptions): Promise<LocalPool> {
  const { asset, cash, price, liquidity } = options
  const factory = await published('UniswapV3Factory')
  const { contractAddress } = await sendTransaction(signer, { data: encodeDeployData({ ...factory, args: [] }) })
  const created = await sendCall(signer, {
    address: contractAddress!,
    abi: factory.abi,
    functionName: 'createPool',
    args: [asset, cash, FEE],
  })
  const [event] = parseEventLogs({ abi: factory.abi, eventName: 'PoolCreated', logs: created.logs }) as unknown as [
    { args: { pool: Address } },
  ]
  const address = event.args.pool
  const pool = { address, abi: (await published('UniswapV3Pool')).abi } as const
  const isToken0 = BigInt(asset) < BigInt(cash)
  await sendCall(signer, { ...pool, functionName: 'initialize', args: [rootOf(price, isToken0)] })
  await sendCall(signer, { ...pool, functionName: 'increaseObservationCardinalityNext', args: [OBSERVATIONS] })
  const actor = { address: await deployContract(signer, 'PoolActor', []), abi: (await loadArtifact('PoolActor')).abi }
  for (const token of [asset, cash])
    await sendCall(signer, {
      address: token,
      abi: MOCK_TOKEN_ABI,
      functionName: 'mint',
      args: [actor.address, 1n << 120n],
    })
  // Over all prices the amount of token1 is the liquidity times the root of the price.
  const root = rootOf(price, isToken0)
  const ofCash = isToken0 ? (liquidity << Q96) / root : (liquidity * root) >> Q96
  const edge = Math.floor(TICK_MOST / SPACING) * SPACING
  await sendCall(signer, { ...actor, functionName: 'mint', args: [address, -edge, edge, ofCash] })
  return {
    address,
    async moveTo(next) {
      const target = rootOf(next, isToken0)
      const [present] = (await signer.read.readContract({ ...pool, functionName: 'slot0' })) as [bigint]
      if (target === present) return
      const limit = target < ROOT_MIN ? ROOT_MIN + 1n : target > ROOT_MAX ? ROOT_MAX - 1n : target
      await sendCall(signer, { ...actor, functionName: 'swap', args: [address, target < present, 1n << 110n, limit] })
    },
  }
}

/** Root of the price of token0 in token1, times 2^96. */
function rootOf({ cash, asset }: LocalPoolOptions['price'], isToken0: boolean): bigint {
  const [numerator, denominator] = isToken0 ? [cash, asset] : [asset, cash]
  return squareRootDown((numerator << (2n * Q96)) / denominator)
}

async function published(name: string): Promise<{ abi: Abi; bytecode: Hex }> {
  const path = import.meta.resolve(`@uniswap/v3-core/artifacts/contracts/${name}.sol/${name}.json`)
  return JSON.parse(await readFile(new URL(path), 'utf8')) as { abi: Abi; bytecode: Hex }
}
