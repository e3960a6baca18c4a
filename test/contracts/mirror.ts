import { encodePacked, keccak256 } from 'viem'

// What the contract computes, written a second time from the specification.

export const R = 21888242871839275222246405745257275088548364400416034343698204186575808495617n

export interface Parameters {
  collateralFactor: number
  liabilityFactor: number
  targetCollateralFactor: number
  targetLiabilityFactor: number
  initialCollateralFactor: number
  initialLiabilityFactor: number
  penalty: number
  depth: bigint
}

function ceilDiv(a: bigint, b: bigint): bigint {
  const quotient = a / b
  return quotient * b === a ? quotient : quotient + 1n
}

/** Factor F of concentration that the tests' markets have. */
export const CONCENTRATION = 30_000

/**
 * The marks of a price that is in range, or below it; new risk is valued at `least` and `most`, and charged for concentration
 * by the factor.
 */
export function marksOf(
  price: bigint,
  p: Parameters,
  [least, most]: readonly bigint[] = [price, price],
  factor = BigInt(CONCENTRATION),
): bigint[] {
  const low = price < 65536n
  const priced = low ? 65536n : price
  const collateral = low ? 0n : price
  const one = 10_000n
  const penalty = BigInt(p.penalty)
  const over = p.depth === 0n ? factor << 64n : ceilDiv(priced * factor * 2n ** 47n, one * p.depth)
  const charged = over < 2n ** 64n
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
    charged ? ((least! < 65536n ? 0n : least!) * BigInt(p.initialCollateralFactor)) / one : 0n,
    charged ? ceilDiv((most! < 65536n ? 65536n : most!) * BigInt(p.initialLiabilityFactor), one) : 2n ** 64n - 1n,
    charged ? over : 0n,
  ]
}

/** Risk parameters in the order of docs/protocol.md#marks, in 1/10^4. */
export function ordered(p: Parameters): boolean {
  return (
    p.initialCollateralFactor <= p.targetCollateralFactor &&
    p.initialLiabilityFactor >= p.targetLiabilityFactor &&
    p.depth <= 1n << 62n &&
    p.targetCollateralFactor <= p.collateralFactor &&
    p.collateralFactor <= 10_000 - p.penalty &&
    p.targetLiabilityFactor >= p.liabilityFactor &&
    p.liabilityFactor >= 10_000 + p.penalty &&
    p.targetLiabilityFactor <= 40_000 &&
    p.targetLiabilityFactor - p.targetCollateralFactor >= 500 &&
    p.penalty <= 1_000 &&
    marksOf(1n << 59n, p).every((mark) => mark < 1n << 64n)
  )
}

/** The settlement's era before any handover. */
export const FIRST_ERA = 1n

/** z and y by their definition, powers written out. @param bound what D is hashed with after its digest */
export function signals(d: bigint[], digest: bigint, ...bound: bigint[]): { z: bigint; y: bigint } {
  const words = [...d, digest, ...bound]
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
export function sweepVector(slots: { slot: number; before: bigint; after: bigint; envelope?: Envelope }[]): bigint[] {
  const envelopes = slots.map(({ slot, envelope }) => (slot < 2 ? NONE : envelope!))
  return [
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
  return [
    v.active,
    ...v.root,
    ...v.distress,
    ...v.inbox,
    v.minLiability,
    ...v.marks.flatMap((row) => row.slice(0, 9)),
    ...delta,
    v.badDebt,
    ...v.writes,
  ]
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

export interface TransactVector {
  active: bigint
  root: [bigint, bigint]
  inbox: [bigint, bigint]
  chainId: bigint
  settlement: bigint
  sequencerKey: bigint[]
  validUntil: bigint
  /** The marks of assets 1 to 7. */
  marks: bigint[][]
  /** Ten elements each, inactive ones included. */
  steps: bigint[][]
}

export function transactVector(v: TransactVector): bigint[] {
  const marks = v.marks.flatMap((m) => [m[0]!, m[9]!, m[10]!, m[5]!, m[6]!])
  const kappas = v.marks.map((m) => m[11]!)
  return [
    v.active,
    ...v.root,
    ...v.inbox,
    v.chainId,
    v.settlement,
    ...v.sequencerKey,
    v.validUntil,
    ...marks,
    ...kappas,
    ...v.steps.flat(),
  ]
}

export interface ExitVector {
  root: bigint
  chainId: bigint
  settlement: bigint
  index: bigint
  recipient: bigint
  equity: bigint
  prices: bigint[]
}

export function exitVector(v: ExitVector): bigint[] {
  return [v.root, v.chainId, v.settlement, v.index, v.recipient, v.equity, ...v.prices]
}

// BabyJubJub in affine coordinates, by the textbook.

export type Point = [bigint, bigint]

export const BASE8: Point = [
  5299619240641551281634865583518297030282874472190772894086521144482721001553n,
  16950150798460657717958625567821834550301663161624707787222815936182638968203n,
]

const mod = (x: bigint) => ((x % R) + R) % R

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n
  for (let b = mod(base), e = exponent; e > 0n; e >>= 1n, b = mod(b * b)) if (e & 1n) result = mod(result * b)
  return result
}

const inverse = (x: bigint) => power(x, R - 2n)

export function addPoints([x1, y1]: Point, [x2, y2]: Point): Point {
  const product = mod(168696n * mod(x1 * x2) * mod(y1 * y2))
  return [mod((x1 * y2 + y1 * x2) * inverse(1n + product)), mod((y1 * y2 - 168700n * x1 * x2) * inverse(1n - product))]
}

export function multiply(point: Point, k: bigint): Point {
  let result: Point = [0n, 1n]
  for (let p = point, e = k; e > 0n; e >>= 1n, p = addPoints(p, p)) if (e & 1n) result = addPoints(result, p)
  return result
}

/** A square root in the field, by Tonelli and Shanks; undefined where there is none. */
function root(square: bigint): bigint | undefined {
  if (power(square, (R - 1n) / 2n) !== 1n) return square === 0n ? 0n : undefined
  let odd = R - 1n
  let twos = 0
  for (; odd % 2n === 0n; odd /= 2n) twos++
  // 5 generates the multiplicative group.
  let [c, t, r] = [power(5n, odd), power(square, odd), power(square, (odd + 1n) / 2n)]
  while (t !== 1n) {
    let i = 0
    for (let x = t; x !== 1n; x = mod(x * x)) i++
    const b = power(c, 1n << BigInt(twos - i - 1))
    ;[twos, c, t, r] = [i, mod(b * b), mod(t * b * b), mod(r * b)]
  }
  return r
}

/** A point of the curve with this x, where there is one. */
export function pointAt(x: bigint): Point | undefined {
  const xx = mod(x * x)
  const y = root(mod((1n - 168700n * xx) * inverse(1n - 168696n * xx)))
  return y === undefined ? undefined : [x, y]
}
