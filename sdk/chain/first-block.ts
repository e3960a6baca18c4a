import type { PublicClient } from 'viem'

/**
 * The number of the first block that is no older than a time; `end` where every block up to it is older. Contracts say when
 * they were deployed, not in which block: on some rollups they see the numbers of another chain.
 * @param time in Unix seconds
 */
export async function firstBlockSince(client: PublicClient, time: bigint, end: bigint): Promise<bigint> {
  const isOlder = async (blockNumber: bigint) => (await client.getBlock({ blockNumber })).timestamp < time
  let [low, high] = [0n, end]
  while (low < high) {
    const middle = (low + high) / 2n
    if (await isOlder(middle)) low = middle + 1n
    else high = middle
  }
  return low
}
