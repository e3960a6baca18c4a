import { ASSETS, TRADED, WORD } from '../../protocol/constants.ts'
import type { Envelope } from '../../protocol/health.ts'
import type { Marks } from '../../protocol/marks.ts'
import { EXPIRY_RATES } from './expiry-rates.ts'

/** Log-distance below which a floor and above which a ceiling no longer mean anything: a factor of about 3000. */
export const MAX_LEVEL = 8
const CEILING_MAX = WORD - 1n
const UNIT = 2 ** 52

/**
 * The envelope at log-distance `level` from the marks on the given sides (see `Need`); the other sides never expire.
 * Floors are rounded up and ceilings down, and neither passes the mark: level 0 is a point, in which every healthy account
 * of these sides is safe.
 */
export function envelopeAt(sides: number, level: number, marks: Marks): Envelope {
  const shrink = BigInt(Math.ceil(Math.exp(-level) * UNIT))
  const grow = BigInt(Math.floor(Math.exp(level) * UNIT))
  const floors: bigint[] = []
  const ceilings: bigint[] = []
  for (let a = 1; a < ASSETS; a++) {
    const { collateralValue, liabilityValue } = marks[a]!
    const ceiling = (liabilityValue * grow) >> 52n
    floors.push(sides & (1 << (a - 1)) ? (collateralValue * shrink + BigInt(UNIT) - 1n) >> 52n : 0n)
    ceilings.push(sides & (1 << (TRADED + a - 1)) && ceiling < CEILING_MAX ? ceiling : CEILING_MAX)
  }
  return { floors, ceilings }
}

/** Combined inverse distance of the sides that expire in one direction. */
function pressure(distances: readonly number[]): number {
  const inverses = distances.map((x) => 1 / (x + EXPIRY_RATES.near))
  const most = Math.max(0, ...inverses)
  return most + EXPIRY_RATES.correlated * (inverses.reduce((sum, inverse) => sum + inverse, 0) - most)
}

function expiries(fall: number, rise: number): number {
  const { oneWay, bothWays } = EXPIRY_RATES
  return Math.max(oneWay * fall, oneWay * rise, bothWays * fall * rise)
}

const FALLS = (1 << TRADED) - 1

/** Expected expiries of `box(sides, level)`, relative to other envelopes. */
export function expiriesAt(sides: number, level: number): number {
  if (level >= MAX_LEVEL) return 0
  const distances = (bits: number) =>
    Array.from({ length: TRADED }, (_, a) => a).flatMap((a) => ((bits >> a) & 1 ? [level] : []))
  return expiries(pressure(distances(sides & FALLS)), pressure(distances(sides >> TRADED)))
}

/** Expected expiries of a covered envelope from the present marks on. */
export function envelopeExpiries(envelope: Envelope, marks: Marks): number {
  const falls: number[] = []
  const rises: number[] = []
  for (let a = 1; a < ASSETS; a++) {
    const floor = envelope.floors[a - 1]!
    const ceiling = envelope.ceilings[a - 1]!
    if (floor > 0n) falls.push(Math.log(Number(marks[a]!.collateralValue) / Number(floor)))
    if (ceiling < CEILING_MAX && marks[a]!.liabilityValue > 0n)
      rises.push(Math.log(Number(ceiling) / Number(marks[a]!.liabilityValue)))
  }
  return expiries(pressure(falls), pressure(rises))
}
