import type { Book } from '../../protocol/book.ts'
import { QUOTE_DECIMALS } from '../../protocol/book.ts'
import { PRICE_LIMIT, PRICE_MIN, SIZE_LIMIT } from '../../protocol/constants.ts'
import { PlimsollError } from '../../protocol/errors.ts'
import { isOversize } from '../../protocol/health.ts'
import { liquidate } from '../../protocol/liquidation.ts'
import { assetMarks, fillMarks, type Marks, priceMarkDown } from '../../protocol/marks.ts'
import { AccountTable, scanBreached } from '../../protocol/scan.ts'

/** A book and the name that complaints give it, such as its file. */
export interface NamedBook {
  readonly name: string
  readonly book: Book
}

/** A traded asset of one or several books over one market. */
export interface FlowAsset {
  readonly symbol: string
  /** Decimals of base units in `FlowPoint`: the most that any of the books has. */
  readonly decimals: number
  /** Whole units: the size that at the local slope moves the price by 100 %. Of several books, the least. */
  readonly depth: number
  /** Value at the books' price of all collateral in the asset, in whole units of cash. */
  readonly collateral: number
  /** The same of all liabilities in it. */
  readonly liabilities: number
}

/** The liquidations of all accounts at one vector of prices. Amounts by asset of the curve, in its base units. */
export interface FlowPoint {
  /** Accounts liquidated, partly or wholly. */
  readonly liquidated: number
  readonly closed: number
  readonly sold: readonly bigint[]
  readonly bought: readonly bigint[]
  /** In base units of cash of `cashDecimals`. */
  readonly badDebt: bigint
}

const BASIS_POINTS = 10_000n

/** A book prepared for valuing at many vectors of prices. */
interface Side extends NamedBook {
  readonly table: AccountTable
  /** The curve's asset of each of the book's traded assets. */
  readonly joint: readonly number[]
}

/**
 * The liquidation curve of one or several books over one market: what would be liquidated if prices moved now, exact at every point.
 * The curves of several books, of several protocols, add up, as they sell into the same market.
 */
export class LiquidationCurve {
  /** Without cash. */
  readonly assets: readonly FlowAsset[]
  readonly cash: string
  readonly cashDecimals: number
  readonly #sides: readonly Side[]

  /** @throws PlimsollError when the books differ in their cash or in the price of an asset */
  constructor(books: readonly NamedBook[]) {
    const [first] = books
    if (first === undefined) throw new PlimsollError('A liquidation curve needs a book.')
    this.cash = first.book.assets[0]!.symbol
    this.cashDecimals = Math.max(...books.map(({ book }) => book.cashDecimals))
    const assets: FlowAsset[] = []
    this.#sides = books.map(({ name, book }) => {
      const cash = book.assets[0]!.symbol
      if (cash !== this.cash)
        throw new PlimsollError(
          `The cash of ${name} is ${cash}, that of ${first.name} is ${this.cash}: books over one market share it.`,
        )
      const joint = book.assets.slice(1).map((asset, i) => {
        if (asset.symbol === this.cash) throw new PlimsollError(`${name}: ${asset.symbol} is cash.`)
        const known = assets.findIndex(({ symbol }) => symbol === asset.symbol)
        const price = Number(asset.price) / 10 ** QUOTE_DECIMALS
        let long = 0
        let short = 0
        for (const { balances } of book.accounts) {
          const value = (Number(balances[i + 1]!) / 10 ** asset.decimals) * price
          if (value > 0) long += value
          else short -= value
        }
        const depth = Number(asset.parameters.depth) / 10 ** asset.decimals
        if (known < 0)
          return (
            assets.push({
              symbol: asset.symbol,
              decimals: asset.decimals,
              depth,
              collateral: long,
              liabilities: short,
            }) - 1
          )
        const before = assets[known]!
        const other = books.find(({ book }) => book.assets.slice(1).some(({ symbol }) => symbol === asset.symbol))!
        if (other.book.assets.find(({ symbol }) => symbol === asset.symbol)!.price !== asset.price) {
          throw new PlimsollError(
            `${name} and ${other.name} have different prices of ${asset.symbol}: books over one market share them.`,
          )
        }
        assets[known] = {
          symbol: asset.symbol,
          decimals: Math.max(before.decimals, asset.decimals),
          depth: Math.min(before.depth, depth),
          collateral: before.collateral + long,
          liabilities: before.liabilities + short,
        }
        return known
      })
      const table = new AccountTable(book.accounts.length)
      book.accounts.forEach(({ balances }, i) => table.set(i, balances))
      return { name, book, table, joint }
    })
    this.assets = assets
  }

  /**
   * The point at which the price of asset `a` is `(10000 + shocks[a]) / 10000` of the books': exactly what an assessment of them says.
   * @throws PlimsollError when a price leaves the range of marks, or an account the size that books may have
   */
  atShock(shocks: readonly number[]): FlowPoint {
    return this.#at(
      ({ name, book, joint }) =>
        marksOf(book, (asset, i) => {
          const shock = BigInt(shocks[joint[i]!]!)
          const price = priceMarkDown(
            asset.price * (BASIS_POINTS + shock),
            QUOTE_DECIMALS + 4,
            book.cashDecimals,
            asset.decimals,
          )
          if (price < PRICE_MIN || price >= PRICE_LIMIT) {
            throw new PlimsollError(
              `${name}: at a shock of ${shock} bp the price of ${asset.symbol} has the mark ${price}, outside [2^16, 2^60).`,
              { hint: 'Narrow the range of shocks.' },
            )
          }
          return price
        }),
      shocks,
    )
  }

  /** The point at which `ln` of the price of asset `a` has moved by `moves[a]`; beyond the range of marks the price counts as its bound. */
  atMove(moves: ArrayLike<number>): FlowPoint {
    return this.#at(({ book, joint }) =>
      marksOf(book, (_, i) => {
        const price = Math.floor(Number(book.marks[i + 1]!.price) * Math.exp(moves[joint[i]!]!))
        return BigInt(Math.min(Math.max(price, 0), Number(PRICE_LIMIT) * (1 - 2 ** -50)))
      }),
    )
  }

  /** Net sales of a point by asset, in whole units: sold less bought. */
  netSales({ sold, bought }: FlowPoint): Float64Array {
    return Float64Array.from(this.assets, ({ decimals }, a) => Number(sold[a]! - bought[a]!) / 10 ** decimals)
  }

  #at(marksOfSide: (side: Side) => Marks, shocks?: readonly number[]): FlowPoint {
    const sold = this.assets.map(() => 0n)
    const bought = this.assets.map(() => 0n)
    let liquidated = 0
    let closed = 0
    let badDebt = 0n
    for (const side of this.#sides) {
      const { book, table, joint } = side
      const marks = marksOfSide(side)
      if (shocks !== undefined) refuseOversize(side, marks, shocks)
      const units = joint.map((j, i) => 10n ** BigInt(this.assets[j]!.decimals - book.assets[i + 1]!.decimals))
      let shortfall = 0n
      for (const i of scanBreached(table, marks).breached) {
        const { balances, weights } = book.accounts[i]!
        const result = liquidate(balances, weights, marks, book.minLiability)
        liquidated++
        if (result.status === 'closed') closed++
        shortfall += result.badDebt
        for (let a = 1; a <= joint.length; a++) {
          const amount = result.traded[a]!
          if (amount === 0n) continue
          const side = balances[a]! > 0n ? sold : bought
          side[joint[a - 1]!]! += amount * units[a - 1]!
        }
      }
      badDebt += shortfall * 10n ** BigInt(this.cashDecimals - book.cashDecimals)
    }
    return { liquidated, closed, sold, bought, badDebt }
  }
}

function marksOf(book: Book, priceOf: (asset: Book['assets'][number], i: number) => bigint): Marks {
  return fillMarks(
    book.assets.slice(1).map((asset, i) => assetMarks(priceOf(asset, i), asset.parameters, asset.symbol)),
  )
}

/** As a book would be refused at these prices. @throws PlimsollError naming the account */
function refuseOversize({ name, book, table }: Side, marks: Marks, shocks: readonly number[]): void {
  const most = marks.reduce((sum, { price }, a) => sum + price * table.largest[a]!, 0n)
  if (most < SIZE_LIMIT) return
  const i = book.accounts.findIndex(({ balances }) => isOversize(balances, marks))
  if (i < 0) return
  const largest = Math.max(...shocks)
  throw new PlimsollError(
    `${name}: at a shock of ${largest} bp accounts[${i}] ${JSON.stringify(book.accounts[i]!.id)} is worth 2^95 or more at the marks' scale.`,
    { hint: 'Narrow the range of shocks.' },
  )
}
