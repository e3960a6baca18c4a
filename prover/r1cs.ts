import { readFileSync } from 'node:fs'
import { PlimsollError } from '../protocol/errors.ts'

/** A circuit's constraint system, its constraints still in the file's encoding. */
export interface R1cs {
  readonly wires: number
  /** Public inputs and outputs, without the constant one. */
  readonly publicSignals: number
  readonly constraintCount: number
  /** Per constraint, for A, B and C: the number of terms (u32), then wire (u32) and coefficient (32 bytes), all little-endian. */
  readonly constraints: Uint8Array
}

const BN254_R = 21888242871839275222246405745257275088548364400416034343698204186575808495617n

/** Reads a circom `.r1cs` file over the scalar field of BN254. @throws PlimsollError when it is something else. */
export function readR1cs(path: string): R1cs {
  const file = readFileSync(path)
  try {
    return parse(file)
  } catch (error) {
    if (error instanceof RangeError) throw new PlimsollError(`${path} is not a whole .r1cs file.`)
    throw error
  }

  function parse(file: Buffer): R1cs {
    if (file.toString('latin1', 0, 4) !== 'r1cs') throw new RangeError('magic')
    const sections = new Map<number, Buffer>()
    let position = 12
    for (let left = file.readUInt32LE(8); left > 0; left--) {
      const type = file.readUInt32LE(position)
      const size = Number(file.readBigUInt64LE(position + 4))
      position += 12
      if (position + size > file.length) throw new RangeError('section')
      sections.set(type, file.subarray(position, position + size))
      position += size
    }
    const header = sections.get(1)
    const constraints = sections.get(2)
    if (header === undefined || constraints === undefined) throw new RangeError('sections')
    const prime = BigInt(`0x${Buffer.from(header.subarray(4, 36)).reverse().toString('hex')}`)
    if (header.readUInt32LE(0) !== 32 || prime !== BN254_R) {
      throw new PlimsollError(`${path} is not over the scalar field of BN254.`)
    }
    return {
      wires: header.readUInt32LE(36),
      publicSignals: header.readUInt32LE(40) + header.readUInt32LE(44),
      constraintCount: header.readUInt32LE(60),
      constraints,
    }
  }
}
