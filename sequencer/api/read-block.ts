import { BlockNotFoundError, type Hex, type PublicClient } from 'viem'

/** A block up to which something was read from the chain. */
export interface ReadBlock {
  readonly number: bigint
  readonly hash: Hex
}

/** Whether a block is still the chain's: then what was read up to it holds. */
export async function isOnChain(read: PublicClient, { number, hash }: ReadBlock): Promise<boolean> {
  const block = await read.getBlock({ blockNumber: number }).catch((error: unknown) => {
    if (error instanceof BlockNotFoundError) return undefined
    throw error
  })
  return block?.hash === hash
}
