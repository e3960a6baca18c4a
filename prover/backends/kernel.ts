import { readFile } from 'node:fs/promises'
import type { Groth16Proof } from 'snarkjs'
import { PlimsollError } from '../../protocol/errors.ts'
import { Groth16, type PhaseTimer, type ProofPoints } from '../kernel/groth16.ts'
import { Kernel, type KernelOptions } from '../kernel/kernel.ts'
import type { Prover } from '../prover.ts'
import type { Witness } from '../witness.ts'

/** The project's own prover. Keys are loaded once and kept; proofs are made one after the other, each on all threads. */
export class KernelProver implements Prover {
  readonly name = 'kernel'
  /** Set to learn how long the phases of each proof take. */
  onPhase: PhaseTimer | undefined
  readonly #options: KernelOptions
  #kernel: Kernel | undefined
  readonly #keys = new Map<string, Promise<Groth16>>()
  #queue: Promise<unknown> = Promise.resolve()

  constructor(options: KernelOptions = {}) {
    this.#options = options
  }

  /** Ends between two phases of the proof at the latest where it is aborted. */
  prove(zkey: string, witness: Witness, signal?: AbortSignal): Promise<Groth16Proof> {
    const proof = this.#queue.then(async () => {
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
    this.#queue = proof.catch(() => {})
    return proof
  }

  prepare(zkey: string): Promise<void> {
    const loaded = this.#queue.then(async () => {
      await this.#load(zkey)
    })
    this.#queue = loaded.catch(() => {})
    return loaded
  }

  async close(): Promise<void> {
    await this.#queue
    await this.#discard()
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
      return await (await this.#load(zkey)).prove(witness, onPhase)
    } catch (error) {
      // A thread may have died, or still be writing: the next proof gets a new kernel.
      if (!(error instanceof PlimsollError) && !stopped.has(error)) await this.#discard()
      throw error
    }
  }

  async #discard(): Promise<void> {
    this.#keys.clear()
    await this.#kernel?.close()
    this.#kernel = undefined
  }

  #load(zkey: string): Promise<Groth16> {
    let loaded = this.#keys.get(zkey)
    if (loaded === undefined) {
      this.#kernel ??= new Kernel(this.#options)
      loaded = readFile(zkey).then((file) => Groth16.load(this.#kernel!, file, zkey))
      this.#keys.set(zkey, loaded)
      // A key that could not be loaded is tried again.
      loaded.catch(() => this.#keys.delete(zkey))
    }
    return loaded
  }
}
