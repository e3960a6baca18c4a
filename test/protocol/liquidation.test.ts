import assert from 'node:assert/strict'
import { health } from '../../protocol/health.ts'
import { liquidate } from '../../protocol/liquidation.ts'
import { type AssetMarks, assetMarks, fillMarks, type Marks, NO_MARKS } from '../../protocol/marks.ts'
import { Random } from './random.ts'

const UNIT = 2n ** 32n
const NEUTRAL = Array<number>(8).fill(8)

interface Position {
  cash: bigint
  long: bigint[]
  short: bigint[]
}

/**
 * docs/protocol.md#liquidation read anew: longs and shorts apart, and `T` taken of the account as it is after the
 * trades.
 */
function liquidationByTheBook(
  balances: readonly bigint[],
  weights: readonly number[],
  marks: Marks,
  minLiability: bigint,
) {
  const long = balances.map((b, a) => (a > 0 && b > 0n ? b : 0n))
  const short = balances.map((b, a) => (a > 0 && b < 0n ? -b : 0n))
  const cash = balances[0]!
  const total = (amounts: readonly bigint[], mark: keyof AssetMarks) =>
    amounts.reduce((sum, amount, a) => sum + amount * marks[a]![mark], 0n)
  const value = (p: Position, plus: keyof AssetMarks, minus: keyof AssetMarks) =>
    p.cash + total(p.long, plus) - total(p.short, minus)

  const before = value({ cash: cash * UNIT, long, short }, 'collateralValue', 'liabilityValue')
  const nothing = balances.map(() => 0n)
  if (before >= 0n) return { status: 'healthy', health: before, traded: nothing, after: [...balances], badDebt: 0n }

  const least = (x: bigint, y: bigint) => (x < y ? x : y)
  const sales = (m: bigint) => long.map((b, a) => least((m * marks[a]!.kSell * BigInt(weights[a]!)) / 2n ** 43n, b))
  const purchases = (m: bigint) => short.map((b, a) => least((m * marks[a]!.kBuy * BigInt(weights[a]!)) / 2n ** 43n, b))
  const traded = (sold: readonly bigint[], bought: readonly bigint[]): Position => ({
    cash: cash * UNIT + total(sold, 'sell') - total(bought, 'buy'),
    long: long.map((b, a) => b - sold[a]!),
    short: short.map((b, a) => b - bought[a]!),
  })
  const reached = (m: bigint) =>
    value(traded(sales(m), purchases(m)), 'targetCollateralValue', 'targetLiabilityValue') >= UNIT

  const owed = total(short, 'price') + (cash < 0n ? -cash * UNIT : 0n)
  const owned = total(long, 'price') + (cash > 0n ? cash * UNIT : 0n)
  const dust = owed < minLiability * UNIT && owned < 4n * minLiability * UNIT
  const close = dust || !reached(2n ** 48n - 1n)

  // The largest m that misses the target, bit by bit from the top.
  let misses = 0n
  if (!close) for (let bit = 2n ** 47n; bit > 0n; bit /= 2n) if (!reached(misses + bit)) misses += bit
  const sold = close ? long : sales(misses + 1n)
  const bought = close ? short : purchases(misses + 1n)
  const end = traded(sold, bought)
  const wholeCash = (end.cash - (((end.cash % UNIT) + UNIT) % UNIT)) / UNIT
  const badDebt = close && wholeCash < 0n ? -wholeCash : 0n
  return {
    status: close ? 'closed' : 'partial',
    health: before,
    traded: sold.map((q, a) => q + bought[a]!),
    after: balances.map((_, a) => (a === 0 ? wholeCash + badDebt : end.long[a]! - end.short[a]!)),
    badDebt,
  }
}

function agree(balances: readonly bigint[], weights: readonly number[], marks: Marks, minLiability: bigint) {
  const { multiplier, insufficient, ...result } = liquidate(balances, weights, marks, minLiability)
  assert.deepEqual(result, liquidationByTheBook(balances, weights, marks, minLiability))
  return { multiplier, insufficient, ...result }
}

/** Marks with only cash, and the given asset as asset 1. */
const single = (asset: Partial<AssetMarks>): Marks => fillMarks([{ ...NO_MARKS, ...asset }])
const account = (cash: bigint, ...rest: bigint[]) => [cash, ...rest, ...Array<bigint>(7 - rest.length).fill(0n)]

function randomMarks(random: Random): Marks {
  return fillMarks(
    Array.from({ length: random.integer(1, 7) }, () => {
      const penalty = BigInt(random.integer(0, 1500))
      const collateralFactor = BigInt(random.integer(3000, 10_000 - Number(penalty)))
      const liabilityFactor = BigInt(random.integer(10_000 + Number(penalty), 17_000))
      return assetMarks(
        2n ** 16n + random.magnitude(50),
        {
          penalty,
          collateralFactor,
          liabilityFactor,
          targetCollateralFactor: collateralFactor - BigInt(random.chance(0.1) ? 0 : random.integer(0, 2000)),
          targetLiabilityFactor: liabilityFactor + BigInt(random.chance(0.1) ? 0 : random.integer(0, 2000)),
          depth: random.chance(0.1) ? 0n : random.magnitude(60),
        },
        'asset',
      )
    }),
  )
}

/** Balances of comparable value, and cash that puts health near zero, so that all outcomes occur. */
function randomAccount(random: Random, marks: Marks) {
  const worth = 2n ** BigInt(random.integer(40, 80))
  const balances = marks.map(({ price }, a) => {
    if (a === 0 || price === 0n || random.chance(0.3)) return 0n
    const magnitude = (random.bits(64) * worth) / price / 2n ** 64n
    const capped = magnitude < 2n ** 62n ? magnitude : 2n ** 62n
    return random.chance(0.5) ? capped : -capped
  })
  const line = health(balances, marks) / UNIT
  const spread = worth / UNIT / 2n ** BigInt(random.integer(0, 30))
  balances[0] =
    -line +
    (random.chance(0.2)
      ? BigInt(random.integer(-2, 2))
      : random.chance(0.8)
        ? -(random.bits(64) * spread) / 2n ** 64n
        : spread)
  const weights = NEUTRAL.map((neutral, a) => (a === 0 ? neutral : random.pick([1, 8, 15, random.integer(1, 15)])))
  const minLiability = random.chance(0.3) ? (worth / UNIT) * BigInt(random.integer(0, 3)) : random.magnitude(20)
  return { balances, weights, minLiability }
}

describe('liquidation', () => {
  it('is that of the document, read independently, for 4000 random accounts', () => {
    const random = new Random(5)
    const seen: Record<string, number> = {}
    const count = (what: string) => (seen[what] = (seen[what] ?? 0) + 1)
    for (let i = 0; i < 4000; i++) {
      const marks = randomMarks(random)
      const { balances, weights, minLiability } = randomAccount(random, marks)
      const result = agree(balances, weights, marks, minLiability)
      count(result.status)
      if (result.insufficient) count('insufficient')
      if (result.status === 'closed' && !result.insufficient) count('dust')
      if (result.badDebt > 0n) count('bad debt')
      if (result.status === 'partial') {
        // What is left needs no liquidation, flooring included.
        assert.ok(health(result.after, marks) >= 0n)
        if (result.traded.filter((q) => q > 0n).length > 1) count('several assets')
      }
    }
    for (const what of ['healthy', 'partial', 'closed', 'insufficient', 'dust', 'bad debt', 'several assets']) {
      assert.ok((seen[what] ?? 0) >= 100, `only ${seen[what] ?? 0} of ${what}: ${JSON.stringify(seen)}`)
    }
  })

  it('takes the smallest multiplier for 200,000 random accounts: it reaches the target, and one less does not', () => {
    const random = new Random(7)
    let marks = randomMarks(random)
    let partial = 0
    let closed = 0
    for (let i = 0; i < 200_000; i++) {
      if (i % 40 === 0) marks = randomMarks(random)
      const { balances, weights } = randomAccount(random, marks)
      const { status, multiplier } = liquidate(balances, weights, marks, 0n)
      if (status === 'healthy') continue
      const reaches = (m: bigint): boolean => {
        let target = 0n
        for (let a = 0; a < 8; a++) {
          const { kSell, kBuy, targetCollateralValue, targetLiabilityValue, sell, buy } = marks[a]!
          const balance = balances[a]!
          const size = balance < 0n ? -balance : balance
          const raw = a === 0 ? 0n : (m * (balance > 0n ? kSell : kBuy) * BigInt(weights[a]!)) / 2n ** 43n
          const q = raw < size ? raw : size
          target +=
            balance > 0n ? (size - q) * targetCollateralValue + q * sell : -(size - q) * targetLiabilityValue - q * buy
        }
        return target >= UNIT
      }
      if (status === 'partial') {
        partial++
        assert.ok(
          multiplier >= 1n && multiplier < 2n ** 48n && reaches(multiplier) && !reaches(multiplier - 1n),
          `account ${i}`,
        )
      } else {
        closed++
        assert.ok(!reaches(2n ** 48n - 1n), `account ${i}`)
      }
    }
    assert.ok(partial > 40_000 && closed > 5_000, `${partial} partial, ${closed} closed`)
  })

  it('takes the first m of a linear scan', () => {
    const random = new Random(6)
    let scanned = 0
    for (let i = 0; i < 20_000 && scanned < 200; i++) {
      const asset = {
        price: 10n * UNIT,
        collateralValue: 8n * UNIT,
        targetCollateralValue: 7n * UNIT,
        sell: 9n * UNIT,
        kSell: 2n ** 36n + random.bits(38),
      }
      const balances = account(-random.bits(13) - 1n, random.bits(10))
      const weights = [8, random.integer(1, 15), 8, 8, 8, 8, 8, 8]
      const result = agree(balances, weights, single(asset), 0n)
      if (result.status !== 'partial' || result.multiplier > 2000n) continue
      scanned++
      let m = 1n
      for (; ; m++) {
        const raw = (m * asset.kSell * BigInt(weights[1]!)) / 2n ** 43n
        const q = raw < balances[1]! ? raw : balances[1]!
        if (balances[0]! * UNIT + q * asset.sell + (balances[1]! - q) * asset.targetCollateralValue >= UNIT) break
      }
      assert.equal(result.multiplier, m)
    }
    assert.equal(scanned, 200)
  })

  it('leaves an account at H = 0 alone and takes one at H = -1, on both sides', () => {
    const marks = single({
      price: UNIT,
      collateralValue: UNIT - 1n,
      liabilityValue: UNIT + 1n,
      targetCollateralValue: UNIT / 2n,
      targetLiabilityValue: 2n * UNIT,
      sell: UNIT - 1n,
      buy: UNIT + 1n,
      kSell: 2n ** 40n,
      kBuy: 2n ** 40n,
    })
    // (2^32 - 1) b = b 2^32 - b and (2^32 + 1) b = b 2^32 + b.
    assert.equal(agree(account(-UNIT + 1n, UNIT), NEUTRAL, marks, 0n).health, 0n)
    assert.equal(agree(account(-UNIT + 1n, UNIT), NEUTRAL, marks, 0n).status, 'healthy')
    assert.equal(agree(account(-1n, 1n), NEUTRAL, marks, 0n).health, -1n)
    assert.notEqual(agree(account(-1n, 1n), NEUTRAL, marks, 0n).status, 'healthy')
    assert.equal(agree(account(1n, -1n), NEUTRAL, marks, 0n).health, -1n)
    assert.notEqual(agree(account(1n, -1n), NEUTRAL, marks, 0n).status, 'healthy')
    assert.equal(agree(account(UNIT + 1n, -UNIT), NEUTRAL, marks, 0n).status, 'healthy')
    assert.equal(agree(account(UNIT + 1n, -UNIT), NEUTRAL, marks, 0n).health, 0n)
    assert.equal(agree(account(0n), NEUTRAL, marks, 0n).status, 'healthy')
  })

  it('stops at T = 2^32 exactly, and needs one unit more when T is one below', () => {
    // Each unit sold adds exactly 2^32 to T, and m raises q one by one.
    const exact: Partial<AssetMarks> = {
      price: 2n * UNIT,
      collateralValue: UNIT / 2n,
      targetCollateralValue: 0n,
      sell: UNIT,
      kSell: 2n ** 40n,
    }
    const hit = agree(account(-99n, 150n), NEUTRAL, single(exact), 0n)
    assert.deepEqual([hit.status, hit.traded[1], hit.multiplier, hit.after[0]], ['partial', 100n, 100n, 1n])
    // 100 of them now miss the target by a fraction of a cash unit, so one more is sold.
    const short = agree(
      account(-99n, 150n),
      NEUTRAL,
      single({ ...exact, sell: UNIT - 1n, targetCollateralValue: 0n }),
      0n,
    )
    assert.deepEqual([short.status, short.traded[1]], ['partial', 101n])
  })

  it('is partial when T is reached only by selling everything, and a close when even that misses', () => {
    const marks = single({
      price: 2n * UNIT,
      collateralValue: UNIT / 2n,
      targetCollateralValue: 0n,
      sell: UNIT,
      kSell: 2n ** 40n,
    })
    const all = agree(account(-99n, 100n), NEUTRAL, marks, 0n)
    assert.deepEqual([all.status, all.after.slice(0, 2), all.badDebt], ['partial', [1n, 0n], 0n])
    // Ends at cash 0 = T, one unit below the threshold: the same trades, but a close, without bad debt.
    const close = agree(account(-100n, 100n), NEUTRAL, marks, 0n)
    assert.deepEqual(
      [close.status, close.after.slice(0, 2), close.badDebt, close.insufficient],
      ['closed', [0n, 0n], 0n, true],
    )
    const bad = agree(account(-101n, 100n), NEUTRAL, marks, 0n)
    assert.deepEqual([bad.status, bad.after.slice(0, 2), bad.badDebt], ['closed', [0n, 0n], 1n])
  })

  it('reaches the target at the last multiplier, 2^48 - 1, and closes just beyond', () => {
    // q(m) = m, and each unit sold adds 2^32 to T.
    const marks = single({
      price: 2n * UNIT,
      collateralValue: UNIT / 2n,
      targetCollateralValue: 0n,
      sell: UNIT,
      kSell: 2n ** 40n,
    })
    const last = agree(account(-(2n ** 48n) + 2n, 2n ** 48n), NEUTRAL, marks, 0n)
    assert.deepEqual([last.status, last.multiplier, last.traded[1]], ['partial', 2n ** 48n - 1n, 2n ** 48n - 1n])
    const beyond = agree(account(-(2n ** 48n) + 1n, 2n ** 48n), NEUTRAL, marks, 0n)
    assert.deepEqual([beyond.status, beyond.traded[1], beyond.after[0], beyond.badDebt], ['closed', 2n ** 48n, 1n, 0n])
  })

  it('closes what has no depth', () => {
    const marks = single({
      price: 10n * UNIT,
      collateralValue: 8n * UNIT,
      targetCollateralValue: 7n * UNIT,
      sell: 9n * UNIT,
      kSell: 0n,
    })
    const result = agree(account(-810n, 100n), NEUTRAL, marks, 0n)
    assert.deepEqual(
      [result.status, result.traded[1], result.after[0], result.insufficient],
      ['closed', 100n, 90n, true],
    )
  })

  it('closes a breached account that holds nothing but a cash debt: all of it is bad', () => {
    const result = agree(account(-7n), NEUTRAL, fillMarks([]), 0n)
    assert.deepEqual([result.status, result.badDebt, result.after[0]], ['closed', 7n, 0n])
  })

  describe('dust', () => {
    // Collateral counts for a tenth, so that liabilities below the limit can breach with collateral at four times it.
    const marks = single({
      price: UNIT,
      collateralValue: UNIT / 10n,
      liabilityValue: 2n * UNIT,
      targetCollateralValue: 0n,
      targetLiabilityValue: 2n * UNIT,
      sell: UNIT,
      buy: UNIT,
      kSell: 2n ** 45n,
      kBuy: 2n ** 45n,
    })

    it('has liabilities strictly below minLiability', () => {
      assert.equal(agree(account(-100n, 150n), NEUTRAL, marks, 100n).status, 'partial')
      assert.equal(agree(account(-99n, 150n), NEUTRAL, marks, 100n).status, 'closed')
      assert.equal(agree(account(110n, -100n), NEUTRAL, marks, 100n).status, 'partial')
      assert.equal(agree(account(110n, -99n), NEUTRAL, marks, 100n).status, 'closed')
    })

    it('has collateral strictly below four times minLiability', () => {
      assert.equal(agree(account(-99n, 400n), NEUTRAL, marks, 100n).status, 'partial')
      assert.equal(agree(account(-99n, 399n), NEUTRAL, marks, 100n).status, 'closed')
    })

    it('is compared below one unit of cash', () => {
      const fine = single({
        price: UNIT + 1n,
        liabilityValue: 2n * UNIT,
        targetLiabilityValue: 2n * UNIT,
        buy: UNIT + 1n,
        kBuy: 2n ** 45n,
      })
      // 99 (2^32 + 1) is above 99 units of cash and below 100 of them.
      assert.equal(agree(account(110n, -99n), NEUTRAL, fine, 99n).status, 'partial')
      assert.equal(agree(account(110n, -99n), NEUTRAL, fine, 100n).status, 'closed')
    })

    it('does not close what is healthy, and pays out what is left of a solvent account', () => {
      assert.equal(agree(account(10n, 10n), NEUTRAL, marks, 1000n).status, 'healthy')
      const closed = agree(account(-50n, 80n), NEUTRAL, marks, 1000n)
      assert.deepEqual([closed.status, closed.after.slice(0, 2), closed.insufficient], ['closed', [30n, 0n], false])
    })
  })

  it('trades in proportion to weight: 15 parts of one asset to 1 of another', () => {
    const asset: AssetMarks = {
      ...NO_MARKS,
      price: 10n * UNIT,
      collateralValue: 8n * UNIT,
      targetCollateralValue: 7n * UNIT,
      sell: 9n * UNIT,
      kSell: 2n ** 30n,
    }
    const marks = fillMarks([asset, asset])
    const result = agree(account(-170_000n, 10_000n, 10_000n), [8, 1, 15, 8, 8, 8, 8, 8], marks, 0n)
    assert.equal(result.status, 'partial')
    assert.equal(result.traded[1], (result.multiplier * 2n ** 30n) / 2n ** 43n)
    assert.equal(result.traded[2], 10_000n)
    const gentle = agree(account(-161_000n, 10_000n, 10_000n), [8, 1, 15, 8, 8, 8, 8, 8], marks, 0n)
    assert.ok(gentle.traded[2]! < 10_000n && gentle.traded[2]! / gentle.traded[1]! === 15n, `${gentle.traded}`)
  })

  it('refuses to liquidate an account of 2^95, takes one just below, and leaves a healthy one alone whatever its size', () => {
    const marks = single({
      price: 2n ** 40n,
      collateralValue: 2n ** 39n,
      targetCollateralValue: 2n ** 39n,
      sell: 2n ** 39n,
      kSell: 1n,
    })
    assert.throws(() => liquidate(account(-(2n ** 62n), 2n ** 54n), NEUTRAL, marks, 0n), /2\^95/)
    assert.notEqual(agree(account(-(2n ** 62n), 2n ** 54n - 1n), NEUTRAL, marks, 0n).status, 'healthy')
    assert.equal(agree(account(0n, 2n ** 55n), NEUTRAL, marks, 0n).status, 'healthy')
  })
})
