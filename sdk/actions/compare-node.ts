import type { Address } from 'viem'
import type { PlimsollError } from '../../protocol/errors.ts'
import { marksOfRow } from '../../protocol/marks.ts'
import { ROUNDS_ABI } from '../abi/rounds.ts'
import { SETTLEMENT_ABI } from '../abi/settlement.ts'
import { VAULT_ABI } from '../abi/vault.ts'
import type { ChainFailure } from '../chain/chain-failure.ts'
import type { ReadClient } from '../chain/client.ts'
import { refusal } from '../chain/contract-errors.ts'
import { systemContracts } from '../chain/system-contracts.ts'
import type { RoundInfo } from '../schemas.ts'

export interface CompareNodeParameters {
  readonly settlement: Address
  /** Answer of the node. */
  readonly round: RoundInfo
}

/** Something of which node and chain say different things. */
export interface Difference {
  readonly what: 'round' | 'time of the round' | 'completeness' | 'prices' | 'marks' | 'backstop'
  readonly node: string
  readonly chain: string
}

export type CompareNodeReturnType = readonly Difference[]

export type CompareNodeErrorType = PlimsollError | ChainFailure

/**
 * Compares what a node says of the latest round with what the chain has; nothing where they agree. A node that is honest may be a
 * block behind: ask it again before anything is made of a difference.
 * @throws ChainFailure when the chain does not answer
 * @example
 * import { compareNode } from '../../sdk/actions/compare-node.ts'
 *
 * const differences = await compareNode(signer, { settlement, round: await owner.client.round() })
 */
export async function compareNode(
  client: ReadClient,
  { settlement, round }: CompareNodeParameters,
): Promise<CompareNodeReturnType> {
  const { read } = client
  try {
    const { rounds: address, vault } = await systemContracts(read, settlement)
    const rounds = { address, abi: ROUNDS_ABI } as const
    const [[number, timestamp], rows, complete, backstop] = await Promise.all([
      read.readContract({ ...rounds, functionName: 'round' }),
      read.readContract({ ...rounds, functionName: 'marks' }),
      read.readContract({ address: settlement, abi: SETTLEMENT_ABI, functionName: 'isComplete' }),
      read.readContract({ address: vault, abi: VAULT_ABI, functionName: 'backstop' }),
    ])
    const differences: Difference[] = []
    const compare = (what: Difference['what'], node: unknown, chain: unknown) => {
      if (String(node) !== String(chain)) differences.push({ what, node: String(node), chain: String(chain) })
    }
    compare('round', round.number, number)
    compare('completeness', round.complete ? 'complete' : 'not complete', complete ? 'complete' : 'not complete')
    compare('backstop', round.backstop, backstop)
    // Of another round everything else is different too.
    if (differences.some(({ what }) => what === 'round')) return differences
    compare('time of the round', round.timestamp, timestamp)
    const own = round.marks.slice(1, rows.length + 1)
    compare(
      'prices',
      own.map(([price]) => price),
      rows.map((row) => marksOfRow(row).price),
    )
    compare('marks', own, rows)
    return differences
  } catch (error) {
    throw refusal(error, 'the latest round')
  }
}
