import { FIELD } from '../../protocol/constants.ts'
import { inverse, modulo } from '../../prover/kernel/bigint-field.ts'
import { CurveGroup } from '../../prover/kernel/curve.ts'
import type { Random } from '../protocol/random.ts'
import type { Chain, Contract } from './chain.ts'
import type { Claim } from './combined-claims.ts'

// Keys whose every logarithm is known, and claims under them: an equation of numbers says whether one holds.

const G1 = new CurveGroup('g1')
const G2 = new CurveGroup('g2')

/** A key's logarithms; `ic` are those of the points for 1, digest, z and y. */
export interface KnownKey {
  readonly alpha: bigint
  readonly beta: bigint
  readonly gamma: bigint
  readonly delta: bigint
  readonly ic: readonly [bigint, bigint, bigint, bigint]
}

/** The logarithms of a proof's points, with its signals. */
export interface KnownProof {
  readonly key: KnownKey
  readonly signals: [bigint, bigint, bigint]
  a: bigint
  b: bigint
  c: bigint
}

export function scalar(random: Random): bigint {
  return 2n + (random.bits(256) % (FIELD - 2n))
}

/** A key of its own but for what is given. */
export function knownKey(random: Random, given: Partial<KnownKey> = {}): KnownKey {
  const draw = () => scalar(random)
  const ic = [draw(), draw(), draw(), draw()] as const
  return { alpha: draw(), beta: draw(), gamma: 1n, delta: draw(), ic: [...ic], ...given }
}

/** A proof that holds. */
export function knownProof(random: Random, key: KnownKey): KnownProof {
  const draw = () => scalar(random)
  const proof: KnownProof = { key, signals: [draw(), draw(), draw()], a: draw(), b: draw(), c: 0n }
  return { ...proof, c: modulo(excess(proof) * inverse(key.delta, FIELD), FIELD) }
}

/** The logarithm of what a proof's equation has too much on its left; 0 where it holds. */
export function excess({ key, signals, a, b, c }: KnownProof): bigint {
  const x = key.ic.reduce((sum, point, i) => sum + point * (i === 0 ? 1n : signals[i - 1]!), 0n)
  return modulo(a * b - key.alpha * key.beta - x * key.gamma - c * key.delta, FIELD)
}

/** Deploys what tells a key. */
export function deployKey(chain: Chain, key: KnownKey): Promise<Contract> {
  const words = [g1(key.alpha), ...[key.beta, key.gamma, key.delta].map((k) => g2(k).flat()), ...key.ic.map(g1)].flat()
  return chain.contract('KeyVerifier', [words])
}

/** A proof as the chain takes it. */
export function knownClaim({ signals, a, b, c }: KnownProof, verifier: Claim['verifier']): Claim {
  return { verifier, signals: [...signals], proof: { a: g1(a), b: g2(b), c: g1(c) } }
}

function g1(k: bigint): bigint[] {
  const point = G1.multiply(G1.generator, k)
  return point === undefined ? [0n, 0n] : [point.x[0]!, point.y[0]!]
}

/** The imaginary parts come first. */
function g2(k: bigint): bigint[][] {
  const { x, y } = G2.multiply(G2.generator, k)!
  return [
    [x[1]!, x[0]!],
    [y[1]!, y[0]!],
  ]
}
