import { CIRCUITS, type CircuitName, PROFILES, type Profile } from '../../prover/profiles.ts'
import { openCircuit } from './circuit.ts'

/** Constraints of the circuits, as docs/constraints.json keeps them. */
export interface ConstraintCounts {
  /** What one more step costs, at a window of 6 and a depth of 8 (docs/constraints.json); all of an exit. */
  readonly step: Readonly<Record<CircuitName, number>>
  readonly tiny: Readonly<Record<CircuitName, number>>
}

/** Constraints of the circuits. */
export async function profileCounts(profile: Profile): Promise<Record<CircuitName, number>> {
  const counts: Partial<Record<CircuitName, number>> = {}
  for (const circuit of CIRCUITS) counts[circuit] = (await openCircuit(circuit, profile)).constraints.length
  return counts as Record<CircuitName, number>
}

export async function measureConstraints(): Promise<ConstraintCounts> {
  const sized = (steps: number) =>
    profileCounts({ name: 'tiny', depth: 8, sweep: { steps, window: 6 }, resolve: { steps }, transact: { steps } })
  const [one, two] = [await sized(1), await sized(2)]
  const step = Object.fromEntries(
    CIRCUITS.map((circuit) => [circuit, circuit === 'exit' ? one.exit : two[circuit] - one[circuit]]),
  ) as Record<CircuitName, number>
  return { step, tiny: await profileCounts(PROFILES.tiny) }
}
