import { nextDepth, wantedDepth } from '../../protocol/depth.ts'
import { type CrashName, POINTS_PER_HOUR, windowPrices } from '../data/windows.ts'
import type { MarketImpact } from '../engine/backstop.ts'
import { MARKET_DEFAULTS, type MarketOptions, marketOf } from '../engine/clearing.ts'
import { HISTORY_DEFAULTS, staticRules, windowOf } from '../engine/compare.ts'
import { type HistoryOptions, runHistory } from '../engine/history-run.ts'
import { MarketClearing, type MarketFill } from '../engine/market-clearing.ts'
import { formatDate } from '../evaluation/calendar.ts'
import { RuleAverages, UNRULED } from '../rule/averages.ts'
import { fillMean, predict, waitedAt } from './auction-facts.ts'

/** Assets of the scripts, in the order of their windows. */
const SCRIPT_SYMBOLS = ['ETH', 'BTC'] as const

const UNIT = 2 ** 32
const CASH_DECIMALS = 6
const DECIMALS = 8
/** Mark of a dollar for a whole unit. */
const DOLLAR = UNIT * 10 ** (CASH_DECIMALS - DECIMALS)
const PENALTY = 0.02
const ONE = 1e4

/** Inventory of one asset as it came, and the prices that it came at: what contracts and laboratory are both given. */
export interface InventoryScript {
  readonly name: string
  readonly symbol: string
  /** Seconds of a step. */
  readonly stepSeconds: number
  /** Dollars for a whole unit at the start of each step. */
  readonly prices: readonly number[]
  /** The day of each step. */
  readonly dates: readonly string[]
  /** Changes of the backstop's balance, in base units, signed, by steps. */
  readonly arrivals: ReadonlyMap<number, bigint>
  /** Dollars in the pool beside as much of the asset, over all prices, at the first price. */
  readonly pool: number
  /** Base units that the auction takes for the market's depth where the market is calm. */
  readonly depth: bigint
}

/**
 * Scripts by asset of what accounts that live through a crash leave to the backstop, with auctions at prices as they were; all that came of an asset in a step
 * is one change. The pool moves by 100 %, at its slope, for the asset's depth in the laboratory: half of either side of its reserves.
 */
export function inventoryScripts(name: CrashName, population: Partial<HistoryOptions> = {}): InventoryScript[] {
  const window = windowOf(name, SCRIPT_SYMBOLS)
  const options = { ...HISTORY_DEFAULTS, adverse: false, market: marketOf('auction'), ...population }
  const { market } = runHistory(window, staticRules('plimsoll', { penalty: PENALTY }), options)
  const { depths, arrivals } = market!
  const all = Array.from(windowPrices(window))
  const stepSeconds = 3600 / POINTS_PER_HOUR
  return SCRIPT_SYMBOLS.map((symbol, a) => {
    const prices = all.filter((_, i) => i % SCRIPT_SYMBOLS.length === a)
    const sums = new Map<number, bigint>()
    for (const { asset, time, units } of arrivals) {
      const step = Math.round(time / stepSeconds)
      if (asset === a + 1) sums.set(step, (sums.get(step) ?? 0n) + units)
    }
    for (const [step, units] of sums) if (units === 0n) sums.delete(step)
    return {
      name,
      symbol,
      stepSeconds,
      prices,
      dates: prices.map((_, step) => formatDate(window.unix[Math.floor(step / POINTS_PER_HOUR)]!)),
      arrivals: sums,
      pool: 2 * depths[a]!,
      depth: BigInt(Math.round((depths[a]! / prices[0]!) * 10 ** DECIMALS)),
    }
  })
}

/** Inventory's way through a market. Shares of the mark, seconds, and dollars. */
export interface ClearingFigures {
  readonly value: number
  /** Means weighted by value. */
  readonly seconds: number
  readonly discount: number
  /** Seconds by which 95 % of the value had been taken. */
  readonly slowest: number
  readonly recaptured: number | undefined
  /** Value that nobody had taken at the end. */
  readonly waiting: number
  readonly fills: number
  /** Greatest mean wait of a fill; undefined without any. */
  readonly last: number | undefined
  readonly days: readonly DayFigures[]
}

export interface DayFigures {
  readonly date: string
  readonly value: number
  readonly seconds: number
  readonly discount: number
}

/** Sums up fills, whoever had them: an engine or contracts. */
export function figuresOf(
  fills: readonly MarketFill[],
  dates: readonly string[],
  { recaptured, waiting }: { readonly recaptured: number | undefined; readonly waiting: number },
): ClearingFigures {
  const dollars = (list: readonly MarketFill[]) => list.reduce((sum, { value }) => sum + value, 0) / 10 ** CASH_DECIMALS
  const means = (list: readonly MarketFill[]) => ({
    value: dollars(list),
    seconds: fillMean(list, (fill) => fill.waited),
    discount: fillMean(list, (fill) => fill.discount),
  })
  return {
    ...means(fills),
    slowest: waitedAt(fills, 0.95),
    recaptured,
    waiting: waiting / 10 ** CASH_DECIMALS,
    fills: fills.length,
    last: fills.length === 0 ? undefined : Math.max(...fills.map(({ waited }) => waited)),
    days: [...new Set(dates)].flatMap((date, day) => {
      const list = fills.filter((fill) => fill.day === day)
      return list.length === 0 ? [] : [{ date, ...means(list) }]
    }),
  }
}

/**
 * Impact of a pool over all prices: a sale of x beside a reserve of X moves it by `-2 ln(1 + x / X)`.
 * @param reserveOf the reserve in base units, as of the moment
 */
export function poolImpact(halfLife: number, reserveOf: () => number): MarketImpact {
  return {
    name: 'pool',
    halfLife,
    logMove: (net) => -2 * Math.log1p(Math.max(-0.99, net / reserveOf())),
  }
}

/** Depth as contracts have it whose rule is on: by their pool's liquidity, or less in a wild market, in steps of an hour. */
class RuledDepth {
  readonly #script: InventoryScript
  readonly #by: DepthBy
  readonly #averages = new RuleAverages()
  /** Logarithms of the latest prices, the oldest first: those of a pool's window. */
  readonly #logs: number[] = []
  #depth: bigint
  #changedAt = 0n

  constructor(script: InventoryScript, by: DepthBy) {
    this.#script = script
    this.#by = by
    this.#depth = script.depth
    this.#averages.start(script.prices[0]!, 0)
  }

  at(price: number, seconds: number): bigint {
    const { depth, prices } = this.#script
    this.#averages.sample(price, seconds)
    const { stepSeconds } = this.#script
    this.#logs.push(Math.log(price))
    if (this.#logs.length > POOL_WINDOW / stepSeconds + 1) this.#logs.shift()
    const ratio =
      this.#by === 'pool'
        ? Math.sqrt(prices[0]! / Math.exp(overTime(this.#logs)))
        : Math.min(1, UNRULED.quantile / this.#averages.quantile)
    const offered = BigInt(Math.floor(Number(depth) * ratio))
    const aim = wantedDepth(depth, offered, this.#by === 'pool' ? MOST_DEPTHS * depth : depth)
    const next = nextDepth(this.#depth, aim, this.#changedAt, BigInt(seconds))
    if (next !== this.#depth) this.#changedAt = BigInt(seconds)
    this.#depth = next
    return next
  }
}

/** The mean in time of values at equal distances, straight between them. */
function overTime(values: readonly number[]): number {
  const [first, last] = [values[0]!, values.at(-1)!]
  if (values.length === 1) return first
  return (values.reduce((sum, value) => sum + value, 0) - (first + last) / 2) / (values.length - 1)
}

/** The source of depth of a deployment's rule: a pool, or its own quantile where it has none. */
export type DepthBy = 'pool' | 'quantile'
/** Seconds over which the pool's liquidity and price are read. */
export const POOL_WINDOW = 1_800
/** Times the configured depth that a pool's may be. */
export const MOST_DEPTHS = 16n

export interface ScriptOptions {
  /** Seconds after which half of what sales moved the pool by is undone. */
  readonly halfLife: number
  readonly depthBy: DepthBy
  readonly market?: Partial<MarketOptions>
}

/** A run, and what the rule's own formulas say of its fills. */
export interface ScriptOutcome extends ClearingFigures {
  readonly rule: { readonly seconds: number; readonly gain: number }
}

/** Runs a script through the laboratory's market, by auctions or by the clock that there was before them. */
export function runScript(
  script: InventoryScript,
  clearing: 'auction' | 'clock',
  { halfLife, depthBy, market: changes = {} }: ScriptOptions,
): ScriptOutcome {
  const options = { ...MARKET_DEFAULTS, ...changes, clearing }
  const first = script.prices[0]!
  let at = first
  const impact = poolImpact(halfLife, () => (script.pool / Math.sqrt(first * at)) * 10 ** DECIMALS)
  const penalty = PENALTY * ONE
  const market = new MarketClearing(
    [0, Number(script.depth)],
    [0, penalty],
    options,
    impact,
    script.stepSeconds,
    CASH_DECIMALS,
  )
  const depth = new RuledDepth(script, depthBy)
  const days = [...new Set(script.dates)]
  market.begin()
  script.prices.forEach((dollars, step) => {
    market.beginStep(days.indexOf(script.dates[step]!))
    at = dollars
    market.setMarket([0, Number(depth.at(dollars, step * script.stepSeconds))], [0, penalty])
    const price = market.sellPending(1, dollars * DOLLAR)
    const units = script.arrivals.get(step) ?? 0n
    if (units !== 0n) market.take([0n, units], [0n, units > 0n ? units : -units], 0n, Float64Array.of(UNIT, price))
  })
  const of = (figure: 'seconds' | 'gain') => fillMean(market.fills, (fill) => predict(fill, PENALTY, options)[figure])
  return {
    ...figuresOf(market.fills, script.dates, { recaptured: market.recaptured(), waiting: market.waiting() }),
    rule: { seconds: of('seconds'), gain: of('gain') },
  }
}
