import { AMOUNT_SHIFT, ASSETS, MULTIPLIER_LIMIT, SCALE, TARGET_THRESHOLD } from './constants.ts'
import { PlimsollError } from './errors.ts'
import { type Balances, health, isOversize, size, targetHealth } from './health.ts'
import { abs, divDown, min } from './integer.ts'
import type { Marks } from './marks.ts'

export type Status = 'healthy' | 'partial' | 'closed'

/** The outcome of an account at the marks of a round (docs/protocol.md#liquidation). */
export interface Liquidation {
  readonly status: Status
  /** Health before, in 2^-32 base units of cash. */
  readonly health: bigint
  /** Magnitudes traded away per asset: sold where the balance was positive, bought where it was negative. */
  readonly traded: readonly bigint[]
  readonly after: Balances
  /** Shortfall of a full close, in base units of cash. */
  readonly badDebt: bigint
  /** `m*` of a partial liquidation, 0 otherwise. */
  readonly multiplier: bigint
  /** Whether a close is due because even `T(2^48 - 1)` misses the target (and the position is not dust). */
  readonly insufficient: boolean
}

/** `q(m)`: magnitudes traded at multiplier `m`, rounded down and capped by the balance. Entry 0 is 0. */
function tradedAt(balances: Balances, weights: readonly number[], marks: Marks, m: bigint): bigint[] {
  return balances.map((balance, a) => {
    if (a === 0) return 0n
    const k = balance > 0n ? marks[a]!.kSell : marks[a]!.kBuy
    return min((m * k * BigInt(weights[a]!)) >> AMOUNT_SHIFT, abs(balance))
  })
}

/** Whether the position is dust: too small to be worth leaving open. Both sides at `price`, at the 2^32 scale. */
export function isDust(balances: Balances, marks: Marks, minLiability: bigint): boolean {
  let liabilities = 0n
  for (let a = 0; a < ASSETS; a++) if (balances[a]! < 0n) liabilities -= balances[a]! * marks[a]!.price
  const collateral = size(balances, marks) - liabilities
  return liabilities < minLiability * SCALE && collateral < 4n * minLiability * SCALE
}

/** The effect of `m` on one position: `T` grows by `gain min(floor(m rate / 2^43), most)`. */
interface Tap {
  /** `k w`. */
  readonly rate: bigint
  readonly most: bigint
  /** Gain of `T` by trading one base unit; not negative, by the order of the factors. */
  readonly gain: bigint
}

/**
 * The smallest `m` in [1, 2^48) with `T(m) >= 2^32`, or 0 when there is none. `T` is monotone in `m`. The search begins where
 * floating point puts the answer; every `m` it goes by is judged exactly, so a bad guess costs time and nothing else.
 */
function smallestMultiplier(balances: Balances, weights: readonly number[], marks: Marks): bigint {
  const taps: Tap[] = []
  for (let a = 1; a < ASSETS; a++) {
    const balance = balances[a]!
    if (balance === 0n) continue
    const { sell, targetCollateralValue, targetLiabilityValue, buy, kSell, kBuy } = marks[a]!
    const weight = BigInt(weights[a]!)
    taps.push(
      balance > 0n
        ? { rate: kSell * weight, most: balance, gain: sell - targetCollateralValue }
        : { rate: kBuy * weight, most: -balance, gain: targetLiabilityValue - buy },
    )
  }
  const missing = TARGET_THRESHOLD - targetHealth(balances, marks)
  const reaches = (m: bigint): boolean => {
    let gained = 0n
    for (const { rate, most, gain } of taps) gained += gain * min((m * rate) >> AMOUNT_SHIFT, most)
    return gained >= missing
  }
  if (!reaches(MULTIPLIER_LIMIT - 1n)) return 0n

  // Brackets `low < m* <= high` by steps that double, away from the guess.
  let low = 0n
  let high = MULTIPLIER_LIMIT - 1n
  const guess = likelyMultiplier(taps, missing)
  let step = 1n
  if (reaches(guess)) {
    high = guess
    for (low = high - step; low > 0n && reaches(low); low = high - step) {
      high = low
      step <<= 1n
    }
    if (low < 0n) low = 0n
  } else {
    low = guess
    for (high = low + step; high < MULTIPLIER_LIMIT - 1n && !reaches(high); high = low + step) {
      low = high
      step <<= 1n
    }
    if (high > MULTIPLIER_LIMIT - 1n) high = MULTIPLIER_LIMIT - 1n
  }
  while (high - low > 1n) {
    const middle = (low + high) >> 1n
    if (reaches(middle)) high = middle
    else low = middle
  }
  return high
}

/** The `m` at which the line through the taps' corners meets `missing`, in floating point: near `m*`, within [1, 2^48 - 1]. */
function likelyMultiplier(taps: readonly Tap[], missing: bigint): bigint {
  const scale = 2 ** Number(AMOUNT_SHIFT)
  const corners = taps
    .map(({ rate, most, gain }) => {
      const slope = Number(gain) * (Number(rate) / scale)
      return { slope, at: rate === 0n ? Infinity : Number(most) / (Number(rate) / scale) }
    })
    .sort((x, y) => x.at - y.at)
  let slope = corners.reduce((sum, corner) => sum + corner.slope, 0)
  let rest = Number(missing)
  let m = 0
  for (const corner of corners) {
    if (slope * (corner.at - m) >= rest) break
    rest -= slope * (corner.at - m)
    m = corner.at
    slope -= corner.slope
  }
  m += rest / slope
  const last = Number(MULTIPLIER_LIMIT - 1n)
  return m >= 1 ? BigInt(Math.floor(Math.min(m, last))) : 1n
}

/** Cash and positions after trading `traded`; cash is rounded down and may be negative. */
function settle(balances: Balances, marks: Marks, traded: readonly bigint[]): bigint[] {
  let proceeds = 0n
  const after = balances.map((balance, a) => {
    const long = balance > 0n
    proceeds += traded[a]! * (long ? marks[a]!.sell : -marks[a]!.buy)
    return long ? balance - traded[a]! : balance + traded[a]!
  })
  after[0] = balances[0]! + divDown(proceeds, SCALE)
  return after
}

/**
 * The unique liquidation of an account at the marks (docs/protocol.md#liquidation); a healthy account is left as it is.
 * @param minLiability dust threshold in base units of cash
 * @throws PlimsollError when the account is breached and oversize
 */
export function liquidate(
  balances: Balances,
  weights: readonly number[],
  marks: Marks,
  minLiability: bigint,
): Liquidation {
  const before = health(balances, marks)
  if (before >= 0n) {
    const traded = balances.map(() => 0n)
    return {
      status: 'healthy',
      health: before,
      traded,
      after: balances,
      badDebt: 0n,
      multiplier: 0n,
      insufficient: false,
    }
  }
  if (isOversize(balances, marks)) throw new PlimsollError('sum price |b| of the account is 2^95 or more.')
  const dust = isDust(balances, marks, minLiability)
  const multiplier = dust ? 0n : smallestMultiplier(balances, weights, marks)
  if (multiplier > 0n) {
    const traded = tradedAt(balances, weights, marks, multiplier)
    return {
      status: 'partial',
      health: before,
      traded,
      after: settle(balances, marks, traded),
      badDebt: 0n,
      multiplier,
      insufficient: false,
    }
  }
  const traded = balances.map((balance, a) => (a === 0 ? 0n : abs(balance)))
  const after = settle(balances, marks, traded)
  const badDebt = after[0]! < 0n ? -after[0]! : 0n
  after[0]! += badDebt
  return { status: 'closed', health: before, traded, after, badDebt, multiplier: 0n, insufficient: !dust }
}
