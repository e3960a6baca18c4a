import { groth16 } from 'snarkjs'
import type { CircuitInput } from '../../protocol/circuit-input.ts'
import type { Proof } from '../../protocol/proof.ts'

/** Proves the exit circuit here. @throws Error when the input does not satisfy it */
export async function proveExit(
  input: CircuitInput,
  wasm: Uint8Array,
  zkey: Uint8Array,
): Promise<{ readonly proof: Proof; readonly signals: readonly bigint[] }> {
  const { proof, publicSignals } = await groth16.fullProve(input, wasm, zkey, undefined, undefined, {
    singleThread: true,
  })
  return { proof, signals: publicSignals.map(BigInt) }
}
