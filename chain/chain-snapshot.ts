import type { Hex } from 'viem'
import type { Point } from '../protocol/curve.ts'
import type { Marks } from '../protocol/marks.ts'
import type { Contracts, ForcedRequest, WaitingDeposit } from './contracts.ts'
import type { Custody } from './custody.ts'
import type { AssetRisk, OracleSnapshot } from './oracles.ts'
import type { ChainRound } from './settlement.ts'

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
  /** The sequencer's keys since the deployment, the one in force last. */
  readonly sequencerKeys: readonly Point[]
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
  /** Answers of the sources, of which no round need know yet. */
  readonly oracles: OracleSnapshot
  /** Assets 1, 2, ... at the latest round. */
  readonly risks: readonly AssetRisk[]
  /** Seconds; when the last checkpoint was made. */
  readonly checkpointedAt: number
}

/**
 * Reads the chain at its latest block.
 * @throws viem's error, or PlimsollError, when the endpoint does not answer; a source that does not is told in the snapshot
 */
export async function readSnapshot(contracts: Contracts): Promise<ChainSnapshot> {
  const { settlement } = contracts
  const { read } = settlement.client
  const { number: block, hash, timestamp, gasLimit } = await read.getBlock()
  const at = { blockNumber: block }
  const now = Number(timestamp)
  const [root, heads, sequencerKeys, complete, round, backstop, custody, checkpointedAt, oracles, risks] =
    await Promise.all([
      settlement.view('accountsRoot', [], block),
      settlement.view('heads', [], block),
      settlement.view('sequencerKeys', [], block),
      settlement.view('isComplete', [], block),
      settlement.round(block),
      settlement.backstop(block),
      contracts.custody(now, at),
      contracts.checkpointedAt(at),
      contracts.oracles.said(at),
      contracts.oracles.risks(at),
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
    sequencerKeys,
    complete,
    round,
    marks,
    backstop,
    custody,
    deposits,
    forced,
    oracles,
    risks,
    checkpointedAt,
  }
}
