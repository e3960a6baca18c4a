import { type Address, isAddress } from 'viem'
import { type Market, object, parseMarket } from '../protocol/book.ts'
import { parseDecimal } from '../protocol/decimal.ts'
import { PlimsollError } from '../protocol/errors.ts'
import { parseJson } from '../protocol/json.ts'
import { type AuctionPlan, takeAuction } from './auction-plan.ts'
import { type OraclePlan, takeOracles } from './oracle-plan.ts'
import { requireKnown } from './plan-fields.ts'
import { type RulePlan, takeRules } from './rule-plan.ts'

/** Custody of an asset: how the vault is to hold it. */
export interface AssetCustody {
  /** Undefined: a mock token, on local chains only. */
  readonly token?: Address
  /** The most in custody, and the least that opens an account or is taken otherwise; base units. */
  readonly cap: bigint
  readonly minOpen: bigint
  readonly minDeposit: bigint
}

/** By symbol; an asset that is not in it is a synthetic. */
export type CustodyPlan = Readonly<Record<string, AssetCustody>>

export interface Deployable {
  readonly market: Market
  readonly custody: CustodyPlan
  readonly oracles: OraclePlan
  readonly rules: RulePlan
  readonly auction: AuctionPlan
}

const CAP_LIMIT = 1n << 63n
const FIELDS = ['token', 'cap', 'minOpen', 'minDeposit']

/**
 * Reads a MARKET.json: the fields `assets` and `minLiability` of a book, `custody`, by symbol, of the assets with a token, and
 * the oracles' (`takeOracles`), the rule's (`takeRules`) and the liquidation market's (`takeAuction`). A `note` is for people.
 * @throws PlimsollError naming the offending field by its path
 */
export function parseDeployable(text: string): Deployable {
  const { custody, accounts, note, ...rest } = object(parseJson(text), 'the market')
  if (accounts !== undefined)
    throw new PlimsollError('accounts are not imported: owners open them with deposits.', {
      hint: 'Leave the field out.',
    })
  if (note !== undefined && typeof note !== 'string') throw new PlimsollError('note is not a text.')
  const { market: named, oracles } = takeOracles(rest)
  const { market: ruled, rules } = takeRules(named)
  const { market, auction } = takeAuction(ruled)
  const unknown = Object.keys(market).find((key) => key !== 'assets' && key !== 'minLiability')
  if (unknown !== undefined) throw new PlimsollError(`The market has the unknown field ${JSON.stringify(unknown)}.`)
  const parsed = parseMarket(market)
  if (custody === undefined) return { market: parsed, custody: mockCustody(parsed), oracles, rules, auction }
  const plan = Object.entries(object(custody, 'custody')).map(([symbol, entry]): [string, AssetCustody] => {
    const asset = parsed.assets.find((known) => known.symbol === symbol)
    const path = `custody.${symbol}`
    if (asset === undefined) throw new PlimsollError(`custody has the unknown symbol ${JSON.stringify(symbol)}.`)
    const fields = object(entry, path)
    requireKnown(fields, FIELDS, path)
    const amount = (name: string) => {
      const value = parseDecimal(fields[name], asset.decimals, `${path}.${name}`)
      if (value < 1n || value > CAP_LIMIT)
        throw new PlimsollError(`${path}.${name} is not above 0 and at most 2^63 base units.`)
      return value
    }
    const { token } = fields
    if (token !== undefined && (typeof token !== 'string' || !isAddress(token)))
      throw new PlimsollError(`${path}.token is not an address.`)
    return [
      symbol,
      {
        ...(token === undefined ? {} : { token: token as Address }),
        cap: amount('cap'),
        minOpen: amount('minOpen'),
        minDeposit: amount('minDeposit'),
      },
    ]
  })
  return { market: parsed, custody: Object.fromEntries(plan), oracles, rules, auction }
}

/** A mock token for every asset, nothing limited. */
export function mockCustody({ assets }: Market): CustodyPlan {
  return Object.fromEntries(assets.map(({ symbol }) => [symbol, { cap: CAP_LIMIT, minOpen: 1n, minDeposit: 1n }]))
}
