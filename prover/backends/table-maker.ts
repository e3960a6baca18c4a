import { basename } from 'node:path'
import type { Groth16 } from '../kernel/groth16.ts'
import type { Kernel } from '../kernel/kernel.ts'
import { allocateTables, type KeyTables, tableBytes, tableRounds } from '../kernel/key-tables.ts'
import { TableFile } from './table-file.ts'

/** News of a key's tables: a word for machines, and a sentence. */
export interface TableEvent {
  readonly event: 'tables-made' | 'tables-read' | 'tables-refused' | 'tables-not-kept' | 'tables-not-made'
  readonly zkey: string
  readonly message: string
}

/** Terms on which a prover keeps tables. */
export interface TableOptions {
  /** Bytes of memory that those of all keys together may take; 0 for none. */
  readonly bytes: number
  /** Proofs under a key until tables are made where there are none on the disk; `PAYING_PROOFS` where it is left out. */
  readonly after?: number
  readonly onEvent?: (event: TableEvent) => void
}

/** Proofs after which making tables begins to pay: what it takes is saved again after some hundred. */
const PAYING_PROOFS = 50

/** Carries out an action alone, in turn with proofs. */
export type Turn = <T>(action: () => Promise<T>) => Promise<T>

interface Provided {
  readonly prover: Groth16
  readonly file: TableFile
}

/** Makes tables of keys, or reads them, while proofs are made: each step, of less than a tenth of a second, waits for its turn. */
export class TableMaker {
  readonly #kernel: Kernel
  readonly #turn: Turn
  readonly #options: TableOptions
  readonly #proofs = new Map<string, number>()
  /** Keys that have been seen to: what is in use, if anything. */
  readonly #provided = new Map<string, Provided | undefined>()
  readonly #distrusted = new Set<string>()
  #left: number
  #stopped = false
  #work: Promise<void> = Promise.resolve()

  constructor(kernel: Kernel, turn: Turn, options: TableOptions) {
    this.#kernel = kernel
    this.#turn = turn
    this.#options = options
    this.#left = options.bytes
  }

  /** Takes note of a proof: at the first, tables are read if there are any, and made after some. */
  proven(zkey: string, prover: Groth16): void {
    const proofs = (this.#proofs.get(zkey) ?? 0) + 1
    this.#proofs.set(zkey, proofs)
    if (proofs === (this.#options.after ?? PAYING_PROOFS)) void this.want(zkey, prover, true)
    else if (proofs === 1) void this.want(zkey, prover, false)
  }

  /** Reads a key's tables, or makes them where that is asked for. Resolves when they are in use, or will not be. */
  want(zkey: string, prover: Groth16, make: boolean): Promise<void> {
    this.#work = this.#work
      .then(() => (this.#provided.has(zkey) ? undefined : this.#provide(zkey, prover, make)))
      .catch((error: unknown) => {
        if (!this.#stopped) this.#tell('tables-not-made', zkey, `were not made: ${(error as Error).message}`)
      })
    return this.#work
  }

  /** Gives up a key's tables, with which a proof was made that is none; whether there are or were any. */
  async distrust(zkey: string): Promise<boolean> {
    const provided = this.#provided.get(zkey)
    if (provided === undefined) return this.#distrusted.has(zkey)
    this.#provided.set(zkey, undefined)
    this.#distrusted.add(zkey)
    await this.#turn(async () => provided.prover.use(undefined))
    await provided.file.remove()
    this.#tell('tables-refused', zkey, 'made a proof that does not verify; they were removed, and it is proven without')
    return true
  }

  /** Ends after the step that is under way. */
  stop(): Promise<void> {
    this.#stopped = true
    return this.#work
  }

  async #provide(zkey: string, prover: Groth16, make: boolean): Promise<void> {
    const { key } = prover
    const kernel = this.#kernel
    const file = await TableFile.of(zkey, kernel, key)
    if (!make && !(await file.exists())) return
    this.#provided.set(zkey, undefined)
    const bytes = tableBytes(kernel.machine, key)
    if (bytes > this.#left)
      return this.#tell(
        'tables-not-made',
        zkey,
        `would take ${megabytes(bytes)}, more than is left of the memory for tables`,
      )
    const tables = await this.#step(async () => allocateTables(kernel, key))
    this.#left -= bytes
    const found = await file.read(tables)
    if (found === 'malformed') {
      this.#tell('tables-refused', zkey, `in ${file.path} are damaged or of another key; they are made anew`)
      await file.remove()
    }
    if (found !== 'read') await this.#make(prover, tables)
    await this.#step(async () => prover.use(tables))
    this.#provided.set(zkey, { prover, file })
    if (found === 'read') return this.#tell('tables-read', zkey, `were read, ${megabytes(bytes)}`)
    this.#tell('tables-made', zkey, `were made, ${megabytes(bytes)}`)
    await file.write(tables).catch((error: unknown) => {
      this.#tell('tables-not-kept', zkey, `could not be kept on disk: ${(error as Error).message}`)
    })
  }

  async #make({ key }: Groth16, tables: KeyTables): Promise<void> {
    const { pool } = this.#kernel
    for (const round of tableRounds(this.#kernel, key, tables))
      await this.#step(() => Promise.all(round.map((task) => pool.run('doublings', task))))
  }

  #step<T>(action: () => Promise<T>): Promise<T> {
    return this.#turn(() => {
      if (this.#stopped) throw new Error('The prover was closed.')
      return action()
    })
  }

  #tell(event: TableEvent['event'], zkey: string, what: string): void {
    this.#options.onEvent?.({ event, zkey, message: `The tables for ${basename(zkey)} ${what}.` })
  }
}

function megabytes(bytes: number): string {
  return `${Math.max(1, Math.round(bytes / 1e6))} MB`
}
