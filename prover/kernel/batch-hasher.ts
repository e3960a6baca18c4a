import { addPoints, BASE8, IDENTITY, type Point, SUBGROUP_ORDER } from '../../protocol/curve.ts'
import { PlimsollError } from '../../protocol/errors.ts'
import { Arena } from './arena.ts'
import { SCALAR_FIELD } from './bigint-field.ts'
import { compileOptimized } from './compile-module.ts'
import { BASE_TABLE_SIZE, baseEntry, SIGNATURE_WORDS, verifyScratch } from './eddsa-kernels.ts'
import { hasFusedMultiplyAdd } from './fused.ts'
import { buildHashModule, KERNEL_ARITIES, type KernelArity } from './hash-module.ts'
import { Machine } from './machine.ts'
import type { FieldVariant } from './module.ts'
import { HALF, type PoseidonConstants, poseidonConstants } from './poseidon-constants.ts'
import { partialScratch, partialTable } from './poseidon-kernels.ts'
import type { Signature } from './signature.ts'
import { isCanonical } from './tasks.ts'

const WORD_BYTES = 32
/** Hashes made at once: their states stay in a core's cache. Even, as they go in pairs. */
const CHUNK = 64

/** Addresses of the constants of one number of inputs. */
interface PoseidonTables {
  readonly constants: PoseidonConstants
  /** Addresses of the constants of each full round. */
  readonly full: readonly number[]
  readonly mix: number
  readonly entry: number
  readonly partial: number
}

/** Poseidon and EdDSA-Poseidon in the kernel, many at a time, on this thread. */
export class BatchHasher {
  readonly variant: FieldVariant
  readonly #machine: Machine
  readonly #tables: ReadonlyMap<KernelArity, PoseidonTables>
  readonly #factor: number
  readonly #base: number
  // One chunk's memory.
  readonly #words: number
  readonly #hashes: number
  readonly #scalars: number
  readonly #results: number
  readonly #states: readonly [number, number]
  readonly #scratch: number

  /** The default variant is the faster one that this machine has. */
  constructor(variant: FieldVariant = hasFusedMultiplyAdd() ? 'fma' : 'integer') {
    this.variant = variant
    const { bytes, constants } = buildHashModule(variant)
    const arena = new Arena()
    const machine = new Machine({ variant, module: compileOptimized(bytes), memory: arena.memory })
    this.#machine = machine
    machine.bytes(0, constants.length).set(constants)

    const table = (values: readonly bigint[]): number => {
      const pointer = arena.allocate(values.length * machine.elementBytes)
      const { view } = machine
      values.forEach((value, i) => machine.scalar.write(view, pointer + i * machine.elementBytes, value))
      return pointer
    }
    this.#tables = new Map(KERNEL_ARITIES.map((inputs) => [inputs, poseidonTables(poseidonConstants(inputs), table)]))
    this.#factor = table([machine.scalar.radix])
    this.#base = table(baseMultiples().flatMap((point) => baseEntry(point, SCALAR_FIELD)))

    const inputs = Math.max(...KERNEL_ARITIES)
    const stateBytes = (CHUNK / 2) * (inputs + 1) * 2 * machine.elementBytes
    this.#words = arena.allocate(CHUNK * inputs * WORD_BYTES)
    this.#hashes = arena.allocate(CHUNK * WORD_BYTES)
    this.#scalars = arena.allocate(CHUNK * WORD_BYTES)
    this.#results = arena.allocate(CHUNK * 8)
    this.#states = [arena.allocate(stateBytes), arena.allocate(stateBytes)]
    const scratchBytes = [...this.#tables.values()].map(({ constants }) => partialScratch(machine, constants))
    this.#scratch = arena.allocate(Math.max(verifyScratch(machine), ...scratchBytes))
  }

  /** Hashes lists of inputs, all of the same length. @throws PlimsollError for an input that is not in [0, r). */
  hashBatch(lists: readonly bigint[][]): bigint[] {
    if (lists.length === 0) return []
    const inputs = lists[0]!.length as KernelArity
    if (lists.some((list) => list.length !== inputs)) throw new RangeError('The lists of inputs are not of one length.')
    const words = new Uint8Array(lists.length * inputs * WORD_BYTES)
    const view = new DataView(words.buffer)
    lists.forEach((list, i) =>
      list.forEach((value, j) => writeWord(view, (i * inputs + j) * WORD_BYTES, requireElement(value))),
    )
    const hashes = this.hashWords(inputs, words)
    const result = new DataView(hashes.buffer)
    return lists.map((_, i) => readWord(result, i * WORD_BYTES))
  }

  /**
   * The same on 32-byte little-endian words: the inputs of one hash behind those of the other, and so the hashes.
   * @throws PlimsollError for a word of r or more, and RangeError for a number of inputs that the kernel does not have.
   */
  hashWords(inputs: KernelArity, words: Uint8Array): Uint8Array<ArrayBuffer> {
    if (!this.#tables.has(inputs)) throw new RangeError(`There is no kernel for ${inputs} inputs.`)
    const listBytes = inputs * WORD_BYTES
    if (words.length % listBytes !== 0) throw new RangeError(`The words are not lists of ${inputs}.`)
    const count = words.length / listBytes
    const hashes = new Uint8Array(count * WORD_BYTES)
    for (let first = 0; first < count; first += CHUNK) {
      const chunk = words.subarray(first * listBytes, (first + CHUNK) * listBytes)
      const size = chunk.length / listBytes
      this.#machine.bytes(this.#words, chunk.length).set(chunk)
      if (!isCanonical(this.#machine, this.#words, size * inputs, SCALAR_FIELD)) throw notAnElement()
      this.#hashChunk(inputs, size)
      hashes.set(this.#machine.bytes(this.#hashes, size * WORD_BYTES), first * WORD_BYTES)
    }
    return hashes
  }

  /**
   * Whether signatures verify, each as circomlib's EdDSA-Poseidon has it. One is invalid, too, if a coordinate or its message is not in
   * [0, r), or S not in [0, l).
   */
  verifyBatch(signatures: readonly Signature[]): boolean[] {
    const verdicts: boolean[] = []
    for (let first = 0; first < signatures.length; first += CHUNK)
      verdicts.push(...this.#verifyChunk(signatures.slice(first, first + CHUNK)))
    return verdicts
  }

  #verifyChunk(signatures: readonly Signature[]): boolean[] {
    const { view } = this.#machine
    for (const [i, { message, S, R8, A }] of signatures.entries()) {
      const values = [...R8, ...A, message]
      // What is out of range is replaced by zeros, which are not on the curve.
      const valid = values.every((value) => value >= 0n && value < SCALAR_FIELD) && S >= 0n && S < SUBGROUP_ORDER
      values.forEach((value, j) =>
        writeWord(view, this.#words + (i * SIGNATURE_WORDS + j) * WORD_BYTES, valid ? value : 0n),
      )
      writeWord(view, this.#scalars + i * WORD_BYTES, valid ? S : 0n)
    }
    this.#hashChunk(SIGNATURE_WORDS, signatures.length)
    const pairs = Math.ceil(signatures.length / 2)
    this.#machine.call.eddsa_verify!(
      this.#words,
      this.#hashes,
      this.#scalars,
      this.#base,
      this.#factor,
      this.#scratch,
      this.#results,
      pairs,
    )
    const masks = this.#machine.words(this.#results, 2 * signatures.length)
    return signatures.map((_, i) => masks[2 * i] !== 0)
  }

  /** Hashes the first `size` lists of the chunk's words; what is behind them belongs to nobody, and its hashes neither. */
  #hashChunk(inputs: KernelArity, size: number): void {
    const { call } = this.#machine
    const { constants, full, mix, entry, partial } = this.#tables.get(inputs)!
    const pairs = Math.ceil(size / 2)
    const [states, others] = this.#states
    const fullRound = (round: number, from: number, to: number, matrix: number, rows: number) =>
      call[`poseidon${inputs}_full`]!(from, to, pairs, full[round]!, matrix, rows)
    call.state_load!(this.#words, states, pairs, inputs, this.#factor)
    for (let round = 0; round < HALF; round++) {
      const [from, to] = round % 2 === 0 ? [states, others] : [others, states]
      fullRound(round, from, to, round === HALF - 1 ? entry : mix, constants.width)
    }
    call[`poseidon${inputs}_partial`]!(states, others, pairs, this.#scratch, partial)
    for (let round = HALF; round < 2 * HALF; round++) {
      const [from, to] = round % 2 === 0 ? [others, states] : [states, others]
      fullRound(round, from, to, mix, round === 2 * HALF - 1 ? 1 : constants.width)
    }
    call.state_store!(others, this.#hashes, pairs, inputs)
  }
}

function poseidonTables(constants: PoseidonConstants, table: (values: readonly bigint[]) => number): PoseidonTables {
  return {
    constants,
    full: constants.fullConstants.map((values) => table(values)),
    mix: table(constants.mix.flat()),
    entry: table(constants.entry.flat()),
    partial: table(partialTable(constants)),
  }
}

/** 0 to 255 times the base point. */
function baseMultiples(): Point[] {
  const multiples: Point[] = [IDENTITY]
  while (multiples.length < BASE_TABLE_SIZE) multiples.push(addPoints(multiples.at(-1)!, BASE8))
  return multiples
}

/** Passes on what is in [0, r). @throws PlimsollError for anything else. */
export function requireElement(value: bigint): bigint {
  if (value < 0n || value >= SCALAR_FIELD) throw notAnElement()
  return value
}

function notAnElement(): PlimsollError {
  return new PlimsollError("An input of a hash is not below the scalar field's modulus.")
}

function writeWord(view: DataView, offset: number, value: bigint): void {
  for (let i = 0; i < 4; i++) view.setBigUint64(offset + 8 * i, value >> BigInt(64 * i), true)
}

function readWord(view: DataView, offset: number): bigint {
  let value = 0n
  for (let i = 3; i >= 0; i--) value = (value << 64n) | view.getBigUint64(offset + 8 * i, true)
  return value
}
