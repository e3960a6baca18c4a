import { type Account, rewriteAccount } from '../protocol/account.ts'
import { DEFAULT_SLOTS, DISTRESS, INBOX } from '../protocol/constants.ts'
import { health } from '../protocol/health.ts'
import { liquidate } from '../protocol/liquidation.ts'
import type { Marks } from '../protocol/marks.ts'
import { sweepConstraints } from '../protocol/sweep-constraints.ts'
import { planRound } from '../sequencer/planner/plan-round.ts'
import { MIN_LIABILITY } from './crash-market.ts'
import { RESOLVE_CONSTRAINTS } from './node-costs.ts'
import { type Placement, PROFILE } from './scale-population.ts'

/**
 * Goes through ticks with the planner alone, from an inbox that holds everybody: breached accounts are liquidated and come back through
 * the inbox, as on a chain. The tick of the most constraints besides the first, which places everybody, and how accounts lay before it.
 */
export function goThrough(all: readonly Account[], ticks: readonly Marks[]): { tick: number; before: Placement } {
  const accounts = [...all]
  const stacks: Account[][] = Array.from({ length: DEFAULT_SLOTS }, (_, slot) => (slot === INBOX ? [...all] : []))
  const envelopes: Placement['envelopes'][number][] = Array(DEFAULT_SLOTS).fill(undefined)
  const copy = (): Placement => ({
    accounts: [...accounts],
    stacks: stacks.map((stack) => [...stack]),
    envelopes: [...envelopes],
  })
  let worst = { tick: 0, before: copy(), constraints: 0 }

  const sweep = (marks: Marks): number => {
    const slots = stacks.map((stack, slot) => ({
      envelope: envelopes[slot],
      members: {
        length: stack.length,
        *[Symbol.iterator]() {
          for (const { balances } of stack) yield balances
        },
      },
    }))
    let constraints = 0
    for (const { openings, sweeps } of planRound(slots, marks, { rungs: PROFILE.sweeps })) {
      for (const { slot, envelope } of openings) envelopes[slot] = envelope
      for (const { rung, moves } of sweeps) {
        constraints += sweepConstraints(rung)
        for (const { from, to } of moves) stacks[to]!.push(stacks[from]!.pop()!)
      }
    }
    return constraints
  }

  for (const [tick, marks] of ticks.entries()) {
    const before = copy()
    let constraints = sweep(marks)
    const distress = stacks[DISTRESS]!
    while (distress.length > 0) {
      constraints += Math.ceil(distress.length / PROFILE.resolve.steps) * RESOLVE_CONSTRAINTS
      while (distress.length > 0) {
        const account = distress.pop()!
        const next = liquidatedAt(account, marks)
        accounts[account.index] = next
        stacks[INBOX]!.push(next)
      }
      constraints += sweep(marks)
    }
    if (tick > 0 && constraints > worst.constraints) worst = { tick, before, constraints }
  }
  return worst
}

/** An account as a resolve leaves it. */
function liquidatedAt(account: Account, marks: Marks): Account {
  const { balances, weights } = account
  return rewriteAccount(account, liquidate(balances, weights, marks, MIN_LIABILITY).after)
}

/** The accounts as liquidations at some marks leave those that are breached. */
export function liquidated(accounts: readonly Account[], marks: Marks): Account[] {
  return accounts.map((account) => (health(account.balances, marks) >= 0n ? account : liquidatedAt(account, marks)))
}
