import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { PlimsollError } from '../../protocol/errors.ts'

const expand = promisify(gunzip)

const NAME = /^state-(\d{6,})\.json(\.gz)?$/

/** Versions of a state in a directory, a file of JSON each: how a state was kept before there was a database. */
export class StateFiles {
  readonly directory: string

  constructor(directory: string) {
    this.directory = directory
  }

  /** Numbers of the versions, oldest first. */
  async list(): Promise<number[]> {
    return [...new Set((await this.#files()).map(({ version }) => version))].sort((a, b) => a - b)
  }

  /** Names of the files. */
  async names(): Promise<string[]> {
    return (await this.#files()).map(({ name }) => name)
  }

  /** Path of a version, for people. */
  path(version: number): string {
    return join(this.directory, `state-${String(version).padStart(6, '0')}.json`)
  }

  /** The text of a version. @throws when it cannot be read */
  async read(version: number): Promise<string> {
    const names = (await this.#files()).filter((file) => file.version === version).map(({ name }) => name)
    // A crash may have left both: the one that lay open is whole.
    const name = names.find((each) => each.endsWith('.json')) ?? names[0]!
    const bytes = await readFile(join(this.directory, name))
    return (name.endsWith('.gz') ? await expand(bytes) : bytes).toString('utf8')
  }

  async #files(): Promise<{ name: string; version: number }[]> {
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
