import assert from 'node:assert/strict'
import { SCALE } from '../../protocol/constants.ts'
import { assetMarks, fillMarks } from '../../protocol/marks.ts'
import { aaveHealthFactor, aaveV3, aaveV3Call } from '../../risk/policies/aave-v3.ts'
import { Random } from '../protocol/random.ts'
import { AaveMarket, type AavePair, type Reserve } from './aave-market.ts'

const POSITIONS = 320
const WAD = 10n ** 18n
/** Token units are base units of cash at the scale of marks: a price of 2^26 is one of cash. */
const PRICE_TO_MARK = 64n
const RESERVES: readonly Reserve[] = [
  { symbol: 'USD', decimals: 8, price: SCALE / PRICE_TO_MARK, threshold: 8_000n, bonus: 10_500n },
  { symbol: 'ETH', decimals: 8, price: 3000n * 10n ** 8n, threshold: 8_250n, bonus: 10_500n },
  { symbol: 'BTC', decimals: 8, price: 60_000n * 10n ** 8n, threshold: 7_500n, bonus: 10_625n },
  { symbol: 'LINK', decimals: 8, price: 15n * 10n ** 8n, threshold: 5_300n, bonus: 10_750n },
]
const UNIT = 10n ** 8n

/** Marks at which the product values a position as Aave does, for tokens of 8 decimals. */
function marksAt(prices: readonly bigint[]) {
  return fillMarks(
    RESERVES.slice(1).map(({ symbol, threshold, bonus }, i) =>
      assetMarks(
        prices[i + 1]! * PRICE_TO_MARK,
        {
          collateralFactor: threshold,
          liabilityFactor: 10_000n,
          targetCollateralFactor: threshold,
          targetLiabilityFactor: 10_000n,
          penalty: bonus - 10_000n,
          depth: 0n,
        },
        symbol,
      ),
    ),
  )
}

describe('aave-v3 and the compiled contracts of Aave v3', function () {
  this.timeout(180_000)

  it(`closes the same amounts to the last unit, call after call, on ${POSITIONS} random positions`, async () => {
    const market = await AaveMarket.deploy(RESERVES)
    const random = new Random(1)
    const seen = { half: 0, whole: 0, exhausted: 0, several: 0, ignored: 0 }
    for (let tried = 0, done = 0; done < POSITIONS; tried++) {
      assert.ok(tried < 2 * POSITIONS, JSON.stringify(seen))
      // Collateral in one or two assets that are not cash, debt in cash or another.
      const balances = RESERVES.map(() => 0n)
      const collateral = [random.integer(1, 3)]
      if (random.chance(0.5)) collateral.push((collateral[0]! % 3) + 1)
      for (const a of collateral) balances[a] = ((1000n + random.bits(24)) * 10n ** 6n * UNIT) / RESERVES[a]!.price + 1n
      const debts = [0, 1, 2, 3].filter((a) => !collateral.includes(a) && random.chance(0.6))
      if (debts.length === 0) debts.push(0)
      const power = collateral.reduce(
        (sum, a) => sum + (balances[a]! * RESERVES[a]!.price * RESERVES[a]!.threshold) / 10_000n,
        0n,
      )
      const used = BigInt(random.integer(60, 98))
      for (const a of debts) balances[a] = -((power * used) / 100n / BigInt(debts.length) / RESERVES[a]!.price) - 1n
      // Collateral falls by so much that the health factor is anywhere from a third to 1.
      const fall = BigInt(random.integer(Math.floor(33 * (100 / Number(used))), Math.floor(100 * (100 / Number(used)))))
      const prices = RESERVES.map(({ price }, a) =>
        a > 0 && collateral.includes(a) ? (price * used * fall) / 10_000n + BigInt(random.integer(0, 9999)) : price,
      )

      const value = (a: number) => ((balances[a]! < 0n ? -balances[a]! : balances[a]!) * prices[a]!) / UNIT
      const expected = aaveHealthFactor(
        collateral.map((a) => [value(a), RESERVES[a]!.threshold] as const),
        debts.map(value),
      )
      const near = (x: bigint, y: bigint) => (x > y ? x - y : y - x) < WAD / 2000n
      // The contract truncates the mean threshold to 1/10^4, which may put it on the other side of 0.95 or 1.
      if (expected >= WAD || near(expected, WAD) || near(expected, (95n * WAD) / 100n)) {
        seen.ignored++
        continue
      }
      done++

      // The policy, and then liquidators who take the greatest pair at each call, until the position is healthy or empty.
      const policyMarket = {
        marks: marksAt(prices),
        penalties: [0n, ...RESERVES.slice(1).map(({ bonus }) => bonus - 10_000n), 0n, 0n, 0n, 0n],
        minLiability: 0n,
      }
      const outcome = aaveV3.liquidate([...balances, 0n, 0n, 0n, 0n], Array<number>(8).fill(8), policyMarket)

      const states = [{ healthFactor: expected, balances: [...balances] }]
      const pairs: AavePair[] = []
      const traded = RESERVES.map(() => 0n)
      let paid = 0n
      for (;;) {
        const { healthFactor, balances: held } = states.at(-1)!
        const worth = (a: number) => held[a]! * prices[a]!
        const order = held.map((_, a) => a).sort((a, b) => (worth(a) < worth(b) ? -1 : worth(a) > worth(b) ? 1 : a - b))
        const debt = order[0]!
        const seized = order.at(-1)!
        if (healthFactor >= WAD || held[debt]! >= 0n || held[seized]! <= 0n) break
        const side = (a: number) => ({ balance: held[a]! < 0n ? -held[a]! : held[a]!, price: prices[a]!, unit: UNIT })
        const { repay, seize } = aaveV3Call(side(seized), side(debt), healthFactor, RESERVES[seized]!.bonus)
        if (seize === held[seized]) seen.exhausted++
        else if (repay === -held[debt]!) seen.whole++
        else seen.half++
        const next = held.map((balance, a) => balance + (a === debt ? repay : a === seized ? -seize : 0n))
        traded[debt]! += repay
        traded[seized]! += seize
        if (debt === 0) paid += repay
        pairs.push({ collateral: seized, debt })
        const values = (positive: boolean) =>
          next.flatMap((balance, a) =>
            balance !== 0n && balance > 0n === positive
              ? [[((positive ? balance : -balance) * prices[a]!) / UNIT, RESERVES[a]!.threshold] as const]
              : [],
          )
        const owed = values(false).map(([value]) => value)
        states.push({
          healthFactor: owed.length === 0 ? 2n ** 256n - 1n : aaveHealthFactor(values(true), owed),
          balances: next,
        })
      }
      if (pairs.length > 1) seen.several++
      assert.deepEqual(await market.liquidate(balances, prices, pairs), states, `position ${done}`)
      traded[0] = 0n
      assert.deepEqual([outcome.traded.slice(0, RESERVES.length), outcome.paid], [traded, paid], `position ${done}`)
    }
    for (const what of ['half', 'whole', 'exhausted', 'several'] as const)
      assert.ok(seen[what] >= 20, JSON.stringify(seen))
  })
})
