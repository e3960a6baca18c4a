import { FIELD } from '../../protocol/constants.ts'
import { divide } from './circuit-mutation.ts'
import { mod } from './circuit.ts'
import type { Combination, Constraint } from './circuit-constraints.ts'

/** Thrown inside the search where known values break a constraint. */
class Contradiction extends Error {}

type Linear = { readonly terms: ReadonlyMap<number, bigint>; readonly constant: bigint }

/**
 * Wires that the inputs do not determine: those that some witness with the same inputs may have otherwise.
 *
 * Knowing the inputs only, it derives the rest from the constraints: a linear equation with one unknown; a sum of unknown
 * bits with distinct powers of two, which has one solution where its range does not wrap; and where that does not get on, it
 * tries both values of a bit and goes on with the one that does not end in a contradiction. The witness's other values are never used,
 * so what is derived is the only witness. What it cannot derive is reported, though it might be determined after all.
 */
export function undetermined(constraints: readonly Constraint[], wires: number, inputs: ReadonlyMap<number, bigint>): { values: Map<number, bigint>; open: number[] } {
  const search = new Search(constraints, inputs)
  search.propagate()
  search.split()
  const open: number[] = []
  for (let wire = 0; wire < wires; wire++) if (!search.known.has(wire)) open.push(wire)
  return { values: search.known, open }
}

class Search {
  known: Map<number, bigint>
  /** Wires, and virtual ones below 0, that are 0 or 1. */
  bits: Set<number>
  /** Definitions of the virtual bits: a combination that a constraint proves to be 0 or 1. */
  private readonly equations: Linear[]
  private readonly constraints: readonly Constraint[]
  private readonly users = new Map<number, number[]>()
  private pending: Set<number>
  /** Equations in several unknowns, each the only one to name its pivot: a partly solved linear system. */
  rows = new Map<number, Linear>()
  private due: Linear[] = []

  constructor(constraints: readonly Constraint[], inputs: ReadonlyMap<number, bigint>) {
    this.constraints = constraints
    this.known = new Map([[0, 1n], ...inputs])
    this.bits = new Set()
    this.equations = []
    this.pending = new Set(constraints.keys())
    constraints.forEach(({ a, b, c }, i) => {
      for (const wire of new Set([...a, ...b, ...c].map(([wire]) => wire))) this.use(wire, i)
    })
  }

  propagate(): void {
    while (this.pending.size > 0 || this.due.length > 0) {
      for (const row of this.due.splice(0)) this.solve(this.reduce(row))
      const batch = [...this.pending]
      this.pending.clear()
      for (const i of batch) {
        if (i < this.constraints.length) this.apply(this.constraints[i]!)
        else this.solve(this.reduce(this.equations[i - this.constraints.length]!))
      }
    }
  }

  /** Decides the bits that products of two unknowns hang on, one by one. */
  split(): void {
    for (;;) {
      const candidates = new Set<number>()
      for (const { a, b } of this.constraints) {
        const [left, right] = [this.linear(a), this.linear(b)]
        if (left.terms.size === 0 || right.terms.size === 0 || isBit(left, right) !== undefined) continue
        for (const { terms } of [left, right]) if (terms.size === 1) for (const wire of terms.keys()) if (this.bits.has(wire)) candidates.add(wire)
      }
      let decided = false
      for (const bit of candidates) {
        if (this.known.has(bit)) continue
        const possible = [0n, 1n].flatMap((value) => this.attempt(bit, value))
        if (possible.length === 0) throw new Contradiction()
        if (possible.length === 1) {
          this.known = possible[0]!.known
          this.bits = possible[0]!.bits
          this.rows = possible[0]!.rows
          decided = true
        }
      }
      if (!decided) return
    }
  }

  private attempt(bit: number, value: bigint): Pick<Search, 'known' | 'bits' | 'rows'>[] {
    const saved = { known: this.known, bits: this.bits, rows: this.rows }
    this.known = new Map(saved.known)
    this.bits = new Set(saved.bits)
    this.rows = new Map(saved.rows)
    try {
      this.learn(bit, value)
      this.propagate()
      return [{ known: this.known, bits: this.bits, rows: this.rows }]
    } catch (error) {
      if (!(error instanceof Contradiction)) throw error
      return []
    } finally {
      this.pending.clear()
      this.known = saved.known
      this.bits = saved.bits
      this.rows = saved.rows
      this.due = []
    }
  }

  private use(wire: number, i: number): void {
    const list = this.users.get(wire)
    if (list === undefined) this.users.set(wire, [i])
    else list.push(i)
  }

  private learn(wire: number, value: bigint): void {
    if (this.bits.has(wire) && value > 1n) throw new Contradiction()
    this.known.set(wire, value)
    for (const i of this.users.get(wire) ?? []) this.pending.add(i)
    for (const [pivot, row] of this.rows) {
      if (!row.terms.has(wire)) continue
      this.rows.delete(pivot)
      this.due.push(row)
    }
  }

  private linear(combination: Combination): Linear {
    const terms = new Map<number, bigint>()
    let constant = 0n
    for (const [wire, coefficient] of combination) {
      const value = this.known.get(wire)
      if (value === undefined) terms.set(wire, (terms.get(wire) ?? 0n) + coefficient)
      else constant += coefficient * value
    }
    return { terms, constant: mod(constant) }
  }

  private reduce({ terms, constant }: Linear): Linear {
    const rest = new Map<number, bigint>()
    let sum = constant
    for (const [wire, coefficient] of terms) {
      const value = this.known.get(wire)
      if (value === undefined) rest.set(wire, coefficient)
      else sum += coefficient * value
    }
    return { terms: rest, constant: mod(sum) }
  }

  private apply({ a, b, c }: Constraint): void {
    const [left, right, out] = [this.linear(a), this.linear(b), this.linear(c)]
    if (left.terms.size > 0 && right.terms.size > 0) {
      if (out.terms.size === 0 && out.constant === 0n) this.learnBit(left, right)
      return
    }
    // One factor is a constant.
    const [factor, other] = left.terms.size === 0 ? [left.constant, right] : [right.constant, left]
    const terms = new Map<number, bigint>()
    for (const [wire, coefficient] of other.terms) terms.set(wire, mod(factor * coefficient))
    for (const [wire, coefficient] of out.terms) terms.set(wire, mod((terms.get(wire) ?? 0n) - coefficient))
    for (const [wire, coefficient] of terms) if (coefficient === 0n) terms.delete(wire)
    this.solve({ terms, constant: mod(factor * other.constant - out.constant) })
  }

  /** `L (L - 1) = 0`. */
  private learnBit(left: Linear, right: Linear): void {
    const bit = isBit(left, right)
    if (bit === undefined) return
    const [single] = bit.terms
    if (bit.terms.size === 1 && bit.constant === 0n && single![1] === 1n) {
      if (this.bits.has(single![0])) return
      this.bits.add(single![0])
      for (const i of this.users.get(single![0]) ?? []) this.pending.add(i)
      return
    }
    // The compiler has put the bit's definition in its place: name it again.
    const virtual = -1 - this.equations.length
    const equation = { terms: new Map([...bit.terms, [virtual, FIELD - 1n]]), constant: bit.constant }
    const i = this.constraints.length + this.equations.length
    this.equations.push(equation)
    this.bits.add(virtual)
    for (const wire of equation.terms.keys()) this.use(wire, i)
    this.pending.add(i)
  }

  /** One step of Gaussian elimination, for equations without bits: the rounds of a hash, which the compiler leaves as linear systems. */
  private eliminate(equation: Linear): void {
    if (equation.terms.size > 40 || [...equation.terms.keys()].some((wire) => this.bits.has(wire))) return
    const terms = new Map(equation.terms)
    let constant = equation.constant
    for (const wire of equation.terms.keys()) {
      const row = this.rows.get(wire)
      const coefficient = terms.get(wire)
      if (row === undefined || coefficient === undefined) continue
      const factor = mod(coefficient * divide(1n, row.terms.get(wire)!))
      constant = mod(constant - factor * row.constant)
      for (const [other, value] of row.terms) {
        const rest = mod((terms.get(other) ?? 0n) - factor * value)
        if (rest === 0n) terms.delete(other)
        else terms.set(other, rest)
      }
    }
    if (terms.size <= 1) return this.solve({ terms, constant })
    // Every row is free of every other row's pivot.
    const [pivot] = terms.keys()
    const own = { terms, constant }
    const scale = divide(1n, terms.get(pivot!)!)
    for (const [other, row] of this.rows) {
      const coefficient = row.terms.get(pivot!)
      if (coefficient === undefined) continue
      const factor = mod(coefficient * scale)
      const reduced = new Map(row.terms)
      for (const [wire, value] of terms) {
        const rest = mod((reduced.get(wire) ?? 0n) - factor * value)
        if (rest === 0n) reduced.delete(wire)
        else reduced.set(wire, rest)
      }
      const next = { terms: reduced, constant: mod(row.constant - factor * constant) }
      if (reduced.size > 1) this.rows.set(other, next)
      else {
        this.rows.delete(other)
        this.due.push(next)
      }
    }
    this.rows.set(pivot!, own)
  }

  /** `sum coefficient * unknown + constant = 0`. */
  private solve({ terms, constant }: Linear): void {
    if (terms.size === 0) {
      if (constant !== 0n) throw new Contradiction()
      return
    }
    const list = [...terms]
    if (list.length === 1) return this.learn(list[0]![0], divide(-constant, list[0]![1]))
    if (!list.every(([wire]) => this.bits.has(wire))) return this.eliminate({ terms, constant })
    for (const [, unit] of list) {
      const scale = divide(1n, unit)
      const powers = list.map(([wire, coefficient]) => ({ wire, ...power(mod(coefficient * scale)) }))
      if (powers.some(({ exponent }) => exponent === undefined || exponent > 250)) continue
      if (new Set(powers.map(({ exponent }) => exponent)).size < powers.length) return
      // A bit of negative weight is one less its complement.
      let rest = mod(-constant * scale + powers.reduce((sum, { exponent, negative }) => sum + (negative ? 1n << BigInt(exponent!) : 0n), 0n))
      const found = powers
        .toSorted((p, q) => q.exponent! - p.exponent!)
        .map(({ wire, exponent, negative }) => {
          const one = rest >> BigInt(exponent!) > 0n
          if (one) rest -= 1n << BigInt(exponent!)
          return [wire, one !== negative ? 1n : 0n] as const
        })
      if (rest !== 0n) throw new Contradiction()
      for (const [wire, value] of found) this.learn(wire, value)
      return
    }
  }
}

/** The combination that `left * right = 0` shows to be 0 or 1, if it does. */
function isBit(left: Linear, right: Linear): Linear | undefined {
  if (left.terms.size !== right.terms.size) return undefined
  for (const [one, other] of [[left, right], [right, left]] as const) {
    const [wire, coefficient] = one.terms.entries().next().value!
    const inOther = other.terms.get(wire)
    if (inOther === undefined) return undefined
    // one = s L and other = t (L - 1): with L = one / s, other's constant less what L's gives is -t.
    const ratio = divide(inOther, coefficient)
    for (const [wire, value] of one.terms) if (mod(value * ratio) !== mod(other.terms.get(wire) ?? 0n)) return undefined
    // other = ratio * one + gap; both vanish at L = 0 and L = 1, where L = -one ratio / gap.
    const gap = mod(other.constant - ratio * one.constant)
    if (gap === 0n) return undefined
    const scale = divide(-ratio, gap)
    const bit = { terms: new Map([...one.terms].map(([wire, value]) => [wire, mod(value * scale)])), constant: mod(one.constant * scale) }
    if (bit.terms.size > 1 || bit.constant === 0n) return bit
  }
  return undefined
}

const POWERS = new Map(Array.from({ length: 253 }, (_, i) => [1n << BigInt(i), i]))

function power(value: bigint): { exponent: number | undefined; negative: boolean } {
  const positive = POWERS.get(value)
  return positive === undefined ? { exponent: POWERS.get(FIELD - value), negative: true } : { exponent: positive, negative: false }
}
