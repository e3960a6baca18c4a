/** Blocks of a piece of history: how many of them an endpoint serves at a time is not the reader's concern. */
const BLOCK_RANGE = 50_000n

/** Cuts `first..last` into pieces of some blocks that are read one after the other, in order. */
export function* blockRanges(
  first: bigint,
  last: bigint,
  blocks = BLOCK_RANGE,
): Generator<{ fromBlock: bigint; toBlock: bigint }> {
  for (let fromBlock = first; fromBlock <= last; fromBlock += blocks) {
    const end = fromBlock + blocks - 1n
    yield { fromBlock, toBlock: end < last ? end : last }
  }
}
