import assert from 'node:assert/strict'
import { parseBook } from '../../protocol/book.ts'
import { PlimsollError } from '../../protocol/errors.ts'
import { goodBook, LISTED_BAD_BOOKS, type LooseBook, OTHER_BAD_BOOKS } from '../support/books.ts'

const read = (change: (book: LooseBook) => void = () => {}) => {
  const book = goodBook()
  change(book)
  return parseBook(JSON.stringify(book))
}

describe('a book', () => {
  it('is read into base units', () => {
    const book = read()
    assert.deepEqual(
      book.assets.map(({ symbol, decimals, price }) => ({ symbol, decimals, price })),
      [
        { symbol: 'USD', decimals: 6, price: 10n ** 18n },
        { symbol: 'ETH', decimals: 8, price: 194_610_000_000_000_000_000n },
        { symbol: 'BTC', decimals: 8, price: 7_935_120_000_000_000_000_000n },
      ],
    )
    assert.deepEqual(book.assets[2]!.parameters, {
      collateralFactor: 9000n,
      liabilityFactor: 11_000n,
      targetCollateralFactor: 8500n,
      targetLiabilityFactor: 11_500n,
      penalty: 100n,
      depth: 900_050_000_000n,
    })
    assert.equal(book.cashDecimals, 6)
    assert.equal(book.minLiability, 50_000_000n)
    assert.deepEqual(book.accounts, [
      { id: 'a1', balances: [-1_700_000_000n, 1_000_000_000n, 0n, 0n, 0n, 0n, 0n, 0n], weights: Array(8).fill(8) },
      { id: 'a2', balances: [9_000_000_000n, 0n, -50_000_000n, 0n, 0n, 0n, 0n, 0n], weights: Array(8).fill(8) },
    ])
    // 194.61 * 10^6 * 2^32 / 10^8, rounded down.
    assert.equal(book.marks.length, 8)
    assert.equal(book.marks[1]!.price, 8_358_435_854n)
    assert.equal(book.marks[3]!.price, 0n)
  })

  it('has defaults: no dust, neutral weights', () => {
    const book = read((b) => {
      delete b.minLiability
      b.accounts[0].weights = { BTC: 15 }
    })
    assert.equal(book.minLiability, 0n)
    assert.deepEqual(book.accounts[0]!.weights, [8, 8, 15, 8, 8, 8, 8, 8])
  })

  it('may go to every limit', () => {
    const book = read((b) => {
      b.assets[1].price = '26843545599.999999999999999999'
      b.assets[2].price = '0.001525878906250000'
      b.assets[2].depth = '0'
      b.accounts[0].balances = { BTC: '184467440737.09551615' }
      b.accounts[0].weights = { ETH: 1, BTC: 15 }
      b.accounts[1].balances = { USD: '-9223372036854.775807' }
    })
    assert.equal(book.marks[1]!.price, 2n ** 60n - 1n)
    assert.equal(book.marks[2]!.price, 2n ** 16n)
    assert.equal(book.accounts[0]!.balances[2], 2n ** 64n - 1n)
    assert.equal(book.accounts[1]!.balances[0], -(2n ** 63n) + 1n)
    assert.throws(
      () => read((b) => (b.assets[2].price = '0.001525878906249999')),
      /assets\[2\] "BTC": price is too small/,
    )
  })

  it('may have only cash, accounts without balances, and eight assets', () => {
    const cash = parseBook(
      '{"assets":[{"symbol":"USD","decimals":0}],"accounts":[{"id":"a","balances":{}},{"id":"b","balances":{"USD":"-3"}}]}',
    )
    assert.deepEqual(
      cash.accounts.map(({ balances }) => balances[0]),
      [0n, -3n],
    )
    assert.equal(
      read((b) => b.assets.push(...Array.from({ length: 5 }, (_, i) => ({ ...b.assets[1], symbol: `A${i}` })))).assets
        .length,
      8,
    )
  })

  it('may use the names of inherited properties as symbols and ids', () => {
    const text = JSON.stringify(goodBook())
      .replaceAll('"ETH"', '"__proto__"')
      .replaceAll('"BTC"', '"constructor"')
      .replace('"a1"', '"__proto__"')
    const book = parseBook(text)
    assert.deepEqual(
      book.assets.map(({ symbol }) => symbol),
      ['USD', '__proto__', 'constructor'],
    )
    assert.equal(book.accounts[0]!.balances[1], 1_000_000_000n)
    assert.equal(book.accounts[1]!.balances[2], -50_000_000n)
  })

  it('may have any white space, escapes and signs that JSON allows', () => {
    const text = JSON.stringify(goodBook(), null, '\t')
      .replaceAll('\n', '\r\n')
      .replace('"ETH": "10"', '"\\u0045TH" : "-0"')
    assert.equal(parseBook(`\n ${text} \n`).accounts[0]!.balances[1], 0n)
  })

  for (const { what, text, complaint } of [...LISTED_BAD_BOOKS, ...OTHER_BAD_BOOKS]) {
    it(`is refused with ${what}`, () => {
      assert.throws(
        () => parseBook(text),
        (error) => {
          assert.ok(error instanceof PlimsollError, String(error))
          assert.match(error.message, complaint)
          return true
        },
      )
    })
  }

  it('is refused wherever its text is cut short', () => {
    const text = JSON.stringify(goodBook())
    for (let end = 0; end < text.length; end++) {
      assert.throws(
        () => parseBook(text.slice(0, end)),
        (error) => error instanceof PlimsollError && /Invalid JSON/.test(error.message),
        `cut at ${end}`,
      )
    }
  })

  it('is refused for the same texts as by JSON.parse', () => {
    const good = JSON.stringify(goodBook())
    for (const broken of [
      good.replace('{', "{'"),
      good.replace('8', '08'),
      good.replace('6', '.6'),
      good.replace('6', '6.'),
      good.replace('6', '+6'),
      good.replace(']', ',]'),
      good.replace('USD', 'U\tD'),
      good.replace('USD', 'U\\xD'),
      good.replace('USD', 'U\\u00g0D'),
      good.replace('6', 'NaN'),
      good.replace('6', 'truefalse'),
      `﻿${good}`,
      good.replace(',', ' '),
      good.replace(':', '='),
      `// book\n${good}`,
    ]) {
      assert.throws(() => JSON.parse(broken), SyntaxError, broken)
      assert.throws(
        () => parseBook(broken),
        (error) => error instanceof PlimsollError && /Invalid JSON/.test(error.message),
        broken,
      )
    }
  })
})
