import { FIELD } from '../../protocol/constants.ts'
import type { PlimsollError } from '../../protocol/errors.ts'
import { KIND } from '../../protocol/messages.ts'
import type { NodeRefusal } from '../client.ts'
import type { OwnerWallet, TradeTerms, Validity } from '../owner-wallet.ts'
import type { Accepted } from '../schemas.ts'

export interface TradeParameters extends TradeTerms, Validity {
  /** Link that both halves of the trade are signed with: see `newLink`. */
  readonly link: bigint
}

export type TradeReturnType = Accepted

export type TradeErrorType = NodeRefusal | PlimsollError

/**
 * Signs half of a trade with whoever signs the other half with the same link, and hands it in at the node.
 * @throws NodeRefusal where the node refuses it
 * @example
 * import { newLink, trade } from '../../sdk/actions/trade.ts'
 *
 * const link = newLink()
 * const terms = { asset: 1, x: 10_000_000n, y: 20_000_000n, link }
 * const sale = await trade(owner, { ...terms, direction: 0 })
 * const purchase = await trade(counterparty, { ...terms, direction: 1 })
 */
export function trade(
  owner: OwnerWallet,
  { asset, direction, x, y, link, expiresIn }: TradeParameters,
): Promise<TradeReturnType> {
  return owner.submit({ expiresIn }, ({ index, version, expiry }) => ({
    kind: 'trade',
    index,
    version,
    asset,
    direction,
    x,
    y,
    link,
    expiry,
    signature: owner.sign({
      kind: KIND.trade,
      index,
      nonce: BigInt(version),
      expiry: BigInt(expiry),
      asset,
      direction,
      x,
      y,
      extra: link,
    }),
  }))
}

/** A link for a new trade, which nobody can guess. */
export function newLink(): bigint {
  const bytes = crypto.getRandomValues(new Uint8Array(32))
  const link = bytes.reduce((sum, byte) => (sum << 8n) + BigInt(byte), 0n) % FIELD
  return link === 0n ? 1n : link
}
