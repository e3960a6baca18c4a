import { type Account, packWeights, unpackWeights } from '../../protocol/account.ts'
import { ASSETS } from '../../protocol/constants.ts'
import type { Point } from '../../protocol/curve.ts'
import type { StackEntry } from '../../protocol/stacks.ts'

// Records of the private state as bytes, all numbers big-endian, of fixed lengths:
// account: owner 32, viewKey 32, index 4, version 4, weights 4, signs 1, magnitudes 8 of 8;
// key: x 32, y 32; entry of a stack: leaf 32, below 32, account.

const WORD = 32
export const NODE_BYTES = WORD
export const ACCOUNT_BYTES = 2 * WORD + 4 + 4 + 4 + 1 + 8 * ASSETS
export const KEY_BYTES = 2 * WORD
export const ENTRY_BYTES = 2 * WORD + ACCOUNT_BYTES
const LIMB = 64n
const MASK = (1n << LIMB) - 1n

export function writeWord(bytes: Buffer, at: number, value: bigint): void {
  bytes.writeBigUInt64BE(value & MASK, at + 24)
  bytes.writeBigUInt64BE((value >> LIMB) & MASK, at + 16)
  bytes.writeBigUInt64BE((value >> (2n * LIMB)) & MASK, at + 8)
  bytes.writeBigUInt64BE(value >> (3n * LIMB), at)
}

export function readWord(bytes: Buffer, at: number): bigint {
  const high = (bytes.readBigUInt64BE(at) << LIMB) | bytes.readBigUInt64BE(at + 8)
  const low = (bytes.readBigUInt64BE(at + 16) << LIMB) | bytes.readBigUInt64BE(at + 24)
  return (high << (2n * LIMB)) | low
}

export function writeAccount(bytes: Buffer, at: number, account: Account): void {
  writeWord(bytes, at, account.owner)
  writeWord(bytes, at + WORD, account.viewKey)
  let next = bytes.writeUInt32BE(account.index, at + 2 * WORD)
  next = bytes.writeUInt32BE(Number(account.version), next)
  next = bytes.writeUInt32BE(Number(packWeights(account.weights)), next)
  let signs = 0
  for (let a = 0; a < ASSETS; a++) {
    const balance = account.balances[a]!
    if (balance < 0n) signs |= 1 << a
    bytes.writeBigUInt64BE(balance < 0n ? -balance : balance, next + 1 + 8 * a)
  }
  bytes[next] = signs
}

export function readAccount(bytes: Buffer, at = 0): Account {
  const numbers = at + 2 * WORD
  const signs = bytes[numbers + 12]!
  return {
    owner: readWord(bytes, at),
    viewKey: readWord(bytes, at + WORD),
    index: bytes.readUInt32BE(numbers),
    version: BigInt(bytes.readUInt32BE(numbers + 4)),
    weights: unpackWeights(BigInt(bytes.readUInt32BE(numbers + 8))),
    balances: Array.from({ length: ASSETS }, (_, a) => {
      const magnitude = bytes.readBigUInt64BE(numbers + 13 + 8 * a)
      return (signs >> a) & 1 ? -magnitude : magnitude
    }),
  }
}

export function writeKey(bytes: Buffer, at: number, [x, y]: Point): void {
  writeWord(bytes, at, x)
  writeWord(bytes, at + WORD, y)
}

export function readKey(bytes: Buffer, at = 0): Point {
  return [readWord(bytes, at), readWord(bytes, at + WORD)]
}

export function writeEntry(bytes: Buffer, at: number, { account, leaf, below }: StackEntry): void {
  writeWord(bytes, at, leaf)
  writeWord(bytes, at + WORD, below)
  writeAccount(bytes, at + 2 * WORD, account)
}

export function readEntry(bytes: Buffer, at = 0): StackEntry {
  return { leaf: readWord(bytes, at), below: readWord(bytes, at + WORD), account: readAccount(bytes, at + 2 * WORD) }
}

/** A view of bytes that came as an array. */
export function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
