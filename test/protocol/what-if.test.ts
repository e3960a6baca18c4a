import assert from 'node:assert/strict'
import { ASSETS } from '../../protocol/constants.ts'
import { health, targetHealth } from '../../protocol/health.ts'
import { assetMarks, CASH_MARKS, type Marks, NO_MARKS, type RiskParameters } from '../../protocol/marks.ts'
import { boundaryMark, coverage, isAllowed, withPrice } from '../../protocol/what-if.ts'
import { priceOfMark } from '../../sdk/price.ts'
import { suppose } from '../../sdk/what-if.ts'
import { Random } from './random.ts'

const ETH: RiskParameters = {
  collateralFactor: 8_500n,
  liabilityFactor: 11_500n,
  targetCollateralFactor: 8_000n,
  targetLiabilityFactor: 12_000n,
  penalty: 200n,
  depth: 10n ** 12n,
}
/** Price mark of an asset of 8 decimals, in cash of 6. */
const dollars = (price: bigint) => (price << 32n) / 100n
const UNITS = [
  { symbol: 'USD', decimals: 6 },
  { symbol: 'ETH', decimals: 8 },
  { symbol: 'BTC', decimals: 8 },
]

function marksAt(eth: bigint, btc: bigint): Marks {
  const traded = [assetMarks(eth, ETH, 'ETH'), assetMarks(btc, { ...ETH, collateralFactor: 9_000n }, 'BTC')]
  return [CASH_MARKS, ...traded, ...Array.from({ length: ASSETS - 3 }, () => NO_MARKS)]
}

const balancesOf = (usd: bigint, eth: bigint, btc = 0n) => [usd, eth, btc, 0n, 0n, 0n, 0n, 0n]

describe('what an account would be', () => {
  it('has its health at zero exactly at the mark that is told, for 3000 random accounts', () => {
    const random = new Random(7)
    let [found, none] = [0, 0]
    for (let i = 0; i < 3_000; i++) {
      const price = () => 65_536n + random.magnitude(random.integer(1, 50))
      const marks = marksAt(price(), price())
      const balance = () => random.magnitude(random.integer(1, 60)) * (random.chance(0.5) ? 1n : -1n)
      const balances = balancesOf(balance(), random.chance(0.2) ? 0n : balance(), balance())
      for (const a of [1, 2]) {
        const mark = boundaryMark(balances, marks, a)
        const at = (mark: bigint) => health(balances, withPrice(marks, a, mark, 'it'))
        if (mark === undefined) {
          none++
          // At no price does the account go from breached to healthy: it is the same at both ends.
          if (balances[a] !== 0n) assert.equal(at(1n << 16n) < 0n, at(((1n << 60n) - 1n) << 0n) < 0n)
          continue
        }
        found++
        assert.ok(at(mark) >= 0n)
        assert.ok(at(mark + (balances[a]! > 0n ? -1n : 1n)) < 0n)
      }
    }
    assert.ok(found > 500 && none > 500)
  })

  it('is valued at the factors that the marks tell, whatever the price', () => {
    const random = new Random(8)
    for (let i = 0; i < 1_000; i++) {
      const before = marksAt(65_536n + random.magnitude(40), 65_536n)
      const price = 65_536n + random.magnitude(40)
      const { kSell: _, kBuy: __, ...expected } = assetMarks(price, ETH, 'ETH')
      const { kSell: ___, kBuy: ____, ...told } = withPrice(before, 1, price, 'it')[1]!
      assert.deepEqual(told, expected)
    }
    assert.throws(
      () => withPrice(marksAt(100n, 100n), 1, dollars(1n), 'the price of ETH'),
      /the price of ETH: .* so low/,
    )
    assert.equal(boundaryMark(balancesOf(-10n, 10n ** 8n), marksAt(100n, 100n), 1), undefined)
  })

  it('follows trades, deposits, withdrawals and prices, in order', () => {
    const scene = { balances: balancesOf(1_000_000_000n, 0n), marks: marksAt(dollars(200n), dollars(8_000n)) }
    const then = (text: string) => suppose(text, UNITS, scene)
    assert.deepEqual(then('buy ETH 2').balances, balancesOf(600_000_000n, 200_000_000n))
    assert.deepEqual(then('buy ETH 2 for 390').balances, balancesOf(610_000_000n, 200_000_000n))
    assert.deepEqual(then('sell ETH 2').balances, balancesOf(1_400_000_000n, -200_000_000n))
    assert.deepEqual(then('deposit ETH 1.5, withdraw USD 1100').balances, balancesOf(-100_000_000n, 150_000_000n))
    assert.equal(then('price ETH 120').marks[1]!.price, dollars(120n))
    assert.equal(then('price ETH -10%').marks[1]!.price, (dollars(200n) * 9n) / 10n)
    assert.equal(then('price BTC +2.5%').marks[2]!.price, (dollars(8_000n) * 1_025n) / 1_000n)
    // A trade comes at the price that stands before it.
    assert.deepEqual(then('price ETH 100, buy ETH 2').balances, balancesOf(800_000_000n, 200_000_000n))
    assert.deepEqual(then(' price   ETH 100 ,buy ETH 2').balances, balancesOf(800_000_000n, 200_000_000n))
  })

  it('tells whether it may be, and how it is covered', () => {
    const marks = marksAt(dollars(200n), dollars(8_000n))
    const borrowed = (dollars: bigint) => balancesOf(-dollars * 10n ** 6n, 10n * 10n ** 8n)
    assert.equal(isAllowed(borrowed(1_599n), marks), true)
    assert.equal(isAllowed(borrowed(1_601n), marks), false)
    assert.ok(targetHealth(borrowed(1_601n), marks) < 1n << 32n && health(borrowed(1_601n), marks) > 0n)
    const { collateral, liabilities } = coverage(borrowed(850n), marks)
    assert.equal((collateral * 100n) / liabilities, 199n)
    const mark = boundaryMark(borrowed(850n), marks, 1)!
    assert.equal(priceOfMark(mark, UNITS[0]!, UNITS[1]!, 'up'), '100.000001')
  })

  it('refuses what it does not understand', () => {
    const scene = { balances: balancesOf(1n, 1n), marks: marksAt(dollars(200n), dollars(8_000n)) }
    const refused: [string, RegExp][] = [
      ['', /does not understand ""/],
      ['sell', /does not understand "sell"/],
      ['sell ETH', /does not understand "sell ETH"/],
      ['give ETH 2', /does not understand "give ETH 2"/],
      ['sell DOGE 2', /no asset "DOGE"/],
      ['sell ETH 2 at 3', /does not understand/],
      ['sell ETH 2 for', /does not understand/],
      ['deposit ETH 2 for 3', /does not understand/],
      ['sell USD 2', /USD is the cash/],
      ['price USD 2', /USD is the cash/],
      ['sell ETH -2', /not above 0/],
      ['sell ETH two', /not a plain decimal/],
      ['sell ETH 0.000000001', /more than 8/],
      ['price ETH 0', /does not understand/],
      ['price ETH -101%', /cannot fall by more than 100 %/],
      ['price ETH 1000000000000', /not below 2\^60/],
      ['deposit USD 18446744073709.551615', /2\^64 base units/],
      ['sell ETH 1,', /does not understand ""/],
    ]
    for (const [text, complaint] of refused) assert.throws(() => suppose(text, UNITS, scene), complaint, text)
  })
})
