import { packWeights } from '../../protocol/account.ts'
import type { PlimsollError } from '../../protocol/errors.ts'
import { KIND } from '../../protocol/messages.ts'
import type { NodeRefusal } from '../client.ts'
import type { OwnerWallet, Validity } from '../owner-wallet.ts'
import type { Accepted } from '../schemas.ts'

export interface SetPreferencesParameters extends Validity {
  /** Weights of assets 0 to 7, from 1 to 15; 8 is neutral, and cash has no other. */
  readonly weights: readonly number[]
}

export type SetPreferencesReturnType = Accepted

export type SetPreferencesErrorType = NodeRefusal | PlimsollError

/**
 * Says what a liquidation is to trade first; only the sequencer sees it.
 * @throws NodeRefusal where the node refuses it
 * @example
 * import { setPreferences } from '../../sdk/actions/set-preferences.ts'
 *
 * const { id } = await setPreferences(owner, { weights: [8, 15, 8, 8, 8, 8, 8, 8] })
 */
export function setPreferences(
  owner: OwnerWallet,
  { weights, expiresIn }: SetPreferencesParameters,
): Promise<SetPreferencesReturnType> {
  return owner.submit({ expiresIn }, ({ index, version, expiry }) => ({
    kind: 'preferences',
    index,
    version,
    weights: [...weights],
    expiry,
    signature: owner.sign({
      kind: KIND.preferences,
      index,
      nonce: BigInt(version),
      expiry: BigInt(expiry),
      asset: 0,
      direction: 0,
      x: 0n,
      y: 0n,
      extra: packWeights(weights),
    }),
  }))
}
