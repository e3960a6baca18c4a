import type { PlimsollError } from '../../protocol/errors.ts'
import { KIND } from '../../protocol/messages.ts'
import type { NodeRefusal } from '../client.ts'
import type { OwnerWallet, TradeTerms, Validity } from '../owner-wallet.ts'
import type { Accepted } from '../schemas.ts'

export interface UnwindParameters extends TradeTerms, Validity {}

export type UnwindReturnType = Accepted

export type UnwindErrorType = NodeRefusal | PlimsollError

/**
 * Signs a trade with the backstop and hands it in at the node. `GET /v1/round` has the backstop's prices.
 * @throws NodeRefusal where the node refuses it, such as BACKSTOP_PRICE
 * @example
 * import { unwind } from '../../sdk/actions/unwind.ts'
 *
 * const { unwindPrices } = await owner.client.round()
 * const x = 1_000_000n
 * const y = (x * unwindPrices[1]! + 0xffff_ffffn) / 0x1_0000_0000n
 * const { id } = await unwind(owner, { asset: 1, direction: 1, x, y })
 */
export function unwind(
  owner: OwnerWallet,
  { asset, direction, x, y, expiresIn }: UnwindParameters,
): Promise<UnwindReturnType> {
  return owner.submit({ expiresIn }, ({ index, version, expiry }) => ({
    kind: 'unwind',
    index,
    version,
    asset,
    direction,
    x,
    y,
    expiry,
    signature: owner.sign({
      kind: KIND.unwind,
      index,
      nonce: BigInt(version),
      expiry: BigInt(expiry),
      asset,
      direction,
      x,
      y,
      extra: 0n,
    }),
  }))
}
