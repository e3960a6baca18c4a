import { PlimsollError } from '../../protocol/errors.ts'
import { marksOfRow } from '../../protocol/marks.ts'
import { planBlend } from '../blend-plan.ts'
import { type BothHalves, bothSettled, signBothHalves, twoAccounts } from '../both-halves.ts'
import { sleep } from '../chain/sleep.ts'
import type { NodeRefusal, OperationUnknown } from '../client.ts'
import type { OwnerWallet, TradeTerms, Validity, WaitAndSign } from '../owner-wallet.ts'
import type { OperationState } from '../schemas.ts'

/** Trades of a blend, and what became of each. */
export interface BlendTrade {
  /** Accounts that gave and got. */
  readonly from: number
  readonly to: number
  /** As the giver signed them: of a debt the giver buys. */
  readonly terms: TradeTerms
  readonly state: OperationState
}

export interface BlendParameters extends Validity {
  /** Second account of the same owner: of the same key, or of another. */
  readonly other: OwnerWallet
  /** Seconds, within which the trades across and back come at random times; 3,600 where it is left out. */
  readonly within?: number
  /** Told of each trade once it is handed in. */
  readonly onTrade?: (trade: BothHalves, terms: TradeTerms) => void
  readonly wait?: WaitAndSign
}

export interface BlendReturnType {
  readonly trades: readonly BlendTrade[]
}

export type BlendErrorType = NodeRefusal | OperationUnknown | PlimsollError

/**
 * Carries a random share of what an account holds and owes to a second account of the same owner, and a random share of what that
 * one holds then back, each at a random time. What both hold together is as public afterwards as it was before, how it is split
 * between them is not. Margin is not shared between accounts. It ends early where a trade is not settled: what was settled stays,
 * and it may be called again.
 * @throws PlimsollError where it is the same account, or the margins leave nothing that can be moved
 * @example
 * import { blend } from '../../sdk/actions/blend.ts'
 *
 * const { trades } = await blend(owner, { other: counterparty, within: 0 })
 */
export async function blend(
  owner: OwnerWallet,
  { other, within = 3_600, onTrade, wait, expiresIn }: BlendParameters,
): Promise<BlendReturnType> {
  const indices = await twoAccounts(owner, other)
  const trades: BlendTrade[] = []
  for (const [i, [giver, taker]] of (
    [
      [owner, other],
      [other, owner],
    ] as const
  ).entries()) {
    await sleep(uniform() * 500 * within)
    const [from, to, { marks }] = await Promise.all([giver.read(), taker.read(), owner.client.round()])
    const plan = planBlend(from.account.balances, to.account.balances, marks.map(marksOfRow), uniform)
    if (plan.length === 0)
      throw new PlimsollError(
        `The margins of accounts ${indices[i]} and ${indices[1 - i]} leave nothing that the first could give to the second.`,
      )
    for (const terms of plan) {
      const both = await signBothHalves(giver, taker, terms, { expiresIn })
      onTrade?.(both, terms)
      const state = await bothSettled(both, wait)
      trades.push({ from: indices[i]!, to: indices[1 - i]!, terms, state })
      if (state.status !== 'settled') return { trades }
    }
  }
  return { trades }
}

/** A number in [0, 1) that nobody can guess, of 48 bits. */
export function uniform(): number {
  return crypto.getRandomValues(new Uint8Array(6)).reduce((sum, byte) => sum * 256 + byte, 0) / 2 ** 48
}
