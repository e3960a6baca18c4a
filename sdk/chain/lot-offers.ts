import type { Address, PublicClient } from 'viem'
import { MARKET_ABI } from '../abi/market.ts'

/** A lot of the liquidation market at one block. Units are base units; prices are marks. */
export interface LotOffer {
  /** Number of the asset, from 1. */
  readonly asset: number
  /** Number among the lots of the asset. */
  readonly lot: number
  /** Whether the backstop sells it, or buys it back. */
  readonly side: 'sell' | 'buy'
  readonly units: bigint
  /** Unix seconds since which its oldest part waits. */
  readonly since: number
  /** Undefined while the asset is held or the round stale. */
  readonly price: bigint | undefined
  /** Price of the latest round. */
  readonly mark: bigint
}

/** The lots of an asset, the oldest first, which are taken first. */
export interface AssetOffers {
  readonly asset: number
  readonly lots: readonly LotOffer[]
  /** Units that can be taken now, of all lots together. */
  readonly available: bigint
  /** Price of the latest round; 0 before the first. */
  readonly mark: bigint
}

/** The lots of all assets as the contract offers them in a block. */
export async function lotOffers(
  read: PublicClient,
  market: Address,
  assets: number,
  blockNumber: bigint,
): Promise<AssetOffers[]> {
  const contract = { address: market, abi: MARKET_ABI, blockNumber } as const
  return Promise.all(
    Array.from({ length: assets }, async (_, i): Promise<AssetOffers> => {
      const args = [BigInt(i + 1)] as const
      const [[sells, offers, available], { terms }] = await Promise.all([
        read.readContract({ ...contract, functionName: 'lots', args }),
        read.readContract({ ...contract, functionName: 'auction', args }),
      ])
      const side = sells ? 'sell' : 'buy'
      const lots = offers.map(
        ({ lot, units, since, price }): LotOffer => ({
          asset: i + 1,
          lot,
          side,
          units,
          since,
          price: price === 0n ? undefined : price,
          mark: terms.price,
        }),
      )
      return { asset: i + 1, lots, available, mark: terms.price }
    }),
  )
}

/** Distance of a lot's price from the mark in favor of its taker, as a share of the mark; below 0 where the price is the better one for the backstop. */
export function discountOf(side: LotOffer['side'], price: bigint, mark: bigint): number {
  const off = side === 'sell' ? mark - price : price - mark
  return Number((off * 10n ** 9n) / mark) / 1e9
}
