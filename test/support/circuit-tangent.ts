import { FIELD } from '../../protocol/constants.ts'
import { type Combination, type Constraint, evaluate } from './circuit-constraints.ts'
import { divide } from './circuit-mutation.ts'

/** A linear form over wires: coefficients that are not 0 modulo r. */
type Form = Map<number, bigint>

/** Equations that elimination takes on, beyond those in which one wire is left: each costs up to its square. */
const MOST_EQUATIONS = 4_000

/**
 * Directions in which a valid witness can move, to first order and over the field exactly: a basis of the kernel of
 * `dA B + A dB - dC` over all constraints `A B = C`, while some wires stay. Where it is empty no other witness lies next to this one,
 * whichever wires were to move together.
 * @param fixed wires that stay, besides the constant one: the inputs
 * @returns for each direction the wires that move
 */
export function tangentDirections(
  constraints: readonly Constraint[],
  witness: readonly bigint[],
  fixed: ReadonlySet<number>,
): number[][] {
  const forms = constraints.map((constraint) => linearForm(constraint, witness, fixed))
  const formsOf = witness.map((): number[] => [])
  forms.forEach((form, i) => {
    for (const wire of form.keys()) formsOf[wire]!.push(i)
  })
  // Where an equation has one wire left, that wire stays: most follow from the inputs in this way, one after the other.
  const stays = new Set(fixed).add(0)
  const single = forms.flatMap((form, i) => (form.size === 1 ? [i] : []))
  for (let i = single.pop(); i !== undefined; i = single.pop()) {
    const [wire] = forms[i]!.keys()
    if (wire === undefined) continue
    stays.add(wire)
    for (const other of formsOf[wire]!) {
      forms[other]!.delete(wire)
      if (forms[other]!.size === 1) single.push(other)
    }
  }
  const solved = eliminate(forms.filter(({ size }) => size > 0))
  const open = witness.flatMap((_, wire) => (stays.has(wire) || solved.has(wire) ? [] : [wire]))
  return open.map((wire) => [wire, ...[...solved].flatMap(([other, form]) => (form.has(wire) ? [other] : []))])
}

/** The derivative of `A B - C` at the witness, without the wires that stay. */
function linearForm({ a, b, c }: Constraint, witness: readonly bigint[], fixed: ReadonlySet<number>): Form {
  const form: Form = new Map()
  const add = (combination: Combination, factor: bigint) => {
    for (const [wire, coefficient] of combination)
      if (wire !== 0 && !fixed.has(wire)) form.set(wire, ((form.get(wire) ?? 0n) + coefficient * factor) % FIELD)
  }
  add(a, evaluate(b, witness))
  add(b, evaluate(a, witness))
  add(c, -1n)
  for (const [wire, coefficient] of form) if (coefficient === 0n) form.delete(wire)
  return form
}

/**
 * Solves equations `form = 0`, each for a wire of its own, which is in none of the other solutions: wire = - the rest of its form.
 * @throws Error where there are too many
 */
function eliminate(equations: readonly Form[]): Map<number, Form> {
  if (equations.length > MOST_EQUATIONS) throw new Error(`${equations.length} equations are left: too many to solve.`)
  const solved = new Map<number, Form>()
  for (const equation of equations) {
    const form = new Map(equation)
    for (const [wire, coefficient] of equation) {
      const solution = solved.get(wire)
      if (solution !== undefined) subtract(form, solution, coefficient)
    }
    const [first] = form
    if (first === undefined) continue
    const [wire, coefficient] = first
    const scaled: Form = new Map([...form].map(([other, value]) => [other, divide(value, coefficient)]))
    for (const solution of solved.values()) {
      const times = solution.get(wire)
      if (times !== undefined) subtract(solution, scaled, times)
    }
    solved.set(wire, scaled)
  }
  return solved
}

/** `form -= times * other`. */
function subtract(form: Form, other: Form, times: bigint): void {
  for (const [wire, coefficient] of other) {
    const value = ((form.get(wire) ?? 0n) - times * coefficient) % FIELD
    if (value === 0n) form.delete(wire)
    else form.set(wire, value)
  }
}
