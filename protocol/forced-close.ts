import { SCALE, WORD } from './constants.ts'
import { PlimsollError, Refusal } from './errors.ts'
import type { Balances } from './health.ts'
import { abs, divUp } from './integer.ts'
import type { AssetMarks } from './marks.ts'
import type { Signature } from './signature.ts'

/**
 * A request of the forced queue to close a position in a synthetic against the backstop, without a counterparty and whatever the
 * margin (docs/protocol.md#forced-closing). It trades the smaller of `amount` and the position at the mark at which a liquidation
 * does; discharged where it cannot be served. Signed for its place in the queue, not a version.
 */
export interface Close {
  readonly kind: 'close'
  readonly queueNumber: bigint
  readonly index: number
  readonly asset: number
  /** 0 sells a long position, 1 buys a short one back. */
  readonly direction: 0 | 1
  /** Base units of the asset, the most that is traded. */
  readonly amount: bigint
  /** The least `sell`, or the most `buy`, at which the owner trades; 2^32 scale. See `noLimit`. */
  readonly limit: bigint
  readonly expiry: bigint
  readonly signature: Signature
}

/** Terms of a close: what its owner wants of a position. */
export type CloseTerms = Pick<Close, 'asset' | 'direction' | 'amount' | 'limit'>

/** A close as carried out: `x` base units of the asset for `y` of cash; both 0 where it was discharged. */
export interface Closing {
  /** 1: the account bought. */
  readonly direction: 0 | 1
  readonly x: bigint
  readonly y: bigint
}

/** The limit that every mark is within. */
export function noLimit(direction: 0 | 1): bigint {
  return direction === 1 ? WORD - 1n : 0n
}

/**
 * The limit of a price in quote per whole unit, times 10^quoteDecimals: rounded to the owner's side.
 * @throws PlimsollError where it does not fit 64 bits
 */
export function limitMark(
  direction: 0 | 1,
  {
    quote,
    quoteDecimals,
    cashDecimals,
    decimals,
  }: Readonly<Record<'quote', bigint>> & Readonly<Record<'quoteDecimals' | 'cashDecimals' | 'decimals', number>>,
): bigint {
  const [numerator, denominator] = [
    quote * 10n ** BigInt(cashDecimals) * SCALE,
    10n ** BigInt(quoteDecimals + decimals),
  ]
  const limit = direction === 1 ? numerator / denominator : divUp(numerator, denominator)
  if (limit < 0n || limit >= WORD) throw new PlimsollError('The limit of the price does not fit 64 bits.')
  return limit
}

/**
 * Trade of a close: `min(amount, |b|)` for exactly `floor(x sell / 2^32)` where the account sells, `ceil(x buy / 2^32)` where it
 * buys. Of a position of the wrong side too, where a refusal rests on it.
 */
export function closing(
  balances: Balances,
  { asset, direction, amount }: CloseTerms,
  { sell, buy }: Pick<AssetMarks, 'sell' | 'buy'>,
): Closing {
  const position = abs(balances[asset]!)
  const x = amount < position ? amount : position
  return { direction, x, y: direction === 1 ? divUp(x * buy, SCALE) : (x * sell) / SCALE }
}

/** Balances after a close, of whatever size. */
export function balancesAfterClosing(balances: Balances, asset: number, { direction, x, y }: Closing): Balances {
  const sign = direction === 1 ? 1n : -1n
  return balances.with(asset, balances[asset]! + sign * x).with(0, balances[0]! - sign * y)
}

/** Refusal of a close whose owner did sign: there is no such position, the limit is missed, or cash has no room for it. */
export function closeRefusal(balances: Balances, close: CloseTerms, marks: AssetMarks): Refusal | undefined {
  const { asset, direction, limit } = close
  const position = balances[asset]!
  if (direction === 1 ? position >= 0n : position <= 0n)
    return new Refusal('NO_POSITION', `There is no ${direction === 1 ? 'short' : 'long'} position to close.`)
  if (direction === 1 ? marks.buy > limit : marks.sell < limit)
    return new Refusal('LIMIT_MISSED', 'The price is beyond the limit that the owner signed.')
  const [cash] = balancesAfterClosing(balances, asset, closing(balances, close, marks))
  return abs(cash!) < WORD
    ? undefined
    : new Refusal('BALANCE_TOO_LARGE', 'The balance of cash would be 2^64 base units or more.')
}

/** The word that a step publishes of a close in the place of its asset: `asset + 8 direction + 16 x + 2^68 y`. */
export function closingWord(asset: number, { direction, x, y }: Closing): bigint {
  return BigInt(asset) + (BigInt(direction) << 3n) + (x << 4n) + (y << 68n)
}

/** Inverse of `closingWord`. */
export function parseClosingWord(word: bigint): { asset: number; closing: Closing } {
  return {
    asset: Number(word & 7n),
    closing: { direction: word & 8n ? 1 : 0, x: (word >> 4n) & (WORD - 1n), y: word >> 68n },
  }
}
