import { type Account, NEUTRAL_WEIGHTS } from '../../protocol/account.ts'
import { DISTRESS, INBOX } from '../../protocol/constants.ts'
import type { Balances, Envelope } from '../../protocol/health.ts'
import { assetMarks, fillMarks, type Marks } from '../../protocol/marks.ts'
import { System } from '../../protocol/system.ts'
import { PROFILES } from '../../prover/profiles.ts'

export const TINY = PROFILES.tiny
export const WINDOW = [DISTRESS, INBOX, 2]
export const SLOTS = 4
/** Base units of cash. */
export const MIN_LIABILITY = 50_000_000n

const FACTORS = {
  collateralFactor: 8500n,
  liabilityFactor: 11500n,
  targetCollateralFactor: 8000n,
  targetLiabilityFactor: 12000n,
  penalty: 200n,
}

/** Two assets, of 2 and of 30 cash units a base unit; one whole unit is 1000 base units. */
export const MARKS: Marks = fillMarks([
  assetMarks(2n << 32n, { ...FACTORS, depth: 2_500_000_000n }, 'asset 1'),
  assetMarks(30n << 32n, { ...FACTORS, depth: 90_000_000n }, 'asset 2'),
])

export function account(index: number, balances: Balances, more: Partial<Account> = {}): Account {
  return {
    owner: 1000n + BigInt(index),
    viewKey: 2000n + BigInt(index),
    index,
    version: 7n,
    weights: NEUTRAL_WEIGHTS,
    balances: [...balances, ...Array<bigint>(8 - balances.length).fill(0n)],
    ...more,
  }
}

/** Breached, and its target within reach: a partial liquidation at a multiplier above 1. */
export const PARTIAL = [-1_750_000_000n, 1_000_000_000n]
/** Breached, with both sides below the dust thresholds. */
export const DUST = [-17_500_000n, 10_000_000n]
/** Breached beyond what it owns. */
export const BANKRUPT = [-2_500_000_000n, 1_000_000_000n]
export const HEALTHY = [5_000_000n, 1_000_000_000n, -1_000_000n]
/** Between maintenance and target: healthy, but short of what a liquidation aims at. */
export const BELOW_TARGET = [-1_650_000_000n, 1_000_000_000n]

/** The bounds at which `covered` is exact: the marks themselves. */
export const AT_MARKS: Envelope = {
  floors: MARKS.slice(1).map(({ collateralValue }) => collateralValue),
  ceilings: MARKS.slice(1).map(({ liabilityValue }) => liabilityValue),
}

export interface Setting {
  readonly marks?: Marks
  readonly minLiability?: bigint
  readonly envelope?: Envelope
  readonly ghosts?: readonly Account[]
}

/** A system with everything in the inbox, account 0 at its bottom above the ghosts; slot 2 is open. */
export function inInbox(
  accounts: readonly Account[],
  { marks = MARKS, minLiability = MIN_LIABILITY, envelope = AT_MARKS, ghosts = [] }: Setting = {},
): System {
  const system = System.genesis(TINY, SLOTS, minLiability, accounts, ghosts)
  system.setMarks(marks)
  system.open({ slot: 2, envelope })
  return system
}

/** The same with everything in distress, account 0 on top but for the ghosts above it. */
export function inDistress(accounts: readonly Account[], setting: Setting = {}): System {
  const system = inInbox(accounts, setting)
  while (system.stacks[INBOX]!.length > 0) {
    const count = Math.min(TINY.sweeps[0].steps, system.stacks[INBOX]!.length)
    system.sweep(
      WINDOW,
      Array.from({ length: count }, () => ({ from: INBOX, to: DISTRESS })),
    )
  }
  return system
}
