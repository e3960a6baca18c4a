import type { Address } from 'viem'
import { type Account, accountLeaf, packWeights } from './account.ts'
import { accountInput } from './account-input.ts'
import { chooseBlind } from './blind.ts'
import type { CircuitInput } from './circuit-input.ts'
import { SCALE } from './constants.ts'
import type { Point } from './curve.ts'
import { PlimsollError } from './errors.ts'
import type { Balances } from './health.ts'
import { ownerHash } from './keys.ts'
import { KIND, type Message, messageHash, type SigningDomain } from './messages.ts'
import { vectorSignals } from './public-vector.ts'
import { type Signature, signatureChallenge, verifySignature } from './signature.ts'
import { type Path, pathRoot } from './tree.ts'

export interface ExitParameters {
  readonly domain: SigningDomain
  /** The account under the checkpoint's root, and its path there. */
  readonly account: Account
  readonly path: Path
  readonly publicKey: Point
  readonly recipient: Address
  /** The owner's signature of `exitMessage`. */
  readonly signature: Signature
  /** Prices of assets 1 to 7 as the checkpoint recorded them: the feeds' prices, not raised to the least price mark. 2^32 scale. */
  readonly prices: readonly bigint[]
}

/** Message that the owner of account `index` signs to leave for `recipient`. */
export function exitMessage(index: number, recipient: Address): Message {
  return {
    kind: KIND.exit,
    index,
    nonce: 0n,
    expiry: 0n,
    asset: 0,
    direction: 0,
    x: 0n,
    y: 0n,
    extra: BigInt(recipient),
  }
}

/**
 * `sum price b`, cash included, in 2^-32 base units of cash. An account that was healthy has none below 0, as `u <= price <= v`.
 * @param prices of assets 1 to 7, 2^32 scale
 */
export function exitEquity(balances: Balances, prices: readonly bigint[]): bigint {
  return balances.reduce((sum, balance, a) => sum + balance * (a === 0 ? SCALE : prices[a - 1]!), 0n)
}

/**
 * The public vector of an exit, and the input with which `exit` proves it.
 * @throws PlimsollError when the signature is not the owner's or the equity is negative: nothing of this can be proven
 */
export function exitTransition({ domain, account, path, publicKey, recipient, signature, prices }: ExitParameters): {
  vector: bigint[]
  input: CircuitInput
} {
  const message = messageHash(domain, exitMessage(account.index, recipient))
  if (ownerHash(publicKey) !== account.owner || !verifySignature(publicKey, message, signature))
    throw new PlimsollError('The exit is not signed by the owner.')
  const equity = exitEquity(account.balances, prices)
  if (equity < 0n) throw new PlimsollError('The account owes more than it has: there is nothing to leave with.')
  const root = pathRoot(path, account.index, accountLeaf(account))
  const price = [...prices]
  const { chainId, settlement } = domain
  const vector = [root, chainId, settlement, BigInt(account.index), BigInt(recipient), equity, ...price]
  return {
    vector,
    input: {
      ...vectorSignals(vector),
      root,
      chainId,
      settlement,
      recipient: BigInt(recipient),
      price,
      ...accountInput(account, path),
      weights: packWeights(account.weights),
      publicKey,
      r8: signature.r8,
      s: signature.s,
      blind: BigInt(chooseBlind(publicKey, signatureChallenge(publicKey, message, signature.r8))),
    },
  }
}
