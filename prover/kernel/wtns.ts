import { PlimsollError } from '../../protocol/errors.ts'
import { SCALAR_FIELD } from './bigint-field.ts'
import { littleEndian, readSections, section } from './section-file.ts'

const WORD = 32

/** The wires of a `.wtns` file, 32 bytes little-endian each. @throws PlimsollError for any other file. */
export function parseWtns(file: Uint8Array, name: string): Uint8Array {
  const sections = readSections(file, 'wtns', name)
  const header = section(sections, 1, 4 + WORD + 4, name)
  const view = new DataView(header.buffer, header.byteOffset, header.byteLength)
  if (view.getUint32(0, true) !== WORD || littleEndian(header.subarray(4, 4 + WORD)) !== SCALAR_FIELD) {
    throw new PlimsollError(`${name} is not a witness over BN254's scalar field.`)
  }
  return section(sections, 2, view.getUint32(4 + WORD, true) * WORD, name)
}
