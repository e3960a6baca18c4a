import { createHash } from 'node:crypto'
import { open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { constants, gunzip, gzip } from 'node:zlib'
import { syncDirectory } from '../../lib/sync-directory.ts'
import { PlimsollError } from '../../protocol/errors.ts'

const [compress, expand] = [promisify(gzip), promisify(gunzip)]

/** Bytes at a file's start that hold its label. */
const HEAD = 4_096
const NAME = /^state-(\d{6,})\.json(\.gz)?$/
const LABEL = /"commitment":"([0-9a-f]{64})","settlements":(\d+),/

/** State that a version is of, known without its being read whole. */
export interface Label {
  /** Hash of accounts root and heads: see `commitmentOf`. */
  readonly commitment: string
  /** Number of settlements that led to it. */
  readonly settlements: number
}

/** Hash of what the chain has of a state. */
export function commitmentOf(root: bigint, heads: readonly bigint[]): string {
  return createHash('sha256')
    .update([root, ...heads].join())
    .digest('hex')
}

/** Versions of a state in a directory, a file each, readable by their owner only; each is written once, whole, and never changed. */
export class StateFiles {
  readonly directory: string
  readonly #labels = new Map<number, Label | undefined>()

  constructor(directory: string) {
    this.directory = directory
  }

  /** Numbers of the versions, newest first. */
  async list(): Promise<number[]> {
    return [...new Set((await this.#names()).map(({ version }) => version))].sort((a, b) => b - a)
  }

  /** Path of a version, for people. */
  path(version: number): string {
    return join(this.directory, nameOf(version))
  }

  /** The text of a version. @throws when it cannot be read */
  async read(version: number): Promise<string> {
    const name = await this.#nameOf(version)
    const bytes = await readFile(join(this.directory, name))
    return (name.endsWith('.gz') ? await expand(bytes) : bytes).toString('utf8')
  }

  /** Label of a version; undefined where it has none, or cannot be read. */
  async label(version: number): Promise<Label | undefined> {
    if (!this.#labels.has(version)) this.#labels.set(version, await this.#readLabel(version).catch(() => undefined))
    return this.#labels.get(version)
  }

  /** Adds a version, which is on the disk by then. @throws PlimsollError when it cannot be written */
  async write(version: number, text: string): Promise<void> {
    const path = this.path(version)
    try {
      await writeFile(`${path}.tmp`, text, { mode: 0o600, flush: true })
      await rename(`${path}.tmp`, path)
      await syncDirectory(this.directory)
    } catch (error) {
      throw new PlimsollError(`Cannot write ${path}: ${(error as Error).message}.`)
    }
    this.#labels.set(version, labelOf(text.slice(0, HEAD)))
  }

  /** Puts a compressed file in a version's place. */
  async compress(version: number): Promise<void> {
    const path = this.path(version)
    const bytes = await readFile(path).catch(() => undefined)
    // It is compressed already.
    if (bytes === undefined) return
    await writeFile(`${path}.gz.tmp`, await compress(bytes), { mode: 0o600, flush: true })
    await rename(`${path}.gz.tmp`, `${path}.gz`)
    await rm(path)
  }

  async remove(version: number): Promise<void> {
    for (const suffix of ['', '.gz']) await rm(`${this.path(version)}${suffix}`, { force: true })
    this.#labels.delete(version)
  }

  async #readLabel(version: number): Promise<Label | undefined> {
    const name = await this.#nameOf(version)
    const file = await open(join(this.directory, name), 'r')
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(HEAD), 0, HEAD, 0)
      const head = buffer.subarray(0, bytesRead)
      // The rest of it is not there, which is no error here.
      const text = name.endsWith('.gz') ? await expand(head, { finishFlush: constants.Z_SYNC_FLUSH }) : head
      return labelOf(text.toString('utf8'))
    } finally {
      await file.close()
    }
  }

  async #nameOf(version: number): Promise<string> {
    const names = (await this.#names()).filter((entry) => entry.version === version).map(({ name }) => name)
    // A crash may have left both: the one that lay open is whole.
    return names.find((name) => name.endsWith('.json')) ?? names[0] ?? nameOf(version)
  }

  async #names(): Promise<{ name: string; version: number }[]> {
    const names = await readdir(this.directory).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return []
      throw new PlimsollError(`Cannot read ${this.directory}: ${error.message}.`)
    })
    return names.flatMap((name) => {
      const number = NAME.exec(name)?.[1]
      return number === undefined ? [] : [{ name, version: Number(number) }]
    })
  }
}

function nameOf(version: number): string {
  return `state-${String(version).padStart(6, '0')}.json`
}

function labelOf(head: string): Label | undefined {
  const [, commitment, settlements] = LABEL.exec(head) ?? []
  return commitment === undefined ? undefined : { commitment, settlements: Number(settlements) }
}
