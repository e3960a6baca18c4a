import { NEUTRAL_WEIGHTS } from '../../protocol/account.ts'
import { FACTOR_ONE, SCALE } from '../../protocol/constants.ts'
import { CASH_MARKS, CASH_PARAMETERS, type RiskParameters } from '../../protocol/marks.ts'
import type { JointSeries } from '../data/joint.ts'
import { POINTS_PER_HOUR, windowPrices } from '../data/windows.ts'
import { formatDate } from '../evaluation/calendar.ts'
import type { ImpactName } from '../impact/impact.ts'
import { policyOf } from '../policies/policies.ts'
import type { MarketOptions } from './clearing.ts'
import { Engine, type PathOutcome } from './engine.ts'
import { marketImpact } from './job.ts'
import type { Arrival, MarketFill } from './market-clearing.ts'
import { type InitialFactors, openAccount } from './population.ts'

/** Points of margin of an asset: 0.15 is a collateral factor of 0.85 and a liability factor of 1.15. */
export interface Margins {
  readonly maintenance: number
  /** The margin at which liquidations end, at least the maintenance margin. */
  readonly target: number
  /** The margin that bounds the leverage of accounts that open, at least the maintenance margin. */
  readonly initial: number
}

/** Rules that a population lives under. */
export interface HistoryRules {
  readonly policy: string
  /** Share of the price; with a controller, that of the first day. */
  readonly penalty: number
  /** The penalty of a day from that of the day before and the fills of that day; asset by asset. Needs a market. */
  readonly nextPenalty?: ((penalty: number, fills: readonly MarketFill[]) => number) | undefined
  /** Margins of asset `a` at the start of hour `h` of the window, from what was known by then. */
  margins(a: number, h: number): Margins
  /** Maintenance margins by asset under which liquidations would not have been the parameters' doing. */
  readonly reference?: readonly number[]
  /** Whether the maintenance margin ever moves. */
  readonly adaptiveMaintenance?: boolean
}

export interface HistoryOptions {
  readonly accounts: number
  readonly seed: number
  readonly impact: ImpactName
  readonly halfLife: number
  /** Depth of all assets over what the first accounts hold and owe, under margins of 20 points; held constant in cash. */
  readonly depthRatio: number
  /** Shares of that depth by asset; equal ones where they are not given. */
  readonly depthShares?: readonly number[]
  /** The market that inventory is sold in; in the next step, at once, where it is not given. */
  readonly market?: MarketOptions | undefined
  /** Whether takers count on no rebound from the extremes of bars (`MarketImpact.adverse`), as they do by default. */
  readonly adverse?: boolean
}

/** The inventory's way through a market. Money in base units of cash. */
export interface MarketOutcome {
  readonly fills: readonly MarketFill[]
  /** Inventory as it came. */
  readonly arrivals: readonly Arrival[]
  /** Depths by asset, in whole units of cash. */
  readonly depths: readonly number[]
  /** Value that nobody had taken at the end. */
  readonly waiting: number
  /** Share of the penalties that was kept; undefined without fills. */
  readonly recaptured: number | undefined
  /** Penalties in force on each day, asset by asset, as shares of the price. */
  readonly penalties: readonly (readonly number[])[]
}

/** The outcome of a window for a population. Money in base units of cash. */
export interface HistoryOutcome extends PathOutcome {
  readonly dates: readonly string[]
  /** Liabilities at the start of each day. */
  readonly debts: readonly number[]
  /** Accounts that opened. */
  readonly opened: number
  /** Mean of `1 / margin` over the hours and assets: the greatest leverage of a long position. */
  readonly leverageOffered: number
  /** Profit of the other side of liquidations, a day. */
  readonly dailyProfit: readonly number[]
  readonly market?: MarketOutcome
}

const DECIMALS = 8
const CASH_DECIMALS = 6
/** Hours an account stays: in each, one of so many leaves and another comes in its place. */
const STAY = 168
const MIN_LIABILITY = 50n * 10n ** BigInt(CASH_DECIMALS)
const REFERENCE: InitialFactors = { collateral: 0.8, liability: 1.2 }

const points = (value: number) => BigInt(Math.round(value * Number(FACTOR_ONE)))

/**
 * Runs a population along a window of the history: a steady number of accounts, each of which stays a week and then makes room for
 * another, opened at the prices and the initial margins of its hour. Four steps an hour, as `windowPrices` has them.
 */
export function runHistory(window: JointSeries, rules: HistoryRules, options: HistoryOptions): HistoryOutcome {
  const { accounts, seed, impact, halfLife, depthRatio } = options
  const assets = window.series.length
  const hours = window.unix.length
  const absolute = windowPrices(window)
  const start = absolute.slice(0, assets)
  const relative = absolute.map((price, i) => price / start[i % assets]!)
  const decimals = [CASH_DECIMALS, ...window.series.map(() => DECIMALS)]

  let gross = 0
  for (let i = 0; i < accounts; i++) {
    openAccount(seed, i, 0, start, start.length === 0 ? [] : Array.from(start, () => REFERENCE), decimals).forEach(
      (balance, a) => {
        if (a > 0 && a <= assets) gross += (Math.abs(Number(balance)) / 10 ** DECIMALS) * start[a - 1]!
      },
    )
  }
  const shares = options.depthShares ?? window.series.map(() => 1 / assets)
  const depthsInCash = shares.map((share) => share * depthRatio * gross)

  const penalties = window.series.map(() => rules.penalty)
  const parameters = (h: number): RiskParameters[] => [
    CASH_PARAMETERS,
    ...window.series.map((_, a) => {
      const { maintenance, target } = rules.margins(a, h)
      return {
        collateralFactor: points(1 - maintenance),
        liabilityFactor: points(1 + maintenance),
        targetCollateralFactor: points(1 - target),
        targetLiabilityFactor: points(1 + target),
        penalty: points(penalties[a]!),
        depth: BigInt(Math.round((depthsInCash[a]! / absolute[h * POINTS_PER_HOUR * assets + a]!) * 10 ** DECIMALS)),
      }
    }),
  ]
  const initial = (h: number) =>
    window.series.map((_, a): InitialFactors => {
      const margin = rules.margins(a, h).initial
      return { collateral: 1 - margin, liability: 1 + margin }
    })

  const engine = new Engine(
    {
      assets: [
        { symbol: 'USD', decimals: CASH_DECIMALS, parameters: parameters(0)[0]! },
        ...window.series.map(({ symbol }, a) => ({ symbol, decimals: DECIMALS, parameters: parameters(0)[a + 1]! })),
      ],
      minLiability: MIN_LIABILITY,
      prices: [
        CASH_MARKS.price,
        ...Array.from(start, (price) => BigInt(Math.round(price * 10 ** (CASH_DECIMALS - DECIMALS) * Number(SCALE)))),
      ],
      accounts: Array.from({ length: accounts }, (_, i) => ({
        balances: openAccount(seed, i, 0, start, initial(0), decimals),
        weights: NEUTRAL_WEIGHTS,
      })),
    },
    {
      policy: policyOf(rules.policy),
      impact: { ...marketImpact(impact, halfLife), adverse: options.adverse ?? true },
      stepSeconds: 3600 / POINTS_PER_HOUR,
      market: options.market,
    },
  )

  if (rules.reference !== undefined) {
    const factors = rules.reference
    engine.setReference(
      parameters(0).map((of, a) =>
        a === 0
          ? of
          : {
              ...of,
              collateralFactor: points(1 - factors[a - 1]!),
              liabilityFactor: points(1 + factors[a - 1]!),
              targetCollateralFactor: 0n,
              targetLiabilityFactor: 2n * FACTOR_ONE,
            },
      ),
    )
  }

  const dates: string[] = []
  const debts: number[] = []
  const dailyPenalties: number[][] = []
  let opened = accounts
  let leverage = 0
  let seen = 0
  engine.begin()
  for (let h = 0; h < hours; h++) {
    const date = formatDate(window.unix[h]!)
    const isNewDay = date !== dates.at(-1)
    const first = h * POINTS_PER_HOUR * assets
    for (let a = 0; a < assets; a++) leverage += 1 / rules.margins(a, h).initial
    if (isNewDay) {
      const fills = engine.market?.fills ?? []
      if (rules.nextPenalty !== undefined)
        for (let a = 0; a < assets; a++) {
          const ofAsset = fills.slice(seen).filter(({ asset }) => asset === a + 1)
          penalties[a] = rules.nextPenalty(penalties[a]!, ofAsset)
        }
      seen = fills.length
      dates.push(date)
      debts.push(engine.liabilities())
      dailyPenalties.push([...penalties])
    }
    if (isNewDay || rules.adaptiveMaintenance === true) engine.setParameters(parameters(h))
    if (h > 0) {
      const prices = absolute.subarray(first, first + assets)
      const factors = initial(h)
      for (let i = h % STAY; i < accounts; i += STAY) {
        engine.replace(i, openAccount(seed, i, Math.floor(h / STAY) + 1, prices, factors, decimals))
        opened++
      }
    }
    for (let p = 0; p < POINTS_PER_HOUR; p++) engine.step(relative, first + p * assets, dates.length - 1)
  }
  const { market } = engine
  const waiting = market?.waiting() ?? 0
  const outcome = engine.end()
  return {
    ...outcome,
    dates,
    debts,
    opened,
    leverageOffered: leverage / (hours * assets),
    dailyProfit: dates.map((_, day) => engine.profit(day)),
    ...(market !== undefined && {
      market: {
        fills: [...market.fills],
        arrivals: [...market.arrivals],
        depths: depthsInCash,
        waiting,
        recaptured: market.recaptured(),
        penalties: dailyPenalties,
      },
    }),
  }
}
