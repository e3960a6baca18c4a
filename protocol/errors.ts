/** An error whose message is one clear sentence for the user: it names what is wrong, and `hint` says what to do. */
export class PlimsollError extends Error {
  readonly hint: string | undefined

  constructor(message: string, options: { hint?: string } = {}) {
    super(message)
    this.name = 'PlimsollError'
    this.hint = options.hint
  }
}

/**
 * Codes of the reasons for which an operation is refused: stable, and the same in the reference machine, the node and
 * its clients.
 */
export const REFUSAL_CODES = [
  'UNKNOWN_ACCOUNT',
  'ACCOUNT_EXISTS',
  'BAD_SIGNATURE',
  'STALE_VERSION',
  'EXPIRED',
  'TARGET_TOO_LOW',
  'TOO_CONCENTRATED',
  'BALANCE_TOO_LARGE',
  'SIZE_TOO_LARGE',
  'NOT_SPOT',
  'UNKNOWN_ASSET',
  'AMOUNT_ZERO',
  'AMOUNT_NOT_REPRESENTABLE',
  'BAD_WEIGHTS',
  'BAD_RECIPIENT',
  'TRADE_NOT_LINKED',
  'TRADE_MISMATCH',
  'TRADE_PRICE',
  'TRADE_NOT_SHRINKING',
  'TRADE_NOT_IMPROVING',
  'TRADE_GONE',
  'NO_POSITION',
  'LIMIT_MISSED',
  'BACKSTOP_SIDE',
  'BACKSTOP_AMOUNT',
  'BACKSTOP_PRICE',
  'BACKSTOP_CLOSED',
  'FREE_CUSTODY',
  'NO_FRESH_ROUND',
  'FROZEN',
  'VERSION_LIMIT',
  'DUPLICATE',
  'BAD_REQUEST',
  'NOT_FOUND',
  'UNAVAILABLE',
  'BUSY',
  'REJECTED',
  'CANCELED',
  'NOT_WAITING',
  'UNAUTHORIZED',
] as const

export type RefusalCode = (typeof REFUSAL_CODES)[number]

/** An operation that is not carried out, and why. */
export class Refusal extends PlimsollError {
  readonly code: RefusalCode

  constructor(code: RefusalCode, message: string, options: { hint?: string } = {}) {
    super(message, options)
    this.name = 'Refusal'
    this.code = code
  }
}
