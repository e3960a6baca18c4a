import type { Contracts } from '../../chain/contracts.ts'
import type { SigningClient } from '../../sdk/chain/client.ts'
import type { NodeSnapshot } from './chain-view.ts'

/**
 * Makes a checkpoint where there is reason for one. A settlement that completes makes one by itself; where nothing has to be
 * settled it takes a call, once withdrawals or insurers wait for it or a quarter of the grace period is over.
 * @returns whether it did
 * @throws PlimsollError when the contract refuses
 */
export async function makeCheckpoint(
  contracts: Contracts,
  signer: SigningClient,
  { block, now, round, custody, checkpointedAt, complete }: NodeSnapshot,
): Promise<boolean> {
  if (!custody.fresh || !complete) return false
  const due =
    now - checkpointedAt > contracts.clocks.grace / 4 ||
    (await contracts.awaitsCheckpoint(round.number, { blockNumber: block }))
  if (due) await contracts.settlement.send(signer, 'checkpoint', [])
  return due
}
