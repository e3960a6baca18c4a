import { FIELD } from '../protocol/constants.ts'
import type { CircuitInput, InputValue } from '../prover/witness.ts'

/** Bytes of a field element. */
const WORD = 32

/** A value's nesting: a number where there is a list, of that many values alike or of the shapes that follow. */
type Shape = 0 | readonly Shape[]

/**
 * Writes a circuit's input so that its length says nothing about its values: the shape, which is the same for every input of a
 * circuit, and then each value modulo r, in 32 bytes.
 */
export function encodeInput(input: CircuitInput): Buffer {
  const words: bigint[] = []
  const shapes = Object.entries(input).map(([name, value]) => [name, shapeOf(value, words)])
  const shape = Buffer.from(JSON.stringify(shapes))
  const length = Buffer.alloc(4)
  length.writeUInt32BE(shape.length)
  const text = words.map((word) => word.toString(16).padStart(2 * WORD, '0')).join('')
  return Buffer.concat([length, shape, Buffer.from(text, 'hex')])
}

/** @throws where the bytes are no input */
export function decodeInput(bytes: Buffer): CircuitInput {
  const length = bytes.readUInt32BE()
  const shapes = JSON.parse(bytes.toString('utf8', 4, 4 + length)) as readonly (readonly [string, Shape])[]
  let at = 4 + length
  const read = (shape: Shape): InputValue => {
    if (shape !== 0) return shape.map(read)
    if (at + WORD > bytes.length) throw new RangeError('The input is too short.')
    const value = BigInt(`0x${bytes.toString('hex', at, at + WORD)}`)
    at += WORD
    return value
  }
  return Object.fromEntries(shapes.map(([name, shape]) => [name, read(shape)]))
}

function shapeOf(value: InputValue, words: bigint[]): Shape {
  if (typeof value === 'object') return value.map((each) => shapeOf(each, words))
  words.push(((BigInt(value) % FIELD) + FIELD) % FIELD)
  return 0
}
