import { concat, type Hex, keccak256, size, slice, toHex } from 'viem'
import { BASE8, multiply, type Point, SUBGROUP_ORDER } from './curve.ts'
import { PlimsollError } from './errors.ts'
import type { SigningDomain } from './messages.ts'
import { poseidon } from './poseidon.ts'

/** An owner's secret key as the wallet keeps it. */
export interface OwnerKey {
  /** 32 bytes, of which secret and nonces are made. */
  readonly seed: Hex
  readonly secret: bigint
  /** `secret BASE8`. */
  readonly publicKey: Point
}

const SECP256K1_ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n

/**
 * Typed data that an Ethereum key signs to become the key of a Plimsoll account; `account` numbers the keys of one
 * Ethereum key.
 */
export function accountKeyTypedData(chainId: number | bigint, settlement: Hex, account = 0) {
  return {
    domain: { name: 'Plimsoll', version: '1', chainId: BigInt(chainId), verifyingContract: settlement },
    primaryType: 'AccountKey',
    types: {
      AccountKey: [
        { name: 'statement', type: 'string' },
        { name: 'account', type: 'uint32' },
      ],
    },
    message: {
      statement: 'This signature is the key to my Plimsoll account. I sign it only for software that I trust.',
      account,
    },
  } as const
}

/**
 * The key behind a signature of `accountKeyTypedData`. Both forms of one ECDSA signature, s and n - s, give the same key.
 * @throws PlimsollError when it is not a signature of 65 bytes
 */
export function ownerKeyFromSignature(signature: Hex): OwnerKey {
  if (!/^0x[0-9a-fA-F]{130}$/.test(signature))
    throw new PlimsollError('The signature is not one of 65 bytes.', {
      hint: 'Sign with an ordinary key: a contract wallet cannot derive an account key.',
    })
  const s = BigInt(slice(signature, 32, 64))
  const low = s > SECP256K1_ORDER / 2n ? SECP256K1_ORDER - s : s
  return ownerKeyFromSeed(keccak256(concat([slice(signature, 0, 32), toHex(low, { size: 32 })])))
}

/** @throws PlimsollError on a seed of other than 32 bytes, or one whose secret is 0 */
export function ownerKeyFromSeed(seed: Hex): OwnerKey {
  if (size(seed) !== 32) throw new PlimsollError('The seed of a key has 32 bytes.')
  const secret = wideHash([1, seed], [2, seed])
  if (secret === 0n) throw new PlimsollError('The key derived from this signature is 0.')
  return { seed, secret, publicKey: multiply(BASE8, secret) }
}

/** The secret number behind a signature of `message`: never the same for two messages. */
export function signatureNonce({ seed }: OwnerKey, message: bigint): bigint {
  const word = toHex(message, { size: 32 })
  return wideHash([3, seed, word], [4, seed, word])
}

/** `owner`, the hash by which a leaf names its owner's public key. */
export function ownerHash(publicKey: Point): bigint {
  return poseidon([...publicKey])
}

/**
 * The view key that the holders of two secrets share: of the owner's secret and the sequencer's public key, or the other way
 * round. `Poseidon(secret (8 other))`.
 */
export function sharedViewKey(secret: bigint, other: Point): bigint {
  return poseidon([...multiply(multiply(other, 8n), secret)])
}

/** The key pair of a sequencer's secret. @throws PlimsollError unless `0 < secret < SUBGROUP_ORDER` */
export function sequencerKey(secret: bigint): { readonly secret: bigint; readonly publicKey: Point } {
  if (secret <= 0n || secret >= SUBGROUP_ORDER)
    throw new PlimsollError('The secret of a sequencer lies between 0 and the order of the subgroup.')
  return { secret, publicKey: multiply(BASE8, secret) }
}

/** 32 bytes under which a sequencer's memos are encrypted and from which its salts follow, in one deployment. */
export function memoKey(secret: bigint, { chainId, settlement }: SigningDomain): Uint8Array {
  const parts = [toHex(secret, { size: 32 }), toHex(chainId, { size: 32 }), toHex(settlement, { size: 20 })]
  return keccak256(concat([toHex('plimsoll.memo'), ...parts]), 'bytes')
}

/** Two hashes as one number of 512 bits, modulo the subgroup's order: its bias is negligible. */
function wideHash(...parts: readonly (readonly [tag: number, ...data: Hex[]])[]): bigint {
  const hashes = parts.map(([tag, ...data]) => keccak256(concat([toHex(tag, { size: 1 }), ...data])))
  return BigInt(concat(hashes)) % SUBGROUP_ORDER
}
