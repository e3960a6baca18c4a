import assert from 'node:assert/strict'
import { assess } from '../../cli/assessment.ts'
import { parseBook } from '../../protocol/book.ts'
import { flow, parseShocks } from '../../risk/flow/flow.ts'
import { LiquidationCurve } from '../../risk/flow/liquidation-curve.ts'
import { sensitivity, spectralRadius } from '../../risk/flow/sensitivity.ts'
import { goodBook } from '../support/books.ts'
import { bookOf, bookText } from './books.ts'

const parsed = (book: unknown) => parseBook(JSON.stringify(book))
const RANGE = { from: -6000, to: 3000, step: 250 }

/** `price (10000 + bp) / 10000` as an exact decimal text. */
function shocked(price: string, bp: number): string {
  const [whole, fraction = ''] = price.split('.')
  const digits = (BigInt(whole! + fraction) * BigInt(10_000 + bp)).toString().padStart(fraction.length + 5, '0')
  const places = fraction.length + 4
  return `${digits.slice(0, -places)}.${digits.slice(-places)}`
}

describe('risk flow', () => {
  it('says of every point what an assessment of the shocked book says, for all prices and for one', () => {
    const book = bookOf(['ETH', 'BTC', 'SOL'], 300)
    const text = JSON.parse(bookText(book)) as ReturnType<typeof goodBook>
    for (const asset of [undefined, 'BTC']) {
      const { points } = flow([{ name: 'b', book: parsed(text) }], { shocks: RANGE, asset })
      assert.equal(points.length, 37)
      for (const { shockBp, ...point } of points) {
        const copy = structuredClone(text)
        for (const entry of copy.assets.slice(1))
          if (asset === undefined || entry.symbol === asset) entry.price = shocked(entry.price, shockBp)
        const { totals } = assess(parsed(copy))
        const expected = {
          liquidated: totals.partial + totals.closed,
          closed: totals.closed,
          sold: totals.sold,
          bought: totals.bought,
          badDebt: totals.badDebt,
        }
        assert.deepEqual(point, expected, `${asset} ${shockBp}`)
      }
      const worst = points[0]!
      if (asset === undefined) assert.ok(worst.closed > 20 && worst.liquidated > worst.closed && worst.badDebt !== '0')
    }
  })

  it('adds up several books, of other decimals and other assets, to one curve', () => {
    const one = goodBook()
    const other = goodBook()
    Object.assign(other.assets[1], { decimals: 6, depth: '90000' })
    other.assets.splice(2, 1)
    other.accounts = [{ id: 'x', balances: { ETH: '3.5', USD: '-600' } }]
    const shocks = { from: -3000, to: 0, step: 1000 }
    const alone = [one, other].map((book) => flow([{ name: 'b', book: parsed(book) }], { shocks }))
    const both = flow(
      [one, other].map((book, i) => ({ name: `b${i}`, book: parsed(book) })),
      { shocks },
    )
    both.points.forEach((point, i) => {
      const parts = alone.map(({ points }) => points[i]!)
      assert.equal(point.liquidated, parts[0]!.liquidated + parts[1]!.liquidated)
      const sold = parts.reduce((sum, { sold }) => sum + Number(sold.ETH ?? 0), 0)
      assert.ok(Math.abs(Number(point.sold.ETH ?? 0) - sold) < 1e-7)
    })
    const curve = new LiquidationCurve([one, other].map((book, i) => ({ name: `b${i}`, book: parsed(book) })))
    assert.deepEqual(
      curve.assets.map(({ symbol, depth }) => [symbol, depth]),
      [
        ['ETH', 90_000],
        ['BTC', 9000.5],
      ],
    )
  })

  it('has the slopes of the closed form for an account that is breached', () => {
    // 1700 owed for 10 at p: the target is reached by selling Q = 1700 / (0.18 p) - 10 * 0.8 / 0.18.
    const book = goodBook()
    book.accounts = [book.accounts[0]]
    book.minLiability = '0'
    const curve = new LiquidationCurve([{ name: 'b', book: parsed(book) }])
    const { delta } = sensitivity(curve, 2, 0)
    const { gamma } = sensitivity(curve, 20, 0)
    const slope = 1700.000001 / (0.18 * 194.61)
    assert.ok(Math.abs(delta[0]! / slope - 1) < 2e-4, `${delta[0]} is not ${slope}`)
    assert.ok(Math.abs(gamma[0]! / slope - 1) < 5e-3, `${gamma[0]} is not ${slope}`)
    const report = flow([{ name: 'b', book: parsed(book) }], { shocks: { from: -100, to: 0, step: 100 } })
    assert.ok(Math.abs(report.rho.ETH! / (slope / 250_000) - 1) < 0.01)
    assert.ok(Math.abs(report.spectralRadius / (slope / 250_000) - 1) < 0.01)
  })

  it('has the eigenvalue of known matrices as the spectral radius', () => {
    assert.ok(
      Math.abs(
        spectralRadius([
          [0.5, 0.4],
          [0.1, 0.2],
        ]) -
          (0.7 + Math.sqrt(0.25)) / 2,
      ) < 1e-12,
    )
    assert.ok(
      Math.abs(
        spectralRadius([
          [0, -2],
          [2, 0],
        ]) - 2,
      ) < 1e-12,
    )
    assert.equal(spectralRadius([[Infinity]]), Infinity)
    assert.equal(spectralRadius([]), 0)
  })

  it('finds the fixed point of the cascade, and its amplification 1 / (1 - rho) for a book of constant slope', () => {
    // Longs whose lines are spread evenly below the price, all of which close at once: Q grows linearly as the price falls.
    for (const rho of [0.3, 0.6, 0.9]) {
      const lines = 4000
      const accounts = Array.from({ length: lines }, (_, i) => ({
        id: `a${i}`,
        balances: { ETH: '1', USD: (-(1000 * Math.exp((-0.2 * (i + 0.5)) / lines) * 0.85)).toFixed(6) },
      }))
      const depth = (lines / 0.2 / rho).toFixed(8)
      const book = parsed({
        assets: [
          { symbol: 'USD', decimals: 6 },
          // Dust: each is closed as a whole.
          {
            symbol: 'ETH',
            decimals: 8,
            price: '1000',
            collateralFactor: '0.85',
            liabilityFactor: '1.15',
            targetCollateralFactor: '0.8',
            targetLiabilityFactor: '1.2',
            penalty: '0.02',
            depth,
          },
        ],
        minLiability: '100000',
        accounts,
      })
      const shock = -20
      const { cascade, spectralRadius: radius } = flow([{ name: 'b', book }], {
        shocks: { from: shock, to: 0, step: 20 },
      })
      const expected = Math.expm1(Math.log1p(shock / 10_000) / (1 - rho)) * 10_000
      assert.ok(Math.abs(cascade[0]!.finalBp / expected - 1) < 0.02, `${cascade[0]!.finalBp} is not ${expected}`)
      assert.ok(Math.abs(cascade[0]!.amplification! * (1 - rho) - 1) < 0.02)
      assert.deepEqual(cascade[1], { shockBp: 0, finalBp: 0, amplification: 1 })
      assert.ok(Math.abs(radius / rho - 1) < 0.02, `${radius}`)
    }
  })

  it('refuses malformed ranges, and prices beyond the range of marks', () => {
    for (const [text, complaint] of [
      ['', /not FROM:TO:STEP/],
      ['-5:5', /not FROM:TO:STEP/],
      ['1:2:-1', /not FROM:TO:STEP/],
      ['a:b:c', /not FROM:TO:STEP/],
      ['0.5:1:1', /not FROM:TO:STEP/],
      ['0:10:0', /a step of 0/],
      ['5:0:1', /above its last/],
      ['-10000:0:100', /no price is left/],
      ['-9999:900000000:1', /more than 100000 points/],
    ] as const) {
      assert.throws(() => parseShocks(text), complaint, text)
    }
    assert.deepEqual(parseShocks('-5000:0:100'), { from: -5000, to: 0, step: 100 })
    const book = goodBook()
    book.assets[1].price = '0.002'
    book.accounts.pop()
    assert.throws(
      () => flow([{ name: 'b.json', book: parsed(book) }], { shocks: { from: -9000, to: 0, step: 1000 } }),
      /b\.json: at a shock of -9000 bp the price of ETH/,
    )
    assert.throws(
      () => flow([{ name: 'b', book: parsed(goodBook()) }], { shocks: RANGE, asset: 'DOGE' }),
      /No book has the traded asset "DOGE"/,
    )
    const dearer = goodBook()
    dearer.assets[2].price = '8000'
    assert.throws(
      () =>
        flow(
          [
            { name: 'a', book: parsed(goodBook()) },
            { name: 'b', book: parsed(dearer) },
          ],
          { shocks: RANGE },
        ),
      /b and a have different prices of BTC/,
    )
    const euros = goodBook()
    euros.assets[0].symbol = 'EUR'
    for (const account of euros.accounts) {
      account.balances.EUR = account.balances.USD
      delete account.balances.USD
    }
    assert.throws(
      () =>
        flow(
          [
            { name: 'a', book: parsed(goodBook()) },
            { name: 'b', book: parsed(euros) },
          ],
          { shocks: RANGE },
        ),
      /The cash of b is EUR/,
    )
  })
})
