import { minimize } from '../minimize.ts'
import type { Random } from '../random.ts'

/**
 * A self-exciting point process (A. Hawkes, 1971) with an exponential kernel: the intensity an hour is
 * `baseline + sum over past events of branching decay exp(-decay age)`, ages in hours. Each event has on average `branching` direct
 * successors; below 1 the process is stationary with `baseline / (1 - branching)` events an hour. With 0 it is Poisson's.
 */
export interface Hawkes {
  readonly baseline: number
  readonly branching: number
  readonly decay: number
}

/** Mean events an hour. */
export function meanIntensity({ baseline, branching }: Hawkes): number {
  return baseline / (1 - branching)
}

/** Event times in hours from 0 to `span`, from an empty past, by thinning (Y. Ogata, 1981): between events the intensity only falls. */
export function simulateHawkes({ baseline, branching, decay }: Hawkes, span: number, random: Random): number[] {
  const events: number[] = []
  let excitement = 0
  for (let t = 0; ; ) {
    const bound = baseline + excitement
    const wait = random.exponential(bound)
    t += wait
    if (t >= span) return events
    excitement *= Math.exp(-decay * wait)
    if (random.uniform() * bound >= baseline + excitement) continue
    events.push(t)
    excitement += branching * decay
  }
}

/**
 * Fits the process to event times (ascending, in hours from 0 to `span`) by maximum likelihood, whose sum over pairs is recursive for this
 * kernel (T. Ozaki, 1979).
 */
export function fitHawkes(events: readonly number[], span: number): Hawkes {
  const decode = ([a, b, c]: readonly number[]): Hawkes => ({
    baseline: Math.exp(a!),
    branching: 1 / (1 + Math.exp(-b!)),
    decay: Math.exp(c!),
  })
  const negative = (point: readonly number[]) => {
    const { baseline, branching, decay } = decode(point)
    let excitement = 0
    let last = 0
    let sum = baseline * span
    for (const t of events) {
      excitement *= Math.exp(-decay * (t - last))
      sum -= Math.log(baseline + excitement)
      sum += branching * (1 - Math.exp(-decay * (span - t)))
      excitement += branching * decay
      last = t
    }
    return sum / events.length
  }
  const rate = events.length / span
  return decode(
    minimize(negative, [Math.log(rate / 2), 0, Math.log(0.3)], { step: 0.7, tolerance: 1e-10, limit: 1500 }).point,
  )
}
