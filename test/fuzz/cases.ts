import { type Account, NEUTRAL_WEIGHTS } from '../../protocol/account.ts'
import { concentratedMarks } from '../../protocol/concentration.ts'
import { ASSETS, PRICE_LIMIT, PRICE_MIN, TRADED, WORD } from '../../protocol/constants.ts'
import { cornerHealth, type Envelope, health, isOversize, targetHealth } from '../../protocol/health.ts'
import { abs, max, min } from '../../protocol/integer.ts'
import { type AssetMarks, assetMarks, fillMarks, type Marks, NO_MARKS } from '../../protocol/marks.ts'
import type { Random } from '../protocol/random.ts'

const MAX = WORD - 1n

/** Marks as a contract posts them, or any words in the order that it enforces; 1 to 7 assets. */
export function randomMarks(random: Random): Marks {
  const kind = random.pick(['posted', 'posted', 'words', 'words', 'small'] as const)
  const charged = random.chance(0.4)
  return fillMarks(
    Array.from({ length: random.integer(1, TRADED) }, () => {
      if (kind === 'posted') return postedMarks(random, charged)
      const marks = orderedWords(random, kind === 'small' ? 4 : 64)
      return charged ? { ...marks, concentration: random.magnitude(random.integer(1, 64)) } : marks
    }),
  )
}

function postedMarks(random: Random, charged: boolean): AssetMarks {
  const penalty = BigInt(random.integer(0, 2000))
  const [targetCollateralFactor, collateralFactor] = sorted(
    [random.integer(0, 10_000 - Number(penalty)), random.integer(0, 10_000 - Number(penalty))].map(BigInt),
  ) as [bigint, bigint]
  const [liabilityFactor, targetLiabilityFactor] = sorted(
    [random.integer(10_000 + Number(penalty), 15_000), random.integer(10_000 + Number(penalty), 15_000)].map(BigInt),
  ) as [bigint, bigint]
  const price = random.chance(0.05) ? random.magnitude(16) : min(PRICE_MIN + random.magnitude(60), PRICE_LIMIT - 1n)
  const apart = price % 2n === 1n
  const depth = random.magnitude(random.pick([30, 64]))
  const plain = assetMarks(
    price,
    {
      collateralFactor,
      liabilityFactor,
      targetCollateralFactor,
      targetLiabilityFactor,
      // Every other asset keeps new risk further from its target.
      initialCollateralFactor: targetCollateralFactor - (apart ? targetCollateralFactor / 8n : 0n),
      initialLiabilityFactor: targetLiabilityFactor + (apart ? targetLiabilityFactor / 8n : 0n),
      penalty,
      depth,
    },
    'fuzz',
    apart ? { low: price - price / 50n, high: min(price + price / 50n, PRICE_LIMIT - 1n) } : undefined,
  )
  return charged ? concentratedMarks(plain, depth, BigInt(random.integer(10_000, 80_000))) : plain
}

function orderedWords(random: Random, bits: number): AssetMarks {
  if (random.chance(0.1)) return NO_MARKS
  const word = () => (random.chance(0.1) && bits === 64 ? MAX : random.magnitude(bits))
  const [targetCollateralValue, collateralValue, sell] = sorted([word(), word(), word()]) as [bigint, bigint, bigint]
  const [buy, liabilityValue, targetLiabilityValue] = sorted([word(), word(), word()]) as [bigint, bigint, bigint]
  // At least what is fetched: else cash could outgrow a word, which no posted marks allow.
  const price = max(sell, buy)
  const apart = price % 2n === 1n
  const k = () => (random.chance(0.1) ? 0n : random.chance(0.1) ? MAX : random.magnitude(64))
  return {
    price,
    collateralValue,
    liabilityValue,
    targetCollateralValue,
    targetLiabilityValue,
    sell,
    buy,
    kSell: k(),
    kBuy: k(),
    initialCollateralValue: targetCollateralValue - (apart ? targetCollateralValue / 8n : 0n),
    initialLiabilityValue: min(MAX, targetLiabilityValue + (apart ? targetLiabilityValue / 8n : 0n)),
    concentration: 0n,
  }
}

/** Any account that is not oversize; often just at a line between two outcomes (docs/protocol.md#liquidation). */
export function randomAccount(random: Random, index: number, marks: Marks): Account {
  const weights = random.chance(0.3)
    ? NEUTRAL_WEIGHTS
    : [8, ...Array.from({ length: TRADED }, () => random.integer(1, 15))]
  const most = random.pick([8, 30, 64])
  let balances = Array.from({ length: ASSETS }, (_, a) =>
    a > 0 && (random.chance(0.4) || marks[a]!.price === 0n) ? 0n : signed(random, random.magnitude(most)),
  )
  const line = random.pick(['none', 'health', 'target', 'amount', 'amount', 'solvent', 'solvent', 'solvent'] as const)
  const m = random.pick([1n, 2n, (1n << 48n) - 1n, 1n + random.magnitude(47)])
  const amount = (a: number) => {
    const k = balances[a]! > 0n ? marks[a]!.kSell : marks[a]!.kBuy
    return (m * k * BigInt(weights[a]!)) >> 43n
  }
  if (line === 'amount') {
    // A balance that the multiplier m just trades away, or just does not.
    balances = balances.map((balance, a) => {
      const near = amount(a) + BigInt(random.integer(-1, 1))
      return a === 0 || balance === 0n || near <= 0n || near >= WORD || random.chance(0.3)
        ? balance
        : balance < 0n
          ? -near
          : near
    })
  }
  if (line !== 'none') {
    // Cash that puts health, or target health after trading q(m), within a unit of its line.
    const rest = balances.with(0, 0n)
    let value = line === 'health' || line === 'solvent' ? health(rest, marks) : targetHealth(rest, marks)
    for (let a = 1; line === 'amount' && a < ASSETS; a++) {
      const { sell, targetCollateralValue, targetLiabilityValue, buy } = marks[a]!
      value +=
        min(amount(a), abs(rest[a]!)) * (rest[a]! > 0n ? sell - targetCollateralValue : targetLiabilityValue - buy)
    }
    let cash = -(value >> 32n) + BigInt(random.integer(-1, 2))
    if (line === 'solvent') {
      // Breached by a part of what selling everything brings in above its maintenance value.
      let spare = 0n
      for (let a = 1; a < ASSETS; a++)
        spare +=
          rest[a]! *
          (rest[a]! > 0n ? marks[a]!.sell - marks[a]!.collateralValue : marks[a]!.buy - marks[a]!.liabilityValue)
      cash -= ((spare >> 32n) * BigInt(random.integer(0, 1000))) / 1000n
    }
    balances = balances.with(0, abs(cash) < WORD ? cash : signed(random, random.magnitude(62)))
  }
  while (isOversize(balances, marks)) balances = balances.map((balance) => balance / 2n)
  return {
    owner: random.bits(250),
    viewKey: random.bits(250),
    index,
    version: random.chance(0.1) ? (1n << 32n) - 9n : random.magnitude(31),
    weights,
    balances,
  }
}

/** Any account at all, often just at the corner of the envelope. */
export function randomSweepAccount(random: Random, index: number, envelope: Envelope): Account {
  const bits = random.pick([8, 30, 64])
  const balances = Array.from({ length: ASSETS }, () =>
    random.chance(0.3) ? 0n : signed(random, random.chance(0.05) ? MAX : random.magnitude(bits)),
  )
  if (random.chance(0.6)) {
    const cash = -(cornerHealth(balances.with(0, 0n), envelope) >> 32n) + BigInt(random.integer(-1, 1))
    if (abs(cash) < WORD) balances[0] = cash
  }
  return {
    owner: random.bits(250),
    viewKey: random.bits(250),
    index,
    version: random.magnitude(32),
    weights: NEUTRAL_WEIGHTS,
    balances,
  }
}

export function randomEnvelope(random: Random): Envelope {
  const bits = random.pick([3, 33, 64])
  // Whole cash units let a corner be exactly zero.
  const bound = () =>
    bits === 33 ? BigInt(random.integer(0, 20)) << 32n : random.chance(0.05) ? MAX : random.magnitude(bits)
  return { floors: Array.from({ length: TRADED }, bound), ceilings: Array.from({ length: TRADED }, bound) }
}

function signed(random: Random, magnitude: bigint): bigint {
  return random.chance(0.5) ? -magnitude : magnitude
}

function sorted(words: bigint[]): bigint[] {
  return words.toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0))
}
