import { type FileHandle, open } from 'node:fs/promises'
import { PlimsollError } from '../../protocol/errors.ts'

interface Section {
  readonly offset: number
  readonly size: number
}

const HEADER_BYTES = 12
const SECTION_HEADER_BYTES = 12
const MAX_SECTIONS = 64

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'there is no such file',
  EISDIR: 'it is a directory',
  EACCES: 'no permission to read it',
}

/** Reads parts of one of snarkjs's binary files, whose container is described at `SectionFile`. */
export class SectionReader {
  readonly path: string
  readonly #file: FileHandle
  readonly #sections: ReadonlyMap<number, Section>

  private constructor(path: string, file: FileHandle, sections: ReadonlyMap<number, Section>) {
    this.path = path
    this.#file = file
    this.#sections = sections
  }

  /**
   * Opens a file for the time of `use`.
   * @param magic four letters: `ptau` or `zkey`
   * @throws PlimsollError when there is no such file, it is something else, or sections are cut off or there twice
   */
  static async use<T>(path: string, magic: string, use: (reader: SectionReader) => Promise<T>): Promise<T> {
    const file = await open(path).catch((error: NodeJS.ErrnoException) => {
      throw new PlimsollError(`Cannot read ${path}: ${REASONS[error.code ?? ''] ?? error.message}.`)
    })
    try {
      const status = await file.stat()
      if (!status.isFile()) throw new PlimsollError(`Cannot read ${path}: it is not a file.`)
      return await use(new SectionReader(path, file, await listSections(path, file, magic, status.size)))
    } finally {
      await file.close()
    }
  }

  /** Bytes of a section; undefined where there is none. */
  size(type: number): number | undefined {
    return this.#sections.get(type)?.size
  }

  /**
   * `length` bytes of a section from `offset` on, or all that follow.
   * @throws PlimsollError when the section has less
   */
  async read(type: number, offset = 0, length?: number): Promise<Buffer> {
    const section = this.#sections.get(type)
    const bytes = length ?? (section === undefined ? 0 : section.size - offset)
    if (section === undefined || bytes < 0 || offset + bytes > section.size) throw notWhole(this.path)
    return readExactly(this.path, this.#file, section.offset + offset, bytes)
  }
}

async function listSections(
  path: string,
  file: FileHandle,
  magic: string,
  size: number,
): Promise<Map<number, Section>> {
  if (size < HEADER_BYTES) throw new PlimsollError(`${path} is not a .${magic} file.`)
  const header = await readExactly(path, file, 0, HEADER_BYTES)
  if (header.toString('latin1', 0, 4) !== magic || header.readUInt32LE(4) !== 1)
    throw new PlimsollError(`${path} is not a .${magic} file.`)
  const count = header.readUInt32LE(8)
  if (count > MAX_SECTIONS) throw notWhole(path)
  const sections = new Map<number, Section>()
  let position = HEADER_BYTES
  for (let i = 0; i < count; i++) {
    if (position + SECTION_HEADER_BYTES > size) throw notWhole(path)
    const head = await readExactly(path, file, position, SECTION_HEADER_BYTES)
    const type = head.readUInt32LE(0)
    const bytes = head.readBigUInt64LE(4)
    position += SECTION_HEADER_BYTES
    if (bytes > BigInt(size - position)) throw notWhole(path)
    if (sections.has(type)) throw new PlimsollError(`${path} has its section ${type} twice.`)
    sections.set(type, { offset: position, size: Number(bytes) })
    position += Number(bytes)
  }
  if (position !== size) throw new PlimsollError(`${path} has ${size - position} bytes after its last section.`)
  return sections
}

async function readExactly(path: string, file: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length)
  for (let done = 0; done < length; ) {
    const { bytesRead } = await file.read(buffer, done, length - done, position + done)
    if (bytesRead === 0) throw notWhole(path)
    done += bytesRead
  }
  return buffer
}

function notWhole(path: string): PlimsollError {
  return new PlimsollError(`${path} is cut short.`, { hint: 'Copy or download it again.' })
}
