import { type FileHandle, open, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Hex } from 'viem'
import { syncDirectory } from '../../lib/sync-directory.ts'
import { PlimsollError } from '../../protocol/errors.ts'
import { encodeJson, type OperationRequest, operationSchema } from '../../sdk/schemas.ts'

const NAME = 'journal.jsonl'
/** Number of ended operations that are remembered: so many at least, twice as many at the most. */
const KEPT = 10_000

/** End of an operation. */
export interface Outcome {
  readonly id: Hex
  readonly status: 'settled' | 'failed'
  /** Code of a failure. */
  readonly code?: string
  /** Number of the settlement, and its transaction where this process sent it. */
  readonly settlement?: number
  readonly transaction?: Hex
}

/** An operation that was accepted, in order of acceptance. */
export interface JournalEntry {
  readonly n: number
  readonly id: Hex
  readonly body: OperationRequest
  /** Seconds; when it was accepted. */
  readonly at: number
  outcome: Outcome | undefined
}

/**
 * Record of what the node has promised: one line for every accepted operation and for every outcome. A line is on the disk before its
 * promise resolves, so what an owner was told survives any crash. Lines are added; the torn last one of a crash, which was
 * promised to nobody, is cut off when the journal is opened. Where too much has ended, a file without it takes the journal's
 * place at once.
 */
export class Journal {
  #file: FileHandle
  readonly #directory: string
  readonly #kept: number
  readonly #byId = new Map<Hex, JournalEntry>()
  #length: number
  #count = 0
  #last: Promise<void> = Promise.resolve()
  #broken = false
  /** Number of times that the file was gone, and was written anew from what this process remembers. */
  restored = 0

  private constructor(file: FileHandle, directory: string, length: number, kept: number) {
    this.#file = file
    this.#directory = directory
    this.#length = length
    this.#kept = kept
  }

  /**
   * Opens or begins the journal of a directory.
   * @param kept how many of the operations that ended of old are not forgotten
   * @throws PlimsollError when a line that is whole makes no sense
   */
  static async open(directory: string, kept = KEPT): Promise<Journal> {
    const path = join(directory, NAME)
    const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return Buffer.alloc(0)
      throw new PlimsollError(`Cannot read ${path}: ${error.message}.`)
    })
    const whole = bytes.subarray(0, bytes.lastIndexOf('\n') + 1)
    const file = await open(path, 'a+', 0o600).catch((error: Error) => {
      throw new PlimsollError(`Cannot write ${path}: ${error.message}.`)
    })
    const journal = new Journal(file, directory, whole.length, kept)
    try {
      whole
        .toString('utf8')
        .split('\n')
        .slice(0, -1)
        .forEach((line, i) => journal.#replay(line, `${path}:${i + 1}`))
      if (whole.length < bytes.length) await file.truncate(whole.length)
      await file.sync()
      await syncDirectory(directory)
    } catch (error) {
      await file.close()
      throw error
    }
    return journal
  }

  /** In order of acceptance. */
  entries(): Iterable<JournalEntry> {
    return this.#byId.values()
  }

  get(id: Hex): JournalEntry | undefined {
    return this.#byId.get(id)
  }

  /** Resolves when the operation is on the disk. @throws PlimsollError when it cannot be written: then it was not accepted */
  async accept(id: Hex, body: OperationRequest, at: number): Promise<JournalEntry> {
    const entry: JournalEntry = { n: ++this.#count, id, body, at, outcome: undefined }
    await this.#append({ n: entry.n, id, body, at })
    this.#byId.set(id, entry)
    return entry
  }

  async record(outcome: Outcome): Promise<void> {
    await this.#append(outcome)
    const entry = this.#byId.get(outcome.id)
    if (entry !== undefined) entry.outcome = outcome
  }

  /**
   * Forgets the oldest operations that ended for good, once there are too many.
   * @param isFinal whether nothing can ever come of an operation again
   */
  async compact(isFinal: (entry: JournalEntry) => boolean): Promise<void> {
    if (this.#byId.size <= 2 * this.#kept) return
    const ended = [...this.#byId.values()].filter(isFinal)
    if (ended.length <= 2 * this.#kept) return
    const rewritten = this.#last.then(() => this.#rewrite(new Set(ended.slice(0, ended.length - this.#kept))))
    this.#last = rewritten.catch(() => {})
    // It is as good as it was where there is no room for another.
    await this.#last
  }

  /**
   * Sees whether the file is still there. One that was deleted is written anew: all that it said is remembered.
   * @throws PlimsollError when another file has its name
   */
  async requireFile(): Promise<void> {
    const checked = this.#last.then(() => this.#restore())
    this.#last = checked.catch(() => {})
    return checked
  }

  async close(): Promise<void> {
    await this.#last
    await this.#file.close()
  }

  /** One line after the other. */
  #append(line: unknown): Promise<void> {
    const written = this.#last.then(() => this.#write(Buffer.from(`${encodeJson(line)}\n`)))
    this.#last = written.catch(() => {})
    return written
  }

  async #restore(): Promise<void> {
    const path = join(this.#directory, NAME)
    const there = await stat(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined
      throw new PlimsollError(`Cannot read ${path}: ${error.message}.`)
    })
    if (there === undefined) {
      await this.#rewrite(new Set())
      this.restored++
    } else if (there.ino !== (await this.#file.stat()).ino)
      throw new PlimsollError(`${path} is no longer the file that this node writes.`, {
        hint: 'Stop the node, put its own journal back, and start it again.',
      })
  }

  async #write(line: Buffer): Promise<void> {
    if (this.#broken) throw new PlimsollError('The journal cannot be written.')
    await this.#restore()
    try {
      await this.#file.appendFile(line)
      await this.#file.datasync()
      this.#length += line.length
    } catch (error) {
      // Half a line must not be followed by others; nor may one whose sync failed come back after a crash.
      await this.#file.truncate(this.#length).catch(() => (this.#broken = true))
      throw new PlimsollError(`The journal cannot be written: ${(error as Error).message}.`)
    }
  }

  /** Puts a file in the journal's place that lacks some entries; lines that come meanwhile are added to it later. */
  async #rewrite(dropped: ReadonlySet<JournalEntry>): Promise<void> {
    if (this.#broken) return
    const path = join(this.#directory, NAME)
    const lines = [...this.#byId.values()].flatMap((entry) => {
      const { outcome, ...accepted } = entry
      return dropped.has(entry) ? [] : outcome === undefined ? [accepted] : [accepted, outcome]
    })
    const bytes = Buffer.from(lines.map((line) => `${encodeJson(line)}\n`).join(''))
    await rm(`${path}.tmp`, { force: true })
    const file = await open(`${path}.tmp`, 'ax', 0o600)
    try {
      await file.appendFile(bytes)
      await file.sync()
      await rename(`${path}.tmp`, path)
    } catch (error) {
      await file.close()
      throw error
    }
    const old = this.#file
    this.#file = file
    this.#length = bytes.length
    for (const { id } of dropped) this.#byId.delete(id)
    await old.close()
    // A line that is added to a file whose name may yet be lost would be no promise.
    await syncDirectory(this.#directory).catch(() => (this.#broken = true))
  }

  #replay(line: string, place: string): void {
    const fields = parseLine(line)
    if (fields === undefined)
      throw new PlimsollError(`${place} is not a line of a journal.`, {
        hint: 'Restore the file: it holds what owners were promised.',
      })
    if ('status' in fields) {
      const entry = this.#byId.get(fields.id)
      if (entry === undefined)
        throw new PlimsollError(`${place} is the outcome of an operation that was never accepted.`)
      entry.outcome = fields
    } else {
      this.#byId.set(fields.id, { ...fields, outcome: undefined })
      this.#count = fields.n
    }
  }
}

function parseLine(line: string): Omit<JournalEntry, 'outcome'> | Outcome | undefined {
  try {
    const fields = JSON.parse(line) as Record<string, unknown>
    if (typeof fields.id !== 'string') return undefined
    if (fields.status === 'settled' || fields.status === 'failed') return fields as unknown as Outcome
    return {
      n: Number(fields.n),
      id: fields.id as Hex,
      at: Number(fields.at),
      body: operationSchema.parse(fields.body),
    }
  } catch {
    return undefined
  }
}
