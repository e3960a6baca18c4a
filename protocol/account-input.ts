import { type Account, signBits } from './account.ts'
import { bits, type CircuitInput } from './circuit-input.ts'
import { abs } from './integer.ts'
import type { Path } from './tree.ts'

/** A step's opening of an account but for its weights, which circuits name in different ways, and its path. */
export function accountInput(account: Account, children: Path): CircuitInput {
  return {
    owner: account.owner,
    viewKey: account.viewKey,
    version: account.version,
    indexBits: bits(BigInt(account.index), 2 * children.length),
    sign: signBits(account.balances),
    magnitude: account.balances.map(abs),
    children,
  }
}

/** The eight weights, four bits each. */
export function weightInput(weights: readonly number[]): CircuitInput[string] {
  return weights.map((weight) => bits(BigInt(weight), 4))
}
