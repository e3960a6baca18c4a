import type { Batch, Shape, SweepRung } from '../protocol/batch.ts'
import { PlimsollError } from '../protocol/errors.ts'

/** Circuits of sweeps, by their places in a profile's ladder. */
export const SWEEPS = ['sweep', 'sweep2', 'sweep3'] as const
export type SweepName = (typeof SWEEPS)[number]
export type CircuitName = SweepName | 'resolve' | 'transact' | 'exit'
export type ProfileName = 'tiny' | 'small' | 'large'

/**
 * Sizes of the circuits: `depth` is the number of levels of the 4-ary tree, `window` the number of slots a sweep touches.
 * `exit` has one step. Of sweeps there is a ladder: a batch that is shorter or touches fewer slots is cheaper to prove.
 */
export interface Profile extends Shape {
  readonly name: ProfileName
  /** One for each of `SWEEPS`. */
  readonly sweeps: readonly [SweepRung, SweepRung, SweepRung]
}

export const CIRCUITS: readonly CircuitName[] = [...SWEEPS, 'resolve', 'transact', 'exit']

/** Circuits of accounts that no chain has opened. */
export type BookCircuit = SweepName | 'resolve'
export const BOOK_CIRCUITS: readonly BookCircuit[] = [...SWEEPS, 'resolve']

export const PROFILES: Readonly<Record<ProfileName, Profile>> = {
  tiny: {
    name: 'tiny',
    depth: 3,
    sweeps: [
      { steps: 4, window: 3 },
      { steps: 2, window: 3 },
      { steps: 3, window: 4 },
    ],
    resolve: { steps: 2 },
    transact: { steps: 2 },
  },
  small: {
    name: 'small',
    depth: 5,
    sweeps: [
      { steps: 20, window: 6 },
      { steps: 6, window: 4 },
      { steps: 24, window: 10 },
    ],
    resolve: { steps: 3 },
    transact: { steps: 5 },
  },
  // As many steps as fit in 2^17 constraints.
  large: {
    name: 'large',
    depth: 10,
    sweeps: [
      { steps: 82, window: 13 },
      { steps: 32, window: 10 },
      { steps: 6, window: 4 },
    ],
    resolve: { steps: 10 },
    transact: { steps: 9 },
  },
}

/** Number of steps in a batch of a circuit. */
export function stepsOf(circuit: CircuitName, profile: Profile): number {
  if (circuit === 'exit') return 1
  return isSweep(circuit) ? sweepSize(circuit, profile).steps : profile[circuit].steps
}

/** Slots in a batch's window; 0 for any circuit but a sweep's. */
export function windowOf(circuit: CircuitName, profile: Profile): number {
  return isSweep(circuit) ? sweepSize(circuit, profile).window : 0
}

/** The circuit that proves a batch. @throws PlimsollError where a sweep names one that does not exist */
export function circuitOf(batch: Batch): Exclude<CircuitName, 'exit'> {
  if (batch.circuit !== 'sweep') return batch.circuit
  const name = SWEEPS[batch.rung]
  if (name === undefined)
    throw new PlimsollError(`There is no sweep circuit ${batch.rung}: there are ${SWEEPS.length}.`)
  return name
}

function isSweep(circuit: CircuitName): circuit is SweepName {
  return (SWEEPS as readonly string[]).includes(circuit)
}

function sweepSize(circuit: SweepName, { sweeps }: Profile): SweepRung {
  return sweeps[SWEEPS.indexOf(circuit)]!
}

/** Circom source of a circuit's main component; its public inputs are always digest, z, y, in this order. */
export function mainSource(circuit: CircuitName, profile: Profile): string {
  return `pragma circom 2.2.0;

include "${isSweep(circuit) ? 'sweep' : circuit}.circom";

component main {public [digest, z, y]} = ${instance(circuit, profile)};
`
}

function instance(circuit: CircuitName, profile: Profile): string {
  if (isSweep(circuit)) return `Sweep(${stepsOf(circuit, profile)}, ${windowOf(circuit, profile)})`
  const { depth, resolve, transact } = profile
  switch (circuit) {
    case 'resolve':
      return `Resolve(${resolve.steps}, ${depth})`
    case 'transact':
      return `Transact(${transact.steps}, ${depth})`
    case 'exit':
      return `Exit(${depth})`
  }
}
