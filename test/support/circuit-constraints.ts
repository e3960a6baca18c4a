import { FIELD } from '../../protocol/constants.ts'
import { readR1cs } from '../../prover/r1cs.ts'

/** `sum coefficient * wire`; wire 0 is the constant one. */
export type Combination = readonly (readonly [wire: number, coefficient: bigint])[]

/** `a * b = c`. */
export interface Constraint {
  readonly a: Combination
  readonly b: Combination
  readonly c: Combination
}

export function readConstraints(path: string): Constraint[] {
  const { constraints: bytes, constraintCount } = readR1cs(path)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  // Few coefficients are distinct: sharing them saves most of the memory.
  const seen = new Map<bigint, bigint>()
  let position = 0
  const combination = (): Combination => {
    const terms = view.getUint32(position, true)
    position += 4
    return Array.from({ length: terms }, () => {
      const wire = view.getUint32(position, true)
      let coefficient = 0n
      for (let word = 3; word >= 0; word--)
        coefficient = (coefficient << 64n) | view.getBigUint64(position + 4 + 8 * word, true)
      position += 36
      const shared = seen.get(coefficient)
      if (shared === undefined) seen.set(coefficient, coefficient)
      return [wire, shared ?? coefficient] as const
    })
  }
  return Array.from({ length: constraintCount }, () => ({ a: combination(), b: combination(), c: combination() }))
}

export function evaluate(combination: Combination, witness: readonly bigint[]): bigint {
  let sum = 0n
  for (const [wire, coefficient] of combination) sum += coefficient * witness[wire]!
  return sum % FIELD
}

/** Numbers of the constraints that the witness violates. */
export function violations(constraints: readonly Constraint[], witness: readonly bigint[]): number[] {
  const violated: number[] = []
  constraints.forEach(({ a, b, c }, i) => {
    if ((evaluate(a, witness) * evaluate(b, witness) - evaluate(c, witness)) % FIELD !== 0n) violated.push(i)
  })
  return violated
}
