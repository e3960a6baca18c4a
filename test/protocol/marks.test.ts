import assert from 'node:assert/strict'
import { parseDecimal } from '../../protocol/decimal.ts'
import { PlimsollError } from '../../protocol/errors.ts'
import {
  assetMarks,
  CASH_MARKS,
  checkParameters,
  fillMarks,
  NO_MARKS,
  priceMarkDown,
  type RiskParameters,
} from '../../protocol/marks.ts'
import { Fraction } from './fraction.ts'
import { Random } from './random.ts'

const ONE = new Fraction(1n)

interface Texts {
  price: string
  cashDecimals: number
  decimals: number
  collateralFactor: string
  liabilityFactor: string
  targetCollateralFactor: string
  targetLiabilityFactor: string
  initialCollateralFactor: string
  initialLiabilityFactor: string
  penalty: string
  /** Base units. */
  depth: bigint
}

/** The marks of docs/protocol.md#marks over rationals, from the decimals that a book has. */
function marksByTheBook(texts: Texts) {
  const factor = {
    c: Fraction.of(texts.collateralFactor),
    l: Fraction.of(texts.liabilityFactor),
    tc: Fraction.of(texts.targetCollateralFactor),
    tl: Fraction.of(texts.targetLiabilityFactor),
    ic: Fraction.of(texts.initialCollateralFactor),
    il: Fraction.of(texts.initialLiabilityFactor),
    p: Fraction.of(texts.penalty),
  }
  const scale = new Fraction(10n ** BigInt(texts.cashDecimals) * 2n ** 32n, 10n ** BigInt(texts.decimals))
  const price = new Fraction(Fraction.of(texts.price).times(scale).floor())
  const depth = new Fraction(texts.depth)
  return {
    price: price.floor(),
    collateralValue: price.times(factor.c).floor(),
    liabilityValue: price.times(factor.l).ceil(),
    targetCollateralValue: price.times(factor.tc).floor(),
    targetLiabilityValue: price.times(factor.tl).ceil(),
    sell: price.times(ONE.minus(factor.p)).floor(),
    buy: price.times(ONE.plus(factor.p)).ceil(),
    kSell: depth.times(ONE.minus(factor.p).minus(factor.tc)).floor(),
    kBuy: depth.times(factor.tl.minus(ONE).minus(factor.p)).floor(),
    initialCollateralValue: price.times(factor.ic).floor(),
    initialLiabilityValue: price.times(factor.il).ceil(),
    concentration: 0n,
  }
}

function parametersOf(texts: Texts): RiskParameters {
  const read = (text: string) => parseDecimal(text, 4, 'factor')
  return {
    collateralFactor: read(texts.collateralFactor),
    liabilityFactor: read(texts.liabilityFactor),
    targetCollateralFactor: read(texts.targetCollateralFactor),
    targetLiabilityFactor: read(texts.targetLiabilityFactor),
    initialCollateralFactor: read(texts.initialCollateralFactor),
    initialLiabilityFactor: read(texts.initialLiabilityFactor),
    penalty: read(texts.penalty),
    depth: texts.depth,
  }
}

const factorText = (tenThousandths: number) =>
  `${Math.floor(tenThousandths / 10_000)}.${String(tenThousandths % 10_000).padStart(4, '0')}`

describe('marks', () => {
  it('are those of the document, over rationals, for 3000 random assets', () => {
    const random = new Random(4)
    let inRange = 0
    while (inRange < 3000) {
      const penalty = random.integer(0, 1000)
      const collateral = random.integer(0, 10_000 - penalty)
      const liability = random.integer(Math.max(10_000 + penalty, 10_500), 30_000)
      const target = [
        random.chance(0.2) ? collateral : random.integer(0, collateral),
        random.chance(0.2) ? liability : random.integer(liability, 30_000),
      ] as const
      const texts: Texts = {
        price: `${random.magnitude(24)}.${String(random.bits(59)).padStart(18, '0').slice(0, random.integer(1, 18))}`,
        cashDecimals: random.integer(0, 8),
        decimals: random.integer(0, 8),
        collateralFactor: factorText(collateral),
        liabilityFactor: factorText(liability),
        targetCollateralFactor: factorText(target[0]),
        targetLiabilityFactor: factorText(target[1]),
        initialCollateralFactor: factorText(random.chance(0.2) ? target[0] : random.integer(0, target[0])),
        initialLiabilityFactor: factorText(random.chance(0.2) ? target[1] : random.integer(target[1], 65_535)),
        penalty: factorText(penalty),
        depth: random.chance(0.1) ? 0n : random.magnitude(62),
      }
      const price = priceMarkDown(parseDecimal(texts.price, 18, 'price'), 18, texts.cashDecimals, texts.decimals)
      const expected = marksByTheBook(texts)
      assert.equal(price, expected.price)
      if (price < 2n ** 16n || price >= 2n ** 60n) continue
      inRange++
      const parameters = parametersOf(texts)
      checkParameters(parameters, 'asset')
      assert.deepEqual(assetMarks(price, parameters, 'asset'), expected)
    }
  })

  it('of a price worked out by hand', () => {
    // 2^32 * 10^6 * 0.5 / 10^8 = 21474836.48: every rounding shows.
    const texts: Texts = {
      price: '0.5',
      cashDecimals: 6,
      decimals: 8,
      depth: 1001n,
      penalty: '0.02',
      collateralFactor: '0.85',
      liabilityFactor: '1.15',
      targetCollateralFactor: '0.8',
      targetLiabilityFactor: '1.2',
      initialCollateralFactor: '0.73',
      initialLiabilityFactor: '1.27',
    }
    assert.deepEqual(assetMarks(priceMarkDown(5n * 10n ** 17n, 18, 6, 8), parametersOf(texts), 'x'), {
      price: 21_474_836n,
      collateralValue: 18_253_610n,
      liabilityValue: 24_696_062n,
      targetCollateralValue: 17_179_868n,
      targetLiabilityValue: 25_769_804n,
      sell: 21_045_339n,
      buy: 21_904_333n,
      kSell: 180n,
      kBuy: 180n,
      initialCollateralValue: 15_676_630n,
      initialLiabilityValue: 27_273_042n,
      concentration: 0n,
    })
  })

  it('value new risk at the ends of an interval, and at the target factors where there are no others', () => {
    const marks = assetMarks(1_000_000n, sound, 'x')
    assert.equal(marks.initialCollateralValue, marks.targetCollateralValue)
    assert.equal(marks.initialLiabilityValue, marks.targetLiabilityValue)
    const apart = assetMarks(1_000_000n, sound, 'x', { low: 990_001n, high: 1_010_001n })
    assert.deepEqual(apart, { ...marks, initialCollateralValue: 792_000n, initialLiabilityValue: 1_212_002n })
    const collapsed = assetMarks(65_535n, sound, 'x', { low: 0n, high: 65_537n })
    assert.equal(collapsed.initialCollateralValue, 0n)
    assert.equal(collapsed.initialLiabilityValue, 78_645n)
  })

  const sound: RiskParameters = {
    collateralFactor: 8500n,
    liabilityFactor: 11_500n,
    targetCollateralFactor: 8000n,
    targetLiabilityFactor: 12_000n,
    penalty: 200n,
    depth: 10n ** 12n,
  }

  it('allow every ordering to hold with equality', () => {
    checkParameters(
      {
        ...sound,
        penalty: 250n,
        collateralFactor: 9750n,
        targetCollateralFactor: 9750n,
        initialCollateralFactor: 9750n,
        liabilityFactor: 10_250n,
        targetLiabilityFactor: 10_250n,
        initialLiabilityFactor: 10_250n,
      },
      'x',
    )
  })

  for (const [change, rule] of [
    [{ targetCollateralFactor: 8501n }, 'targetCollateralFactor <= collateralFactor'],
    [{ collateralFactor: 9801n }, 'collateralFactor <= 1 - penalty'],
    [{ targetLiabilityFactor: 11_499n }, 'targetLiabilityFactor >= liabilityFactor'],
    [{ liabilityFactor: 10_199n }, 'liabilityFactor >= 1 + penalty'],
    [{ initialCollateralFactor: 8_001n }, 'initialCollateralFactor <= targetCollateralFactor'],
    [{ initialLiabilityFactor: 11_999n }, 'initialLiabilityFactor >= targetLiabilityFactor'],
    [
      {
        penalty: 10_001n,
        collateralFactor: 0n,
        targetCollateralFactor: 0n,
        liabilityFactor: 30_000n,
        targetLiabilityFactor: 30_000n,
      },
      'collateralFactor <= 1 - penalty',
    ],
  ] as const) {
    it(`refuse one step beyond ${rule}${'penalty' in change ? ' (penalty above 1)' : ''}`, () => {
      assert.throws(
        () => checkParameters({ ...sound, ...change }, 'assets[2]'),
        (error) =>
          error instanceof PlimsollError && error.message.startsWith('assets[2]') && error.message.includes(rule),
      )
    })
  }

  it('are below 2^64, k included, and the last value below passes', () => {
    const price = 2n ** 60n - 1n
    assert.equal(
      assetMarks(price, { ...sound, targetLiabilityFactor: 160_000n }, 'x').targetLiabilityValue,
      16n * price,
    )
    assert.throws(
      () => assetMarks(price, { ...sound, targetLiabilityFactor: 160_001n }, 'x'),
      /x: the mark vt is 2\^64 or more/,
    )
    const steep = { ...sound, targetLiabilityFactor: 20_200n }
    assert.equal(assetMarks(price, { ...steep, depth: 2n ** 64n - 1n }, 'x').kBuy, 2n ** 64n - 1n)
    assert.throws(() => assetMarks(price, { ...steep, depth: 2n ** 64n }, 'x'), /x: the mark kBuy is 2\^64 or more/)
    assert.throws(() => assetMarks(2n ** 60n, sound, 'x'), /x: price mark .* is not below 2\^60/)
  })

  it('value the collateral of a collapsed asset at 0 and its liabilities at the floor of the range', () => {
    const floor = assetMarks(2n ** 16n, sound, 'x')
    assert.notEqual(floor.collateralValue, 0n)
    assert.deepEqual(assetMarks(2n ** 16n - 1n, sound, 'x'), {
      ...floor,
      collateralValue: 0n,
      targetCollateralValue: 0n,
      sell: 0n,
      initialCollateralValue: 0n,
    })
  })

  it('need targets 5 points apart, a penalty of 10 points and a depth of 2^62 at most', () => {
    const close = {
      collateralFactor: 9_750n,
      liabilityFactor: 10_250n,
      targetCollateralFactor: 9_750n,
      targetLiabilityFactor: 10_250n,
      penalty: 0n,
      depth: 1n << 62n,
    }
    const refuses = (parameters: RiskParameters, complaint: RegExp) =>
      assert.throws(() => checkParameters(parameters, 'ETH'), complaint)
    checkParameters(close, 'ETH')
    refuses({ ...close, targetCollateralFactor: 9_751n, collateralFactor: 9_751n }, /ETH: .* less than 5 points/)
    refuses({ ...close, depth: (1n << 62n) + 1n }, /ETH: a depth is at most 2\^62/)
    const costly = { ...close, penalty: 1_000n, collateralFactor: 9_000n, targetCollateralFactor: 9_000n }
    checkParameters({ ...costly, liabilityFactor: 11_000n, targetLiabilityFactor: 11_000n }, 'ETH')
    refuses(
      { ...sound, penalty: 1_001n, liabilityFactor: 11_500n, collateralFactor: 8_500n },
      /ETH: a penalty is at most 10 points/,
    )
  })

  it('of a round start with cash and are filled up with unused assets', () => {
    const eth = assetMarks(2n ** 40n, sound, 'x')
    assert.deepEqual(fillMarks([eth]), [CASH_MARKS, eth, ...Array<unknown>(6).fill(NO_MARKS)])
  })
})
