import { FIELD } from '../../protocol/constants.ts'
import { type Combination, type Constraint, evaluate } from './circuit-constraints.ts'
import { divide } from './circuit-mutation.ts'

/** A linear form over wires: coefficients that are not 0 modulo r. */
type Form = Map<number, bigint>

/** An equation that was solved for one of its wires: `wire = - the sum of rest`. */
interface Solved {
  readonly wire: number
  /** Coefficients of wires that were not solved yet. */
  readonly rest: Form
}

/**
 * Directions in which a valid witness can move, to first order: a basis of the kernel of `dA B + A dB - dC` over all
 * constraints `A B = C`, while some wires stay. Elimination is exact and over the field itself, so that this is the
 * kernel and no guess at it: where it is empty no other witness lies next to this one, whichever wires were to move
 * together.
 * @param fixed wires that stay, besides the constant one: the inputs
 * @returns for each direction the wires that move
 */
export function tangentDirections(
  constraints: readonly Constraint[],
  witness: readonly bigint[],
  fixed: ReadonlySet<number>,
): number[][] {
  const forms = constraints.map((constraint) => linearForm(constraint, witness, fixed))
  const solved = eliminate(forms, witness.length)
  // What an unsolved wire moves with it: solutions are read from the last to the first, whose rest is then known.
  const isSolved = new Set(solved.map(({ wire }) => wire))
  const open = witness.flatMap((_, wire) => (wire === 0 || fixed.has(wire) || isSolved.has(wire) ? [] : [wire]))
  const moves = new Map<number, Form>(open.map((wire) => [wire, new Map([[wire, 1n]])]))
  for (const { wire, rest } of solved.toReversed()) {
    const form: Form = new Map()
    for (const [other, coefficient] of rest) {
      const moved = moves.get(other)
      if (moved !== undefined) subtract(form, moved, coefficient)
    }
    if (form.size > 0) moves.set(wire, form)
  }
  return open.map((wire) => [wire, ...[...moves].flatMap(([w, form]) => (w !== wire && form.has(wire) ? [w] : []))])
}

/** The derivative of `A B - C` at the witness, without the wires that stay. */
function linearForm({ a, b, c }: Constraint, witness: readonly bigint[], fixed: ReadonlySet<number>): Form {
  const form: Form = new Map()
  const add = (combination: Combination, factor: bigint) => {
    if (factor === 0n) return
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
 * Solves equations `form = 0`, which are used up, in an order that keeps them short (Markowitz): next is always the
 * shortest, and it is solved for the wire that the fewest others have. Equations of one wire come first: most wires
 * follow from the inputs in this way, one after the other, and a gadget in which some do not is solved by itself.
 */
function eliminate(forms: readonly Form[], wires: number): Solved[] {
  const users = Array.from({ length: wires }, () => new Set<number>())
  const ofSize: Set<number>[] = []
  const file = (i: number) => {
    const { size } = forms[i]!
    while (ofSize.length <= size) ofSize.push(new Set())
    ofSize[size]!.add(i)
  }
  forms.forEach((form, i) => {
    for (const wire of form.keys()) users[wire]!.add(i)
    file(i)
  })
  const solved: Solved[] = []
  for (;;) {
    const shortest = ofSize.find((equations, size) => size > 0 && equations.size > 0)
    const [i] = shortest ?? []
    if (shortest === undefined || i === undefined) return solved
    shortest.delete(i)
    const form = forms[i]!
    let wire = -1
    for (const candidate of form.keys()) {
      users[candidate]!.delete(i)
      if (wire < 0 || users[candidate]!.size < users[wire]!.size) wire = candidate
    }
    const inverse = form.size === 1 ? 0n : divide(1n, form.get(wire)!)
    form.delete(wire)
    const rest: Form = new Map([...form].map(([other, value]) => [other, (value * inverse) % FIELD]))
    solved.push({ wire, rest })
    for (const user of users[wire]!) {
      const equation = forms[user]!
      ofSize[equation.size]!.delete(user)
      const times = equation.get(wire)!
      equation.delete(wire)
      subtract(equation, rest, times, (other, isIn) => {
        if (isIn) users[other]!.add(user)
        else users[other]!.delete(user)
      })
      file(user)
    }
    users[wire]!.clear()
  }
}

/** `form -= times * other`; tells which wires come in or leave. */
function subtract(form: Form, other: Form, times: bigint, changed?: (wire: number, isIn: boolean) => void): void {
  for (const [wire, coefficient] of other) {
    const before = form.get(wire)
    const value = ((before ?? 0n) - times * coefficient) % FIELD
    if (value === 0n) {
      form.delete(wire)
      if (before !== undefined) changed?.(wire, false)
    } else {
      form.set(wire, value)
      if (before === undefined) changed?.(wire, true)
    }
  }
}
