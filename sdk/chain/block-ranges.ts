/** Blocks of a piece of history: how many of them an endpoint serves at a time is not the reader's concern. */
const BLOCK_RANGE = 50_000n

/** Cuts `first..last` into pieces that are read one after the other, in order. */
export function* blockRanges(first: bigint, last: bigint): Generator<{ fromBlock: bigint; toBlock: bigint }> {
  for (let fromBlock = first; fromBlock <= last; fromBlock += BLOCK_RANGE) {
    const end = fromBlock + BLOCK_RANGE - 1n
    yield { fromBlock, toBlock: end < last ? end : last }
  }
}
