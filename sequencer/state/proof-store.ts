import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { CircuitInput } from '../../protocol/circuit-input.ts'
import { keyOf, type SomeKeys } from '../../prover/keys.ts'
import type { CircuitName } from '../../prover/profiles.ts'
import type { ProofSource, Proven, ProveOptions } from '../../prover/proof-service.ts'

const FOLDER = 'proofs'
const NAME = /^[0-9a-f]{64}\.json$/
/** Proofs kept at the most: several settlements' worth. */
const KEPT = 256

/**
 * Remembers finished proofs on the disk, so that what a crash interrupts does not have to be proven again. A proof's name is a
 * hash of circuit key and input; the input itself, which is secret, is not written. What is found is verified before it is used.
 */
export class ProofStore implements ProofSource {
  /** Number of proofs that did not have to be made. */
  reused = 0
  readonly #directory: string
  readonly #source: ProofSource
  readonly #kept: number

  /**
   * @param directory of the node
   * @param source maker of the proofs that are not there; one that cannot verify is asked for every proof
   * @param kept proofs that stay on the disk, the latest ones
   */
  constructor(directory: string, source: ProofSource, kept = KEPT) {
    this.#directory = join(directory, FOLDER)
    this.#source = source
    this.#kept = kept
  }

  get width(): number {
    return this.#source.width ?? 2
  }

  async prove(keys: SomeKeys, circuit: CircuitName, input: CircuitInput, options?: ProveOptions): Promise<Proven> {
    if (this.#source.verify === undefined) return this.#source.prove(keys, circuit, input, options)
    const path = join(this.#directory, `${nameOf(keys, circuit, input)}.json`)
    const known = await this.#read(path, keys, circuit)
    if (known !== undefined) {
      this.reused++
      return known
    }
    const proven = await this.#source.prove(keys, circuit, input, options)
    // A proof that cannot be kept is as good as any other.
    await this.#write(path, proven).catch(() => {})
    return proven
  }

  /** Removes the oldest beyond what is kept. */
  async prune(): Promise<void> {
    const names = (await readdir(this.#directory).catch(() => [])).filter((name) => NAME.test(name))
    if (names.length <= this.#kept) return
    const aged = await Promise.all(
      names.map(async (name) => ({ name, age: (await stat(join(this.#directory, name))).mtimeMs })),
    )
    aged.sort((a, b) => a.age - b.age)
    for (const { name } of aged.slice(0, names.length - this.#kept))
      await rm(join(this.#directory, name), { force: true })
  }

  /** A proof that was kept; undefined where there is none, or none that is good. */
  async #read(path: string, keys: SomeKeys, circuit: CircuitName): Promise<Proven | undefined> {
    try {
      const { proof, signals } = JSON.parse(await readFile(path, 'utf8')) as {
        proof: Proven['proof']
        signals: string[]
      }
      const proven = { proof, signals: signals.map(BigInt) }
      if (await this.#source.verify!(keys, circuit, proven)) return proven
    } catch {
      // Never made, or torn by the crash.
    }
    return undefined
  }

  async #write(path: string, { proof, signals }: Proven): Promise<void> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 })
    await writeFile(`${path}.tmp`, JSON.stringify({ proof, signals: signals.map(String) }), { mode: 0o600 })
    await rename(`${path}.tmp`, path)
  }
}

function nameOf(keys: SomeKeys, circuit: CircuitName, input: CircuitInput): string {
  const text = JSON.stringify([circuit, keyOf(keys, circuit).keyHash, input], (_, value: unknown) =>
    typeof value === 'bigint' ? `${value}n` : value,
  )
  return createHash('sha256').update(text).digest('hex')
}
