/** A Groth16 proof over BN254 as snarkjs and rapidsnark write it: decimal words, affine points with a third coordinate. */
export interface Proof {
  readonly pi_a: readonly string[]
  readonly pi_b: readonly (readonly string[])[]
  readonly pi_c: readonly string[]
  readonly protocol: string
  readonly curve: string
}

/** A proof as the verifier contracts take it: the halves of an element of F_q^2 in Solidity's order. */
export interface ProofCalldata {
  readonly a: readonly [bigint, bigint]
  readonly b: readonly [readonly [bigint, bigint], readonly [bigint, bigint]]
  readonly c: readonly [bigint, bigint]
}

/** The arguments a, b, c of the verifier contracts. */
export function calldata(proof: Proof): ProofCalldata {
  const pair = ([x, y]: readonly string[]): [bigint, bigint] => [BigInt(x!), BigInt(y!)]
  const swapped = ([x, y]: readonly string[]): [bigint, bigint] => [BigInt(y!), BigInt(x!)]
  return { a: pair(proof.pi_a), b: [swapped(proof.pi_b[0]!), swapped(proof.pi_b[1]!)], c: pair(proof.pi_c) }
}

/** Inverse of `calldata`: a proof that a contract was given. */
export function proofOfCalldata({ a, b, c }: ProofCalldata): Proof {
  const text = (pair: readonly bigint[]) => pair.map(String)
  return {
    pi_a: [...text(a), '1'],
    pi_b: [...b.map((row) => text(row.toReversed())), ['1', '0']],
    pi_c: [...text(c), '1'],
    protocol: 'groth16',
    curve: 'bn128',
  }
}
