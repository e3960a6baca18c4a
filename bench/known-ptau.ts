import { curveWithoutThreads } from '../prover/curve.ts'
import { BASE_FIELD, inverse } from '../prover/kernel/bigint-field.ts'
import { SectionFile, uint32 } from '../prover/zkey-file.ts'

/** Secrets of powers of tau; whoever knows them can forge proofs under all keys made from them. */
export interface KnownSecrets {
  readonly tau: bigint
  readonly alpha: bigint
  readonly beta: bigint
}

/**
 * Writes a Powers of Tau file from known secrets, which takes a point a scalar instead of snarkjs's transforms of points. Of
 * the prepared sections it has what keys of these powers take, the largest of which is the file's; the rest is zero.
 */
export async function writeKnownPtau(
  path: string,
  powersOfKeys: Iterable<number>,
  { tau, alpha, beta }: KnownSecrets,
): Promise<void> {
  const needed = new Set(powersOfKeys)
  const power = Math.max(...needed)
  const curve = await curveWithoutThreads()
  const { r, Fr } = curve
  const size = 2 ** power

  /** Multiples of a group's generator; zeros where there are no scalars. */
  const points = (name: 'G1' | 'G2', scalars: Iterable<bigint>, count: number): Uint8Array => {
    const group = curve[name]
    const bytes = name === 'G1' ? 64 : 128
    const buffer = new Uint8Array(count * bytes)
    let at = 0
    for (const scalar of scalars) {
      group.toRprLEM(buffer, at, group.toAffine(group.timesScalar(group.g, scalar)))
      at += bytes
    }
    return buffer
  }
  function* powers(first: bigint, count: number): Generator<bigint> {
    for (let i = 0, value = first; i < count; i++, value = (value * tau) % r) yield value
  }
  /** factor * L_i(tau) over the roots of unity of order 2^level. */
  function* lagrange(factor: bigint, level: number): Generator<bigint> {
    const count = 2 ** level
    let vanishing = tau
    for (let i = 0; i < level; i++) vanishing = (vanishing * vanishing) % r
    const scale = ((((vanishing - 1n) * inverse(BigInt(count), r)) % r) * factor) % r
    const root = Fr.toObject(Fr.w[level]!)
    for (let i = 0, w = 1n; i < count; i++, w = (w * root) % r)
      yield (((scale * w) % r) * inverse((tau + r - w) % r, r)) % r
  }
  /** The same on the domain of double size, for whose highest power tau^(count - 1) there is no point: it counts as 0. */
  function* withoutHighest(level: number): Generator<bigint> {
    const count = BigInt(2 ** level)
    const root = Fr.toObject(Fr.w[level]!)
    let highest = inverse(count, r)
    for (let i = 1n; i < count; i++) highest = (highest * tau) % r
    for (const value of lagrange(1n, level)) {
      yield (value + r - highest) % r
      highest = (highest * root) % r
    }
  }
  /** The domains of all sizes up to 2^power, one after the other. */
  const prepared = (name: 'G1' | 'G2', factor: bigint, isNeeded: (level: number) => boolean): Uint8Array[] =>
    Array.from({ length: power + 1 }, (_, level) =>
      points(name, isNeeded(level) ? lagrange(factor, level) : [], 2 ** level),
    )
  const own = (level: number): boolean => needed.has(level)

  const file = new SectionFile(path, 'ptau', 11)
  file.section(
    1,
    uint32(32),
    Buffer.from(BASE_FIELD.toString(16).padStart(64, '0'), 'hex').reverse(),
    uint32(power),
    uint32(power),
  )
  file.section(2, points('G1', powers(1n, 2 * size - 1), 2 * size - 1))
  file.section(3, points('G2', powers(1n, size), size))
  file.section(4, points('G1', powers(alpha, size), size))
  file.section(5, points('G1', powers(beta, size), size))
  file.section(6, points('G2', [beta], 1))
  file.section(7, uint32(0))
  file.section(
    12,
    ...prepared('G1', 1n, (level) => own(level) || own(level - 1)),
    points('G1', withoutHighest(power + 1), 2 * size),
  )
  file.section(13, ...prepared('G2', 1n, own))
  file.section(14, ...prepared('G1', alpha, own))
  file.section(15, ...prepared('G1', beta, own))
  file.close()
}
