/** An asset of the sample: its price in cash per whole unit, and the decimals of its base unit. */
export interface SampleAsset {
  readonly price: number
  readonly decimals: number
}

export interface SampleOptions {
  readonly cashDecimals?: number
  /** Whether the last account owes more than it owns. */
  readonly bankrupt?: boolean
}

export const SAMPLE_SHAPES = [
  'long',
  'short',
  'borrowed token',
  'perpetual long',
  'perpetual short',
  'cash only',
  'dust',
] as const
export type SampleShape = (typeof SAMPLE_SHAPES)[number] | 'bankrupt'

export interface SampleAccount {
  readonly shape: SampleShape
  /** Base units; entry 0 is cash, then the assets in order, then zeros up to eight. */
  readonly balances: readonly bigint[]
}

const BALANCES = 8
/** Initial margin that the sample keeps to: collateral counts for so much, a liability for so much. */
const TARGET_COLLATERAL = 0.8
const TARGET_LIABILITY = 1.2
/** Mix of shapes: of every so many accounts, so many are of each. */
const MIX: readonly (readonly [(typeof SAMPLE_SHAPES)[number], number])[] = [
  ['long', 35],
  ['short', 12],
  ['borrowed token', 10],
  ['perpetual long', 20],
  ['perpetual short', 13],
  ['cash only', 5],
  ['dust', 5],
]

/** The mulberry32 generator: a well-known 32-bit mixer, floats in [0, 1). */
export function mulberry32(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

/**
 * Seeded accounts of mixed shape that keep to their initial margin at the given prices (all but a bankrupt one): equity is skewed,
 * from 100 to 100,000 of cash, and 10 to 100 % of the margin is in use. The first accounts go once through all shapes.
 */
export function sampleAccounts(
  seed: number,
  count: number,
  assets: readonly SampleAsset[],
  options: SampleOptions = {},
): SampleAccount[] {
  const random = mulberry32(seed)
  const total = MIX.reduce((sum, [, weight]) => sum + weight, 0)
  return Array.from({ length: count }, (_, i) => {
    if (options.bankrupt === true && i === count - 1)
      return { shape: 'bankrupt', balances: draw('bankrupt', random, assets, options.cashDecimals ?? 6) }
    let rest = random() * total
    const drawn = MIX.find(([, weight]) => {
      rest -= weight
      return rest < 0
    })![0]
    const shape = SAMPLE_SHAPES[i] ?? drawn
    return { shape, balances: draw(shape, random, assets, options.cashDecimals ?? 6) }
  })
}

function draw(
  shape: SampleShape,
  random: () => number,
  assets: readonly SampleAsset[],
  cashDecimals: number,
): bigint[] {
  // Arithmetic only, no logarithms: the same numbers on every machine.
  const equity = shape === 'dust' ? 1 + 19 * random() : 100 * (1 + 999 * random() ** 4)
  const used = 0.1 + 0.9 * random()
  const values = Array<number>(assets.length).fill(0)
  const spread = (value: number) => {
    const first = Math.floor(random() * assets.length)
    const share = random() < 0.5 ? 1 : 0.2 + 0.8 * random()
    values[first]! += value * share
    values[(first + 1) % assets.length]! += value * (1 - share)
  }
  let cash = 0
  switch (shape) {
    case 'long':
    case 'dust':
      spread(equity)
      cash = -equity * TARGET_COLLATERAL * used
      break
    case 'short':
      cash = equity
      spread(-(equity * used) / TARGET_LIABILITY)
      break
    case 'borrowed token': {
      const borrowed = Math.floor(random() * assets.length)
      if (assets.length > 1) values[(borrowed + 1) % assets.length]! += equity
      else cash = equity
      values[borrowed]! -= (equity * TARGET_COLLATERAL * used) / TARGET_LIABILITY
      break
    }
    case 'perpetual long': {
      // Margin m in cash, n of notional opened now: 0.8 n + m - n >= 0.
      const notional = (equity * used) / (1 - TARGET_COLLATERAL)
      spread(notional)
      cash = equity - notional
      break
    }
    case 'perpetual short': {
      const notional = (equity * used) / (TARGET_LIABILITY - 1)
      spread(-notional)
      cash = equity + notional
      break
    }
    case 'cash only':
      cash = equity
      break
    case 'bankrupt':
      spread(equity)
      cash = -1.1 * equity
  }
  const base = (units: number, decimals: number) => BigInt(Math.floor(units * 10 ** decimals))
  const balances = [
    base(cash, cashDecimals),
    ...assets.map(({ price, decimals }, a) => base(values[a]! / price, decimals)),
  ]
  return [...balances, ...Array<bigint>(BALANCES - balances.length).fill(0n)]
}
