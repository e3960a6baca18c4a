import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { CircuitInput } from '../../protocol/circuit-input.ts'
import { FIELD } from '../../protocol/constants.ts'
import { PlimsollError } from '../../protocol/errors.ts'
import { compileCircuit, compilerVersions } from '../../prover/compile.ts'
import { cachedDirectory } from '../../prover/key-cache.ts'
import { cacheRoot, ensureKeys } from '../../prover/keys.ts'
import { type CircuitName, mainSource, type Profile, stepsOf, windowOf } from '../../prover/profiles.ts'
import { readR1cs } from '../../prover/r1cs.ts'
import { WitnessCalculator } from '../../prover/witness.ts'
import { type Constraint, readConstraints } from './circuit-constraints.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const CIRCUITS = join(ROOT, 'circuits')

/** What became of an input: a witness, or the template whose assertion failed and its line. */
export type Outcome =
  | { readonly witness: () => bigint[] }
  | { readonly template: string; readonly line: number; readonly message: string }

/** A compiled circuit, for witnesses and constraints. Compilations are cached by content. */
export class Circuit {
  readonly name: string
  readonly #calculator: WitnessCalculator
  readonly #files: string
  #parsed: Constraint[] | undefined

  private constructor(name: string, calculator: WitnessCalculator, files: string) {
    this.name = name
    this.#calculator = calculator
    this.#files = files
  }

  /** A circuit of this main component, compiled by itself. */
  static async compile(name: string, main: string): Promise<Circuit> {
    return Circuit.#open(name, join(await compiled(name, main), name))
  }

  /** A circuit of profile `tiny`, as it was compiled for its keys. */
  static async ofKeys(name: CircuitName): Promise<Circuit> {
    const { [name]: keys } = await ensureKeys('tiny', { circuits: [name] })
    return Circuit.#open(name, keys.r1cs.slice(0, -'.r1cs'.length))
  }

  static async #open(name: string, files: string): Promise<Circuit> {
    return new Circuit(name, await WitnessCalculator.open(`${files}.wasm`, name), files)
  }

  get constraints(): readonly Constraint[] {
    this.#parsed ??= readConstraints(`${this.#files}.r1cs`)
    return this.#parsed
  }

  /** The wires' names: several where the compiler merged signals into one wire. */
  async wireNames(): Promise<Map<number, string[]>> {
    const names = new Map<number, string[]>()
    for (const line of (await readFile(`${this.#files}.sym`, 'utf8')).split('\n')) {
      const [, wire, , name] = line.split(',')
      if (name === undefined || wire === '-1') continue
      const list = names.get(Number(wire))
      if (list === undefined) names.set(Number(wire), [name])
      else list.push(name)
    }
    return names
  }

  /** Runs the circuit's own witness program, with its assertions. */
  async run(input: CircuitInput): Promise<Outcome> {
    try {
      const bytes = await this.#calculator.calculate(input)
      return { witness: () => decodeWitness(bytes) }
    } catch (error) {
      const message = error instanceof PlimsollError ? `${error.message} ${error.hint ?? ''}` : ''
      // The innermost template comes first: "Error in template AssertRange_3 line: 10".
      const place = /Error in template (\w+?)_\d+ line: (\d+)/.exec(message)
      if (place === null) throw error
      return { template: place[1]!, line: Number(place[2]), message }
    }
  }
}

const opened = new Map<string, Promise<Circuit>>()

/** The circuit of profile `tiny`, opened once a process. */
export function openCircuit(circuit: CircuitName): Promise<Circuit> {
  let result = opened.get(circuit)
  if (result === undefined) {
    result = Circuit.ofKeys(circuit)
    opened.set(circuit, result)
  }
  return result
}

/** Number of constraints of a circuit in the sizes of a profile. */
export async function countConstraints(circuit: CircuitName, profile: Profile): Promise<number> {
  const size = windowOf(circuit, profile) || profile.depth
  const name = `${circuit}-${stepsOf(circuit, profile)}-${size}`
  const directory = await compiled(name, mainSource(circuit, profile), true)
  return readR1cs(join(directory, `${name}.r1cs`)).constraintCount
}

/** Directory of what a main component was compiled to, kept by content. */
async function compiled(name: string, main: string, constraintsOnly = false): Promise<string> {
  const kind = constraintsOnly ? 'constraints' : 'circuits'
  return cachedDirectory(join(cacheRoot(), kind, name), await contentHash(main), (output) =>
    compileCircuit({ name, main, circuits: CIRCUITS, output, constraintsOnly }),
  )
}

function decodeWitness(bytes: Uint8Array<ArrayBuffer>): bigint[] {
  const words = new BigUint64Array(bytes.buffer)
  const witness = Array<bigint>(words.length / 4)
  for (let i = 0; i < witness.length; i++) {
    const at = 4 * i
    witness[i] = words[at]! | (words[at + 1]! << 64n) | (words[at + 2]! << 128n) | (words[at + 3]! << 192n)
  }
  return witness
}

/** `value` modulo r, in [0, r). */
export function mod(value: bigint): bigint {
  const rest = value % FIELD
  return rest < 0n ? rest + FIELD : rest
}

async function contentHash(main: string): Promise<string> {
  const hash = createHash('sha256')
  const add = (part: string) => hash.update(`${Buffer.byteLength(part)}:`).update(part)
  add(compilerVersions())
  add(main)
  const names = (await readdir(CIRCUITS, { recursive: true })).filter((name) => name.endsWith('.circom')).sort()
  for (const name of names) {
    add(name)
    add(await readFile(join(CIRCUITS, name), 'utf8'))
  }
  return hash.digest('hex').slice(0, 32)
}
