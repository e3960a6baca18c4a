import { createCipheriv, createDecipheriv } from 'node:crypto'
import { bytesToHex, concat, type Hex, hexToBytes, keccak256, size, slice, stringToHex, toHex } from 'viem'
import { PlimsollError } from './errors.ts'
import type { SigningDomain } from './messages.ts'
import type { Move } from './system.ts'

// 0x01 || nonce || AES-256-GCM ciphertext || tag
const VERSION = '0x01'
const NONCE_BYTES = 12
const TAG_BYTES = 16
const CIPHER = 'aes-256-gcm'
/** Stands for a step without a move. */
const NO_MOVE = 0xff
/** Positions of a window fit four bits. */
const MAX_WINDOW = 16

export interface MemoKey {
  readonly domain: SigningDomain
  /** The sequencer's secret. */
  readonly secret: bigint
}

/** What a memo belongs to. */
export interface MemoContext {
  /** Of the sweep's public vector. */
  readonly digest: bigint
  readonly window: readonly number[]
  /** Steps of the circuit: all memos of a deployment have the same length. */
  readonly steps: number
}

/**
 * The moves of a sweep, readable with the sequencer's secret only: with them and the call data the stacks can be rebuilt.
 * @param nonce 12 bytes that are never used twice
 * @throws PlimsollError when a move is outside the window, or there are more than steps
 */
export function sealMemo(key: MemoKey, { digest, window, steps }: MemoContext, moves: readonly Move[], nonce: Uint8Array): Hex {
  if (nonce.length !== NONCE_BYTES) throw new PlimsollError(`The nonce of a memo has ${NONCE_BYTES} bytes.`)
  if (moves.length > steps || window.length > MAX_WINDOW) throw new PlimsollError('The moves do not fit a memo.')
  const plain = new Uint8Array(steps).fill(NO_MOVE)
  moves.forEach(({ from, to }, s) => {
    const [source, target] = [window.indexOf(from), window.indexOf(to)]
    if (source < 0 || target < 0) throw new PlimsollError(`The move from slot ${from} to slot ${to} is outside the window.`)
    plain[s] = (source << 4) | target
  })
  const cipher = createCipheriv(CIPHER, memoKey(key), nonce).setAAD(hexToBytes(toHex(digest, { size: 32 })))
  const sealed = [cipher.update(plain), cipher.final(), cipher.getAuthTag()]
  return concat([VERSION, bytesToHex(nonce), ...sealed.map((part) => bytesToHex(part))])
}

/**
 * Inverse of `sealMemo`.
 * @throws PlimsollError when the memo is not this key's, or not of this sweep
 */
export function openMemo(key: MemoKey, { digest, window, steps }: MemoContext, memo: Hex): Move[] {
  const unreadable = () => new PlimsollError('The memo of a sweep does not open under this key.')
  if (size(memo) !== 1 + NONCE_BYTES + steps + TAG_BYTES || slice(memo, 0, 1) !== VERSION) throw unreadable()
  const bytes = hexToBytes(memo)
  const nonce = bytes.subarray(1, 1 + NONCE_BYTES)
  const decipher = createDecipheriv(CIPHER, memoKey(key), nonce, { authTagLength: TAG_BYTES }).setAAD(hexToBytes(toHex(digest, { size: 32 })))
  decipher.setAuthTag(bytes.subarray(-TAG_BYTES))
  let plain: Buffer
  try {
    plain = Buffer.concat([decipher.update(bytes.subarray(1 + NONCE_BYTES, -TAG_BYTES)), decipher.final()])
  } catch {
    throw unreadable()
  }
  return [...plain].filter((byte) => byte !== NO_MOVE).map((byte) => {
    const [from, to] = [window[byte >> 4], window[byte & 15]]
    if (from === undefined || to === undefined) throw unreadable()
    return { from, to }
  })
}

function memoKey({ domain, secret }: MemoKey): Uint8Array {
  const parts = [stringToHex('plimsoll.memo'), toHex(secret, { size: 32 }), toHex(domain.chainId, { size: 32 }), toHex(domain.settlement, { size: 20 })]
  return hexToBytes(keccak256(concat(parts)))
}
