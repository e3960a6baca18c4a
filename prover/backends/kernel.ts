import { type FileHandle, open } from 'node:fs/promises'
import type { Groth16Proof } from 'snarkjs'
import { PlimsollError } from '../../protocol/errors.ts'
import { Groth16, type PhaseTimer, type ProofPoints } from '../kernel/groth16.ts'
import { Kernel, type KernelOptions } from '../kernel/kernel.ts'
import type { Prover } from '../prover.ts'
import type { Witness } from '../witness.ts'
import { TableMaker, type TableOptions } from './table-maker.ts'

/** Bytes of a key's file at the most, which is what one read may ask for. */
const LARGEST_KEY = 2 ** 31 - 1

/**
 * The project's own prover. Keys are loaded once and kept; proofs are made one after the other, each on all threads. Where
 * there is memory meant for tables of a key, they are read after its first proof, or made after some.
 */
export class KernelProver implements Prover {
  readonly name = 'kernel'
  /** Set to learn how long the phases of each proof take. */
  onPhase: PhaseTimer | undefined
  readonly #options: KernelOptions
  readonly #tableOptions: TableOptions
  #kernel: Kernel | undefined
  #tables: TableMaker | undefined
  readonly #keys = new Map<string, Promise<Groth16>>()
  #queue: Promise<unknown> = Promise.resolve()

  constructor(options: KernelOptions = {}, tables: TableOptions = { bytes: 0 }) {
    this.#options = options
    this.#tableOptions = tables
  }

  /** Ends between two phases of the proof at the latest where it is aborted. */
  prove(zkey: string, witness: Witness, signal?: AbortSignal): Promise<Groth16Proof> {
    return this.#enqueue(async () => {
      signal?.throwIfAborted()
      const { a, b, c } = await this.#attempt(zkey, witness, signal)
      const words = (values: readonly bigint[]): string[] => values.map(String)
      return {
        pi_a: [...words([...a.x, ...a.y]), '1'],
        pi_b: [words(b.x), words(b.y), ['1', '0']],
        pi_c: [...words([...c.x, ...c.y]), '1'],
        protocol: 'groth16',
        curve: 'bn128',
      }
    })
  }

  prepare(zkey: string): Promise<void> {
    return this.#enqueue(async () => {
      await this.#load(zkey)
    })
  }

  /** Reads or makes the tables of a key that has been loaded, now; resolves when they are in use, or will not be. */
  async tables(zkey: string): Promise<void> {
    await this.#tables?.want(zkey, await this.#load(zkey), true)
  }

  async distrust(zkey: string): Promise<boolean> {
    return (await this.#tables?.distrust(zkey)) ?? false
  }

  async close(): Promise<void> {
    await this.#tables?.stop()
    await this.#queue
    await this.#discard()
  }

  #enqueue<T>(action: () => Promise<T>): Promise<T> {
    const done = this.#queue.then(action)
    this.#queue = done.catch(() => {})
    return done
  }

  async #attempt(zkey: string, witness: Witness, signal?: AbortSignal): Promise<ProofPoints> {
    const stopped = new Set<unknown>()
    const onPhase: PhaseTimer = (name, milliseconds) => {
      this.onPhase?.(name, milliseconds)
      if (!signal?.aborted) return
      // All tasks of the phase are done: the kernel is whole.
      stopped.add(signal.reason)
      throw signal.reason
    }
    try {
      const prover = await this.#load(zkey)
      const proof = await prover.prove(witness, onPhase)
      this.#tables?.proven(zkey, prover)
      return proof
    } catch (error) {
      // A thread may have died, or still be writing: the next proof gets a new kernel.
      if (!(error instanceof PlimsollError) && !stopped.has(error)) await this.#discard()
      throw error
    }
  }

  async #discard(): Promise<void> {
    this.#keys.clear()
    void this.#tables?.stop()
    this.#tables = undefined
    await this.#kernel?.close()
    this.#kernel = undefined
  }

  #load(zkey: string): Promise<Groth16> {
    let loaded = this.#keys.get(zkey)
    if (loaded === undefined) {
      loaded = this.#loadFile(zkey)
      this.#keys.set(zkey, loaded)
      // A key that could not be loaded is tried again.
      loaded.catch(() => this.#keys.delete(zkey))
    }
    return loaded
  }

  async #loadFile(zkey: string): Promise<Groth16> {
    const file = await open(zkey)
    try {
      const { size } = await file.stat()
      if (size > LARGEST_KEY)
        throw new PlimsollError(`${zkey} has ${size} bytes, more than the proving kernel takes.`, {
          hint: 'Use a smaller profile, or the prover snarkjs.',
        })
      // The file is on its way from the disk while this thread builds the kernel.
      const [content, kernel] = await Promise.all([readAll(file, size), this.#open()])
      return await Groth16.load(kernel, content, zkey)
    } finally {
      await file.close()
    }
  }

  async #open(): Promise<Kernel> {
    if (this.#kernel === undefined) {
      this.#kernel = new Kernel(this.#options)
      if (this.#tableOptions.bytes > 0)
        this.#tables = new TableMaker(this.#kernel, (action) => this.#enqueue(action), this.#tableOptions)
    }
    return this.#kernel
  }
}

/** Reads a file in as few calls as can be, which go on while this thread is busy: `readFile` needs it for each half megabyte. */
async function readAll(file: FileHandle, size: number): Promise<Uint8Array> {
  const content = Buffer.allocUnsafeSlow(size)
  let read = 0
  while (read < size) {
    const { bytesRead } = await file.read(content, read, size - read, read)
    // Cut off meanwhile; whoever parses it says so.
    if (bytesRead === 0) break
    read += bytesRead
  }
  return content.subarray(0, read)
}
