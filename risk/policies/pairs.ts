import { FACTOR_ONE, SCALE } from '../../protocol/constants.ts'
import { health } from '../../protocol/health.ts'
import { divUp, min } from '../../protocol/integer.ts'
import type { PolicyMarket, PolicyOutcome } from './policy.ts'

/** One call of a liquidator: repays `repay` of the debt in `debt` and takes `seize` of the collateral in `collateral`. */
export interface PairTrade {
  readonly repay: bigint
  readonly seize: bigint
}

/** A collateral and a debt of an account; `bonus` in 1/10^4 on top of what is repaid. */
export interface Pair {
  readonly collateral: number
  readonly debt: number
}

/** Calls of one liquidation; enough for any account of eight assets, as each call but the last empties a side of a pair. */
const MOST_CALLS = 16

/** The asset of the greatest value among the collateral (`side` 1) or the debts (`side` -1); undefined where there is none. */
function greatest(balances: readonly bigint[], { marks }: PolicyMarket, side: 1n | -1n): number | undefined {
  let best: number | undefined
  let most = 0n
  balances.forEach((balance, a) => {
    const value = side * balance * marks[a]!.price
    if (value > most) [best, most] = [a, value]
  })
  return best
}

/** The bonus of a pair, in 1/10^4: the penalty of the collateral, or that of the debt where the collateral is cash. */
export function pairBonus({ collateral, debt }: Pair, { penalties }: PolicyMarket): bigint {
  return penalties[collateral === 0 ? debt : collateral]!
}

/**
 * The debt, in base units and rounded down, that `seize` of the collateral pays for at a bonus; the inverse of `seizeFor`.
 */
function repayFor(seize: bigint, { collateral, debt }: Pair, bonus: bigint, { marks }: PolicyMarket): bigint {
  return (seize * marks[collateral]!.price * FACTOR_ONE) / (marks[debt]!.price * (FACTOR_ONE + bonus))
}

/** The collateral, in base units and rounded down, that a liquidator takes for repaying `repay`. */
function seizeFor(repay: bigint, { collateral, debt }: Pair, bonus: bigint, { marks }: PolicyMarket): bigint {
  return (repay * marks[debt]!.price * (FACTOR_ONE + bonus)) / (marks[collateral]!.price * FACTOR_ONE)
}

/** Repays up to `repay` of a pair, less where the collateral does not pay for it. */
export function tradePair(
  balances: readonly bigint[],
  pair: Pair,
  repay: bigint,
  bonus: bigint,
  market: PolicyMarket,
): PairTrade {
  const wanted = min(repay, -balances[pair.debt]!)
  const seize = seizeFor(wanted, pair, bonus, market)
  const owned = balances[pair.collateral]!
  if (seize <= owned) return { repay: wanted, seize }
  return { repay: min(wanted, repayFor(owned, pair, bonus, market)), seize: owned }
}

/**
 * Liquidators' calls on an account, one after another as long as `goesOn`: each picks the greatest debt and the greatest collateral,
 * where most is earned, and `call` says how much of the pair trades. Debt that is left without any collateral is written off.
 */
export function liquidatePairs(
  start: readonly bigint[],
  market: PolicyMarket,
  call: (balances: readonly bigint[], pair: Pair) => PairTrade,
  goesOn: (balances: readonly bigint[]) => boolean = (balances) => health(balances, market.marks) < 0n,
): PolicyOutcome {
  const { marks } = market
  const balances = [...start]
  const traded = start.map(() => 0n)
  let paid = 0n
  for (let calls = 0; calls < MOST_CALLS && goesOn(balances); calls++) {
    const debt = greatest(balances, market, -1n)
    const collateral = greatest(balances, market, 1n)
    if (debt === undefined || collateral === undefined) break
    const { repay, seize } = call(balances, { collateral, debt })
    if (repay === 0n && seize === 0n) break
    balances[debt]! += repay
    balances[collateral]! -= seize
    if (debt === 0) paid += repay
    else traded[debt]! += repay
    if (collateral === 0) paid -= seize
    else traded[collateral]! += seize
  }
  let badDebt = 0n
  if (!balances.some((balance) => balance > 0n)) {
    let owed = 0n
    balances.forEach((balance, a) => (owed -= balance * marks[a]!.price))
    badDebt = divUp(owed, SCALE)
    balances.fill(0n)
  }
  return {
    traded,
    paid,
    after: balances,
    badDebt,
    closed: balances.every((balance, a) => a === 0 || balance === 0n) && balances[0]! >= 0n,
  }
}
