import { PlimsollError } from '../../protocol/errors.ts'

/** The sections of one of snarkjs's binary files (`.zkey`, `.wtns`) by type, as parts of the file. */
export function readSections(file: Uint8Array, magic: string, name: string): ReadonlyMap<number, Uint8Array> {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength)
  if (file.length < 12 || Buffer.from(file.subarray(0, 4)).toString('latin1') !== magic)
    throw new PlimsollError(`${name} is not a .${magic} file.`)
  const sections = new Map<number, Uint8Array>()
  let position = 12
  for (let left = view.getUint32(8, true); left > 0; left--) {
    if (position + 12 > file.length) throw truncated(name)
    const type = view.getUint32(position, true)
    const size = Number(view.getBigUint64(position + 4, true))
    position += 12
    if (position + size > file.length) throw truncated(name)
    if (sections.has(type)) throw new PlimsollError(`${name} has section ${type} twice.`)
    sections.set(type, file.subarray(position, position + size))
    position += size
  }
  if (position !== file.length)
    throw new PlimsollError(`${name} has ${file.length - position} bytes behind its sections.`)
  return sections
}

function truncated(name: string): PlimsollError {
  return new PlimsollError(`${name} is truncated.`)
}

/** A section of a known size. */
export function section(
  sections: ReadonlyMap<number, Uint8Array>,
  type: number,
  size: number | undefined,
  name: string,
): Uint8Array {
  const part = sections.get(type)
  if (part === undefined) throw new PlimsollError(`${name} lacks section ${type}.`)
  if (size !== undefined && part.length !== size)
    throw new PlimsollError(`Section ${type} of ${name} has ${part.length} bytes instead of ${size}.`)
  return part
}

/** A little-endian integer. */
export function littleEndian(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).reverse().toString('hex') || '0'}`)
}

/** Bytes of a file as words, copied where they are not aligned. */
export function alignedWords(bytes: Uint8Array): Uint32Array {
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : Uint8Array.from(bytes)
  return new Uint32Array(aligned.buffer, aligned.byteOffset, aligned.length / 4)
}
