import { CIRCUIT_NUMBERS } from '../../chain/settlement.ts'
import type { Opening } from '../../protocol/batch.ts'
import { batchValues } from '../../protocol/batch.ts'
import { calldata } from '../../protocol/proof.ts'
import type { Transition } from '../../protocol/system.ts'
import type { KeySet } from '../../prover/keys.ts'
import { circuitOf } from '../../prover/profiles.ts'
import { proofs } from './proofs.ts'

/** A batch as the contract takes it, with a real proof. */
export async function provenBatch(keys: KeySet, { batch, input }: Transition, openings: readonly Opening[] = []) {
  const { proof, signals } = await proofs.prove(keys, circuitOf(batch), input)
  const { a, b, c } = calldata(proof)
  return {
    openings: openings.map(({ slot, envelope }) => ({
      slot,
      floors: [...envelope.floors],
      ceilings: [...envelope.ceilings],
    })),
    circuit: CIRCUIT_NUMBERS[batch.circuit],
    rung: batch.circuit === 'sweep' ? batch.rung : 0,
    window: batch.circuit === 'sweep' ? [...batch.window] : [],
    values: batchValues(batch),
    digest: signals[0]!,
    proof: { a: [...a], b: b.map((row) => [...row]), c: [...c] },
    memo: '0x',
  }
}

export type ProvenBatch = Awaited<ReturnType<typeof provenBatch>>
