import { PlimsollError } from '../../protocol/errors.ts'
import { OwnerWallet } from '../../sdk/owner-wallet.ts'
import { ownerKey, type WalletOptions } from './session.ts'

/** A second account of the same Ethereum key, by the number of its key, and of that key's accounts. */
export interface OtherAccount {
  readonly account?: number
  readonly index?: number
}

/**
 * A second account of the same owner.
 * @param option start of the names of the options that say which, such as `to`
 * @throws PlimsollError where there is none, or it is the first
 */
export async function otherWallet(
  wallet: OwnerWallet,
  options: WalletOptions,
  { account = options.account, index }: OtherAccount,
  option: 'to' | 'with',
): Promise<{ readonly other: OwnerWallet; readonly indices: readonly [number, number] }> {
  const { client, deployment } = wallet
  const key =
    account === options.account
      ? wallet.key
      : await ownerKey({ ...options, account }, deployment.chainId, deployment.settlement)
  const first = await wallet.index()
  const other = OwnerWallet.open(client, deployment, key, index)
  const second = await other.findIndex()
  if (second === undefined)
    throw new PlimsollError(`There is no account of key ${account} yet.`, {
      hint: `Open it with wallet deposit --account ${account}.`,
    })
  if (second === first)
    throw new PlimsollError(
      `Account ${first} is both sides of it: --${option}-account or --${option}-index names another account.`,
      {
        hint: `A second account is opened with wallet deposit --account ${account + 1}, for another opening fee.`,
      },
    )
  return { other, indices: [first, second] }
}
