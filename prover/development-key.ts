import { createHash } from 'node:crypto'
import { PlimsollError } from '../protocol/errors.ts'
import { constraintTerms } from './constraint-terms.ts'
import { BASE_FIELD, SCALAR_FIELD as R } from './kernel/bigint-field.ts'
import { CurveGroup, type GroupName } from './kernel/curve.ts'
import { FixedBase, reserveFixedBase } from './kernel/fixed-base.ts'
import { Kernel } from './kernel/kernel.ts'
import { readR1cs } from './r1cs.ts'
import type { Trapdoor, WireScalars } from './wire-scalars.ts'
import { wireScalars } from './wire-scalars.ts'
import { SectionFile, uint32 } from './zkey-file.ts'

export interface DevelopmentKeyOptions {
  readonly r1cs: string
  /** The file to write; it must not exist. */
  readonly zkey: string
  /**
   * The seed of tau, alpha and beta, which all keys of one phase 1 share. Whoever knows it can forge proofs: these
   * keys are for development only.
   */
  readonly phase1Seed: string
  /** The seed of delta, of this circuit alone: under a common delta a proof could use points of two circuits' keys. */
  readonly deltaSeed: string
  /** Makes one key at a time. Default: one of the key's own. */
  readonly kernel?: Kernel
  /** Called with the share of the work that is done, 0 to 1. */
  readonly onProgress?: (share: number) => void
}

// A point of G2 takes about as long as so many of G1.
const G2_COST = 2.5

/**
 * Writes a Groth16 key (snarkjs's .zkey) for a circuit, at a secret point derived from seeds, so without a ceremony:
 * every point is a known multiple of a generator. The same circuit and seeds give the same bytes.
 * @throws PlimsollError for an .r1cs file that is malformed, and where the kernel does not run.
 */
export async function writeDevelopmentKey(options: DevelopmentKeyOptions): Promise<void> {
  if (options.kernel !== undefined) return writeKey(options, options.kernel)
  const kernel = openKernel()
  try {
    await writeKey(options, kernel)
  } finally {
    await kernel.close()
  }
}

/** The kernel with the machine's best field, on all cores. @throws PlimsollError where it does not run. */
export function openKernel(): Kernel {
  try {
    return new Kernel()
  } catch (error) {
    throw new PlimsollError(`Keys cannot be made on this machine: ${(error as Error).message}`, {
      hint: 'It takes WebAssembly with SIMD and shared memory.',
    })
  }
}

async function writeKey(options: DevelopmentKeyOptions, kernel: Kernel): Promise<void> {
  const { r1cs: path, zkey, onProgress } = options
  const r1cs = readR1cs(path)
  const trapdoor = trapdoorFromSeeds(options)
  reserveFixedBase(kernel)
  const mark = kernel.arena.used
  try {
    const scalars = await wireScalars(kernel, r1cs, constraintTerms(r1cs, path), trapdoor, path)
    const points = await multiply(kernel, scalars, onProgress)
    const file = new SectionFile(zkey, 'zkey', 10)
    try {
      file.section(1, uint32(1))
      file.section(2, header(trapdoor, r1cs.wires, r1cs.publicSignals, scalars.domainSize))
      file.section(3, points.publicWires)
      file.section(4, scalars.coefficients)
      file.section(5, points.a)
      file.section(6, points.b1)
      file.section(7, points.b2)
      file.section(8, points.privateWires)
      file.section(9, points.quotient)
      // No ceremony: an empty transcript.
      file.section(10, new Uint8Array(64), uint32(0))
    } finally {
      file.close()
    }
  } finally {
    kernel.arena.release(mark)
  }
}

/** The key's points, in sections as the file has them. */
async function multiply(
  kernel: Kernel,
  { a, b, publicWires, privateWires, quotient }: WireScalars,
  onProgress: DevelopmentKeyOptions['onProgress'],
) {
  const inG1 = publicWires.count + a.count + b.count + privateWires.count + quotient.count
  const g1 = await FixedBase.make(kernel, 'g1', inG1)
  const g2 = await FixedBase.make(kernel, 'g2', b.count)
  const total = inG1 + b.count * G2_COST
  let done = 0
  const progress = (cost: number) => (points: number) => {
    done += points * cost
    onProgress?.(done / total)
  }
  const [points2, ...points1] = await Promise.all([
    g2.multiply(b, progress(G2_COST)),
    ...[publicWires, a, b, privateWires, quotient].map((scalars) => g1.multiply(scalars, progress(1))),
  ])
  return {
    publicWires: points1[0]!,
    a: points1[1]!,
    b1: points1[2]!,
    b2: points2,
    privateWires: points1[3]!,
    quotient: points1[4]!,
  }
}

function header(trapdoor: Trapdoor, wires: number, publicSignals: number, domainSize: number): Buffer {
  return Buffer.concat([
    uint32(32),
    littleEndian(BASE_FIELD),
    uint32(32),
    littleEndian(R),
    uint32(wires),
    uint32(publicSignals),
    uint32(domainSize),
    encodeMultiple('g1', trapdoor.alpha),
    encodeMultiple('g1', trapdoor.beta),
    encodeMultiple('g2', trapdoor.beta),
    encodeMultiple('g2', 1n),
    encodeMultiple('g1', trapdoor.delta),
    encodeMultiple('g2', trapdoor.delta),
  ])
}

/** The generator times a scalar as the file has it: coordinates times 2^256. */
function encodeMultiple(group: GroupName, scalar: bigint): Buffer {
  const curve = new CurveGroup(group)
  const { x, y } = curve.multiply(curve.generator, scalar)!
  return Buffer.concat([...x, ...y].map((part) => littleEndian((part << 256n) % BASE_FIELD)))
}

function littleEndian(value: bigint): Buffer {
  return Buffer.from(value.toString(16).padStart(64, '0'), 'hex').reverse()
}

function trapdoorFromSeeds({ phase1Seed, deltaSeed }: DevelopmentKeyOptions): Trapdoor {
  const draw = (name: string, seed: string): bigint => {
    const half = (part: number): string =>
      createHash('sha256').update(`plimsoll key ${part} ${name} ${seed}`).digest('hex')
    // 512 bits, so that the remainder is as good as uniform; never 0 or 1, so delta differs from gamma.
    return 2n + (BigInt(`0x${half(0)}${half(1)}`) % (R - 2n))
  }
  const [tau, alpha, beta] = ['tau', 'alpha', 'beta'].map((name) => draw(name, phase1Seed)) as [bigint, bigint, bigint]
  return { tau, alpha, beta, delta: draw('delta', deltaSeed) }
}
