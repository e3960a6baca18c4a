import type { Address } from 'viem'
import type { PlimsollError } from '../../protocol/errors.ts'
import { KIND } from '../../protocol/messages.ts'
import { payee } from '../../protocol/operation.ts'
import type { NodeRefusal } from '../client.ts'
import type { OwnerWallet, Validity } from '../owner-wallet.ts'
import type { Accepted } from '../schemas.ts'

export interface WithdrawParameters extends Validity {
  /** Number of the asset; 0 is cash. */
  readonly asset: number
  /** Base units of the asset. */
  readonly amount: bigint
  readonly recipient: Address
  /** To be paid in full or to wait, rather than cut by a checkpoint while the backstop is under water. */
  readonly inFull?: boolean | undefined
}

export type WithdrawReturnType = Accepted

export type WithdrawErrorType = NodeRefusal | PlimsollError

/**
 * Signs a withdrawal and hands it in at the node: claimable after the next checkpoint.
 * @throws NodeRefusal where the node refuses it
 * @example
 * import { withdraw } from '../../sdk/actions/withdraw.ts'
 *
 * const { id } = await withdraw(owner, { asset: 0, amount: 20_000_000n, recipient: signer.sender })
 */
export function withdraw(
  owner: OwnerWallet,
  { asset, amount, recipient, inFull, expiresIn }: WithdrawParameters,
): Promise<WithdrawReturnType> {
  return owner.submit({ expiresIn }, ({ index, version, expiry }) => ({
    kind: 'withdraw',
    index,
    version,
    asset,
    amount,
    recipient,
    ...(inFull && { inFull }),
    expiry,
    signature: owner.sign({
      kind: KIND.withdraw,
      index,
      nonce: BigInt(version),
      expiry: BigInt(expiry),
      asset,
      direction: 0,
      x: amount,
      y: 0n,
      extra: payee({ recipient, inFull }),
    }),
  }))
}
