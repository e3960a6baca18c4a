import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { bytesToHex, type Hex, hexToBytes, toHex } from 'viem'
import { PlimsollError } from '../../protocol/errors.ts'
import type { Move } from '../../protocol/sweep-input.ts'

/** 2: the number of moves is in the memo, and in no public value. */
const VERSION = 2
const NONCE_LENGTH = 12
const TAG_LENGTH = 16
const PADDING = 0xff
/** A position takes four bits. */
const MAX_WINDOW = 16
/** Bytes of the number of moves, the high one first. */
const COUNT_LENGTH = 2

/**
 * The moves of a sweep, for nobody but the sequencer: their number, then a byte a move, from and to as positions in the window,
 * padded to the circuit's steps so that the length says nothing, and bound to the batch by its digest. The heads do not tell
 * how many leaves moved, and which went where; with this the stacks can be rebuilt from the chain.
 * @param key the deployment's: see `memoKey`
 * @throws PlimsollError when the moves do not fit the window or the steps
 */
export function encryptMoves(
  key: Uint8Array,
  moves: readonly Move[],
  window: readonly number[],
  steps: number,
  digest: bigint,
): Hex {
  if (window.length > MAX_WINDOW)
    throw new PlimsollError(`A window of more than ${MAX_WINDOW} slots does not fit a memo.`)
  if (moves.length > steps) throw new PlimsollError(`${moves.length} moves do not fit a memo of ${steps}.`)
  const plain = Buffer.alloc(COUNT_LENGTH + steps, PADDING)
  plain.writeUInt16BE(moves.length)
  moves.forEach(({ from, to }, i) => {
    const [source, target] = [window.indexOf(from), window.indexOf(to)]
    if (source < 0 || target < 0)
      throw new PlimsollError(`The move from slot ${from} to slot ${to} is outside the window.`)
    plain[COUNT_LENGTH + i] = (source << 4) | target
  })
  const nonce = randomBytes(NONCE_LENGTH)
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(toHexBytes(digest))
  return bytesToHex(
    Buffer.concat([Buffer.of(VERSION), nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]),
  )
}

/** The moves of a memo; undefined when it was made under another key, for another batch, or not at all. */
export function decryptMoves(
  key: Uint8Array,
  memo: Hex,
  window: readonly number[],
  digest: bigint,
): Move[] | undefined {
  const bytes = Buffer.from(hexToBytes(memo))
  if (bytes.length < 1 + NONCE_LENGTH + TAG_LENGTH || bytes[0] !== VERSION) return undefined
  const nonce = bytes.subarray(1, 1 + NONCE_LENGTH)
  const decipher = createDecipheriv('aes-256-gcm', key, nonce)
    .setAAD(toHexBytes(digest))
    .setAuthTag(bytes.subarray(-TAG_LENGTH))
  let plain: Buffer
  try {
    plain = Buffer.concat([decipher.update(bytes.subarray(1 + NONCE_LENGTH, -TAG_LENGTH)), decipher.final()])
  } catch {
    return undefined
  }
  if (plain.length < COUNT_LENGTH) return undefined
  const end = COUNT_LENGTH + plain.readUInt16BE()
  if (end > plain.length) return undefined
  const moves: Move[] = []
  for (const move of plain.subarray(COUNT_LENGTH, end)) {
    const [from, to] = [window[move >> 4], window[move & 15]]
    if (from === undefined || to === undefined) return undefined
    moves.push({ from, to })
  }
  return moves
}

function toHexBytes(digest: bigint): Uint8Array {
  return hexToBytes(toHex(digest, { size: 32 }))
}
