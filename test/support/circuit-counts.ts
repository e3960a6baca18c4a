import { PROFILES, type CircuitName, type Profile } from '../../prover/profiles.ts'
import { openCircuit } from './circuit.ts'

/** Constraints of the circuits, as docs/constraints.json keeps them. */
export interface ConstraintCounts {
  /** What one more step costs, at a window of 6 and a depth of 8 (design, section 7). */
  readonly step: Readonly<Record<CircuitName, number>>
  readonly tiny: Readonly<Record<CircuitName, number>>
}

/** Constraints of both circuits. */
export async function profileCounts(profile: Profile): Promise<Record<CircuitName, number>> {
  const [sweep, resolve] = [await openCircuit('sweep', profile), await openCircuit('resolve', profile)]
  return { sweep: sweep.constraints.length, resolve: resolve.constraints.length }
}

export async function measureConstraints(): Promise<ConstraintCounts> {
  const sized = (steps: number) => profileCounts({ name: 'tiny', depth: 8, sweep: { steps, window: 6 }, resolve: { steps } })
  const [one, two] = [await sized(1), await sized(2)]
  return { step: { sweep: two.sweep - one.sweep, resolve: two.resolve - one.resolve }, tiny: await profileCounts(PROFILES.tiny) }
}
