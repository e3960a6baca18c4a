import assert from 'node:assert/strict'
import { formatDecimal, formatRatioDown, parseDecimal } from '../../protocol/decimal.ts'
import { PlimsollError } from '../../protocol/errors.ts'
import { Random } from './random.ts'

describe('decimals', () => {
  it('are read exactly', () => {
    for (const [text, decimals, expected] of [
      ['0', 6, 0n],
      ['-0', 6, 0n],
      ['1', 0, 1n],
      ['007', 0, 7n],
      ['1.5', 6, 1_500_000n],
      ['-1700', 6, -1_700_000_000n],
      ['-0.000001', 6, -1n],
      ['0.000000000000000001', 18, 1n],
      ['18446744073709551615', 0, 2n ** 64n - 1n],
      ['1.50', 2, 150n],
    ] as const) {
      assert.equal(parseDecimal(text, decimals, 'x'), expected, text)
    }
  })

  it('are refused when they are not plain', () => {
    for (const text of [
      '',
      ' 1',
      '1 ',
      '1\n',
      '+1',
      '1e3',
      '1E3',
      '.5',
      '5.',
      '-',
      '--1',
      '1.2.3',
      '1,5',
      '0x10',
      'NaN',
      'Infinity',
      '١',
      '1_000',
      '1'.repeat(101),
    ]) {
      assert.throws(
        () => parseDecimal(text, 6, 'field f'),
        (error) => error instanceof PlimsollError && error.message.startsWith('field f is not a plain decimal'),
        text,
      )
    }
  })

  it('are refused when they are not strings', () => {
    for (const value of [1, 1.5, null, true, undefined, [], {}, ['1']]) {
      assert.throws(() => parseDecimal(value, 6, 'field f'), {
        name: 'PlimsollError',
        message: 'field f is not a string.',
      })
    }
  })

  it('are refused with digits beyond the unit, even zeros', () => {
    assert.throws(() => parseDecimal('1.23', 1, 'f'), /f has 2 decimals, more than 1/)
    assert.throws(() => parseDecimal('1.0', 0, 'f'), /f has 1 decimals, more than 0/)
  })

  it('are written without trailing zeros, point or negative zero', () => {
    for (const [amount, decimals, expected] of [
      [0n, 6, '0'],
      [0n, 0, '0'],
      [1n, 6, '0.000001'],
      [-1n, 6, '-0.000001'],
      [1_500_000n, 6, '1.5'],
      [-2_000_000n, 6, '-2'],
      [100n, 0, '100'],
      [-100n, 0, '-100'],
      [123n, 2, '1.23'],
    ] as const) {
      assert.equal(formatDecimal(amount, decimals), expected)
    }
  })

  it('come back the same', () => {
    const random = new Random(1)
    for (let i = 0; i < 2000; i++) {
      const decimals = random.integer(0, 18)
      const amount = random.chance(0.5) ? random.magnitude(64) : -random.magnitude(64)
      const text = formatDecimal(amount, decimals)
      assert.equal(parseDecimal(text, decimals, 'x'), amount)
      assert.match(text, /^-?(0|[1-9]\d*)(\.\d*[1-9])?$/)
      assert.notEqual(text, '-0')
    }
  })

  it('of a ratio are rounded toward minus infinity', () => {
    assert.equal(formatRatioDown(-1n, 2n ** 32n, 6), '-0.000001')
    assert.equal(formatRatioDown(1n, 2n ** 32n, 6), '0')
    assert.equal(formatRatioDown(-(2n ** 32n), 2n ** 32n, 6), '-0.000001')
    assert.equal(formatRatioDown(-(2n ** 32n) - 1n, 2n ** 32n, 6), '-0.000002')
    assert.equal(formatRatioDown(2n ** 33n - 1n, 2n ** 32n, 6), '0.000001')
    assert.equal(formatRatioDown(-3n, 2n, 0), '-2')
  })
})
