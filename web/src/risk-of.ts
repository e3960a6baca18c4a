import { parseBook } from '../../protocol/book.ts'
import { type FlowReport, flow } from '../../risk/flow/flow.ts'

/** Shocks of all prices at once: from 60 % down to 10 % up, by two points. */
const SHOCKS = { from: -6_000, to: 1_000, step: 200 }

/** The liquidation curve of a private book, its slopes, and where cascades end. @throws PlimsollError for a book that is none */
export function riskOf(book: string): FlowReport {
  return flow([{ name: 'the book', book: parseBook(book) }], { shocks: SHOCKS })
}
