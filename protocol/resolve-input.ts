import { type Account, NEUTRAL_WEIGHTS } from './account.ts'
import { accountInput, weightInput } from './account-input.ts'
import type { CircuitInput } from './circuit-input.ts'
import { ASSETS } from './constants.ts'
import { LIQUIDATION_MARKS, type Marks } from './marks.ts'
import { EMPTY_HEAD } from './stack.ts'
import { AccountTree, type Path } from './tree.ts'

/** Opening in a step of a resolve: the account on top of distress, and where it lies in tree and stack. */
export interface ResolveOpening {
  readonly account: Account
  readonly path: Path
  /** Head of distress below it. */
  readonly below: bigint
  /** The account's leaf in the tree: another one than the stack's where that is stale. */
  readonly current: bigint
}

/** Action of the step on the account. */
export interface ResolveVerdict {
  readonly action: 'liquidate' | 'refresh' | 'drop'
  readonly insufficient: boolean
  readonly multiplier: bigint
}

/** The values that a resolve reads of the state before it, and the salts of distress and inbox. */
export interface ResolveFacts {
  readonly rootBefore: bigint
  /** The stacks' own heads, behind those that the chain has. */
  readonly distressBefore: bigint
  readonly inboxBefore: bigint
  readonly saltsBefore: readonly bigint[]
  readonly saltsAfter: readonly bigint[]
  readonly minLiability: bigint
  readonly marks: Marks
}

const NOBODY: Account = {
  owner: 0n,
  viewKey: 0n,
  index: 0,
  version: 0n,
  weights: NEUTRAL_WEIGHTS,
  balances: Array<bigint>(ASSETS).fill(0n),
}

/** Private input of an active step of `resolve`, in the circuit's names. */
export function resolveStep(
  opening: ResolveOpening,
  { action, insufficient, multiplier }: ResolveVerdict,
): CircuitInput {
  const flag = (on: boolean) => (on ? 1n : 0n)
  return {
    ...openingInput(opening),
    active: 1n,
    liquidate: flag(action === 'liquidate'),
    refresh: flag(action === 'refresh'),
    drop: flag(action === 'drop'),
    insufficient: flag(insufficient),
    multiplier,
  }
}

/**
 * Input of a resolve's circuit, in its names, but for the signals of its public vector.
 * @param steps of the circuit; those beyond the active ones are padding
 */
export function resolveInput(
  steps: number,
  depth: number,
  { marks, ...before }: ResolveFacts,
  active: readonly CircuitInput[],
): CircuitInput {
  const padding = inactiveResolveStep(depth)
  const inputs = Array.from({ length: steps }, (_, s) => active[s] ?? padding)
  return {
    ...before,
    marks: marks.slice(1).map((asset) => LIQUIDATION_MARKS.map((name) => asset[name])),
    ...Object.fromEntries(Object.keys(padding).map((name) => [name, inputs.map((input) => input[name]!)])),
  }
}

function openingInput({ account, path, below, current }: ResolveOpening): CircuitInput {
  return { ...accountInput(account, path), weightBits: weightInput(account.weights), below, current }
}

/** An inactive step: an account of nobody in an empty tree satisfies the checks that hold for any account. */
function inactiveResolveStep(depth: number): CircuitInput {
  const path = new AccountTree(depth).path(0)
  return {
    ...openingInput({ account: NOBODY, path, below: EMPTY_HEAD, current: 0n }),
    active: 0n,
    liquidate: 0n,
    refresh: 0n,
    drop: 0n,
    insufficient: 0n,
    multiplier: 0n,
  }
}
