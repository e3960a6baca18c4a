import { ensureKeys } from '../../prover/keys.ts'
import { CIRCUITS, type CircuitName, type Profile } from '../../prover/profiles.ts'
import { countConstraints } from './circuit.ts'

/** Constraints of the circuits, as docs/constraints.json keeps them. */
export interface ConstraintCounts {
  /** What one more step costs, at a window of 6 and a depth of 8 (docs/constraints.json); all of an exit. */
  readonly step: Readonly<Record<'sweep' | 'resolve' | 'transact' | 'exit', number>>
  readonly tiny: Readonly<Record<CircuitName, number>>
}

/** Constraints of the circuits. */
export async function profileCounts(profile: Profile): Promise<Record<CircuitName, number>> {
  const counts: Partial<Record<CircuitName, number>> = {}
  for (const circuit of CIRCUITS) counts[circuit] = await countConstraints(circuit, profile)
  return counts as Record<CircuitName, number>
}

export async function measureConstraints(): Promise<ConstraintCounts> {
  const size = (steps: number) => ({ steps, window: 6 })
  const sized = (steps: number): Profile => ({
    name: 'tiny',
    depth: 8,
    sweeps: [size(steps), size(steps), size(steps)],
    resolve: { steps },
    transact: { steps },
  })
  const [one, two] = [sized(1), sized(2)]
  const more = async (circuit: CircuitName) =>
    (await countConstraints(circuit, two)) - (await countConstraints(circuit, one))
  const step = {
    sweep: await more('sweep'),
    resolve: await more('resolve'),
    transact: await more('transact'),
    exit: await countConstraints('exit', one),
  }
  return { step, tiny: await tinyCounts() }
}

/** Constraints of the circuits of `tiny`, which their keys know. */
export async function tinyCounts(): Promise<Record<CircuitName, number>> {
  const keys = await ensureKeys('tiny')
  return Object.fromEntries(CIRCUITS.map((circuit) => [circuit, keys[circuit].constraints])) as Record<
    CircuitName,
    number
  >
}
