import { groth16 } from 'snarkjs'
import type { Proof } from '../protocol/proof.ts'
import { closeCurve, openCurve } from './curve.ts'
import { littleEndian } from './kernel/section-file.ts'
import type { KeySet } from './keys.ts'
import type { CircuitName } from './profiles.ts'
import { openProver, type Prover } from './prover.ts'
import type { CircuitInput, Witness } from './witness.ts'
import { WitnessCalculator } from './witness.ts'

let current: Promise<Prover> | undefined

/** Chooses this process's backend, the kernel if nothing is chosen: see `openProver`. */
export async function useProver(choice: string): Promise<void> {
  const next = await openProver(choice)
  await closeProver()
  current = Promise.resolve(next)
}

/**
 * Proves a batch. Returns the public signals digest, z, y with the proof, which has been verified: a fault of the prover or the
 * machine does not leave this process.
 * @throws PlimsollError when the input does not satisfy the circuit.
 */
export async function prove(
  keys: KeySet,
  circuit: CircuitName,
  input: CircuitInput,
): Promise<{ proof: Proof; signals: bigint[] }> {
  const { wasm, zkey } = keys[circuit]
  let calculator = calculators.get(wasm)
  if (calculator === undefined) {
    calculator = await WitnessCalculator.open(wasm, circuit)
    calculators.set(wasm, calculator)
  }
  const witness = await calculator.calculate(input)
  const prover = await (current ??= openProver('kernel'))
  const proof = await prover.prove(zkey, witness)
  const signals = publicSignals(witness, keys[circuit].verificationKey.nPublic)
  if (!(await verifyProof(keys, circuit, signals, proof)))
    throw new Error(`The prover ${prover.name} made a proof of ${circuit} that does not verify.`)
  return { proof, signals }
}

/** The public wires come behind the constant one. */
export function publicSignals(witness: Witness, count: number): bigint[] {
  return Array.from({ length: count }, (_, i) => littleEndian(witness.subarray(32 * (i + 1), 32 * (i + 2))))
}

const calculators = new Map<string, WitnessCalculator>()

/** Whether a proof, of any origin, is a well-formed proof of the signals under the key of the circuit. */
export async function verifyProof(
  keys: KeySet,
  circuit: CircuitName,
  signals: readonly bigint[],
  proof: unknown,
): Promise<boolean> {
  const key = keys[circuit].verificationKey
  if (signals.length !== key.nPublic || !isProof(proof)) return false
  const curve = await openCurve()
  if (!proof.pi_a.concat(proof.pi_b.flat(), proof.pi_c).every((word) => BigInt(word) < curve.q)) return false
  const b = curve.G2.fromObject(proof.pi_b.map((row) => row.map(BigInt)))
  // snarkjs only checks that the point is on the curve; the chain's precompile also wants it in the subgroup.
  if (!curve.G2.isZero(curve.G2.timesScalar(b, curve.r))) return false
  return groth16.verify(key, signals.map(String), proof)
}

/** Ends the threads of the prover and of snarkjs. Call it when done: the latter keep the process alive. */
export async function closeProver(): Promise<void> {
  const prover = current
  current = undefined
  await (await prover)?.close()
  await closeCurve()
}

/** The shape of snarkjs's proofs, with affine points and canonical decimals only. */
function isProof(value: unknown): value is Proof {
  const isWords = (words: unknown, count: number): words is string[] =>
    Array.isArray(words) &&
    words.length === count &&
    words.every((word) => typeof word === 'string' && /^(0|[1-9][0-9]{0,77})$/.test(word))
  const isG1 = (point: unknown): boolean => isWords(point, 3) && point[2] === '1'
  if (typeof value !== 'object' || value === null) return false
  const { pi_a, pi_b, pi_c, protocol, curve } = value as Partial<Proof>
  return (
    protocol === 'groth16' &&
    curve === 'bn128' &&
    isG1(pi_a) &&
    isG1(pi_c) &&
    Array.isArray(pi_b) &&
    pi_b.length === 3 &&
    pi_b.every((row) => isWords(row, 2)) &&
    pi_b[2]!.join() === '1,0'
  )
}
