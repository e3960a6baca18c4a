import { createHash } from 'node:crypto'
import { access, type FileHandle, open, readdir, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import type { Kernel } from '../kernel/kernel.ts'
import { type KeyTables, TABLE_ARRAYS, tableBits } from '../kernel/key-tables.ts'
import type { ProvingKey } from '../kernel/proving-key.ts'

// Part of every file's identity: change it when what a table is, or its place in the file, changes.
const LAYOUT = 'plimsoll tables 2'
const HASH = 32
const CHUNK = 1 << 20
const ENDING = '.tables'
/** Hexadecimal digits of the identity that the name has. */
const NAMED = 16

/** State of a table file: good, not there, or cut off, changed or another key's. */
export type TableFileState = 'read' | 'missing' | 'malformed'

/**
 * The file with a key's tables, beside the key: the SHA-256 of what they are multiples of, the tables as they lie in the kernel's
 * memory, and the SHA-256 of all that. Whoever can write there can write keys, so the hash is against accidents.
 */
export class TableFile {
  readonly path: string
  readonly #zkey: string
  readonly #kernel: Kernel
  readonly #identity: Buffer

  private constructor(zkey: string, kernel: Kernel, identity: Buffer) {
    this.path = `${zkey}.${identity.toString('hex', 0, NAMED / 2)}${ENDING}`
    this.#zkey = zkey
    this.#kernel = kernel
    this.#identity = identity
  }

  /** The file for the tables of a key in a kernel's memory; `zkey` is the key's path. It need not exist. */
  static async of(zkey: string, kernel: Kernel, key: ProvingKey): Promise<TableFile> {
    const hash = createHash('sha256').update(`${LAYOUT} ${kernel.variant} ${tableBits(key)}`)
    for (const name of TABLE_ARRAYS) {
      const { group, points, count } = key[name]
      hash.update(` ${name} ${count} `)
      for (const chunk of chunks(count * kernel.machine.pointBytes(group))) {
        hash.update(kernel.machine.bytes(points + chunk.first, chunk.length).slice())
        await turn()
      }
    }
    return new TableFile(zkey, kernel, hash.digest())
  }

  exists(): Promise<boolean> {
    return access(this.path).then(
      () => true,
      () => false,
    )
  }

  /** Reads the tables to a place in memory; what is there is only good where the answer is `read`. */
  async read({ pointer, bytes }: KeyTables): Promise<TableFileState> {
    let file: FileHandle
    try {
      file = await open(this.path)
    } catch {
      return 'missing'
    }
    try {
      if ((await file.stat()).size !== 2 * HASH + bytes) return 'malformed'
      const buffer = Buffer.alloc(CHUNK)
      const next = async (length: number): Promise<Buffer> => {
        const { bytesRead } = await file.read(buffer, 0, length)
        return buffer.subarray(0, bytesRead)
      }
      if (!(await next(HASH)).equals(this.#identity)) return 'malformed'
      const hash = createHash('sha256').update(this.#identity)
      for (const { first, length } of chunks(bytes)) {
        const part = await next(length)
        if (part.length !== length) return 'malformed'
        hash.update(part)
        this.#kernel.machine.bytes(pointer + first, length).set(part)
      }
      return (await next(HASH)).equals(hash.digest()) ? 'read' : 'malformed'
    } catch {
      return 'malformed'
    } finally {
      await file.close()
    }
  }

  /** Writes the tables: the file appears whole or not at all. Removes those of the same key that have another identity. */
  async write({ pointer, bytes }: KeyTables): Promise<void> {
    const temporary = `${this.path}.${process.pid}`
    try {
      const file = await open(temporary, 'wx', 0o644)
      try {
        const hash = createHash('sha256').update(this.#identity)
        await file.writeFile(this.#identity)
        for (const { first, length } of chunks(bytes)) {
          // A copy, as the kernel's memory is shared.
          const part = this.#kernel.machine.bytes(pointer + first, length).slice()
          hash.update(part)
          await file.writeFile(part)
        }
        await file.writeFile(hash.digest())
        await file.sync()
      } finally {
        await file.close()
      }
      await rename(temporary, this.path)
    } finally {
      await rm(temporary, { force: true })
    }
    await this.#removeOthers()
  }

  async remove(): Promise<void> {
    await rm(this.path, { force: true })
  }

  async #removeOthers(): Promise<void> {
    const prefix = `${basename(this.#zkey)}.`
    for (const name of await readdir(dirname(this.path))) {
      const isOther = name.startsWith(prefix) && name.endsWith(ENDING) && name !== basename(this.path)
      if (isOther && name.length === prefix.length + NAMED + ENDING.length)
        await rm(join(dirname(this.path), name), { force: true })
    }
  }
}

function* chunks(bytes: number): Generator<{ first: number; length: number }> {
  for (let first = 0; first < bytes; first += CHUNK) yield { first, length: Math.min(CHUNK, bytes - first) }
}
