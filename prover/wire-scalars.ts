import { PlimsollError } from '../protocol/errors.ts'
import type { ConstraintTerms } from './constraint-terms.ts'
import { inverse, SCALAR_FIELD as R } from './kernel/bigint-field.ts'
import { SCALAR_WORDS } from './kernel/digits.ts'
import type { Kernel } from './kernel/kernel.ts'
import { lagrangeValues } from './kernel/lagrange.ts'
import { allocateScalars, importScalars, SCALAR_BYTES, type Scalars, writeElements } from './kernel/scalars.ts'
import { isCanonical } from './kernel/tasks.ts'
import { TermSums } from './kernel/term-sums.ts'
import type { R1cs } from './r1cs.ts'

/** Secrets that a development key knows and a ceremony would have destroyed. */
export interface Trapdoor {
  readonly tau: bigint
  readonly alpha: bigint
  readonly beta: bigint
  readonly delta: bigint
}

/** The discrete logarithms of a key's points, in the kernel's memory, and its constraint matrices. */
export interface WireScalars {
  readonly domainSize: number
  /** A_i(tau) for every wire. */
  readonly a: Scalars
  /** B_i(tau) for every wire. */
  readonly b: Scalars
  /** beta A_i + alpha B_i + C_i for the constant and the public wires; gamma is 1. */
  readonly publicWires: Scalars
  /** (beta A_i + alpha B_i + C_i) / delta for the other wires. */
  readonly privateWires: Scalars
  /** The odd Lagrange polynomials of the domain of double size at tau, over delta: the quotient's values are on that coset. */
  readonly quotient: Scalars
  /** Section 4 of a .zkey: a count, then (matrix, constraint, wire, coefficient times 2^512) for A and B. */
  readonly coefficients: Uint8Array
}

/** 32-bit words of a term in section 4. */
const TERM_WORDS = 3 + SCALAR_WORDS

/** A circuit's terms and what their factors are in the kernel's memory. */
interface Evaluation {
  readonly kernel: Kernel
  readonly terms: ConstraintTerms
  readonly wires: number
  readonly inputs: number
  /** The coefficients as integers, and the address of their elements. */
  readonly values: Scalars
  readonly coefficients: number
  /** The Lagrange basis at tau, by constraint. */
  readonly basis: Scalars
}

/**
 * Evaluates a circuit's QAP at a known tau. @throws PlimsollError for a coefficient of r or more; `name` is what
 * errors call the file.
 */
export async function wireScalars(
  kernel: Kernel,
  r1cs: R1cs,
  terms: ConstraintTerms,
  trapdoor: Trapdoor,
  name: string,
): Promise<WireScalars> {
  const { arena, machine } = kernel
  const { wires } = r1cs
  const inputs = r1cs.publicSignals + 1
  const log = Math.ceil(Math.log2(r1cs.constraintCount + inputs))
  const { basis, odd } = lagrangeValues(kernel, log, trapdoor.tau, inverse(trapdoor.delta, R))
  const [a, b, combined] = [wires, wires, evenUp(wires)].map((count) => allocateScalars(kernel, count)) as [
    Scalars,
    Scalars,
    Scalars,
  ]

  const mark = arena.used
  const values = allocateScalars(kernel, terms.values.length / SCALAR_WORDS)
  machine.words(values.pointer, terms.values.length).set(terms.values)
  if (!isCanonical(machine, values.pointer, values.count, R))
    throw new PlimsollError(`${name} has a coefficient that is not below the scalar field's modulus.`)
  const evaluation = { kernel, terms, wires, inputs, values, coefficients: importScalars(kernel, values, 1n), basis }
  await sumColumns(evaluation, a, b)
  await combineColumns(evaluation, trapdoor, a, b, combined)
  const coefficients = coefficientSection(evaluation)
  arena.release(mark)

  return {
    domainSize: 2 ** log,
    a,
    b,
    coefficients,
    quotient: odd,
    publicWires: { pointer: combined.pointer, count: inputs },
    privateWires: { pointer: combined.pointer + SCALAR_BYTES * inputs, count: wires - inputs },
  }
}

function evenUp(count: number): number {
  return count + (count % 2)
}

/** A_i(tau) and B_i(tau) for every wire: sums over the constraints of coefficient times basis. */
async function sumColumns(
  { kernel, terms, wires, coefficients, basis }: Evaluation,
  a: Scalars,
  b: Scalars,
): Promise<void> {
  const { elementBytes } = kernel.machine
  const sums = new TermSums(kernel, [termCounts(terms, 0, wires), termCounts(terms, 1, wires)])
  const atTau = importScalars(kernel, basis, 1n)
  for (let term = 0; term < terms.count; term++) {
    const matrix = terms.matrices[term]!
    if (matrix > 1) continue
    sums.add(
      matrix,
      terms.wires[term]!,
      coefficients + terms.coefficients[term]! * elementBytes,
      atTau + terms.rows[term]! * elementBytes,
    )
  }
  await sums.export(a.pointer, b.pointer)
}

/**
 * beta A_i + alpha B_i + C_i for every wire, over gamma = 1 or over delta: the first half of the wires in one lane,
 * the others in the second.
 */
async function combineColumns(
  { kernel, terms, wires, inputs, coefficients, basis }: Evaluation,
  trapdoor: Trapdoor,
  a: Scalars,
  b: Scalars,
  combined: Scalars,
): Promise<void> {
  const { elementBytes } = kernel.machine
  const half = combined.count / 2
  const lengths = termCounts(terms, 2, combined.count).map((count) => count + 2)
  const sums = new TermSums(kernel, [lengths.subarray(0, half), lengths.subarray(half)])
  const add = (wire: number, coefficient: number, value: number): void =>
    sums.add(wire < half ? 0 : 1, wire % half, coefficient, value)

  const [aElements, bElements] = [importScalars(kernel, a, 1n), importScalars(kernel, b, 1n)]
  const over = (divisor: bigint) => {
    const factor = inverse(divisor, R)
    return {
      beta: writeElements(kernel, trapdoor.beta * factor),
      alpha: writeElements(kernel, trapdoor.alpha * factor),
      basis: importScalars(kernel, basis, factor),
    }
  }
  const [overGamma, overDelta] = [over(1n), over(trapdoor.delta)]
  for (let wire = 0; wire < wires; wire++) {
    const { beta, alpha } = wire < inputs ? overGamma : overDelta
    add(wire, beta, aElements + wire * elementBytes)
    add(wire, alpha, bElements + wire * elementBytes)
  }
  for (let term = 0; term < terms.count; term++) {
    if (terms.matrices[term] !== 2) continue
    const wire = terms.wires[term]!
    const { basis: atTau } = wire < inputs ? overGamma : overDelta
    add(wire, coefficients + terms.coefficients[term]! * elementBytes, atTau + terms.rows[term]! * elementBytes)
  }
  await sums.export(combined.pointer, combined.pointer + SCALAR_BYTES * half)
}

/** Number of terms that each wire has in a matrix. */
function termCounts(terms: ConstraintTerms, matrix: number, wires: number): Uint32Array {
  const counts = new Uint32Array(wires)
  for (let term = 0; term < terms.count; term++) if (terms.matrices[term] === matrix) counts[terms.wires[term]!]!++
  return counts
}

function coefficientSection({ kernel, terms, values, coefficients }: Evaluation): Uint8Array {
  const { machine } = kernel
  const scaled = allocateScalars(kernel, evenUp(values.count))
  machine.call.fr_exportTimes!(coefficients, scaled.pointer, scaled.count / 2, writeElements(kernel, 1n << 512n))
  const source = machine.words(scaled.pointer, SCALAR_WORDS * scaled.count)

  const written = terms.matrices.reduce((count, matrix) => count + (matrix < 2 ? 1 : 0), 0)
  const section = new Uint32Array(1 + written * TERM_WORDS)
  section[0] = written
  let position = 1
  for (let term = 0; term < terms.count; term++) {
    if (terms.matrices[term]! > 1) continue
    section[position++] = terms.matrices[term]!
    section[position++] = terms.rows[term]!
    section[position++] = terms.wires[term]!
    const value = terms.coefficients[term]! * SCALAR_WORDS
    for (let word = 0; word < SCALAR_WORDS; word++) section[position++] = source[value + word]!
  }
  return new Uint8Array(section.buffer)
}
