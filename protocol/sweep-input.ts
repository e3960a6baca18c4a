import { accountKey, accountMeta, signBits } from './account.ts'
import type { SweepBatch } from './batch.ts'
import type { CircuitInput, Signal } from './circuit-input.ts'
import { ASSETS, TRADED } from './constants.ts'
import { abs } from './integer.ts'
import { offsets, SWEEP_VECTOR } from './layout.ts'
import type { StackEntry } from './stacks.ts'

/** Pops the top of slot `from` and pushes it onto slot `to`. */
export interface Move {
  readonly from: number
  readonly to: number
}

/** Openings of the heads that a sweep's circuit starts from and arrives at, by position in the window. */
export interface SweepFacts {
  /** The stacks' own heads, behind those that the chain has. */
  readonly headsBefore: readonly bigint[]
  readonly saltsBefore: readonly bigint[]
  readonly saltsAfter: readonly bigint[]
}

/**
 * Input of a sweep's circuit, in its names, but for the signals of its public vector.
 * @param steps of the circuit
 * @param vector the batch's public vector
 * @param entries what each move moved, in order
 */
export function sweepInput(
  { window }: SweepBatch,
  steps: number,
  vector: readonly bigint[],
  facts: SweepFacts,
  moves: readonly Move[],
  entries: readonly StackEntry[],
): CircuitInput {
  const field = (name: keyof typeof SWEEP_VECTOR) => {
    const first = window.length * offsets(SWEEP_VECTOR)[name]
    return vector.slice(first, first + window.length * SWEEP_VECTOR[name])
  }
  const bounds = (name: 'floors' | 'ceilings') => {
    const all = field(name)
    return window.map((_, w) => all.slice(TRADED * w, TRADED * (w + 1)))
  }
  const oneHot = (slot: number | undefined) => window.map((other) => (other === slot ? 1n : 0n))
  const perStep = <T extends Signal>(value: (s: number) => T, padding: T) =>
    Array.from({ length: steps }, (_, s) => (s < moves.length ? value(s) : padding))
  const zeros = Array<bigint>(ASSETS).fill(0n)
  return {
    ...facts,
    free: field('free'),
    floors: bounds('floors'),
    ceilings: bounds('ceilings'),
    active: perStep(() => 1n, 0n),
    from: perStep((s) => oneHot(moves[s]!.from), oneHot(undefined)),
    to: perStep((s) => oneHot(moves[s]!.to), oneHot(undefined)),
    below: perStep((s) => entries[s]!.below, 0n),
    key: perStep((s) => accountKey(entries[s]!.account), 0n),
    meta: perStep((s) => accountMeta(entries[s]!.account), 0n),
    sign: perStep<Signal>((s) => signBits(entries[s]!.account.balances), zeros),
    magnitude: perStep<Signal>((s) => entries[s]!.account.balances.map(abs), zeros),
  }
}
