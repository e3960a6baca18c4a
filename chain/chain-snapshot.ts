import type { Address, Hex } from 'viem'
import type { Marks } from '../protocol/marks.ts'
import { FEED_ABI } from '../sdk/abi/feed.ts'
import { isUnserved } from '../sdk/chain/chain-failure.ts'
import { refusal } from '../sdk/chain/contract-errors.ts'
import type { Contracts, ForcedRequest, WaitingDeposit } from './contracts.ts'
import type { Custody } from './custody.ts'
import type { ChainRound } from './settlement.ts'

/** Answer of a feed; `undefined` where it gives none. */
export interface FeedAnswer {
  readonly feed: Address
  readonly answer: bigint | undefined
  /** Seconds; when the feed says that it was updated. */
  readonly updatedAt: bigint
}

/** All that a look at the chain goes by, as of one block. It does not change: what comes later is another snapshot. */
export interface ChainSnapshot {
  readonly block: bigint
  readonly hash: Hex
  /** Gas that the block could have used. */
  readonly gasLimit: bigint
  /** The block's time, seconds. */
  readonly now: number
  /** Milliseconds of this process's clock when it was read. */
  readonly readAt: number
  readonly root: bigint
  readonly heads: readonly bigint[]
  /** The contract's word for it that all slots are covered and nothing waits in inbox or distress. */
  readonly complete: boolean
  readonly round: ChainRound
  /** Marks of the round; undefined before the first. */
  readonly marks: Marks | undefined
  /** Checkpoints, insurers and donors move it too: only the contract knows. */
  readonly backstop: readonly bigint[]
  readonly custody: Custody
  /** Nothing of these where the system is frozen. */
  readonly deposits: readonly WaitingDeposit[]
  readonly forced: readonly ForcedRequest[]
  /** Feeds of assets 1, 2, ... */
  readonly feeds: readonly FeedAnswer[]
  /** Seconds; when the last checkpoint was made. */
  readonly checkpointedAt: number
}

/**
 * Reads the chain at its latest block.
 * @param feeds of assets 1, 2, ...
 * @throws viem's error, or PlimsollError, when the endpoint does not answer; a feed that does not is told in the snapshot
 */
export async function readSnapshot(contracts: Contracts, feeds: readonly Address[]): Promise<ChainSnapshot> {
  const { settlement } = contracts
  const { read } = settlement.client
  const { number: block, hash, timestamp, gasLimit } = await read.getBlock()
  const at = { blockNumber: block }
  const now = Number(timestamp)
  const answer = (feed: Address) =>
    read.readContract({ address: feed, abi: FEED_ABI, functionName: 'latestRoundData', ...at }).then(
      ([, answer, , updatedAt]) => ({ feed, answer, updatedAt }),
      (error: unknown) => {
        if (isUnserved(error)) throw refusal(error, `the feed ${feed}`)
        return { feed, answer: undefined, updatedAt: 0n }
      },
    )
  const [root, heads, complete, round, backstop, custody, checkpointedAt, answers] = await Promise.all([
    settlement.view('accountsRoot', [], block),
    settlement.view('heads', [], block),
    settlement.view('isComplete', [], block),
    settlement.round(block),
    settlement.backstop(block),
    contracts.custody(at),
    contracts.checkpointedAt(at),
    Promise.all(feeds.map(answer)),
  ])
  const [marks, deposits, forced] = await Promise.all([
    round.number > 0 ? settlement.marks(block) : undefined,
    custody.frozen ? [] : contracts.deposits(at),
    custody.frozen ? [] : contracts.forcedRequests(now, at),
  ])
  return {
    block,
    hash,
    gasLimit,
    now,
    readAt: performance.now(),
    root,
    heads,
    complete,
    round,
    marks,
    backstop,
    custody,
    deposits,
    forced,
    feeds: answers,
    checkpointedAt,
  }
}
