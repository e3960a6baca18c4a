import { type Account, packBits, packWeights, signBits, unpackWeights } from './account.ts'
import { ASSETS, FIELD } from './constants.ts'
import { PlimsollError } from './errors.ts'
import { abs } from './integer.ts'
import { poseidon } from './poseidon.ts'

/** Field elements of a ciphertext. */
export const CIPHER_LENGTH = 3

/** Magnitudes three a field element, then signs (8 bits) and weights (32 bits) above the last two. */
function pack(account: Account): bigint[] {
  const m = account.balances.map(abs)
  return [
    m[0]! + (m[1]! << 64n) + (m[2]! << 128n),
    m[3]! + (m[4]! << 64n) + (m[5]! << 128n),
    m[6]! + (m[7]! << 64n) + (packBits(signBits(account.balances)) << 128n) + (packWeights(account.weights) << 136n),
  ]
}

function pad(viewKey: bigint, leaf: bigint, i: number): bigint {
  return poseidon([viewKey, leaf, BigInt(i)])
}

/**
 * Ciphertext of an account under the pad of its own new leaf, so that no pad is used twice
 * (docs/protocol.md#commitments).
 */
export function encryptAccount(account: Account, leaf: bigint): bigint[] {
  return pack(account).map((plain, i) => (plain + pad(account.viewKey, leaf, i)) % FIELD)
}

/**
 * Balances and weights behind a ciphertext.
 * @throws PlimsollError when the view key is not the account's
 */
export function decryptAccount(
  cipher: readonly bigint[],
  leaf: bigint,
  viewKey: bigint,
): Pick<Account, 'balances' | 'weights'> {
  const [low, middle, high] = cipher.map((c, i) => (c - pad(viewKey, leaf, i) + FIELD) % FIELD) as [
    bigint,
    bigint,
    bigint,
  ]
  if (low >> 192n || middle >> 192n || high >> 168n)
    throw new PlimsollError('The ciphertext does not open under this view key.')
  const word = (value: bigint, i: number) => BigInt.asUintN(64, value >> BigInt(64 * i))
  const magnitudes = [
    word(low, 0),
    word(low, 1),
    word(low, 2),
    word(middle, 0),
    word(middle, 1),
    word(middle, 2),
    word(high, 0),
    word(high, 1),
  ]
  const signs = high >> 128n
  return {
    balances: Array.from({ length: ASSETS }, (_, a) => ((signs >> BigInt(a)) & 1n ? -magnitudes[a]! : magnitudes[a]!)),
    weights: unpackWeights(BigInt.asUintN(32, high >> 136n)),
  }
}
