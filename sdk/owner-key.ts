import type { Hex } from 'viem'
import { PlimsollError } from '../protocol/errors.ts'
import { accountKeyTypedData, type OwnerKey, ownerKeyFromSignature } from '../protocol/keys.ts'

/** Signs EIP-712 typed data with the user's Ethereum key, as wallets do. */
export type TypedDataSigner = (typedData: ReturnType<typeof accountKeyTypedData>) => Promise<Hex>

/**
 * The BabyJubJub key of an account: it comes from a signature of the user's Ethereum key, so there is nothing new to back
 * up. The signature is asked for twice: a signer that does not sign the same way each time would lose the account.
 * @param account number of the key, for users with several
 * @throws PlimsollError when the two signatures differ
 */
export async function deriveOwnerKey(
  sign: TypedDataSigner,
  chainId: number,
  settlement: Hex,
  account = 0,
): Promise<OwnerKey> {
  const typedData = accountKeyTypedData(chainId, settlement, account)
  const [first, second] = [await sign(typedData), await sign(typedData)]
  if (first !== second) {
    throw new PlimsollError(
      'KEY_NOT_DETERMINISTIC: this Ethereum key signs the same message differently each time, so no account key can come from it.',
      {
        hint: 'Use a wallet with deterministic signatures.',
      },
    )
  }
  return ownerKeyFromSignature(first)
}
