import { PlimsollError } from '../../protocol/errors.ts'
import { BASE_FIELD, inverse, modulo, SCALAR_FIELD } from './bigint-field.ts'
import { CurveGroup, type GroupName, type Point } from './curve.ts'
import { alignedWords, littleEndian, readSections, section } from './section-file.ts'

/** Bytes of an affine point in a `.zkey` file: coordinates times 2^256, little-endian, all zeros for the point at infinity. */
export const ENCODED_POINT_BYTES: Readonly<Record<GroupName, number>> = { g1: 64, g2: 128 }

const WORD = 32
const GROTH16 = 1
/** A coefficient of section 4: matrix, row, wire, value. */
const COEFFICIENT = 12 + WORD
/** The field has no root of unity for the coset of a larger one. */
const MAXIMUM_DOMAIN = 2 ** 27
const MONTGOMERY = inverse(1n << 256n, BASE_FIELD)

/** A Groth16 proving key as snarkjs writes it; points are still in the file's form (Montgomery by 2^256, little-endian). */
export interface Zkey {
  readonly wires: number
  readonly publicSignals: number
  /** A power of two. */
  readonly domainSize: number
  readonly alpha1: NonNullable<Point>
  readonly beta2: NonNullable<Point>
  readonly delta2: NonNullable<Point>
  /** (matrix 0 or 1, row, wire, value times 2^512) as 11 words each. */
  readonly coefficients: Uint32Array
  readonly a: Uint8Array
  readonly b2: Uint8Array
  /** Points of the wires that are neither constant nor public. */
  readonly c: Uint8Array
  readonly h: Uint8Array
}

/** @throws PlimsollError for a file that is not a whole Groth16 key on BN254. `name` is what errors call it. */
export function parseZkey(file: Uint8Array, name: string): Zkey {
  const sections = readSections(file, 'zkey', name)
  const protocol = section(sections, 1, 4, name)
  if (new DataView(protocol.buffer, protocol.byteOffset).getUint32(0, true) !== GROTH16)
    throw new PlimsollError(`${name} is not a Groth16 key.`)

  const header = section(sections, 2, 2 * (4 + WORD) + 12 + 3 * 64 + 3 * 128, name)
  const view = new DataView(header.buffer, header.byteOffset, header.byteLength)
  const field = (offset: number): bigint | undefined =>
    view.getUint32(offset, true) === WORD ? littleEndian(header.subarray(offset + 4, offset + 4 + WORD)) : undefined
  if (field(0) !== BASE_FIELD || field(4 + WORD) !== SCALAR_FIELD)
    throw new PlimsollError(`${name} is not a key on BN254.`)
  const [wires, publicSignals, domainSize] = [72, 76, 80].map((offset) => view.getUint32(offset, true)) as [
    number,
    number,
    number,
  ]
  if (
    domainSize < 2 ||
    domainSize > MAXIMUM_DOMAIN ||
    (domainSize & (domainSize - 1)) !== 0 ||
    publicSignals + 1 > wires
  ) {
    throw new PlimsollError(`The header of ${name} is malformed.`)
  }
  let position = 84
  const point = (group: GroupName): NonNullable<Point> => {
    const size = ENCODED_POINT_BYTES[group]
    const decoded = decodePoint(header.subarray(position, position + size), group)
    if (decoded === undefined) throw new PlimsollError(`The header of ${name} has a point that is not on the curve.`)
    position += size
    return decoded
  }
  // Beta and delta in G1 are for B there, and gamma is for the verifier.
  const [alpha1, , beta2, , , delta2] = [point('g1'), point('g1'), point('g2'), point('g2'), point('g1'), point('g2')]

  const encoded = section(sections, 4, undefined, name)
  const count = encoded.length < 4 ? 0 : new DataView(encoded.buffer, encoded.byteOffset).getUint32(0, true)
  if (encoded.length !== 4 + count * COEFFICIENT)
    throw new PlimsollError(`Section 4 of ${name} has ${encoded.length} bytes for ${count} coefficients.`)
  const coefficients = alignedWords(encoded.subarray(4))
  for (let i = 0; i < coefficients.length; i += COEFFICIENT / 4) {
    if (coefficients[i]! > 1 || coefficients[i + 1]! >= domainSize || coefficients[i + 2]! >= wires)
      throw new PlimsollError(`Section 4 of ${name} is malformed.`)
  }
  // The points of B in G1: whole, but not used.
  section(sections, 6, wires * 64, name)
  return {
    wires,
    publicSignals,
    domainSize,
    alpha1,
    beta2,
    delta2,
    coefficients,
    a: section(sections, 5, wires * 64, name),
    b2: section(sections, 7, wires * 128, name),
    c: section(sections, 8, (wires - publicSignals - 1) * 64, name),
    h: section(sections, 9, domainSize * 64, name),
  }
}

/** Undefined for what is no finite point of the curve. */
function decodePoint(bytes: Uint8Array, group: GroupName): Point {
  const words = Array.from({ length: bytes.length / WORD }, (_, i) =>
    littleEndian(bytes.subarray(i * WORD, (i + 1) * WORD)),
  )
  if (words.some((word) => word >= BASE_FIELD)) return undefined
  const parts = words.map((word) => modulo(word * MONTGOMERY, BASE_FIELD))
  const point = { x: parts.slice(0, parts.length / 2), y: parts.slice(parts.length / 2) }
  return new CurveGroup(group).contains(point) ? point : undefined
}
