import { type FileHandle, open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Hex } from 'viem'
import { PlimsollError } from '../protocol/errors.ts'
import { encodeJson, operationSchema, type OperationRequest } from '../sdk/schemas.ts'

const NAME = 'journal.jsonl'

/** How an operation ended. */
export interface Outcome {
  readonly id: Hex
  readonly status: 'settled' | 'failed'
  /** Of a failure. */
  readonly code?: string
  /** Of a settlement: its number, and the transaction where this process sent it. */
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
 * What the node has promised: one line for every accepted operation and for every outcome. A line is on the disk before its
 * promise resolves, so what an owner was told survives any crash. Lines are only ever added; the torn last one of a crash,
 * which was promised to nobody, is cut off when the journal is opened.
 */
export class Journal {
  private readonly file: FileHandle
  private readonly byId = new Map<Hex, JournalEntry>()
  private length: number
  private count = 0
  private last: Promise<void> = Promise.resolve()
  private broken = false

  private constructor(file: FileHandle, length: number) {
    this.file = file
    this.length = length
  }

  /** Opens or begins the journal of a directory. @throws PlimsollError when a line that is whole makes no sense */
  static async open(directory: string): Promise<Journal> {
    const path = join(directory, NAME)
    const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return Buffer.alloc(0)
      throw new PlimsollError(`Cannot read ${path}: ${error.message}.`)
    })
    const whole = bytes.subarray(0, bytes.lastIndexOf('\n') + 1)
    const file = await open(path, 'a+', 0o600).catch((error: Error) => {
      throw new PlimsollError(`Cannot write ${path}: ${error.message}.`)
    })
    const journal = new Journal(file, whole.length)
    try {
      whole.toString('utf8').split('\n').slice(0, -1).forEach((line, i) => journal.replay(line, `${path}:${i + 1}`))
      if (whole.length < bytes.length) await file.truncate(whole.length)
      await file.sync()
      const parent = await open(directory, 'r')
      await parent.sync().finally(() => parent.close())
    } catch (error) {
      await file.close()
      throw error
    }
    return journal
  }

  /** In order of acceptance. */
  entries(): Iterable<JournalEntry> {
    return this.byId.values()
  }

  get(id: Hex): JournalEntry | undefined {
    return this.byId.get(id)
  }

  /** Resolves when the operation is on the disk. @throws PlimsollError when it cannot be written: then it was not accepted */
  async accept(id: Hex, body: OperationRequest, at: number): Promise<JournalEntry> {
    const entry: JournalEntry = { n: ++this.count, id, body, at, outcome: undefined }
    await this.append({ n: entry.n, id, body, at })
    this.byId.set(id, entry)
    return entry
  }

  async record(outcome: Outcome): Promise<void> {
    await this.append(outcome)
    const entry = this.byId.get(outcome.id)
    if (entry !== undefined) entry.outcome = outcome
  }

  async close(): Promise<void> {
    await this.last
    await this.file.close()
  }

  /** One line after the other. */
  private append(line: unknown): Promise<void> {
    const written = this.last.then(() => this.write(Buffer.from(`${encodeJson(line)}\n`)))
    this.last = written.catch(() => {})
    return written
  }

  private async write(line: Buffer): Promise<void> {
    if (this.broken) throw new PlimsollError('The journal cannot be written.')
    try {
      await this.file.appendFile(line)
      await this.file.datasync()
      this.length += line.length
    } catch (error) {
      // Half a line must not be followed by others; nor may one whose sync failed come back after a crash.
      await this.file.truncate(this.length).catch(() => (this.broken = true))
      throw new PlimsollError(`The journal cannot be written: ${(error as Error).message}.`)
    }
  }

  private replay(line: string, place: string): void {
    const fields = parseLine(line)
    if (fields === undefined) throw new PlimsollError(`${place} is not a line of a journal.`, { hint: 'Restore the file: it holds what owners were promised.' })
    if ('status' in fields) {
      const entry = this.byId.get(fields.id)
      if (entry === undefined) throw new PlimsollError(`${place} is the outcome of an operation that was never accepted.`)
      entry.outcome = fields
    } else {
      this.byId.set(fields.id, { ...fields, outcome: undefined })
      this.count = fields.n
    }
  }
}

function parseLine(line: string): Omit<JournalEntry, 'outcome'> | Outcome | undefined {
  try {
    const fields = JSON.parse(line) as Record<string, unknown>
    if (typeof fields.id !== 'string') return undefined
    if (fields.status === 'settled' || fields.status === 'failed') return fields as unknown as Outcome
    return { n: Number(fields.n), id: fields.id as Hex, at: Number(fields.at), body: operationSchema.parse(fields.body) }
  } catch {
    return undefined
  }
}
