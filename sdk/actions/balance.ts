import type { Account } from '../../protocol/account.ts'
import { chargedHealthDown, concentrationChargeUp } from '../../protocol/concentration.ts'
import type { PlimsollError } from '../../protocol/errors.ts'
import { health, targetHealth } from '../../protocol/health.ts'
import { type Marks, marksOfRow } from '../../protocol/marks.ts'
import type { NodeRefusal } from '../client.ts'
import type { OwnerWallet } from '../owner-wallet.ts'
import type { RoundInfo, WithdrawalInfo } from '../schemas.ts'

export interface BalanceReturnType {
  readonly account: Account
  /** The round at whose marks the account is valued. */
  readonly round: number
  readonly marks: Marks
  /** Assets 1, 2, ... at the round, and what their sources say now. */
  readonly assets: RoundInfo['assets']
  /** Cash base units times 2^32, as is health. */
  readonly equity: bigint
  readonly health: bigint
  readonly targetHealth: bigint
  /** Health at the initial margin less the charge for concentration: withdrawals and trades must leave it at 2^32 or more. */
  readonly initialHealth: bigint
  /** Charge for concentration that initial health has taken off, rounded up. */
  readonly concentration: bigint
  /** Withdrawals that are settled and not claimed yet. */
  readonly withdrawals: readonly WithdrawalInfo[]
  /** Whether it has traded with another account, as the node says: until then its balances follow from public terms. */
  readonly traded: boolean
}

export type BalanceErrorType = NodeRefusal | PlimsollError

/**
 * One's account as the node has it, opened with one's own key and valued at the latest marks.
 * @throws PlimsollError when there is none, or the node's ciphertext is not that of the leaf
 * @example
 * import { balance } from '../../sdk/actions/balance.ts'
 *
 * const { account, equity } = await balance(owner)
 */
export async function balance(owner: OwnerWallet): Promise<BalanceReturnType> {
  const { account, info } = await owner.read()
  const [round, withdrawals] = await Promise.all([owner.client.round(), owner.client.withdrawals(account.index)])
  const marks = round.marks.map(marksOfRow)
  return {
    account,
    round: round.number,
    marks,
    assets: round.assets,
    equity: account.balances.reduce((sum, amount, a) => sum + amount * marks[a]!.price, 0n),
    health: health(account.balances, marks),
    targetHealth: targetHealth(account.balances, marks),
    initialHealth: chargedHealthDown(account.balances, marks),
    concentration: concentrationChargeUp(account.balances, marks),
    withdrawals,
    traded: info.traded,
  }
}
