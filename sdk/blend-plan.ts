import type { Balances } from '../protocol/health.ts'
import type { Marks } from '../protocol/marks.ts'
import { isAllowed } from '../protocol/what-if.ts'
import { pricedAsset } from './actions/transfer.ts'
import type { TradeTerms } from './owner-wallet.ts'

/** Times that a share is halved where the margins of both accounts leave no order for its trades. */
const HALVINGS = 8

/**
 * Trades, in their order, that carry a random share of what an account holds and owes to another one of the same owner, such that
 * after each of them either account may take on risk: margin is not shared. Where the account owes nothing the share of each
 * asset is drawn by itself; else it is one share of everything, which leaves the margin of what stays as good as it was. A debt goes
 * with cash in the same trade where it can.
 * @param random numbers in [0, 1) that nobody can guess
 * @returns none where the margins leave nothing that can be moved
 */
export function planBlend(from: Balances, to: Balances, marks: Marks, random: () => number): TradeTerms[] {
  const owes = from.some((balance) => balance < 0n)
  const whole = random()
  const shares = from.map(() => (owes ? whole : random()))
  for (let halved = 0; halved <= HALVINGS; halved++) {
    const moved = from.map((balance, a) => scaled(balance, shares[a]! / 2 ** halved))
    const ordered = inOrder(tradesOf(moved, marks), from, to, marks, random)
    if (ordered !== undefined) return ordered
  }
  return []
}

/** A share of an amount in base units, rounded towards 0. */
function scaled(amount: bigint, share: number): bigint {
  return (amount * BigInt(Math.floor(share * 2 ** 48))) / 2n ** 48n
}

/** Trades, as the giver signs them, that move these signed amounts; of assets that have a price. */
function tradesOf(moved: Balances, marks: Marks): TradeTerms[] {
  const [cash = 0n] = moved
  const assets = moved.flatMap((amount, a) => (a > 0 && amount !== 0n && marks[a]!.price > 0n ? [a] : []))
  // Units and cash go opposite ways in a trade: it can carry a debt and cash, or units and a debt of cash.
  const partners = assets.filter((a) => cash !== 0n && moved[a]! > 0n !== cash > 0n)
  const value = (a: number) => abs(moved[a]!) * marks[a]!.price
  const total = partners.reduce((sum, a) => sum + value(a), 0n)
  let left = abs(cash)
  const trades = assets.map((a): TradeTerms => {
    const part = !partners.includes(a) ? 0n : a === partners.at(-1) ? left : (abs(cash) * value(a)) / total
    left -= part
    return { asset: a, direction: moved[a]! > 0n ? 0 : 1, x: abs(moved[a]!), y: part }
  })
  if (partners.length > 0 || cash === 0n) return trades
  return [...trades, { asset: pricedAsset(marks), direction: cash > 0n ? 1 : 0, x: 0n, y: abs(cash) }]
}

/** The trades in a random order in which both accounts stay where they may take on risk; undefined where none is found. */
function inOrder(
  trades: readonly TradeTerms[],
  from: Balances,
  to: Balances,
  marks: Marks,
  random: () => number,
): TradeTerms[] | undefined {
  const left = [...trades]
  const ordered: TradeTerms[] = []
  let accounts = [from, to] as const
  while (left.length > 0) {
    const start = Math.floor(random() * left.length)
    const order = left.map((_, i) => (start + i) % left.length)
    const after = (i: number) =>
      [afterTrade(accounts[0], left[i]!, 1n), afterTrade(accounts[1], left[i]!, -1n)] as const
    const next = order.find((i) => after(i).every((balances) => isAllowed(balances, marks)))
    if (next === undefined) return undefined
    accounts = after(next)
    ordered.push(...left.splice(next, 1))
  }
  return ordered
}

/** Balances after a trade. @param side 1 for who signs these terms, -1 for the other */
export function afterTrade(balances: Balances, { asset, direction, x, y }: TradeTerms, side: 1n | -1n): bigint[] {
  const sign = direction === 1 ? side : -side
  return balances.with(asset, balances[asset]! + sign * x).with(0, balances[0]! - sign * y)
}

function abs(value: bigint): bigint {
  return value < 0n ? -value : value
}
