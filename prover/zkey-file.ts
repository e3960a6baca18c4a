import { closeSync, openSync, writeSync } from 'node:fs'

/** Writes the container of snarkjs's binary files: a magic word, a version, then sections of (type u32, length u64, bytes). */
export class SectionFile {
  readonly #descriptor: number

  constructor(path: string, magic: string, sections: number) {
    this.#descriptor = openSync(path, 'wx')
    this.#write(Buffer.concat([Buffer.from(magic, 'latin1'), uint32(1), uint32(sections)]))
  }

  section(type: number, ...parts: Uint8Array[]): void {
    const size = Buffer.alloc(8)
    size.writeBigUInt64LE(BigInt(parts.reduce((sum, part) => sum + part.length, 0)))
    this.#write(uint32(type))
    this.#write(size)
    for (const part of parts) this.#write(part)
  }

  close(): void {
    closeSync(this.#descriptor)
  }

  #write(data: Uint8Array): void {
    for (let done = 0; done < data.length; ) done += writeSync(this.#descriptor, data, done)
  }
}

/** A little-endian 32-bit word. */
export function uint32(value: number): Buffer {
  const word = Buffer.alloc(4)
  word.writeUInt32LE(value)
  return word
}
