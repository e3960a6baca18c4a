import { type Address, type Hex, isAddress } from 'viem'
import { array, object } from '../protocol/book.ts'
import { parseDecimal } from '../protocol/decimal.ts'
import { PlimsollError } from '../protocol/errors.ts'
import type { Json, JsonObject } from '../protocol/json.ts'
import { requireKnown, seconds } from './plan-fields.ts'

/** Kinds of sources, each with the fields that name what it reads (docs/oracles.md). */
const KINDS = {
  chainlink: ['feed'],
  pyth: ['pyth', 'id'],
  'uniswap-v3': ['pool', 'token', 'window'],
  contract: ['source'],
} as const

export type SourceKind = keyof typeof KINDS

/** A source of an asset as the market names it; heartbeat and window in seconds, shares in 1/10^4. */
export type SourcePlan = {
  readonly heartbeat: number
  readonly deviation: number
  readonly maxConfidence: number
} & (
  | { readonly kind: 'chainlink'; readonly feed: Address }
  | { readonly kind: 'pyth'; readonly pyth: Address; readonly id: Hex }
  | { readonly kind: 'uniswap-v3'; readonly pool: Address; readonly token: Address; readonly window: number }
  | { readonly kind: 'contract'; readonly source: Address }
)

export interface AssetOracle {
  readonly sources: readonly SourcePlan[]
  /** Move, in 1/10^4 of the last quote, that has to be confirmed; 0: none has to. */
  readonly jump: number
  /** Seconds after which an only source confirms itself. */
  readonly confirm: number
}

/** Oracles of a market: by symbol, for the assets that name sources. */
export interface OraclePlan {
  readonly assets: Readonly<Record<string, AssetOracle>>
  /** Chainlink's feed of whether the chain's sequencer is up. */
  readonly uptimeFeed?: Address
  readonly uptimeGrace: number
}

/** No sources named: mock feeds on a local chain. */
export const NO_ORACLES: OraclePlan = { assets: {}, uptimeGrace: 0 }

/** Gas that a call to a source is given: a price over a window reads dozens of storage slots. */
export const SOURCE_GAS = 200_000
const SOURCES_MOST = 4
/** Ages beyond which a price of Pyth is none, whatever the heartbeat. */
const PYTH_HEARTBEAT = 60
const WINDOW_LEAST = 60
const DEFAULTS = { heartbeat: 3_600, deviation: 300, maxConfidence: 200, window: 1_800 } as const
const WEIGHTED_DEVIATION = 500
const JUMP = 2_000
const CONFIRM = 900
const UPTIME_GRACE = 3_600
const RULES = ['kind', 'heartbeat', 'deviation', 'maxConfidence']
/** Fields of an asset that are the oracles', not the book's. */
const ASSET_FIELDS = ['sources', 'feed', 'heartbeat', 'jump', 'confirm']

/**
 * One source of a feed named alone, as `deploy --feed` and the asset's fields `feed` and `heartbeat` have it: no move has
 * to be confirmed.
 */
export function feedAlone(feed: Address, heartbeat: number): AssetOracle {
  const { deviation, maxConfidence } = DEFAULTS
  return { sources: [{ kind: 'chainlink', feed, heartbeat, deviation, maxConfidence }], jump: 0, confirm: 0 }
}

/**
 * Takes what is the oracles' out of a market: `sources`, `jump` and `confirm` of its assets, or `feed` and `heartbeat`, and
 * `uptimeFeed` and `uptimeGrace` of its own.
 * @throws PlimsollError naming the offending field by its path
 */
export function takeOracles(market: JsonObject): { readonly market: JsonObject; readonly oracles: OraclePlan } {
  const { uptimeFeed, uptimeGrace, ...rest } = market
  const plans: [string, AssetOracle][] = []
  const assets = array(rest.assets, 'assets').map((entry, a): Json => {
    const asset = object(entry, `assets[${a}]`)
    const own = Object.fromEntries(Object.entries(asset).filter(([name]) => ASSET_FIELDS.includes(name)))
    if (Object.keys(own).length === 0) return entry
    const { symbol } = asset
    const path = typeof symbol === 'string' ? `assets[${a}] ${JSON.stringify(symbol)}` : `assets[${a}]`
    const plan = assetOracle(own, path)
    if (typeof symbol === 'string') plans.push([symbol, plan])
    return Object.fromEntries(Object.entries(asset).filter(([name]) => !ASSET_FIELDS.includes(name)))
  })
  if (uptimeFeed === undefined && uptimeGrace !== undefined)
    throw new PlimsollError('uptimeGrace is given without an uptimeFeed.')
  const uptime =
    uptimeFeed === undefined
      ? { uptimeGrace: 0 }
      : {
          uptimeFeed: address(uptimeFeed, 'uptimeFeed'),
          uptimeGrace: uptimeGrace === undefined ? UPTIME_GRACE : seconds(uptimeGrace, 'uptimeGrace', 0),
        }
  return { market: { ...rest, assets }, oracles: { assets: Object.fromEntries(plans), ...uptime } }
}

function assetOracle(own: JsonObject, path: string): AssetOracle {
  if (own.feed !== undefined || own.heartbeat !== undefined) {
    const other = ['sources', 'jump', 'confirm'].find((name) => own[name] !== undefined)
    if (other !== undefined)
      throw new PlimsollError(`${path} has both ${other} and ${own.feed === undefined ? 'heartbeat' : 'feed'}.`, {
        hint: 'feed and heartbeat stand for one Chainlink source alone: name it among the sources instead.',
      })
    if (own.feed === undefined) throw new PlimsollError(`${path}: heartbeat is given without a feed.`)
    const feed = address(own.feed, `${path}: feed`)
    const { heartbeat } = own
    return feedAlone(feed, heartbeat === undefined ? DEFAULTS.heartbeat : seconds(heartbeat, `${path}: heartbeat`, 1))
  }
  if (own.sources === undefined)
    throw new PlimsollError(`${path} has ${own.jump === undefined ? 'confirm' : 'jump'} and no sources.`)
  const listed = array(own.sources, `${path}: sources`)
  if (listed.length === 0 || listed.length > SOURCES_MOST)
    throw new PlimsollError(`${path}: sources has ${listed.length} entries, not 1 to ${SOURCES_MOST}.`)
  const sources = listed.map((entry, i) => sourcePlan(entry, `${path}: sources[${i}]`))
  const weighted = sources.filter(({ kind }) => kind === 'uniswap-v3').length
  if (weighted > (sources.length > 2 ? 1 : 0))
    throw new PlimsollError(
      sources.length > 2
        ? `${path}: sources has ${weighted} of uniswap-v3, which lag in a crash: one is the most.`
        : `${path}: sources has one of uniswap-v3, which lags in a crash, and it needs two others beside it.`,
    )
  const places = sources.map((plan) => JSON.stringify(plan.kind === 'pyth' ? [plan.pyth, plan.id] : placeOf(plan)))
  const twice = places.findIndex((place, i) => places.indexOf(place) !== i)
  if (twice >= 0)
    throw new PlimsollError(
      `${path}: sources[${twice}] is sources[${places.indexOf(places[twice]!)}] again: one source counts once.`,
    )
  return {
    sources,
    jump: own.jump === undefined ? JUMP : share(own.jump, `${path}: jump`, 6),
    confirm: own.confirm === undefined ? CONFIRM : seconds(own.confirm, `${path}: confirm`, 0, 2 ** 24 - 1),
  }
}

function placeOf(plan: Exclude<SourcePlan, { kind: 'pyth' }>): string {
  const place = plan.kind === 'chainlink' ? plan.feed : plan.kind === 'contract' ? plan.source : plan.pool
  return place.toLowerCase()
}

function sourcePlan(entry: Json, path: string): SourcePlan {
  const fields = object(entry, path)
  const { kind } = fields
  if (typeof kind !== 'string' || !Object.hasOwn(KINDS, kind))
    throw new PlimsollError(
      kind === undefined ? `${path}.kind is missing.` : `${path}.kind ${JSON.stringify(kind)} is none that there is.`,
      { hint: `The kinds are ${Object.keys(KINDS).join(', ')}.` },
    )
  const known = [...RULES, ...KINDS[kind as SourceKind]]
  requireKnown(fields, known, path, `One of ${kind}`)
  const of = (name: string) => address(fields[name], `${path}.${name}`)
  const weighted = kind === 'uniswap-v3'
  const deviation =
    fields.deviation === undefined
      ? weighted
        ? WEIGHTED_DEVIATION
        : DEFAULTS.deviation
      : share(fields.deviation, `${path}.deviation`, 1)
  if (deviation === 0) throw new PlimsollError(`${path}.deviation is 0: no two sources agree to the last digit.`)
  const maxConfidence =
    fields.maxConfidence === undefined
      ? DEFAULTS.maxConfidence
      : share(fields.maxConfidence, `${path}.maxConfidence`, 1)
  const defaultHeartbeat = kind === 'pyth' ? PYTH_HEARTBEAT : DEFAULTS.heartbeat
  const heartbeat =
    fields.heartbeat === undefined ? defaultHeartbeat : seconds(fields.heartbeat, `${path}.heartbeat`, 1)
  const rules = { heartbeat, deviation, maxConfidence }
  switch (kind as SourceKind) {
    case 'chainlink':
      return { kind: 'chainlink', feed: of('feed'), ...rules }
    case 'pyth': {
      if (heartbeat > PYTH_HEARTBEAT)
        throw new PlimsollError(`${path}.heartbeat is above ${PYTH_HEARTBEAT}, at which a price of Pyth is none.`)
      const { id } = fields
      if (typeof id !== 'string' || !/^0x[0-9a-fA-F]{64}$/.test(id))
        throw new PlimsollError(`${path}.id is not 0x and 64 hexadecimal digits.`)
      return { kind: 'pyth', pyth: of('pyth'), id: id as Hex, ...rules }
    }
    case 'uniswap-v3': {
      const window =
        fields.window === undefined ? DEFAULTS.window : seconds(fields.window, `${path}.window`, WINDOW_LEAST)
      return { kind: 'uniswap-v3', pool: of('pool'), token: of('token'), window, ...rules }
    }
    case 'contract':
      return { kind: 'contract', source: of('source'), ...rules }
  }
}

function address(value: Json | undefined, path: string): Address {
  if (value === undefined) throw new PlimsollError(`${path} is missing.`)
  if (typeof value !== 'string' || !/^0x[0-9a-fA-F]{40}$/.test(value)) throw new PlimsollError(`${path} is no address.`)
  if (!isAddress(value)) throw new PlimsollError(`${path} is an address with a wrong checksum: a digit is mistyped.`)
  if (/^0x0+$/.test(value)) throw new PlimsollError(`${path} is the zero address.`)
  return value
}

/** A share written as a decimal, such as "0.02", in 1/10^4; below `end`. */
function share(value: Json | undefined, path: string, end: number): number {
  const scaled = parseDecimal(value, 4, path)
  if (scaled < 0n || scaled >= BigInt(end) * 10_000n)
    throw new PlimsollError(`${path} is not a share from 0 to below ${end}.`)
  return Number(scaled)
}
