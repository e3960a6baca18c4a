import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Groth16VerificationKey, zKey } from 'snarkjs'
import { writeDevelopmentKey } from '../../../prover/development-key.ts'
import { modulo, SCALAR_FIELD as R } from '../../../prover/kernel/bigint-field.ts'
import type { Witness } from '../../../prover/witness.ts'
import { encodeIntegers } from './support.ts'

/** A linear combination: wires and coefficients. */
type Combination = readonly (readonly [wire: number, coefficient: bigint])[]

/** Constraints, with values for all wires that satisfy them. */
export interface SmallCircuit {
  readonly publicSignals: number
  readonly wires: readonly bigint[]
  readonly constraints: readonly (readonly [Combination, Combination, Combination])[]
}

export interface SmallKey {
  readonly zkey: Uint8Array
  readonly verificationKey: Groth16VerificationKey
  readonly signals: readonly bigint[]
  readonly witness: Witness
}

/**
 * A chain of products of sums, from a first value on, of so many constraints; the public signals are some of the factors. Wires
 * that no A or B has, and one that nothing has, are points at infinity in the key.
 */
export function chainCircuit(constraints: number, publicSignals: number, start: bigint): SmallCircuit {
  const wires = [1n, ...Array.from({ length: publicSignals }, (_, i) => BigInt(i + 3)), start]
  let last = wires.length - 1
  const rows: SmallCircuit['constraints'][number][] = []
  for (let i = 0; i < constraints; i++) {
    const factor = publicSignals === 0 ? 0 : 1 + (i % publicSignals)
    const a = [
      [last, 1n],
      [0, BigInt(i)],
    ] as const
    const b = [
      [last, R - 1n],
      [factor, 2n],
    ] as const
    wires.push(modulo((wires[last]! + BigInt(i)) * (2n * wires[factor]! - wires[last]!), R))
    rows.push([a, b, [[wires.length - 1, 1n]]])
    last = wires.length - 1
  }
  return { publicSignals, wires: [...wires, 5n], constraints: rows }
}

/** Bits that are checked to be ones, and rows without terms: a witness of zeros and ones. */
export function bitsCircuit(bits: readonly boolean[]): SmallCircuit {
  const bit = (i: number): number => 2 + i
  const check = (i: number) =>
    [
      [[bit(i), 1n]],
      [
        [bit(i), 1n],
        [0, R - 1n],
      ],
      [],
    ] as const
  return {
    publicSignals: 1,
    wires: [1n, 0n, ...bits.map((value) => (value ? 1n : 0n))],
    constraints: bits.flatMap((_, i) => (i % 5 === 0 ? [check(i), [[], [], []] as const] : [check(i)])),
  }
}

/** Makes a development key for a circuit. */
export async function makeSmallKey(circuit: SmallCircuit): Promise<SmallKey> {
  const directory = await mkdtemp(join(tmpdir(), 'plimsoll-small-'))
  try {
    const [r1cs, zkey] = [join(directory, 'small.r1cs'), join(directory, 'small.zkey')]
    await writeFile(r1cs, encodeR1cs(circuit))
    await writeDevelopmentKey({ r1cs, zkey, phase1Seed: 'small', deltaSeed: 'small' })
    return {
      zkey: new Uint8Array(await readFile(zkey)),
      verificationKey: await zKey.exportVerificationKey(zkey),
      signals: circuit.wires.slice(1, 1 + circuit.publicSignals),
      witness: encodeIntegers(circuit.wires),
    }
  } finally {
    await rm(directory, { recursive: true })
  }
}

function encodeR1cs({ publicSignals, wires, constraints }: SmallCircuit): Uint8Array {
  const u32 = (...values: number[]): Uint8Array => new Uint8Array(Uint32Array.from(values).buffer)
  const header = Buffer.concat([
    u32(32),
    encodeIntegers([R]),
    u32(wires.length, 0, publicSignals, wires.length - publicSignals - 1, wires.length, 0, constraints.length),
  ])
  const rows = constraints
    .flat()
    .map((combination) =>
      Buffer.concat([
        u32(combination.length),
        ...combination.map(([wire, coefficient]) => Buffer.concat([u32(wire), encodeIntegers([coefficient])])),
      ]),
    )
  const section = (type: number, content: Uint8Array) => Buffer.concat([u32(type, content.length, 0), content])
  return Buffer.concat([Buffer.from('r1cs'), u32(1, 2), section(1, header), section(2, Buffer.concat(rows))])
}
