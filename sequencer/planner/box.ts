import { ASSETS, TRADED, WORD } from '../../protocol/constants.ts'
import type { Envelope } from '../../protocol/health.ts'
import type { Marks } from '../../protocol/marks.ts'

/** Log-distance below which a floor and above which a ceiling no longer mean anything: a factor of about 3000. */
export const MAX_LEVEL = 8
const CEILING_MAX = WORD - 1n
const UNIT = 2 ** 52

/**
 * The envelope at log-distance `level` from the marks on the given sides (see `Need`); the other sides never expire.
 * Floors are rounded up and ceilings down, and neither passes the mark: level 0 is a point, in which every healthy account
 * of these sides is safe.
 */
export function box(sides: number, level: number, marks: Marks): Envelope {
  const shrink = BigInt(Math.ceil(Math.exp(-level) * UNIT))
  const grow = BigInt(Math.floor(Math.exp(level) * UNIT))
  const floors: bigint[] = []
  const ceilings: bigint[] = []
  for (let a = 1; a < ASSETS; a++) {
    const { u, v } = marks[a]!
    const ceiling = (v * grow) >> 52n
    floors.push(sides & (1 << (a - 1)) ? (u * shrink + BigInt(UNIT) - 1n) >> 52n : 0n)
    ceilings.push(sides & (1 << (TRADED + a - 1)) && ceiling < CEILING_MAX ? ceiling : CEILING_MAX)
  }
  return { floors, ceilings }
}

/** Expected times that a side at log-distance `x` is reached over the planner's horizon (about 500 ticks), were it set anew each time. */
const NEAR = 0.01
function hits(x: number): number {
  return 0.0125 / (x + NEAR) ** 2
}

/** Prices move together: of the sides that expire in one direction the nearest counts in full, the others so much. */
const CORRELATED = 0.2

/** Expected expiries of an envelope over the horizon, from the log-distances of its falling and rising sides. */
function expiries(falls: readonly number[], rises: readonly number[]): number {
  let sum = 0
  for (const side of [falls, rises]) {
    let most = 0
    let all = 0
    for (const x of side) {
      const h = hits(x)
      all += h
      if (h > most) most = h
    }
    sum += most + CORRELATED * (all - most)
  }
  return sum
}

function countBits(bits: number): number {
  let count = 0
  for (let rest = bits; rest > 0; rest &= rest - 1) count++
  return count
}

const FALLS = (1 << TRADED) - 1

/** Expected expiries of `box(sides, level)`. */
export function boxExpiries(sides: number, level: number): number {
  if (level >= MAX_LEVEL) return 0
  const weight = (count: number) => (count === 0 ? 0 : 1 + CORRELATED * (count - 1))
  return hits(level) * (weight(countBits(sides & FALLS)) + weight(countBits(sides >> TRADED)))
}

/** Expected expiries of a covered envelope from the present marks on. */
export function envelopeExpiries(envelope: Envelope, marks: Marks): number {
  const falls: number[] = []
  const rises: number[] = []
  for (let a = 1; a < ASSETS; a++) {
    const floor = envelope.floors[a - 1]!
    const ceiling = envelope.ceilings[a - 1]!
    if (floor > 0n) falls.push(Math.log(Number(marks[a]!.u) / Number(floor)))
    if (ceiling < CEILING_MAX && marks[a]!.v > 0n) rises.push(Math.log(Number(ceiling) / Number(marks[a]!.v)))
  }
  return expiries(falls, rises)
}
