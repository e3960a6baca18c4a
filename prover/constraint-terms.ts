import { PlimsollError } from '../protocol/errors.ts'
import { WordDictionary } from './kernel/dictionary.ts'
import type { R1cs } from './r1cs.ts'

/** The terms of a circuit's matrices, one after the other: constraint by constraint, and in each A, B, C. */
export interface ConstraintTerms {
  readonly count: number
  /** 0, 1, 2 for A, B, C. */
  readonly matrices: Uint8Array
  readonly rows: Uint32Array
  readonly wires: Uint32Array
  /** Numbers of the coefficients. */
  readonly coefficients: Uint32Array
  /** The coefficients by number, as eight 32-bit words each, little-endian. */
  readonly values: Uint32Array
}

const COEFFICIENT_WORDS = 8
const TERM_WORDS = 1 + COEFFICIENT_WORDS
const MATRICES = 3

/**
 * Reads the terms of all constraints, and adds what snarkjs binds the constant and the public wires with: a row each, so that no two
 * of them are linearly dependent. @throws PlimsollError where the constraints are malformed; `name` is what errors call the file.
 */
export function constraintTerms(
  { constraints, constraintCount, publicSignals, wires: wireCount }: R1cs,
  name: string,
): ConstraintTerms {
  // A copy, as words of the file need not be aligned.
  const words = new Uint32Array(new Uint8Array(constraints).buffer)
  const inFile = (words.length - MATRICES * constraintCount) / TERM_WORDS
  const malformed = () => new PlimsollError(`The constraints of ${name} are malformed.`)
  if (!Number.isInteger(inFile) || inFile < 0) throw malformed()

  const count = inFile + publicSignals + 1
  const [matrices, rows, wires, coefficients] = [
    new Uint8Array(count),
    new Uint32Array(count),
    new Uint32Array(count),
    new Uint32Array(count),
  ]
  const dictionary = new WordDictionary(COEFFICIENT_WORDS)
  let [term, position] = [0, 0]
  const add = (matrix: number, row: number, wire: number, coefficient: number): void => {
    matrices[term] = matrix
    rows[term] = row
    wires[term] = wire
    coefficients[term++] = coefficient
  }
  for (let row = 0; row < constraintCount; row++) {
    for (let matrix = 0; matrix < MATRICES; matrix++) {
      let left = words[position++]!
      if (!(position + left * TERM_WORDS <= words.length)) throw malformed()
      for (; left > 0; left--, position += TERM_WORDS) {
        if (words[position]! >= wireCount) throw malformed()
        add(matrix, row, words[position]!, dictionary.number(words, position + 1))
      }
    }
  }
  if (term !== inFile) throw malformed()
  const one = dictionary.number(Uint32Array.of(1, 0, 0, 0, 0, 0, 0, 0), 0)
  for (let wire = 0; wire <= publicSignals; wire++) add(0, constraintCount + wire, wire, one)
  return { count, matrices, rows, wires, coefficients, values: dictionary.values }
}
