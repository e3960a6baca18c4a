import { encodePacked, keccak256 } from 'viem'

// What the contract computes, written a second time from the specification.

export const R = 21888242871839275222246405745257275088548364400416034343698204186575808495617n

export interface Parameters {
  collateralFactor: number
  liabilityFactor: number
  targetCollateralFactor: number
  targetLiabilityFactor: number
  penalty: number
  depth: bigint
}

function ceilDiv(a: bigint, b: bigint): bigint {
  const quotient = a / b
  return quotient * b === a ? quotient : quotient + 1n
}

/** The nine marks of a price that is in range, or below it. */
export function marksOf(price: bigint, p: Parameters): bigint[] {
  const low = price < 65536n
  const priced = low ? 65536n : price
  const collateral = low ? 0n : price
  const one = 10_000n
  const penalty = BigInt(p.penalty)
  return [
    priced,
    (collateral * BigInt(p.collateralFactor)) / one,
    ceilDiv(priced * BigInt(p.liabilityFactor), one),
    (collateral * BigInt(p.targetCollateralFactor)) / one,
    ceilDiv(priced * BigInt(p.targetLiabilityFactor), one),
    (collateral * (one - penalty)) / one,
    ceilDiv(priced * (one + penalty), one),
    (p.depth * (one - penalty - BigInt(p.targetCollateralFactor))) / one,
    (p.depth * (BigInt(p.targetLiabilityFactor) - one - penalty)) / one,
  ]
}

/** The order of section 4, in 1/10^4. */
export function ordered(p: Parameters): boolean {
  return (
    p.targetCollateralFactor <= p.collateralFactor &&
    p.collateralFactor <= 10_000 - p.penalty &&
    p.targetLiabilityFactor >= p.liabilityFactor &&
    p.liabilityFactor >= 10_000 + p.penalty &&
    p.targetLiabilityFactor <= 40_000 &&
    marksOf(1n << 59n, p).every((mark) => mark < 1n << 64n)
  )
}

/** z and y by their definition, powers written out. */
export function signals(d: bigint[], digest: bigint): { z: bigint; y: bigint } {
  const words = [...d, digest]
  const z =
    BigInt(
      keccak256(
        encodePacked(
          words.map(() => 'uint256'),
          words,
        ),
      ),
    ) % R
  let power = 1n
  let y = 0n
  for (const element of d) {
    y = (y + element * power) % R
    power = (power * z) % R
  }
  return { z, y }
}

export interface Envelope {
  floors: bigint[]
  ceilings: bigint[]
}

const NONE: Envelope = { floors: Array(7).fill(0n), ceilings: Array(7).fill(0n) }

/** D of a sweep; `slots` are those of the window, with the envelope that is on chain. */
export function sweepVector(active: bigint, slots: { slot: number; before: bigint; after: bigint; envelope?: Envelope }[]): bigint[] {
  const envelopes = slots.map(({ slot, envelope }) => (slot < 2 ? NONE : envelope!))
  return [
    active,
    ...slots.map(({ before }) => before),
    ...slots.map(({ after }) => after),
    ...slots.map(({ slot }) => (slot < 2 ? 1n : 0n)),
    ...envelopes.flatMap(({ floors }) => floors),
    ...envelopes.flatMap(({ ceilings }) => ceilings),
  ]
}

export interface ResolveVector {
  active: bigint
  root: [bigint, bigint]
  distress: [bigint, bigint]
  inbox: [bigint, bigint]
  minLiability: bigint
  marks: bigint[][]
  delta: bigint[]
  badDebt: bigint
  writes: bigint[]
}

export function resolveVector(v: ResolveVector): bigint[] {
  const delta = v.delta.map((x) => ((x % R) + R) % R)
  return [v.active, ...v.root, ...v.distress, ...v.inbox, v.minLiability, ...v.marks.flat(), ...delta, v.badDebt, ...v.writes]
}

/** A seeded generator of integers below `end` (xorshift64*). */
export function randomizer(seed: bigint): (end: bigint) => bigint {
  let state = seed
  const word = () => {
    state ^= state >> 12n
    state ^= BigInt.asUintN(64, state << 25n)
    state ^= state >> 27n
    return BigInt.asUintN(64, state * 2685821657736338717n)
  }
  return (end) => ((word() << 192n) | (word() << 128n) | (word() << 64n) | word()) % end
}
