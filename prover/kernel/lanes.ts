import type { ConstantPool, Frame, V128, V128Result } from './emit.ts'
import type { Place } from './field.ts'
import { i8x16, i64x2, local, v128 } from './wasm.ts'

const WORDS = 4

/** A vector of one 64-bit word from each of two places, `extra` bytes on. */
export function loadLanes(frame: Frame, first: Place, second: Place, extra: number): V128 {
  const lanes = frame.v128()
  local.set(lanes, v128.load64_zero({ offset: first.offset + extra, align: 8 }, first.pointer))
  local.set(lanes, v128.load64_lane({ offset: second.offset + extra, align: 8 }, 1, second.pointer, lanes))
  return lanes
}

/** Stores each lane of a vector to a place of its own, `extra` bytes on. */
export function storeLanes(first: Place, second: Place, extra: number, lanes: V128): void {
  v128.store64_lane({ offset: first.offset + extra, align: 8 }, 0, first.pointer, lanes)
  v128.store64_lane({ offset: second.offset + extra, align: 8 }, 1, second.pointer, lanes)
}

/** The first lanes of two vectors. */
export function lowerLanes(a: V128, b: V128): V128Result {
  return i8x16.shuffle([0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23], a, b)
}

/** The second lanes of two vectors. */
export function upperLanes(a: V128, b: V128): V128Result {
  return i8x16.shuffle([8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31], a, b)
}

/** A vector's lanes in the other order. */
export function swappedLanes(a: V128): V128Result {
  return i8x16.shuffle([8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7], a, a)
}

/** Unsigned limbs of `bits` bits of the 32-byte little-endian integers at two places, in 64-bit lanes. */
export function unpackWords(
  frame: Frame,
  pool: ConstantPool,
  first: Place,
  second: Place,
  count: number,
  bits: number,
): V128[] {
  const words = Array.from({ length: WORDS }, (_, j) => loadLanes(frame, first, second, 8 * j))
  return Array.from({ length: count }, (_, i) => {
    const [word, shift] = [Math.floor((i * bits) / 64), (i * bits) % 64]
    const limb = frame.v128()
    local.set(limb, i64x2.shr_u(words[word]!, shift))
    if (shift + bits > 64 && word + 1 < WORDS) local.set(limb, v128.or(limb, i64x2.shl(words[word + 1]!, 64 - shift)))
    if (i < count - 1) local.set(limb, v128.and(limb, pool.splat((1n << BigInt(bits)) - 1n)))
    return limb
  })
}

/**
 * Stores signed limbs, of values between -modulus and modulus, as canonical 32-byte little-endian integers. Changes
 * the limbs.
 */
export function packWords(
  frame: Frame,
  pool: ConstantPool,
  first: Place,
  second: Place,
  limbs: readonly V128[],
  bits: number,
  modulus: bigint,
): void {
  const mask = (1n << BigInt(bits)) - 1n
  const bias = 1n << 62n
  const carryAll = (): void => {
    for (const [i, limb] of limbs.slice(0, -1).entries()) {
      const carry = i64x2.sub(i64x2.shr_u(i64x2.add(limb, pool.splat(bias)), bits), pool.splat(bias >> BigInt(bits)))
      local.set(limbs[i + 1]!, i64x2.add(limbs[i + 1]!, carry))
      local.set(limb, v128.and(limb, pool.splat(mask)))
    }
  }
  carryAll()
  const negative = frame.v128()
  local.set(negative, i64x2.lt_s(limbs.at(-1)!, pool.splat(0n)))
  for (const [i, limb] of limbs.entries()) {
    const digit = modulus >> BigInt(bits * i)
    const term = v128.and(negative, pool.splat(i < limbs.length - 1 ? digit & mask : digit))
    local.set(limb, i64x2.add(limb, term))
  }
  carryAll()

  for (let word = 0; word < WORDS; word++) {
    const sum = frame.v128()
    local.set(sum, pool.splat(0n))
    for (const [i, limb] of limbs.entries()) {
      const shift = i * bits - 64 * word
      if (shift <= -bits || shift >= 64) continue
      local.set(sum, v128.or(sum, shift < 0 ? i64x2.shr_u(limb, -shift) : i64x2.shl(limb, shift)))
    }
    storeLanes(first, second, 8 * word, sum)
  }
}
