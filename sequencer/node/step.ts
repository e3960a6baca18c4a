import type { Hex } from 'viem'
import type { StepResult, System } from '../../protocol/system.ts'
import type { Urgency } from '../../prover/proof-service.ts'
import type { Work } from '../planner/complete-round.ts'

/** A batch to prove, the owners' operations that it carries out, by unit, and the state that it leads to. */
export type Step = Work & {
  readonly units: readonly (readonly Hex[])[]
  readonly results: readonly StepResult[]
  readonly after: System
  readonly urgency: Urgency
}

/** Whether a step ends with its round: it stands under the round's marks, as no sweep does, or was ahead of the next one. */
export function isBound({ transition, urgency }: Step): boolean {
  return transition.batch.circuit !== 'sweep' || urgency === 'ahead'
}

/** Counts what a settled step did. */
export function count(
  counts: { swept: number; liquidated: number; closed: number; operations: number; proofs: number },
  { transition: { batch }, moves, resolutions }: Step,
): void {
  counts.proofs++
  counts.swept += moves.length
  if (batch.circuit === 'transact') counts.operations += batch.active
  for (const { liquidation } of resolutions) {
    if (liquidation === undefined || liquidation.status === 'healthy') continue
    counts.liquidated++
    if (liquidation.status === 'closed') counts.closed++
  }
}
