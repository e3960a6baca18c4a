import type { Groth16Proof } from 'snarkjs'
import { groth16 } from 'snarkjs'
import { closeCurve, openCurve } from '../curve.ts'
import type { Prover } from '../prover.ts'
import { encodeWitness, type Witness } from '../witness.ts'

/** The reference. */
export class SnarkjsProver implements Prover {
  readonly name = 'snarkjs'

  /** A proof that has begun cannot be ended. */
  async prove(zkey: string, witness: Witness, signal?: AbortSignal): Promise<Groth16Proof> {
    await openCurve()
    signal?.throwIfAborted()
    return (await groth16.prove(zkey, encodeWitness(witness))).proof
  }

  close(): Promise<void> {
    return closeCurve()
  }
}
