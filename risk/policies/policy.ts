import type { Balances } from '../../protocol/health.ts'
import type { Marks } from '../../protocol/marks.ts'

/** The public valuation of a round: all that a policy sees of the market. */
export interface PolicyMarket {
  readonly marks: Marks
  /** Penalties of assets 0..7 in 1/10^4; cash has 0. */
  readonly penalties: readonly bigint[]
  /** Dust threshold in base units of cash. */
  readonly minLiability: bigint
}

/** The liquidation of one account by a policy. */
export interface PolicyOutcome {
  /** Magnitudes traded away by asset, in base units: sold where the balance was positive, bought where it was negative. Entry 0 is 0. */
  readonly traded: readonly bigint[]
  /** Cash that whoever takes the other side pays the account, in base units; negative where the account pays. */
  readonly paid: bigint
  readonly after: Balances
  /** Debt that nobody can recover from the account any more and that is written off, in base units of cash, rounded up. */
  readonly badDebt: bigint
  /** Whether the whole position is gone. */
  readonly closed: boolean
}

/**
 * A rule of liquidation. All policies of the laboratory find the same accounts breached (health below 0 at maintenance marks); they
 * differ in how much is then traded, in what order and at what discount.
 */
export interface Policy {
  readonly name: string
  /** The origin of the rule. */
  readonly source: string
  /** @param balances of a breached account */
  liquidate(balances: Balances, weights: readonly number[], market: PolicyMarket): PolicyOutcome
}
