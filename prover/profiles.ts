export type CircuitName = 'sweep' | 'resolve' | 'transact' | 'exit'
export type ProfileName = 'tiny' | 'small' | 'large'

/**
 * Sizes of the circuits: `depth` is the number of levels of the 4-ary tree, `window` the number of slots a sweep touches.
 * `exit` has one step.
 */
export interface Profile {
  readonly name: ProfileName
  readonly depth: number
  readonly sweep: { readonly steps: number; readonly window: number }
  readonly resolve: { readonly steps: number }
  readonly transact: { readonly steps: number }
}

export const CIRCUITS: readonly CircuitName[] = ['sweep', 'resolve', 'transact', 'exit']

/** Circuits of accounts that no chain has opened. */
export type BookCircuit = 'sweep' | 'resolve'
export const BOOK_CIRCUITS: readonly BookCircuit[] = ['sweep', 'resolve']

export const PROFILES: Readonly<Record<ProfileName, Profile>> = {
  tiny: { name: 'tiny', depth: 3, sweep: { steps: 4, window: 3 }, resolve: { steps: 2 }, transact: { steps: 2 } },
  small: { name: 'small', depth: 5, sweep: { steps: 22, window: 6 }, resolve: { steps: 3 }, transact: { steps: 5 } },
  // As many steps as fit in 2^17 constraints.
  large: { name: 'large', depth: 10, sweep: { steps: 102, window: 6 }, resolve: { steps: 10 }, transact: { steps: 9 } },
}

/** Number of steps in a batch of a circuit. */
export function stepsOf(circuit: CircuitName, profile: Profile): number {
  return circuit === 'exit' ? 1 : profile[circuit].steps
}

/** Circom source of a circuit's main component; its public inputs are always digest, z, y, in this order. */
export function mainSource(circuit: CircuitName, profile: Profile): string {
  return `pragma circom 2.2.0;

include "${circuit}.circom";

component main {public [digest, z, y]} = ${instance(circuit, profile)};
`
}

function instance(circuit: CircuitName, { depth, sweep, resolve, transact }: Profile): string {
  switch (circuit) {
    case 'sweep':
      return `Sweep(${sweep.steps}, ${sweep.window})`
    case 'resolve':
      return `Resolve(${resolve.steps}, ${depth})`
    case 'transact':
      return `Transact(${transact.steps}, ${depth})`
    case 'exit':
      return `Exit(${depth})`
  }
}
