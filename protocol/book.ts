import { NEUTRAL_WEIGHTS } from './account.ts'
import { ASSETS, MAX_WEIGHT, PRICE_LIMIT, PRICE_MIN, WORD } from './constants.ts'
import { formatDecimal, parseDecimal } from './decimal.ts'
import { PlimsollError } from './errors.ts'
import { type Balances, isOversize } from './health.ts'
import { abs } from './integer.ts'
import { type Json, type JsonObject, parseJson } from './json.ts'
import {
  assetMarks,
  CASH_PARAMETERS,
  checkParameters,
  fillMarks,
  type Marks,
  priceMarkDown,
  type RiskParameters,
} from './marks.ts'

/** Decimals of `BookAsset.price`. */
export const QUOTE_DECIMALS = 18
const FACTOR_DECIMALS = 4
const MAX_ASSET_DECIMALS = 8

export interface BookAsset {
  readonly symbol: string
  readonly decimals: number
  /** Price in cash of a whole unit, times 10^18; cash has 1. */
  readonly price: bigint
  /** Cash has factors of 1, and no penalty or depth. */
  readonly parameters: RiskParameters
}

export interface BookAccount {
  readonly id: string
  /** Base units of assets 0..7. */
  readonly balances: Balances
  /** Liquidation preference of assets 0..7; cash and what the book leaves out have the neutral one. */
  readonly weights: readonly number[]
}

/** The public side of a book. */
export interface Market {
  /** Up to 8; the first is cash. */
  readonly assets: readonly BookAsset[]
  readonly cashDecimals: number
  /** Dust threshold, in base units of cash. */
  readonly minLiability: bigint
  /** Marks of assets 0..7 at the book's prices. */
  readonly marks: Marks
}

/** A checked BOOK.json: a market, and private accounts in it. */
export interface Book extends Market {
  readonly accounts: readonly BookAccount[]
}

const CASH_FIELDS = ['symbol', 'decimals']
const FACTORS = [
  'collateralFactor',
  'liabilityFactor',
  'targetCollateralFactor',
  'targetLiabilityFactor',
  'penalty',
] as const
/** Those of the target where left out. */
const INITIAL_FACTORS = ['initialCollateralFactor', 'initialLiabilityFactor'] as const

/**
 * Reads a BOOK.json. Nothing is rounded, and nothing that is not understood is skipped.
 * @throws PlimsollError naming the offending field by its path, such as `accounts[3] "a4": balances.ETH`
 */
export function parseBook(text: string): Book {
  const book = object(parseJson(text), 'the book')
  refuseUnknown(book, ['assets', 'minLiability', 'accounts'], 'the book')
  const market = parseMarket(book)
  const positions = new Map(market.assets.map(({ symbol }, a) => [symbol, a]))

  const ids = new Map<string, number>()
  const accounts = array(book.accounts, 'accounts').map((entry, i): BookAccount => {
    const account = parseAccount(entry, i, market.assets, positions)
    if (ids.has(account.id))
      throw new PlimsollError(
        `accounts[${i}].id ${quote(account.id)} is a duplicate of accounts[${ids.get(account.id)}].`,
      )
    ids.set(account.id, i)
    if (isOversize(account.balances, market.marks)) {
      throw new PlimsollError(
        `accounts[${i}] ${quote(account.id)}: balances are worth 2^95 or more, the sum of price |balance| at the marks' scale.`,
      )
    }
    return account
  })
  if (accounts.length === 0) throw new PlimsollError('accounts is empty.')
  return { ...market, accounts }
}

/**
 * Reads the fields `assets` and `minLiability` of a book, or of a round that publishes them.
 * @throws PlimsollError naming the offending field by its path
 */
export function parseMarket(book: JsonObject): Market {
  const listed = array(book.assets, 'assets')
  if (listed.length === 0) throw new PlimsollError('assets is empty.', { hint: 'The first asset is cash.' })
  if (listed.length > ASSETS) throw new PlimsollError(`assets has ${listed.length} entries, more than ${ASSETS}.`)
  const cash = parseCash(listed[0]!)
  const assets = [cash, ...listed.slice(1).map((asset, i) => parseAsset(asset, `assets[${i + 1}]`))]
  const positions = new Map<string, number>()
  assets.forEach(({ symbol }, a) => {
    if (positions.has(symbol))
      throw new PlimsollError(
        `assets[${a}].symbol ${quote(symbol)} is a duplicate of assets[${positions.get(symbol)}].`,
      )
    positions.set(symbol, a)
  })
  const marks = fillMarks(
    assets.slice(1).map((asset, i) => marksOf(asset, cash.decimals, `assets[${i + 1}] ${quote(asset.symbol)}`)),
  )

  const minLiability = 'minLiability' in book ? magnitude(book.minLiability, cash.decimals, 'minLiability') : 0n
  return { assets, cashDecimals: cash.decimals, minLiability, marks }
}

function parseCash(entry: Json): BookAsset {
  const fields = object(entry, 'assets[0]')
  refuseUnknown(fields, CASH_FIELDS, 'assets[0], which is cash,')
  return { ...parseNames(fields, 'assets[0]'), price: 10n ** BigInt(QUOTE_DECIMALS), parameters: CASH_PARAMETERS }
}

function parseAsset(entry: Json, position: string): BookAsset {
  const fields = object(entry, position)
  const names = parseNames(fields, position)
  const path = `${position} ${quote(names.symbol)}`
  refuseUnknown(fields, [...CASH_FIELDS, 'price', 'depth', ...FACTORS, ...INITIAL_FACTORS], path)
  const price = parseDecimal(present(fields, 'price', path), QUOTE_DECIMALS, `${path}: price`)
  if (price <= 0n) throw new PlimsollError(`${path}: price is not above 0.`)
  const [collateralFactor, liabilityFactor, targetCollateralFactor, targetLiabilityFactor, penalty] = FACTORS.map(
    (factor) => magnitude(present(fields, factor, path), FACTOR_DECIMALS, `${path}: ${factor}`),
  ) as [bigint, bigint, bigint, bigint, bigint]
  const depth = magnitude(present(fields, 'depth', path), names.decimals, `${path}: depth`)
  const [initialCollateralFactor, initialLiabilityFactor] = INITIAL_FACTORS.map((factor) =>
    factor in fields ? magnitude(fields[factor], FACTOR_DECIMALS, `${path}: ${factor}`) : undefined,
  )
  const parameters = {
    collateralFactor,
    liabilityFactor,
    targetCollateralFactor,
    targetLiabilityFactor,
    penalty,
    depth,
    ...(initialCollateralFactor !== undefined && { initialCollateralFactor }),
    ...(initialLiabilityFactor !== undefined && { initialLiabilityFactor }),
  }
  checkParameters(parameters, path)
  return { ...names, price, parameters }
}

function parseNames(fields: JsonObject, path: string): Pick<BookAsset, 'symbol' | 'decimals'> {
  const symbol = name(present(fields, 'symbol', path), `${path}.symbol`)
  const decimals = present(fields, 'decimals', `${path} ${quote(symbol)}`)
  if (!Number.isInteger(decimals) || (decimals as number) < 0 || (decimals as number) > MAX_ASSET_DECIMALS) {
    throw new PlimsollError(`${path} ${quote(symbol)}: decimals is not a whole number from 0 to ${MAX_ASSET_DECIMALS}.`)
  }
  return { symbol, decimals: decimals as number }
}

function marksOf(asset: BookAsset, cashDecimals: number, path: string) {
  const price = priceMarkDown(asset.price, QUOTE_DECIMALS, cashDecimals, asset.decimals)
  if (price < PRICE_MIN || price >= PRICE_LIMIT) {
    const side = price < PRICE_MIN ? 'small' : 'large'
    throw new PlimsollError(
      `${path}: price is too ${side} for the asset's decimals, its mark ${price} is outside [2^16, 2^60).`,
      {
        hint: `Use ${side === 'small' ? 'fewer' : 'more'} decimals for the asset.`,
      },
    )
  }
  return assetMarks(price, asset.parameters, path)
}

function parseAccount(
  entry: Json,
  i: number,
  assets: readonly BookAsset[],
  positions: ReadonlyMap<string, number>,
): BookAccount {
  const fields = object(entry, `accounts[${i}]`)
  const id = name(present(fields, 'id', `accounts[${i}]`), `accounts[${i}].id`)
  const path = `accounts[${i}] ${quote(id)}`
  refuseUnknown(fields, ['id', 'balances', 'weights'], path)
  const position = (symbol: string, field: string): number => {
    const a = positions.get(symbol)
    if (a === undefined) throw new PlimsollError(`${path}: ${field} has the unknown symbol ${quote(symbol)}.`)
    return a
  }

  const balances = Array<bigint>(ASSETS).fill(0n)
  for (const [symbol, text] of Object.entries(object(present(fields, 'balances', path), `${path}: balances`))) {
    const a = position(symbol, 'balances')
    const field = `${path}: balances.${symbol}`
    balances[a] = word(parseDecimal(text, assets[a]!.decimals, field), field)
  }

  const weights = [...NEUTRAL_WEIGHTS]
  if ('weights' in fields) {
    for (const [symbol, weight] of Object.entries(object(fields.weights, `${path}: weights`))) {
      const a = position(symbol, 'weights')
      if (a === 0) throw new PlimsollError(`${path}: weights.${symbol} is on cash, which has no weight.`)
      if (!Number.isInteger(weight) || (weight as number) < 1 || (weight as number) > MAX_WEIGHT) {
        throw new PlimsollError(`${path}: weights.${symbol} is not a whole number from 1 to ${MAX_WEIGHT}.`)
      }
      weights[a] = weight as number
    }
  }
  return { id, balances, weights }
}

function magnitude(text: Json | undefined, decimals: number, field: string): bigint {
  const value = parseDecimal(text, decimals, field)
  if (value < 0n) throw new PlimsollError(`${field} is negative.`)
  return word(value, field)
}

function word(value: bigint, field: string): bigint {
  if (abs(value) >= WORD) throw new PlimsollError(`${field} is 2^64 base units or more.`)
  return value
}

/** @throws PlimsollError naming `field` */
export function object(value: Json | undefined, field: string): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new PlimsollError(`${capital(field)} is not a JSON object.`)
  return value
}

/** @throws PlimsollError naming `field` */
export function array(value: Json | undefined, field: string): Json[] {
  if (!Array.isArray(value)) throw new PlimsollError(`${field} is ${value === undefined ? 'missing' : 'not an array'}.`)
  return value
}

function present(fields: JsonObject, key: string, path: string): Json {
  if (!Object.hasOwn(fields, key)) throw new PlimsollError(`${path}: ${key} is missing.`)
  return fields[key]!
}

function name(value: Json, field: string): string {
  if (typeof value !== 'string' || value === '' || value !== value.trim() || /[\p{C}\p{Zl}\p{Zp}]/u.test(value)) {
    throw new PlimsollError(`${field} is not a printable string.`)
  }
  return value
}

/** A misspelled field would otherwise be a silent default. */
function refuseUnknown(fields: JsonObject, known: readonly string[], path: string): void {
  const unknown = Object.keys(fields).find((key) => !known.includes(key))
  if (unknown !== undefined)
    throw new PlimsollError(`${capital(path)} has the unknown field ${quote(unknown)}.`, {
      hint: `It may have ${known.join(', ')}.`,
    })
}

function quote(text: string): string {
  return JSON.stringify(text)
}

function capital(text: string): string {
  return text.startsWith('the ') ? `T${text.slice(1)}` : text
}

/** `assets` and `minLiability` as a book writes them: what `parseMarket` reads. */
export function formatMarket({ assets, cashDecimals, minLiability }: Market): JsonObject {
  const [cash, ...traded] = assets
  return {
    assets: [
      { symbol: cash!.symbol, decimals: cash!.decimals },
      ...traded.map(({ symbol, decimals, price, parameters }) => ({
        symbol,
        decimals,
        price: formatDecimal(price, QUOTE_DECIMALS),
        ...Object.fromEntries(
          [...FACTORS, ...INITIAL_FACTORS].flatMap((factor) =>
            parameters[factor] === undefined ? [] : [[factor, formatDecimal(parameters[factor], FACTOR_DECIMALS)]],
          ),
        ),
        depth: formatDecimal(parameters.depth, decimals),
      })),
    ],
    minLiability: formatDecimal(minLiability, cashDecimals),
  }
}
