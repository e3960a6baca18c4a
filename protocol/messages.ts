import { poseidon } from './poseidon.ts'

/**
 * The first field of a signed message, by what is signed. A discharged request was signed as FORCED or CLOSE. `list` and `cancel` are
 * for a node's API: no circuit takes them.
 */
export const KIND = {
  withdraw: 3,
  trade: 4,
  unwind: 5,
  preferences: 6,
  forced: 7,
  close: 10,
  exit: 16,
  list: 32,
  cancel: 33,
} as const

/** `plimsoll.v1` in ASCII. */
const MESSAGE_DOMAIN = 0x706c696d736f6c6c2e7631n

/** The chain and the contract for which a signature is good. */
export interface SigningDomain {
  readonly chainId: bigint
  /** Address of the settlement contract as an integer. */
  readonly settlement: bigint
}

/** Fields of the message that an owner signs. */
export interface Message {
  readonly kind: number
  readonly index: number
  /** The account's version, or the queue number of a forced request or close: below 2^64. */
  readonly nonce: bigint
  /** Unix seconds, below 2^40. */
  readonly expiry: bigint
  readonly asset: number
  /** 1 iff the account's balance of the asset grows. */
  readonly direction: number
  /** Base units of the asset and of cash, or the price limit of a forced close, below 2^64. */
  readonly x: bigint
  readonly y: bigint
  /** A recipient, a link, packed weights, or 0. */
  readonly extra: bigint
}

/** Kind 8, index 32, nonce 64, expiry 40, asset 4 and direction 1 bits, the lowest first: injective within these ranges. */
export function messageHead({ kind, index, nonce, expiry, asset, direction }: Message): bigint {
  return (
    BigInt(kind) +
    (BigInt(index) << 8n) +
    (nonce << 40n) +
    (expiry << 104n) +
    (BigInt(asset) << 144n) +
    (BigInt(direction) << 148n)
  )
}

/** `M`, the field element that is signed. */
export function messageHash({ chainId, settlement }: SigningDomain, message: Message): bigint {
  return poseidon([
    MESSAGE_DOMAIN,
    chainId,
    settlement,
    messageHead(message),
    message.x + (message.y << 64n),
    message.extra,
  ])
}
