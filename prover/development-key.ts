import { createHash } from 'node:crypto'
import { buildBn128 } from 'ffjavascript'
import type { Curve } from 'ffjavascript'
import type { GroupName } from './fixed-base.ts'
import { POINT_BYTES } from './fixed-base.ts'
import { PointPool } from './point-pool.ts'
import { readR1cs } from './r1cs.ts'
import { openArena } from './wasm-arena.ts'
import { wireScalars } from './wire-scalars.ts'
import type { Trapdoor } from './wire-scalars.ts'
import { SectionFile, uint32 } from './zkey-file.ts'

export interface DevelopmentKeyOptions {
  readonly r1cs: string
  /** The file to write; it must not exist. */
  readonly zkey: string
  /** Whoever knows it can forge proofs: these keys are for development only. */
  readonly seed: string
  /** Called with the share of the work that is done, 0 to 1. */
  readonly onProgress?: (share: number) => void
}

// A point of G2 takes about three times as long as one of G1.
const COST: Readonly<Record<GroupName, number>> = { G1: 1, G2: 3 }

/**
 * Writes a Groth16 key (snarkjs's .zkey) for a circuit, at a secret point derived from the seed, so without a ceremony:
 * every point is a known multiple of a generator. The same circuit and seed give the same bytes.
 */
export async function writeDevelopmentKey(options: DevelopmentKeyOptions): Promise<void> {
  const r1cs = readR1cs(options.r1cs)
  const curve = await buildBn128(true)
  const module = new WebAssembly.Module(curve.tm.code)
  const generators = { G1: encodePoint(curve, 'G1', 1n), G2: encodePoint(curve, 'G2', 1n) }
  const pool = new PointPool({ module, generators })
  try {
    const trapdoor = trapdoorFromSeed(options.seed, curve.r)
    const scalars = wireScalars(await openArena(module), curve, r1cs, trapdoor)

    const work: [GroupName, Uint8Array][] = [
      ['G1', scalars.publicWires],
      ['G1', scalars.a],
      ['G1', scalars.b],
      ['G2', scalars.b],
      ['G1', scalars.privateWires],
      ['G1', scalars.quotient],
    ]
    const total = work.reduce((sum, [group, part]) => sum + (part.length / 32) * COST[group], 0)
    let done = 0
    const [publicWires, a, b1, b2, privateWires, quotient] = (await Promise.all(
      work.map(([group, part]) =>
        pool.multiply(group, part, (points) => {
          done += points * COST[group]
          options.onProgress?.(done / total)
        }),
      ),
    )) as [Uint8Array, Uint8Array, Uint8Array, Uint8Array, Uint8Array, Uint8Array]

    const file = new SectionFile(options.zkey, 'zkey', 10)
    try {
      file.section(1, uint32(1))
      file.section(2, header(curve, trapdoor, r1cs.wires, r1cs.publicSignals, scalars.domainSize))
      file.section(3, publicWires)
      file.section(4, scalars.coefficients)
      file.section(5, a)
      file.section(6, b1)
      file.section(7, b2)
      file.section(8, privateWires)
      file.section(9, quotient)
      // No ceremony: an empty transcript.
      file.section(10, new Uint8Array(64), uint32(0))
    } finally {
      file.close()
    }
  } finally {
    await pool.close()
  }
}

function header(curve: Curve, trapdoor: Trapdoor, wires: number, publicSignals: number, domainSize: number): Buffer {
  return Buffer.concat([
    uint32(32),
    littleEndian(curve.q),
    uint32(32),
    littleEndian(curve.r),
    uint32(wires),
    uint32(publicSignals),
    uint32(domainSize),
    encodePoint(curve, 'G1', trapdoor.alpha),
    encodePoint(curve, 'G1', trapdoor.beta),
    encodePoint(curve, 'G2', trapdoor.beta),
    encodePoint(curve, 'G2', 1n),
    encodePoint(curve, 'G1', trapdoor.delta),
    encodePoint(curve, 'G2', trapdoor.delta),
  ])
}

function encodePoint(curve: Curve, name: GroupName, scalar: bigint): Uint8Array {
  const group = curve[name]
  const bytes = new Uint8Array(POINT_BYTES[name])
  group.toRprLEM(bytes, 0, group.toAffine(group.timesScalar(group.g, scalar)))
  return bytes
}

function littleEndian(value: bigint): Buffer {
  return Buffer.from(value.toString(16).padStart(64, '0'), 'hex').reverse()
}

function trapdoorFromSeed(seed: string, r: bigint): Trapdoor {
  const draw = (name: string): bigint => {
    const half = (part: number): string => createHash('sha256').update(`plimsoll key ${part} ${name} ${seed}`).digest('hex')
    // 512 bits, so that the remainder is as good as uniform; never 0 or 1, so delta differs from gamma.
    return 2n + (BigInt(`0x${half(0)}${half(1)}`) % (r - 2n))
  }
  return { tau: draw('tau'), alpha: draw('alpha'), beta: draw('beta'), delta: draw('delta') }
}
