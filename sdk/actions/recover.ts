import type { Address } from 'viem'
import { PlimsollError } from '../../protocol/errors.ts'
import { type OwnerKey, sharedViewKey } from '../../protocol/keys.ts'
import { AccountHistory, openingsOf, type RecoveredAccount } from '../chain/account-history.ts'
import type { ChainFailure } from '../chain/chain-failure.ts'
import type { ReadClient } from '../chain/client.ts'
import { concludeFromLogs } from '../chain/complete-logs.ts'
import { refusal } from '../chain/contract-errors.ts'
import { settlementConfig } from '../chain/settlement-config.ts'
import { chooseIndex } from '../owner-wallet.ts'

export interface RecoverParameters {
  readonly settlement: Address
  /** The owner's key. */
  readonly key: OwnerKey
  /** Number of the account among those of the key; the first where it is left out. */
  readonly index?: number | undefined
  /** As of the last checkpoint, with the path that an exit proves, in place of the latest block. */
  readonly atCheckpoint?: boolean
}

export type RecoverReturnType = RecoveredAccount

export type RecoverErrorType = PlimsollError | ChainFailure

/**
 * An account with its history, rebuilt from the chain alone: nobody is asked or believed.
 * @throws PlimsollError when no deposit ever named the key, or what was published does not have the contract's root
 * @throws ChainFailure when the endpoint has left out some of it
 * @example
 * import { recover } from '../../sdk/actions/recover.ts'
 *
 * const { account, history } = await recover(signer, { settlement, key })
 */
export async function recover(
  client: ReadClient,
  { settlement, key, index: chosen, atCheckpoint = false }: RecoverParameters,
): Promise<RecoverReturnType> {
  const { read } = client
  try {
    await settlementConfig(read, settlement)
    return await concludeFromLogs(client, settlement, async () => {
      const history = await AccountHistory.read(read, settlement, { atCheckpoint })
      const index = chooseIndex(history.indices(key.publicKey), chosen)
      if (index === undefined) throw noAccount()
      return history.account(index, key.publicKey, (sequencer) => sharedViewKey(key.secret, sequencer))
    })
  } catch (error) {
    throw refusal(error, 'the history')
  }
}

/** Index of a key's account, from the chain alone. @throws PlimsollError when there is none */
export async function findAccount(
  client: ReadClient,
  { settlement, key, index: chosen }: Omit<RecoverParameters, 'atCheckpoint'>,
): Promise<number> {
  const [x, y] = key.publicKey
  return concludeFromLogs(client, settlement, async () => {
    const openings = await openingsOf(client.read, settlement)
    const own = openings.filter(({ publicKey }) => publicKey[0] === x && publicKey[1] === y)
    const index = chooseIndex(
      own.map((opening) => opening.index),
      chosen,
    )
    if (index === undefined) throw noAccount()
    return index
  })
}

function noAccount(): PlimsollError {
  return new PlimsollError('There is no account of this key.', { hint: 'Check --account, and the Ethereum key.' })
}
