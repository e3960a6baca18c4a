import { type Address, BaseError } from 'viem'
import { Oracles } from '../chain/oracles.ts'
import { Settlement } from '../chain/settlement.ts'
import { PlimsollError } from '../protocol/errors.ts'
import type { KeySet } from '../prover/keys.ts'
import type { ProfileName } from '../prover/profiles.ts'
import { ChainFailure } from '../sdk/chain/chain-failure.ts'
import { connect, type ReadClient } from '../sdk/chain/client.ts'
import { requireCompleteLogs } from '../sdk/chain/complete-logs.ts'
import { refusal } from '../sdk/chain/contract-errors.ts'
import { type Pinned, pin } from '../sdk/chain/pinned.ts'
import { AuditImpossible, UNKNOWN } from './batch-audit.ts'
import { type AuditedRound, ChainReplay } from './chain-replay.ts'
import { PayerDiffers } from './fill-payers.ts'
import { compareStorage } from './stored-state.ts'

export type ChainVerdict =
  | {
      readonly ok: true
      readonly settlement: Address
      readonly chainId: number
      readonly rounds: AuditedRound[]
      readonly unknown: string
    }
  | {
      readonly ok: false
      readonly settlement: Address
      readonly error: string
      readonly rounds: AuditedRound[]
      /** Events that cannot be read, and batches that rest on them; all else was checked. */
      readonly notRechecked?: readonly {
        readonly transaction: string
        readonly block: number
        readonly reason: string
      }[]
    }

/**
 * Replays all that a settlement contract took since its deployment, from events alone: every proof is
 * checked again off chain under the installation's own keys, and the outcome compared with the contract's storage.
 * @throws PlimsollError when the endpoint does not answer, there is no such contract, or no sound keys to check it with
 */
export async function verifyChain(
  rpc: string | readonly string[],
  address: string,
  keysOf: (profile: ProfileName) => Promise<KeySet>,
  onSettlement: (done: number) => void,
): Promise<ChainVerdict> {
  return auditChain(await pin(await connect(rpc)), address, keysOf, onSettlement)
}

/** The same over a connection that reads at one block. @throws PlimsollError as `verifyChain` */
export async function auditChain(
  client: ReadClient & Pinned,
  address: string,
  keysOf: (profile: ProfileName) => Promise<KeySet>,
  onSettlement: (done: number) => void,
): Promise<ChainVerdict> {
  const settlement = await Settlement.at(client, address)
  const replay = new ChainReplay(settlement, keysOf, onSettlement)
  const { number: end } = client.block
  const failed = { ok: false, settlement: settlement.address } as const
  try {
    await replay.run(end)
    await compareStorage(replay, client.block)
    await client.confirm()
    if (replay.notRechecked.length > 0) {
      const notRechecked = replay.notRechecked.map(({ transaction, block, reason }) => ({
        transaction,
        block: Number(block),
        reason,
      }))
      const error = `Not all could be re-checked: ${notRechecked.length} events or batches, the first in transaction ${notRechecked[0]!.transaction}. ${notRechecked[0]!.reason}`
      return { ...failed, error, rounds: replay.rounds, notRechecked }
    }
    const unknown = replay.imported ? `${UNKNOWN} ` : ''
    const { rounds, oracles } = replay.contracts!
    const sources = await new Oracles(client, rounds, oracles).sources()
    return {
      ok: true,
      settlement: settlement.address,
      chainId: client.chainId,
      rounds: replay.rounds,
      unknown: `${unknown}Whether the feeds that the contracts read tell the truth: ${sources.map(({ feed }) => feed).join(', ')}.`,
    }
  } catch (error) {
    if (error instanceof BaseError) throw refusal(error, 'its history')
    if (error instanceof AuditImpossible || error instanceof ChainFailure) throw error
    // An endpoint's fault must not read like the contract's.
    await client.confirm()
    await requireCompleteLogs(client, replay.addresses(), await settlement.firstBlock(end), end)
    if (error instanceof PayerDiffers) await requireCompleteLogs(client, [error.token], error.block, error.block)
    if (!(error instanceof PlimsollError)) throw error
    return { ...failed, error: error.message, rounds: replay.rounds }
  }
}
