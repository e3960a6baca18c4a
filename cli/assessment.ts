import type { Book } from '../protocol/book.ts'
import { SCALE } from '../protocol/constants.ts'
import { formatDecimal, formatRatioDown } from '../protocol/decimal.ts'
import { liquidate, type Status } from '../protocol/liquidation.ts'

/** Exact decimals by symbol; zero entries are left out. */
export type Amounts = Readonly<Record<string, string>>

export interface AccountAssessment {
  readonly id: string
  readonly status: Status
  /** Before any liquidation, in cash, rounded toward minus infinity. */
  readonly health: string
  readonly sold: Amounts
  readonly bought: Amounts
  readonly after: Amounts
  readonly badDebt: string
}

export interface Totals extends Readonly<Record<Status, number>> {
  readonly sold: Amounts
  readonly bought: Amounts
  readonly badDebt: string
}

export interface Assessment {
  readonly accounts: readonly AccountAssessment[]
  readonly totals: Totals
}

/** The outcome of every account of a book (docs/protocol.md#liquidation), in the book's order. */
export function assess(book: Book): Assessment {
  const amounts = (values: readonly bigint[]): Amounts =>
    // fromEntries defines own properties, whatever the symbols are.
    Object.fromEntries(
      book.assets.flatMap(({ symbol, decimals }, a) =>
        values[a] ? [[symbol, formatDecimal(values[a], decimals)]] : [],
      ),
    )

  const sold = book.assets.map(() => 0n)
  const bought = book.assets.map(() => 0n)
  const counts = { healthy: 0, partial: 0, closed: 0 }
  let badDebt = 0n
  const accounts = book.accounts.map(({ id, balances, weights }): AccountAssessment => {
    const result = liquidate(balances, weights, book.marks, book.minLiability)
    const sales = book.assets.map((_, a) => (balances[a]! > 0n ? result.traded[a]! : 0n))
    const purchases = book.assets.map((_, a) => (balances[a]! < 0n ? result.traded[a]! : 0n))
    sales.forEach((amount, a) => (sold[a]! += amount))
    purchases.forEach((amount, a) => (bought[a]! += amount))
    badDebt += result.badDebt
    counts[result.status]++
    return {
      id,
      status: result.status,
      health: formatRatioDown(result.health, SCALE, book.cashDecimals),
      sold: amounts(sales),
      bought: amounts(purchases),
      after: amounts(result.after),
      badDebt: formatDecimal(result.badDebt, book.cashDecimals),
    }
  })
  return {
    accounts,
    totals: {
      sold: amounts(sold),
      bought: amounts(bought),
      badDebt: formatDecimal(badDebt, book.cashDecimals),
      ...counts,
    },
  }
}
