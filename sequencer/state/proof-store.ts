import { createHash } from 'node:crypto'
import type { CircuitInput } from '../../protocol/circuit-input.ts'
import { keyOf, type SomeKeys } from '../../prover/keys.ts'
import type { CircuitName } from '../../prover/profiles.ts'
import { DEFAULT_WIDTH, type ProofSource, type Proven, type ProveOptions } from '../../prover/proof-service.ts'
import type { StateDatabase } from './state-database.ts'

/** Proofs kept at the most: several settlements' worth. */
const KEPT = 256

/**
 * Remembers finished proofs on the disk, so that what a crash interrupts does not have to be proven again. A proof's name is a
 * hash of circuit key and input; the input itself, which is secret, is not written. What is found is verified before it is used.
 */
export class ProofStore implements ProofSource {
  /** Number of proofs that did not have to be made. */
  reused = 0
  readonly #database: StateDatabase
  readonly #source: ProofSource
  readonly #kept: number

  /**
   * @param source maker of the proofs that are not there; one that cannot verify is asked for every proof
   * @param kept proofs that stay on the disk, the latest ones
   */
  constructor(database: StateDatabase, source: ProofSource, kept = KEPT) {
    this.#database = database
    this.#source = source
    this.#kept = kept
  }

  get width(): number {
    return this.#source.width ?? DEFAULT_WIDTH
  }

  async prove(keys: SomeKeys, circuit: CircuitName, input: CircuitInput, options?: ProveOptions): Promise<Proven> {
    if (this.#source.verify === undefined) return this.#source.prove(keys, circuit, input, options)
    const name = nameOf(keys, circuit, input)
    const known = await this.#read(name, keys, circuit)
    if (known !== undefined) {
      this.reused++
      return known
    }
    const proven = await this.#source.prove(keys, circuit, input, options)
    this.#write(name, proven)
    return proven
  }

  /** Removes the oldest beyond what is kept. */
  async prune(): Promise<void> {
    this.#database.run(
      'DELETE FROM proofs WHERE id NOT IN (SELECT id FROM proofs ORDER BY id DESC LIMIT ?)',
      this.#kept,
    )
  }

  /** A proof that was kept; undefined where there is none, or none that is good. */
  async #read(name: string, keys: SomeKeys, circuit: CircuitName): Promise<Proven | undefined> {
    try {
      const { proof: text } = this.#database.row('SELECT proof FROM proofs WHERE name = ?', name)!
      const { proof, signals } = JSON.parse(text as string) as { proof: Proven['proof']; signals: string[] }
      const proven = { proof, signals: signals.map(BigInt) }
      if (await this.#source.verify!(keys, circuit, proven)) return proven
    } catch {
      // Never made, or not what was written.
    }
    return undefined
  }

  #write(name: string, { proof, signals }: Proven): void {
    try {
      const text = JSON.stringify({ proof, signals: signals.map(String) })
      this.#database.run('INSERT OR REPLACE INTO proofs (name, proof) VALUES (?, ?)', name, text)
    } catch {
      // A proof that cannot be kept is as good as any other.
    }
  }
}

function nameOf(keys: SomeKeys, circuit: CircuitName, input: CircuitInput): string {
  const text = JSON.stringify([circuit, keyOf(keys, circuit).keyHash, input], (_, value: unknown) =>
    typeof value === 'bigint' ? `${value}n` : value,
  )
  return createHash('sha256').update(text).digest('hex')
}
