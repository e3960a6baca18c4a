import { tableLines } from '../lib/text-table.ts'
import { type Book, type BookAccount, QUOTE_DECIMALS } from '../protocol/book.ts'
import { formatDecimal } from '../protocol/decimal.ts'
import type { AccountAssessment, Amounts, Assessment } from './assessment.ts'

/** Healthy accounts that are listed; the rest is only counted. */
const HEALTHY_SHOWN = 20
const RATIO_DECIMALS = 4

interface Row {
  readonly account: AccountAssessment
  /** Collateral over liabilities at maintenance marks, times 10^4; undefined without liabilities. */
  readonly ratio: bigint | undefined
}

/** An assessment for reading: what must be liquidated first and then the accounts nearest to it, weakest on top. */
export function assessmentTable(book: Book, { accounts, totals }: Assessment): string {
  const cash = book.assets[0]!.symbol
  const rows = accounts
    .map((account, i): Row => ({ account, ratio: coverage(book, book.accounts[i]!) }))
    .sort(
      (a, b) =>
        Number(a.account.status === 'healthy') - Number(b.account.status === 'healthy') || compare(a.ratio, b.ratio),
    )
  const shown = rows.slice(0, totals.partial + totals.closed + HEALTHY_SHOWN)

  const prices = book.assets.slice(1).map(({ symbol, price }) => `${symbol} ${formatDecimal(price, QUOTE_DECIMALS)}`)
  const lines = [`Prices in ${cash}: ${prices.join(', ') || 'none, cash only'}`, '']
  lines.push(
    ...tableLines(
      ['account', 'status', `health (${cash})`, 'ratio', 'sold', 'bought', 'bad debt', 'after'],
      shown.map(({ account, ratio }) => [
        account.id,
        account.status,
        account.health,
        ratio === undefined ? '-' : (Number(ratio) / 10 ** RATIO_DECIMALS).toFixed(RATIO_DECIMALS),
        list(account.sold),
        list(account.bought),
        account.badDebt === '0' ? '-' : account.badDebt,
        list(account.after),
      ]),
      new Set([2, 3, 6]),
    ),
  )
  if (shown.length < rows.length) lines.push(`... and ${rows.length - shown.length} healthier accounts`)
  lines.push(
    '',
    `${rows.length} accounts: ${totals.healthy} healthy, ${totals.partial} partly liquidated, ${totals.closed} closed`,
    `Sold      ${list(totals.sold)}`,
    `Bought    ${list(totals.bought)}`,
    `Bad debt  ${totals.badDebt} ${cash}`,
  )
  return lines.join('\n')
}

function coverage(book: Book, { balances }: BookAccount): bigint | undefined {
  let collateral = 0n
  let liabilities = 0n
  balances.forEach((balance, a) => {
    if (balance > 0n) collateral += balance * book.marks[a]!.collateralValue
    else liabilities -= balance * book.marks[a]!.liabilityValue
  })
  return liabilities === 0n ? undefined : (collateral * 10n ** BigInt(RATIO_DECIMALS)) / liabilities
}

/** Weakest first; accounts without liabilities last. */
function compare(a: bigint | undefined, b: bigint | undefined): number {
  if (a === b) return 0
  if (a === undefined) return 1
  if (b === undefined) return -1
  return a < b ? -1 : 1
}

function list(amounts: Amounts): string {
  return (
    Object.entries(amounts)
      .map(([symbol, amount]) => `${amount} ${symbol}`)
      .join(', ') || '-'
  )
}
