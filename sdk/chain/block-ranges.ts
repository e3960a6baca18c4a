/** Blocks asked for at a time: providers limit the range of a query for events. */
export const BLOCK_RANGE = 5_000n

/** Cuts `first..last` into the ranges of queries for events, in order. */
export function* blockRanges(first: bigint, last: bigint): Generator<{ fromBlock: bigint; toBlock: bigint }> {
  for (let fromBlock = first; fromBlock <= last; fromBlock += BLOCK_RANGE) {
    const end = fromBlock + BLOCK_RANGE - 1n
    yield { fromBlock, toBlock: end < last ? end : last }
  }
}
