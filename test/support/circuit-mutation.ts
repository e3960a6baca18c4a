import { FIELD } from '../../protocol/constants.ts'
import { type Combination, type Constraint, evaluate } from './circuit-constraints.ts'

/**
 * Wires of a valid witness that could change alone, to whatever value, with every constraint still satisfied.
 *
 * This is decided, not sampled. With `a`, `b`, `c` a wire's coefficients in a constraint `A B = C`, adding d to the wire
 * keeps the constraint iff `(a B + b A - c) d + a b d^2 = 0`: for d = 0 and at most one other d, or for every d.
 */
export function freeWires(constraints: readonly Constraint[], witness: readonly bigint[]): number[] {
  // Per wire: undefined while any d will do, else the only one that will; 0 when none.
  const only = Array<bigint | undefined>(witness.length).fill(undefined)
  for (const { a, b, c } of constraints) {
    const [left, right] = [evaluate(a, witness), evaluate(b, witness)]
    const wires = new Map<number, [bigint, bigint, bigint]>()
    const collect = (combination: Combination, side: 0 | 1 | 2) => {
      for (const [wire, coefficient] of combination) {
        let entry = wires.get(wire)
        if (entry === undefined) {
          entry = [0n, 0n, 0n]
          wires.set(wire, entry)
        }
        entry[side] += coefficient
      }
    }
    collect(a, 0)
    collect(b, 1)
    collect(c, 2)
    for (const [wire, [inA, inB, inC]] of wires) {
      if (only[wire] === 0n) continue
      const linear = (inA * right + inB * left - inC) % FIELD
      const square = (inA * inB) % FIELD
      if (square === 0n) {
        if (linear !== 0n) only[wire] = 0n
        continue
      }
      const root = only[wire]
      // Only a bit has both: then 1 - 2 x is left for other constraints to refuse.
      if (root === undefined) only[wire] = linear === 0n ? 0n : divide(-linear, square)
      else if ((linear + square * root) % FIELD !== 0n) only[wire] = 0n
    }
  }
  return only.flatMap((root, wire) => (wire > 0 && root !== 0n ? [wire] : []))
}

/** `a / b` modulo r. */
export function divide(a: bigint, b: bigint): bigint {
  let [r0, r1, s0, s1] = [FIELD, ((b % FIELD) + FIELD) % FIELD, 0n, 1n]
  while (r1 !== 0n) {
    const q = r0 / r1
    ;[r0, r1] = [r1, r0 - q * r1]
    ;[s0, s1] = [s1, s0 - q * s1]
  }
  return ((((a % FIELD) * s0) % FIELD) + FIELD) % FIELD
}
