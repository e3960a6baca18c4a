import { ASSETS } from '../../protocol/constants.ts'
import { Random } from '../random.ts'

/** Factors of an asset, such as 0.8 and 1.2, that bound the leverage of an account that opens. */
export interface InitialFactors {
  readonly collateral: number
  readonly liability: number
}

/** Mix of shapes: of every so many accounts, so many are of each. */
const MIX = [
  ['long', 35],
  ['perpetual long', 20],
  ['short', 12],
  ['perpetual short', 13],
  ['borrowed token', 10],
] as const
const TOTAL = MIX.reduce((sum, [, weight]) => sum + weight, 0)

function shapeAt(point: number): (typeof MIX)[number][0] {
  let rest = point
  for (const [shape, weight] of MIX) {
    rest -= weight
    if (rest < 0) return shape
  }
  return MIX[0][0]
}

/**
 * Balances of an account that opens: its shape, equity (skewed, from 100 to 100,000 of cash), assets and the share of its initial margin
 * that it uses (10 to 100 %) depend on the seed, the account and its generation alone, so that rules are compared on the same people.
 * Only its size of debt follows the factors.
 * @param prices of whole units of the traded assets
 * @param decimals of cash first
 */
export function openAccount(
  seed: number,
  account: number,
  generation: number,
  prices: ArrayLike<number>,
  factors: readonly InitialFactors[],
  decimals: readonly number[],
): bigint[] {
  const random = new Random(seed, account, generation)
  const shape = shapeAt(random.uniform() * TOTAL)
  const equity = 100 * (1 + 999 * random.uniform() ** 4)
  const used = 0.1 + 0.9 * random.uniform()
  const count = prices.length
  const first = random.integer(count)
  const second = (first + 1) % count
  const share = random.uniform() < 0.5 ? 1 : 0.2 + 0.8 * random.uniform()
  const collateral = share * factors[first]!.collateral + (1 - share) * factors[second]!.collateral
  const liability = share * factors[first]!.liability + (1 - share) * factors[second]!.liability
  const values = new Float64Array(count)
  const spread = (value: number) => {
    values[first]! += value * share
    values[second]! += value * (1 - share)
  }
  let cash = 0
  switch (shape) {
    case 'long':
      spread(equity)
      cash = -equity * collateral * used
      break
    case 'perpetual long': {
      const notional = (equity * used) / (1 - collateral)
      spread(notional)
      cash = equity - notional
      break
    }
    case 'short':
      cash = equity
      spread((-equity * used) / liability)
      break
    case 'perpetual short': {
      const notional = (equity * used) / (liability - 1)
      spread(-notional)
      cash = equity + notional
      break
    }
    case 'borrowed token':
      if (count > 1) values[second]! += equity
      else cash = equity
      values[first]! -= (equity * used * (count > 1 ? factors[second]!.collateral : 1)) / factors[first]!.liability
  }
  const balances = Array<bigint>(ASSETS).fill(0n)
  balances[0] = BigInt(Math.floor(cash * 10 ** decimals[0]!))
  for (let a = 0; a < count; a++)
    balances[a + 1] = BigInt(Math.floor((values[a]! / prices[a]!) * 10 ** decimals[a + 1]!))
  return balances
}
