import { readFile } from 'node:fs/promises'
import { PlimsollError } from '../protocol/errors.ts'

/** A circuit's inputs by signal name: integers (negative ones modulo r), decimal strings, or nested arrays of them. */
export type CircuitInput = Readonly<Record<string, InputValue>>
export type InputValue = bigint | number | string | readonly InputValue[]

/** All wires of a circuit in order, 32 bytes little-endian each; wire 0 is the constant one. */
export type Witness = Uint8Array<ArrayBuffer>

interface WitnessProgram {
  init(sanityCheck: number): void
  getInputSize(): number
  getInputSignalSize(hashHigh: number, hashLow: number): number
  setInputSignal(hashHigh: number, hashLow: number, index: number): void
  getWitnessSize(): number
  getWitness(wire: number): void
  readSharedRWMemory(word: number): number
  writeSharedRWMemory(word: number, value: number): void
  getMessageChar(): number
}

const R = 21888242871839275222246405745257275088548364400416034343698204186575808495617n
const WORDS = 8

/** A circuit's witness program, compiled once for many witnesses; unlike snarkjs's, it prints nothing. */
export class WitnessCalculator {
  readonly #module: WebAssembly.Module
  readonly #name: string

  private constructor(module: WebAssembly.Module, name: string) {
    this.#module = module
    this.#name = name
  }

  /** `wasm` is the path of circom's output, `name` what errors call the circuit. */
  static async open(wasm: string, name: string): Promise<WitnessCalculator> {
    return new WitnessCalculator(await WebAssembly.compile(await readFile(wasm)), name)
  }

  /** @throws PlimsollError when an input is unknown, missing or of another size, and when an assertion of the circuit fails. */
  async calculate(input: CircuitInput): Promise<Witness> {
    const messages: string[] = []
    const { exports } = await WebAssembly.instantiate(this.#module, {
      runtime: {
        exceptionHandler: (code: number) => {
          throw this.#failure(EXCEPTIONS[code] ?? `Error ${code}.`, messages)
        },
        printErrorMessage: () => messages.push(readMessage(program)),
        writeBufferMessage: () => readMessage(program),
        showSharedRWMemory: () => {},
      },
    })
    const program = exports as unknown as WitnessProgram
    program.init(0)

    let set = 0
    for (const [signal, value] of Object.entries(input)) {
      const values = flatten(value)
      const hash = fnv1a64(signal)
      const [high, low] = [Number(hash >> 32n), Number(hash & 0xffffffffn)]
      const size = program.getInputSignalSize(high, low)
      if (size !== values.length) {
        const expected = size <= 0 ? 'no such input' : `${size} values`
        throw this.#failure(`${signal} has ${values.length} values, the circuit has ${expected}.`, [])
      }
      values.forEach((item, index) => {
        let rest = ((BigInt(item) % R) + R) % R
        for (let word = 0; word < WORDS; word++) {
          program.writeSharedRWMemory(word, Number(rest & 0xffffffffn))
          rest >>= 32n
        }
        // The circuit runs, and its assertions fail, when the last input is set.
        program.setInputSignal(high, low, index)
      })
      set += values.length
    }
    if (set !== program.getInputSize()) {
      throw this.#failure(`${set} of ${program.getInputSize()} input values are given.`, [])
    }

    const size = program.getWitnessSize()
    const words = new Uint32Array(size * WORDS)
    for (let wire = 0; wire < size; wire++) {
      program.getWitness(wire)
      for (let word = 0; word < WORDS; word++) words[wire * WORDS + word] = program.readSharedRWMemory(word)
    }
    return new Uint8Array(words.buffer)
  }

  #failure(what: string, messages: readonly string[]): PlimsollError {
    return new PlimsollError(`The input does not satisfy the circuit ${this.#name}.`, {
      hint: [what, ...messages.map((message) => message.trim())].join(' '),
    })
  }
}

/** The witness as the contents of a `.wtns` file, for snarkjs. */
export function encodeWitness(witness: Witness): Uint8Array {
  const header = Buffer.alloc(76)
  header.write('wtns', 'latin1')
  header.writeUInt32LE(2, 4)
  header.writeUInt32LE(2, 8)
  header.writeUInt32LE(1, 12)
  header.writeBigUInt64LE(40n, 16)
  header.writeUInt32LE(32, 24)
  Buffer.from(R.toString(16).padStart(64, '0'), 'hex').reverse().copy(header, 28)
  header.writeUInt32LE(witness.length / 32, 60)
  header.writeUInt32LE(2, 64)
  header.writeBigUInt64LE(BigInt(witness.length), 68)
  // A plain Uint8Array: snarkjs's slices must be copies, which a Buffer's are not.
  const file = new Uint8Array(header.length + witness.length)
  file.set(header)
  file.set(witness, header.length)
  return file
}

const EXCEPTIONS: Readonly<Record<number, string>> = {
  1: 'Signal not found.',
  2: 'Too many signals set.',
  3: 'Signal already set.',
  4: 'An assertion failed.',
  5: 'Not enough memory.',
  6: 'An input has too many values.',
}

function readMessage(program: WitnessProgram): string {
  let message = ''
  for (let code = program.getMessageChar(); code !== 0; code = program.getMessageChar())
    message += String.fromCharCode(code)
  return message
}

function flatten(value: InputValue): (bigint | number | string)[] {
  return typeof value === 'object' ? value.flatMap(flatten) : [value]
}

/** Circom's name of an input signal: a hash, FNV-1a. */
function fnv1a64(text: string): bigint {
  let hash = 0xcbf29ce484222325n
  for (const byte of Buffer.from(text)) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n)
  return hash
}
