import assert from 'node:assert/strict'
import {
  chargedHealthDown,
  collateralLimit,
  concentratedMarks,
  concentrationChargeUp,
  isConcentrationFactor,
  kappaUp,
  mostConcentrated,
  positionChargeUp,
} from '../../protocol/concentration.ts'
import { Refusal, type RefusalCode } from '../../protocol/errors.ts'
import { initialHealth } from '../../protocol/health.ts'
import { type AssetMarks, assetMarks, fillMarks, heldMarks, type Marks } from '../../protocol/marks.ts'
import { meetsInitial, type Operation } from '../../protocol/operation.ts'
import { newMarginBook, stepAsset } from '../../protocol/round-margins.ts'
import { isAllowed, withPrice } from '../../protocol/what-if.ts'
import { forced, owned, ownedAccount, unwind, VALID_UNTIL, withdrawal } from '../support/circuit-owners.ts'
import { Fraction } from './fraction.ts'
import { Random } from './random.ts'

const WORD = 1n << 64n
const UNIT = 1n << 32n
/** Whole units: cash has 6 decimals, all else 8. */
const USD = 10n ** 6n
const ETH = 10n ** 8n
const F = 30_000n

const FACTORS = {
  collateralFactor: 8_500n,
  liabilityFactor: 11_500n,
  targetCollateralFactor: 8_000n,
  targetLiabilityFactor: 12_000n,
  penalty: 200n,
}
/** A price of so many USD the ETH: 10^6 2^32 / 10^8 for each. */
const dollars = (price: bigint) => (price * UNIT) / 100n

function marksOf(depth = 250_000n * ETH, factor = F, price = 200n): Marks {
  return fillMarks([concentratedMarks(assetMarks(dollars(price), { ...FACTORS, depth }, 'ETH'), depth, factor)])
}

const eight = (...given: readonly bigint[]) => [...given, ...Array<bigint>(8 - given.length).fill(0n)]
const inCash = (value: bigint) => Number(value) / 2 ** 32 / 1e6

describe('concentration', () => {
  it('costs 1,200 for 1,000 ETH at 200 and a depth of 250,000, which is 0.6 %, and 12 million for 100,000', () => {
    const marks = marksOf()
    for (const [eth, cost] of [
      [1_000n, 1_200n],
      [100_000n, 12_000_000n],
      [10_000n, 120_000n],
    ] as const) {
      for (const sign of [1n, -1n]) {
        const charge = concentrationChargeUp(eight(0n, sign * eth * ETH), marks)
        // kappa is rounded up: a part of 10^11, no more.
        assert.ok(charge >= cost * USD * UNIT && charge - cost * USD * UNIT < (cost * USD * UNIT) / 10n ** 10n)
        assert.equal(positionChargeUp(sign * eth * ETH, marks[1]!), charge)
      }
    }
    assert.equal(1_200 / (1_000 * 200), 0.006)
  })

  it('has the kappa of its formula, rounded up once, for 2,000 random markets', () => {
    const random = new Random(48)
    const seen = { word: 0, none: 0 }
    for (let i = 0; i < 2_000; i++) {
      const price = 65_536n + random.magnitude(random.integer(1, 59))
      const depth = 1n + random.magnitude(random.integer(1, 62))
      const factor = BigInt(random.integer(10_000, 80_000))
      const exact = new Fraction(price * factor * 2n ** 47n, 10_000n * depth).ceil()
      assert.equal(kappaUp(price, depth, factor), exact < WORD ? exact : undefined)
      seen[exact < WORD ? 'word' : 'none']++
    }
    assert.ok(seen.word > 200 && seen.none > 200)
    assert.equal(kappaUp(1n << 59n, (1n << 45n) + 1n, 80_000n), WORD - (1n << 19n) + 1n)
    assert.equal(kappaUp(1n << 59n, 1n << 45n, 80_000n), undefined)
  })

  it('is off at 0, whatever the depth; else a factor is from 1 to 8', () => {
    const plain = assetMarks(dollars(200n), { ...FACTORS, depth: 0n }, 'ETH')
    assert.deepEqual(concentratedMarks(plain, 0n, 0n), plain)
    assert.deepEqual(concentratedMarks(plain, 1n, 0n), plain)
    for (const [factor, allowed] of [
      [0n, true],
      [1n, false],
      [9_999n, false],
      [10_000n, true],
      [80_000n, true],
      [80_001n, false],
      [-1n, false],
    ] as const)
      assert.equal(isConcentrationFactor(factor), allowed)
  })

  it('takes no new risk where there is no depth, or so little that kappa is no word; and charges nothing there', () => {
    for (const depth of [0n, 1n]) {
      const price = 1n << 59n
      const plain = assetMarks(price, { ...FACTORS, depth }, 'ETH')
      const marks = concentratedMarks(plain, depth, F)
      assert.deepEqual(marks, {
        ...plain,
        initialCollateralValue: 0n,
        initialLiabilityValue: WORD - 1n,
        concentration: 0n,
      })
      const all = fillMarks([marks])
      assert.equal(isAllowed(eight(0n, 1_000n), all), true)
      assert.equal(isAllowed(eight(-1n, 1_000n), all), false)
      assert.equal(isAllowed(eight(2n, -1n), all), false)
    }
  })

  it('allows an account to the very unit, and to the very unit of T', () => {
    const marks = marksOf()
    const eth = 1_000n * ETH
    const free = initialHealth(eight(0n, eth), marks) - concentrationChargeUp(eight(0n, eth), marks)
    const debt = (free >> 32n) - 1n
    assert.equal(meetsInitial(eight(-debt, eth), marks), true)
    assert.equal(meetsInitial(eight(-debt - 1n, eth), marks), false)
    // Without the charge 1,200 USD more.
    const uncharged = marksOf(250_000n * ETH, 0n)
    assert.equal(meetsInitial(eight(-debt - 1_200n * USD, eth), uncharged), true)
    assert.equal(meetsInitial(eight(-debt - 1_200n * USD - 1n, eth), uncharged), false)
    // T - charge / 2^48 >= 2^32 over the fractions, for a charge that is no whole number.
    const at = (kappa: bigint, value: bigint) =>
      meetsInitial(
        eight(-1n, 1n),
        marks.map((asset, a) => (a === 1 ? { ...asset, initialCollateralValue: value, concentration: kappa } : asset)),
      )
    assert.deepEqual([at(0n, 2n * UNIT), at(1n, 2n * UNIT), at(1n, 2n * UNIT + 1n)], [true, false, true])
    assert.deepEqual([at(1n << 48n, 2n * UNIT + 1n), at((1n << 48n) + 1n, 2n * UNIT + 1n)], [true, false])
  })

  it('spares whoever owes nothing, and never helps anybody', () => {
    const random = new Random(49)
    assert.equal(meetsInitial(eight(1n, 10n ** 7n * ETH), marksOf(1n)), true)
    for (let i = 0; i < 500; i++) {
      const balances = eight(
        ...Array.from({ length: 2 }, () => random.magnitude(random.integer(1, 60)) * (random.chance(0.5) ? 1n : -1n)),
      )
      const depth = 1n + random.magnitude(random.integer(20, 62))
      const [charged, free] = [marksOf(depth), marksOf(depth, 0n)]
      assert.ok(chargedHealthDown(balances, charged) <= initialHealth(balances, free))
      if (meetsInitial(balances, charged)) assert.equal(meetsInitial(balances, free), true)
    }
  })

  it('lowers initial health with more collateral beyond 0.8 depth / f', () => {
    const marks = marksOf()
    const limit = collateralLimit(marks[1]!)!
    // 0.8 250,000 / 3 = 66,666.66... ETH.
    assert.ok(limit <= 6_666_666_666_666n && limit > 6_666_666_600_000n)
    const at = (eth: bigint) => chargedHealthDown(eight(-1n, eth), marks)
    assert.ok(at(limit) > at(limit - ETH))
    assert.ok(at(limit) > at(limit + ETH))
    assert.ok(inCash(at(2n * limit)) < 1)
    assert.equal(collateralLimit(marksOf(1n, 0n)[1]!), undefined)
  })

  describe('of an operation', () => {
    const marks = marksOf()
    const eth = 20_000n * ETH
    const most = (() => {
      const free = initialHealth(eight(0n, eth), marks) - concentrationChargeUp(eight(0n, eth), marks)
      return (free >> 32n) - 1n
    })()
    const run = (balances: readonly bigint[], operation: Operation) =>
      owned([ownedAccount(0, balances)], { marks }).transact([operation], VALID_UNTIL)
    const refuses = (code: RefusalCode, balances: readonly bigint[], operation: Operation, text = /./) =>
      assert.throws(
        () => run(balances, operation),
        (error) => error instanceof Refusal && error.code === code && text.test(error.message),
      )

    it('is refused by its name, and as before where the margin fails without it', () => {
      run([0n, eth], withdrawal({ index: 0, amount: most }))
      refuses(
        'TOO_CONCENTRATED',
        [0n, eth],
        withdrawal({ index: 0, amount: most + 1n }),
        /charge for concentration, most of it for asset 1/,
      )
      refuses('TARGET_TOO_LOW', [0n, eth], withdrawal({ index: 0, amount: 3_200_000n * USD }))
      refuses('TOO_CONCENTRATED', [0n, eth], withdrawal({ index: 0, amount: 3_199_999n * USD }))
      const buying = { index: 0, direction: 1, x: 1_000n * ETH, y: 200_000n * USD } as const
      refuses('TOO_CONCENTRATED', [80_000n * USD - most, eth], unwind(buying))
    })

    it('discharges a request by the charge', () => {
      assert.equal(run([0n, eth], forced({ index: 0, amount: most })).results[0]!.outcome, 'done')
      assert.equal(run([0n, eth], forced({ index: 0, amount: most + 1n })).results[0]!.outcome, 'discharged')
    })

    it('may always shrink a position at a fair price, however concentrated it is', () => {
      const deep = [-most - 200_000n * USD, eth]
      const sale = { index: 0, direction: 0, x: ETH, y: 196n * USD } as const
      const { results } = run(deep, unwind(sale))
      assert.equal(results[0]!.outcome, 'done')
      refuses('TRADE_PRICE', deep, unwind({ ...sale, y: 196n * USD - 1n }))
      refuses('TRADE_NOT_SHRINKING', deep, unwind({ ...sale, direction: 1, y: 204n * USD }))
      // T alone has to grow: that the charge falls by more than T does is no excuse.
      const level = marks.map((asset, a) => (a === 1 ? { ...asset, sell: UNIT, initialCollateralValue: UNIT } : asset))
      const system = owned([ownedAccount(0, [-10n * ETH, 200_000n * ETH])], { marks: level })
      assert.throws(
        () => system.clone().transact([unwind({ index: 0, direction: 0, x: ETH, y: ETH })], VALID_UNTIL),
        (error) => error instanceof Refusal && error.code === 'TRADE_NOT_IMPROVING',
      )
      system.transact([unwind({ index: 0, direction: 0, x: ETH, y: ETH + 1n })], VALID_UNTIL)
    })

    it('tells the asset that pays most', () => {
      const more = marks.map((asset, a): AssetMarks => (a === 2 ? { ...marks[1]!, concentration: 1n } : asset))
      assert.equal(mostConcentrated(eight(0n, 1n, 1n), more), 1)
      assert.equal(mostConcentrated(eight(0n, 1n, -(1n << 40n)), more), 2)
      assert.equal(mostConcentrated(eight(5n), more), undefined)
    })
  })

  it('moves with a price that is supposed, and stays when an asset is held', () => {
    const marks = marksOf()
    const doubled = withPrice(marks, 1, dollars(400n), 'it')[1]!
    const exact = marksOf(250_000n * ETH, F, 400n)[1]!
    assert.ok(doubled.concentration - exact.concentration >= 0n && doubled.concentration - exact.concentration <= 2n)
    assert.equal(heldMarks(marks[1]!, 10n).concentration, marks[1]!.concentration)
    // Beyond a word there is no new risk.
    const thin = marksOf(1n << 20n)
    const risen = withPrice(thin, 1, 1n << 59n, 'it')[1]!
    assert.deepEqual(
      [risen.initialCollateralValue, risen.initialLiabilityValue, risen.concentration],
      [0n, WORD - 1n, 0n],
    )
  })

  it('follows the depth from round to round, and less depth counts as tighter while it is charged', () => {
    const parameters = { ...FACTORS, depth: 1_000n * ETH }
    const reading = { price: dollars(200n), low: dollars(200n), high: dollars(200n), heldSince: 0n }
    const pending = { parameters: { ...parameters, depth: 500n * ETH }, readyAt: 10n }
    const asset = { decimals: 8, rules: undefined, depth: parameters.depth }
    const book = { ...newMarginBook(parameters), pending }
    const step = (time: bigint, concentration: bigint) =>
      stepAsset(
        asset,
        book,
        { time, previous: undefined, patience: 0n, concentration },
        { reading: reading as never, holdings: 0n, pool: 0n },
      )
    assert.deepEqual([step(9n, F).tightened, step(10n, F).tightened, step(10n, 0n).tightened], [false, true, false])
    assert.equal(step(9n, F).marks.concentration, kappaUp(dollars(200n), 1_000n * ETH, F))
    assert.equal(step(10n, F).marks.concentration, kappaUp(dollars(200n), 500n * ETH, F))
    assert.equal(step(10n, 0n).marks.concentration, 0n)
  })
})
