import { PlimsollError } from '../../protocol/errors.ts'
import type { Marks } from '../../protocol/marks.ts'
import { marksOfRow } from '../../protocol/marks.ts'
import { type BothHalves, signBothHalves, twoAccounts } from '../both-halves.ts'
import type { NodeRefusal, OperationUnknown } from '../client.ts'
import type { OwnerWallet, TradeTerms, Validity } from '../owner-wallet.ts'

export interface TransferParameters extends Validity {
  /** Account that gets it, of the same owner: of the same key, or of another. */
  readonly to: OwnerWallet
  /** Number of the asset; 0 is cash. */
  readonly asset: number
  /** Base units of the asset, above 0. */
  readonly amount: bigint
}

export type TransferReturnType = BothHalves

export type TransferErrorType = NodeRefusal | OperationUnknown | PlimsollError

/**
 * Gives units or cash to another account of the same owner for nothing: a trade of units for 0 cash, or of 0 units for cash, of which
 * both halves are signed. The chain shows that the two accounts traded, and not what. Margin is not shared between accounts: each has
 * to stand on its own afterwards. See `bothSettled` to wait for it; for an account of somebody else sign `transferTerms` with `trade`.
 * @throws PlimsollError where it is the same account, or the asset has no price, NodeRefusal where the node refuses a half
 * @example
 * import { transfer } from '../../sdk/actions/transfer.ts'
 *
 * const { halves } = await transfer(owner, { to: counterparty, asset: 0, amount: 5_000_000n })
 */
export async function transfer(
  owner: OwnerWallet,
  { to, asset, amount, expiresIn }: TransferParameters,
): Promise<TransferReturnType> {
  await twoAccounts(owner, to)
  const { marks } = await owner.client.round()
  return signBothHalves(owner, to, transferTerms(marks.map(marksOfRow), asset, amount), { expiresIn })
}

/**
 * Terms of a transfer as its giver signs them. One of cash names the first asset that has a price, as every trade names one.
 * @throws PlimsollError where the asset has no price, or for cash none has; or the amount is not above 0
 */
export function transferTerms(marks: Marks, asset: number, amount: bigint): TradeTerms {
  if (amount <= 0n) throw new PlimsollError('A transfer is of more than 0.')
  if (asset !== 0) {
    if ((marks[asset]?.price ?? 0n) === 0n)
      throw new PlimsollError(`Asset ${asset} has no price now, and nothing that has none can be traded.`)
    return { asset, direction: 0, x: amount, y: 0n }
  }
  return { asset: pricedAsset(marks), direction: 1, x: 0n, y: amount }
}

/** The first asset besides cash that has a price. @throws PlimsollError where none has */
export function pricedAsset(marks: Marks): number {
  const asset = marks.findIndex(({ price }, a) => a > 0 && price > 0n)
  if (asset < 0)
    throw new PlimsollError(
      'No asset has a price now: a transfer of cash is a trade, which names an asset that has one.',
    )
  return asset
}
