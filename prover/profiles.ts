export type CircuitName = 'sweep' | 'resolve'
export type ProfileName = 'tiny' | 'small' | 'large'

/** Sizes of the two circuits: `depth` is the number of levels of the 4-ary tree, `window` the number of slots a sweep touches. */
export interface Profile {
  readonly name: ProfileName
  readonly depth: number
  readonly sweep: { readonly steps: number; readonly window: number }
  readonly resolve: { readonly steps: number }
}

export const CIRCUITS: readonly CircuitName[] = ['sweep', 'resolve']

export const PROFILES: Readonly<Record<ProfileName, Profile>> = {
  tiny: { name: 'tiny', depth: 3, sweep: { steps: 4, window: 3 }, resolve: { steps: 2 } },
  small: { name: 'small', depth: 5, sweep: { steps: 22, window: 6 }, resolve: { steps: 3 } },
  // As many steps as fit in 2^17 constraints.
  large: { name: 'large', depth: 10, sweep: { steps: 102, window: 6 }, resolve: { steps: 10 } },
}

/** Circom source of a circuit's main component; its public inputs are always digest, z, y, in this order. */
export function mainSource(circuit: CircuitName, profile: Profile): string {
  const instance =
    circuit === 'sweep' ? `Sweep(${profile.sweep.steps}, ${profile.sweep.window})` : `Resolve(${profile.resolve.steps}, ${profile.depth})`
  return `pragma circom 2.2.0;

include "${circuit}.circom";

component main {public [digest, z, y]} = ${instance};
`
}
