import { type Address, isAddress, zeroAddress } from 'viem'
import { array, object } from '../protocol/book.ts'
import {
  CONCENTRATION_DEFAULT,
  CONCENTRATION_LEAST,
  CONCENTRATION_MOST,
  isConcentrationFactor,
} from '../protocol/concentration.ts'
import { FACTOR_ONE } from '../protocol/constants.ts'
import { formatDecimal, parseDecimal } from '../protocol/decimal.ts'
import { PlimsollError } from '../protocol/errors.ts'
import type { Json, JsonObject } from '../protocol/json.ts'
import { requireKnown, seconds } from './plan-fields.ts'

/** Rule by which the parameters of an asset follow the market, as a market file has it; shares and margins in 1/10^4. */
export interface AssetRule {
  readonly gap: bigint
  readonly lane?: { readonly scale: bigint; readonly least: bigint; readonly most: bigint }
  /** `most` is a decimal number of the asset, read with its decimals where they are known. */
  readonly pool?: { readonly address: Address; readonly window: number; readonly share: bigint; readonly most: string }
}

/** Plan of a market's rounds beyond their sources. */
export interface RulePlan {
  /** By symbol; an asset that is not in it has parameters that the admin proposes. */
  readonly assets: Readonly<Record<string, AssetRule>>
  /** Seconds for which a held asset's marks stay, and forced requests' clock stands. */
  readonly patience: number
  /** Share of opening fees in 1/10^4, and the tip of a round in the chain's smallest unit. */
  readonly tipShare: bigint
  readonly roundTip: bigint
  /** Factor F of what initial margins charge for concentration, in 1/10^4. */
  readonly concentration: bigint
}

const PATIENCE = 21_600
const PATIENCE_MOST = 604_800
const WINDOW = 1_800
const POOL_SHARE = FACTOR_ONE
const COIN_DECIMALS = 18
const FACTOR_DECIMALS = 4
const TIP_SHARE_MOST = 5_000n
const GAP_MOST = 4_000n
const SCALE_MOST = 65_535n

/** The rule off everywhere, no tips, and concentration charged as it is by default. */
export const NO_RULES: RulePlan = {
  assets: {},
  patience: PATIENCE,
  tipShare: 0n,
  roundTip: 0n,
  concentration: CONCENTRATION_DEFAULT,
}

/**
 * Takes what is the rule's out of a market: `rule` of its assets, and `patience`, `tips` and `concentration` of its own.
 * @throws PlimsollError naming the offending field by its path
 */
export function takeRules(market: JsonObject): { readonly market: JsonObject; readonly rules: RulePlan } {
  const { patience, tips, concentration, ...rest } = market
  const plans: [string, AssetRule][] = []
  const assets = array(rest.assets, 'assets').map((entry, a): Json => {
    const { rule, ...asset } = object(entry, `assets[${a}]`)
    if (rule === undefined) return entry
    const { symbol } = asset
    const path = typeof symbol === 'string' ? `assets[${a}] ${JSON.stringify(symbol)}: rule` : `assets[${a}].rule`
    if (a === 0) throw new PlimsollError(`${path}: cash has no parameters that could follow the market.`)
    const plan = assetRule(object(rule, path), path)
    if (typeof symbol === 'string') plans.push([symbol, plan])
    return asset
  })
  return {
    market: { ...rest, assets },
    rules: {
      assets: Object.fromEntries(plans),
      patience: patience === undefined ? PATIENCE : seconds(patience, 'patience', 0, PATIENCE_MOST),
      ...tipsOf(tips),
      concentration: concentrationOf(concentration),
    },
  }
}

function tipsOf(tips: Json | undefined): Pick<RulePlan, 'tipShare' | 'roundTip'> {
  if (tips === undefined) return { tipShare: 0n, roundTip: 0n }
  const fields = object(tips, 'tips')
  requireKnown(fields, ['share', 'round'], 'tips')
  return {
    tipShare: share(fields.share, 'tips.share', 0n, TIP_SHARE_MOST),
    roundTip: between(parseDecimal(fields.round, COIN_DECIMALS, 'tips.round'), 'tips.round', 0n, (1n << 96n) - 1n),
  }
}

/** Factor f as a decimal number: 0, or within the bounds. */
function concentrationOf(value: Json | undefined): bigint {
  if (value === undefined) return CONCENTRATION_DEFAULT
  const factor = parseDecimal(value, FACTOR_DECIMALS, 'concentration')
  if (isConcentrationFactor(factor)) return factor
  const [least, most] = [CONCENTRATION_LEAST, CONCENTRATION_MOST].map((bound) => formatDecimal(bound, FACTOR_DECIMALS))
  throw new PlimsollError(`concentration is neither 0 nor from ${least} to ${most}.`, {
    hint: `Name how many times its own share of the market's move a position is charged, in a string; it is ${formatDecimal(CONCENTRATION_DEFAULT, FACTOR_DECIMALS)} where it is left out, and "0" charges nothing.`,
  })
}

function assetRule(rule: JsonObject, path: string): AssetRule {
  requireKnown(rule, ['gap', 'lane', 'pool'], path)
  const { gap, lane, pool } = rule
  return {
    gap: share(gap, `${path}.gap`, 1n, GAP_MOST),
    ...(lane !== undefined && { lane: laneOf(object(lane, `${path}.lane`), `${path}.lane`) }),
    ...(pool !== undefined && { pool: poolOf(object(pool, `${path}.pool`), `${path}.pool`) }),
  }
}

function laneOf(lane: JsonObject, path: string): NonNullable<AssetRule['lane']> {
  requireKnown(lane, ['scale', 'least', 'most'], path)
  const least = share(lane.least, `${path}.least`, 0n, FACTOR_ONE - 1n)
  const most = share(lane.most, `${path}.most`, 0n, FACTOR_ONE - 1n)
  if (least > most) throw new PlimsollError(`${path}: least is above most.`)
  return { scale: share(lane.scale, `${path}.scale`, 1n, SCALE_MOST), least, most }
}

function poolOf(pool: JsonObject, path: string): NonNullable<AssetRule['pool']> {
  requireKnown(pool, ['address', 'window', 'share', 'most'], path)
  const { address, most } = pool
  if (typeof address !== 'string' || !isAddress(address) || address === zeroAddress)
    throw new PlimsollError(`${path}.address is not the address of a pool.`)
  if (typeof most !== 'string') throw new PlimsollError(`${path}.most is not a decimal number in a string.`)
  return {
    address,
    window: pool.window === undefined ? WINDOW : seconds(pool.window, `${path}.window`, 60, 86_400),
    share: pool.share === undefined ? POOL_SHARE : share(pool.share, `${path}.share`, 1n, SCALE_MOST),
    most,
  }
}

/** The contract's struct of an asset's rule. @throws PlimsollError where the pool's bound does not fit the asset */
export function contractRule(rule: AssetRule | undefined, symbol: string, decimals: number) {
  const { gap = 0n, lane, pool } = rule ?? {}
  const path = `${symbol}: rule.pool.most`
  return {
    on: rule !== undefined,
    gap: Number(gap),
    laneScale: Number(lane?.scale ?? 0n),
    laneLeast: Number(lane?.least ?? 0n),
    laneMost: Number(lane?.most ?? 0n),
    pool: pool?.address ?? zeroAddress,
    window: pool?.window ?? 0,
    poolShare: Number(pool?.share ?? 0n),
    depthMost: pool === undefined ? 0n : between(parseDecimal(pool.most, decimals, path), path, 1n, 1n << 62n),
  }
}

function share(value: Json | undefined, path: string, least: bigint, most: bigint): bigint {
  return between(parseDecimal(value, FACTOR_DECIMALS, path), path, least, most)
}

function between(value: bigint, path: string, least: bigint, most: bigint): bigint {
  if (value < least || value > most) throw new PlimsollError(`${path} is out of range.`)
  return value
}
