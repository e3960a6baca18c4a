import { z } from 'zod'
import { ASSETS, FIELD, MAX_WEIGHT, VERSION_LIMIT, WORD } from '../protocol/constants.ts'
import { MARK_NAMES } from '../protocol/marks.ts'
import { FAULTS } from '../protocol/oracle.ts'

/** Times in signed messages have 40 bits. */
const EXPIRY_LIMIT = 2 ** 40
const INDEX_LIMIT = 2 ** 32
const MAX_DIGITS = 78

const natural = (limit: bigint, name: string) =>
  z
    .string()
    .regex(/^(0|[1-9][0-9]*)$/, 'is not a whole number written as a decimal string')
    .max(MAX_DIGITS, 'is too large')
    .transform(BigInt)
    .refine((value) => value < limit, `is not below ${name}`)

const amount = natural(WORD, '2^64')
const field = natural(FIELD, 'the order of the field')
const signed = z
  .string()
  .regex(/^-?[0-9]+$/, 'is not a whole number written as a decimal string')
  .max(MAX_DIGITS + 1)
  .transform(BigInt)
const point = z.tuple([field, field])
const whole = (limit: number) =>
  z
    .number()
    .int()
    .min(0)
    .max(limit - 1)
const index = whole(INDEX_LIMIT)
const version = whole(Number(VERSION_LIMIT))
const asset = whole(ASSETS)
const expiry = whole(EXPIRY_LIMIT)
const signature = z.object({ r8: point, s: natural(1n << 253n, '2^253') }).strict()
const hash = z
  .string()
  .regex(/^0x[0-9a-f]{64}$/, 'is not 32 bytes in lower-case hexadecimal')
  .transform((text) => text as `0x${string}`)
const address = z
  .string()
  .regex(/^0x[0-9a-fA-F]{40}$/, 'is not an address')
  .transform((text) => text as `0x${string}`)
const direction = z.union([z.literal(0), z.literal(1)])

const signedBy = { index, version, expiry, signature }

/** Request of an owner to the node, as JSON: big integers are decimal strings. */
export const operationSchema = z.discriminatedUnion('kind', [
  z
    .object({
      kind: z.literal('withdraw'),
      ...signedBy,
      asset,
      amount,
      recipient: address,
      /** To be paid in full or to wait. */
      inFull: z.boolean().optional(),
    })
    .strict(),
  z.object({ kind: z.literal('trade'), ...signedBy, asset, direction, x: amount, y: amount, link: field }).strict(),
  z.object({ kind: z.literal('unwind'), ...signedBy, asset, direction, x: amount, y: amount }).strict(),
  z
    .object({
      kind: z.literal('preferences'),
      ...signedBy,
      weights: z.array(z.number().int().min(1).max(MAX_WEIGHT)).length(ASSETS),
    })
    .strict(),
])
export type OperationRequest = z.output<typeof operationSchema>

export const OPERATION_STATUSES = ['accepted', 'waiting', 'proving', 'settled', 'failed'] as const
export type OperationStatus = (typeof OPERATION_STATUSES)[number]

export const acceptedSchema = z.object({ id: hash, status: z.enum(['accepted', 'waiting']) })
export type Accepted = z.output<typeof acceptedSchema>

/** State of an operation as anybody may know it who knows its id. */
export const operationStatusSchema = z.object({
  id: hash,
  status: z.enum(OPERATION_STATUSES),
  /** Reason of the failure. */
  code: z.string().optional(),
})
export type OperationState = z.output<typeof operationStatusSchema>

/** Operation of an account as its owner may know it: with all that it signed, newest first in a list. */
export const ownOperationSchema = operationStatusSchema.extend({
  /** Transaction that settled it, where this node sent it. */
  transaction: hash.optional(),
  /** Unix seconds at which the node accepted it. */
  acceptedAt: z.number().int(),
  operation: operationSchema,
})
export type OwnOperation = z.output<typeof ownOperationSchema>
export const ownOperationsSchema = z.object({ operations: z.array(ownOperationSchema) })

/** Answer to the cancellation of half a trade. */
export const canceledSchema = z.object({
  id: hash,
  status: z.literal('failed'),
  code: z.literal('CANCELED'),
  /** Unix seconds and account version until which the signature stays valid for whoever has it. */
  expiry,
  version,
  message: z.string(),
})
export type Canceled = z.output<typeof canceledSchema>

export const deploymentSchema = z.object({
  chainId: z.number().int(),
  settlement: address,
  vault: address,
  forced: address,
  insurance: address,
  escape: address,
  rounds: address,
  /** The sequencer's BabyJubJub key in force: with it an owner's wallet derives its view key. */
  sequencerKey: point,
  /** All that it ever had, the one in force last: an account that was not rekeyed since a handover is under one of these. */
  sequencerKeys: z.array(point).min(1),
  assets: z.array(
    z.object({
      symbol: z.string(),
      decimals: z.number().int(),
      /** Whether there is a token that can be deposited and withdrawn; a synthetic has none. */
      spot: z.boolean(),
      token: address.nullable(),
      tokenDecimals: z.number().int(),
      minOpen: amount,
      minDeposit: amount,
    }),
  ),
  profile: z.enum(['tiny', 'small', 'large']),
  openingFee: natural(1n << 256n, '2^256'),
  bond: natural(1n << 256n, '2^256'),
  forcedFee: natural(1n << 256n, '2^256'),
})
export type DeploymentInfo = z.output<typeof deploymentSchema>
export type AssetInfo = DeploymentInfo['assets'][number]

export const roundSchema = z.object({
  number: z.number().int(),
  timestamp: z.number().int(),
  /** The chain's time, which may run ahead of the wallet's. */
  now: z.number().int(),
  complete: z.boolean(),
  /** price, u, v, ut, vt, sell, buy, kSell, kBuy, ui, vi, kappa of assets 0 to 7. */
  marks: z.array(z.array(amount).length(MARK_NAMES.length)).length(ASSETS),
  backstop: z.array(signed).length(ASSETS),
  /**
   * Lots that the backstop sells, or buys back, of assets 0 to 7, the oldest first, which goes first; prices are scaled as marks, 0 while
   * there is none.
   */
  offers: z.array(z.array(z.object({ lot: amount, units: amount, price: amount }))).length(ASSETS),
  /** Assets 1, 2, ... at the round, and what their sources say now. */
  assets: z.array(
    z.object({
      initialCollateralFactor: z.number(),
      initialLiabilityFactor: z.number(),
      /** Drop that the next six hours exceed once in a hundred; null where initial margins do not follow the market. */
      quantile: z.number().nullable(),
      /** Unix seconds since which its price is held; null: it is not. */
      heldSince: z.number().int().nullable(),
      /** Points by which the marks of a held asset are widened. */
      widened: z.number().int(),
      ruled: z.boolean(),
      low: amount,
      high: amount,
      depth: amount,
      sources: z.array(z.object({ source: address, quote: amount, time: z.number().int(), fault: z.enum(FAULTS) })),
    }),
  ),
  /** Whether the chain's sequencer is down, so that no round can be posted. */
  down: z.boolean(),
})
export type RoundInfo = z.output<typeof roundSchema>

/** Lots and fills of the liquidation market: units in base units, prices and marks scaled as marks, discounts as shares of the mark. */
export const auctionsSchema = z.object({
  /** The oldest of each asset first, which are taken first; price and discount are null while there is no price. */
  lots: z.array(
    z.object({
      asset,
      lot: z.number().int(),
      side: z.enum(['sell', 'buy']),
      units: amount,
      /** Unix seconds since which its oldest part waits, and how long that is. */
      since: z.number().int(),
      age: z.number().int(),
      price: amount.nullable(),
      mark: amount,
      discount: z.number().nullable(),
    }),
  ),
  /** Units of each asset that can be taken now. */
  available: z.array(z.object({ asset, units: amount })),
  /** The latest hundred; the taker is null for an account inside, the age that of the lot when it was taken. */
  fills: z.array(
    z.object({
      asset,
      lot: z.number().int(),
      side: z.enum(['sell', 'buy']),
      units: amount,
      price: amount,
      mark: amount,
      discount: z.number(),
      taker: address.nullable(),
      block: z.number().int(),
      age: z.number().int(),
    }),
  ),
  fillCount: z.number().int(),
  /** Means over all fills, weighted by cash; seconds from the beginning of a lot. Null without fills. */
  discount: z.number().nullable(),
  timeToClear: z.number().nullable(),
  /** Share of the penalty that fills kept in the system. */
  recaptured: z.number().nullable(),
})
export type AuctionsInfo = z.output<typeof auctionsSchema>

/** Rounds as the chain's events tell them, the latest first; gas is null where the node's endpoint has no receipt. */
export const roundsSchema = z.object({
  rounds: z.array(
    z.object({
      number: z.number().int(),
      timestamp: z.number().int(),
      block: z.number().int(),
      transaction: hash,
      /** Prices as marks, of assets 1 to 7. */
      prices: z.array(amount),
      /** Whether it is known to have been complete at some time. */
      complete: z.boolean(),
      gas: natural(1n << 64n, '2^64').nullable(),
      settlements: z.array(
        z.object({
          block: z.number().int(),
          transaction: hash,
          timestamp: z.number().int(),
          complete: z.boolean(),
          sweeps: z.number().int(),
          resolved: z.number().int(),
          operations: z.number().int(),
          proofs: z.number().int(),
          badDebt: natural(1n << 256n, '2^256'),
          gas: natural(1n << 64n, '2^64').nullable(),
        }),
      ),
    }),
  ),
  /** Whether there are earlier ones. */
  more: z.boolean(),
})
export type RoundsInfo = z.output<typeof roundsSchema>

/** Clocks of checkpoint and stall: see `StallClocks`. */
export const clocksSchema = z.object({
  now: z.number().int(),
  checkpointedAt: z.number().int(),
  grace: z.number().int(),
  frozen: z.boolean(),
  stalled: z.boolean(),
  noticePeriod: z.number().int(),
  notice: z.object({ counted: z.number().int(), period: z.number().int(), feeds: z.boolean() }).nullable(),
  depositsWaiting: z.number().int(),
  forcedWaiting: z.number().int(),
  roundAt: z.number().int(),
  maxAge: z.number().int(),
})

/** Event `round` of the stream: a new round, another completeness, or something settled. */
export const roundEventSchema = z.object({
  number: z.number().int(),
  timestamp: z.number().int(),
  complete: z.boolean(),
  /** Settlements up to now. */
  settlements: z.number().int(),
})
export type RoundEvent = z.output<typeof roundEventSchema>

/** Event `lots` of the stream. */
export const lotsEventSchema = roundSchema.pick({ offers: true })
export type LotsEvent = z.output<typeof lotsEventSchema>

export const accountsSchema = z.object({ accounts: z.array(index) })

export const accountSchema = z.object({
  index,
  publicKey: point,
  version,
  leaf: field,
  cipher: z.tuple([field, field, field]),
  /** The version that the next operation has to name: after all that the node has accepted. */
  pendingVersion: version,
  /** Whether it has traded with another account; until then its balances follow from public terms. */
  traded: z.boolean(),
})
export type AccountInfo = z.output<typeof accountSchema>

export const withdrawalsSchema = z.object({
  withdrawals: z.array(
    z.object({
      id: z.number().int(),
      asset,
      amount,
      recipient: address,
      /** Token units that a claim pays: less than the amount where the backstop was under water at the checkpoint. */
      pays: amount,
      /** Whether a checkpoint has come since. */
      claimable: z.boolean(),
    }),
  ),
})
export type WithdrawalInfo = z.output<typeof withdrawalsSchema>['withdrawals'][number]

export const errorSchema = z.object({ error: z.object({ code: z.string(), message: z.string() }) })

/** The first complaint of a schema as one sentence, with the path of the field. */
export function complaint(error: z.ZodError): string {
  const issue = error.issues[0]!
  const where =
    issue.path.length === 0
      ? 'The body'
      : issue.path.map((part, i) => (typeof part === 'number' ? `[${part}]` : i === 0 ? part : `.${part}`)).join('')
  const what = /^is /.test(issue.message)
    ? issue.message
    : `is not valid: ${issue.message.charAt(0).toLowerCase()}${issue.message.slice(1)}`
  return `${where} ${what}.`
}

/** JSON as the API writes it: big integers as decimal strings. */
export function encodeJson(value: unknown): string {
  return JSON.stringify(value, (_, entry: unknown) => (typeof entry === 'bigint' ? entry.toString() : entry))
}
