import { buildBn128 } from 'ffjavascript'
import type { Proof } from '../../protocol/proof.ts'
import type { BatchCircuit, ProofChecker } from '../../sdk/actions/verify-settlement.ts'

/** A verification key as snarkjs writes it. */
export interface VerificationKey {
  readonly vk_alpha_1: readonly string[]
  readonly vk_beta_2: readonly (readonly string[])[]
  readonly vk_gamma_2: readonly (readonly string[])[]
  readonly vk_delta_2: readonly (readonly string[])[]
  readonly IC: readonly (readonly string[])[]
}

type Curve = Awaited<ReturnType<typeof buildBn128>>
let opened: Promise<Curve> | undefined

/** A checker of proofs under some keys: pairings in WebAssembly, in this thread alone, as its workers would be `data:` URLs. */
export async function openChecker(keys: Readonly<Record<string, VerificationKey>>): Promise<ProofChecker> {
  opened ??= buildBn128(true)
  const curve = await opened
  const keyOf = (circuit: BatchCircuit) => {
    const key = keys[circuit]
    if (key === undefined) throw new Error(`There is no key of the circuit ${circuit} here.`)
    return key
  }
  return {
    check: async (circuit, signals, proof) => isProof(curve, keyOf(circuit), signals, proof),
    keyWords: (circuit) => {
      const { vk_alpha_1, vk_beta_2, vk_gamma_2, vk_delta_2, IC } = keyOf(circuit)
      // Without third coordinates, which no code has.
      const g1 = [vk_alpha_1, ...IC].flatMap((point) => point.slice(0, 2))
      const g2 = [vk_beta_2, vk_gamma_2, vk_delta_2].flatMap((point) => point.slice(0, 2).flat())
      return [...g1, ...g2].map(BigInt)
    },
  }
}

async function isProof(curve: Curve, key: VerificationKey, signals: readonly bigint[], proof: Proof): Promise<boolean> {
  const { G1, G2, q, r } = curve
  if (signals.length !== key.IC.length - 1 || signals.some((signal) => signal >= r)) return false
  const words = [...proof.pi_a, ...proof.pi_b.flat(), ...proof.pi_c].map(BigInt)
  if (words.some((word) => word < 0n || word >= q)) return false
  const g1 = (point: readonly string[]) => G1.fromObject(point.map(BigInt))
  const g2 = (point: readonly (readonly string[])[]) => G2.fromObject(point.map((row) => row.map(BigInt)))
  const [a, b, c] = [g1(proof.pi_a), g2(proof.pi_b), g1(proof.pi_c)]
  // The chain's precompile wants points of the curve, and of the subgroup.
  if (!G1.isValid(a) || !G1.isValid(c) || !G2.isValid(b) || !G2.isZero(G2.timesScalar(b, r))) return false
  let inputs = g1(key.IC[0]!)
  for (const [i, signal] of signals.entries()) inputs = G1.add(inputs, G1.timesScalar(g1(key.IC[i + 1]!), signal))
  return curve.pairingEq(
    G1.neg(a),
    b,
    inputs,
    g2(key.vk_gamma_2),
    c,
    g2(key.vk_delta_2),
    g1(key.vk_alpha_1),
    g2(key.vk_beta_2),
  )
}
