import { SCALE } from '../../protocol/constants.ts'
import type { PlimsollError } from '../../protocol/errors.ts'
import { divUp, min } from '../../protocol/integer.ts'
import { KIND } from '../../protocol/messages.ts'
import type { NodeRefusal } from '../client.ts'
import type { OwnerWallet, TradeTerms, Validity } from '../owner-wallet.ts'
import type { Accepted, RoundInfo } from '../schemas.ts'

export interface UnwindParameters extends TradeTerms, Validity {}

export type UnwindReturnType = Accepted

export type UnwindErrorType = NodeRefusal | PlimsollError

/**
 * Signs a trade with the backstop and hands it in at the node. `GET /v1/round` has the lots that it offers, and their prices.
 * @throws NodeRefusal where the node refuses it, such as BACKSTOP_PRICE
 * @example
 * import { backstopCash, unwind } from '../../sdk/actions/unwind.ts'
 *
 * const { offers } = await owner.client.round()
 * const x = 1_000_000n
 * const y = backstopCash(offers[1]!, 1, x)
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

/**
 * Cash for which the backstop trades so many units, the oldest lots first: the least that it takes, or the most that it pays, in base units.
 * Units that no lot has cost nothing.
 * @param offers lots of the asset, by `GET /v1/round`
 */
export function backstopCash(offers: RoundInfo['offers'][number], direction: 0 | 1, x: bigint): bigint {
  let rest = x
  let worth = 0n
  for (const { units, price } of offers) {
    const part = min(rest, units)
    worth += part * price
    rest -= part
  }
  return direction === 1 ? divUp(worth, SCALE) : worth / SCALE
}
