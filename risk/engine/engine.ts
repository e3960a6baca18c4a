import { ASSETS, FACTOR_ONE, PRICE_LIMIT, PRICE_MIN } from '../../protocol/constants.ts'
import { PlimsollError } from '../../protocol/errors.ts'
import { health } from '../../protocol/health.ts'
import { assetMarks, fillMarks, type Marks, type RiskParameters } from '../../protocol/marks.ts'
import type { Policy, PolicyMarket } from '../policies/policy.ts'
import { Backstop, type MarketImpact } from './backstop.ts'
import type { Clearing, MarketOptions } from './clearing.ts'
import { leastTraded } from './least-traded.ts'
import { MarketClearing } from './market-clearing.ts'
import { BREACHED, HEALTHY, Reach } from './reach.ts'

/** A market and the accounts in it, as a book has them: an engine runs on it. Can be sent to a worker. */
export interface EngineBook {
  /** Cash first. */
  readonly assets: readonly {
    readonly symbol: string
    readonly decimals: number
    readonly parameters: RiskParameters
  }[]
  readonly minLiability: bigint
  /** Price marks at the start by asset, that of cash included. */
  readonly prices: readonly bigint[]
  readonly accounts: readonly { readonly balances: readonly bigint[]; readonly weights: readonly number[] }[]
}

/**
 * The search for breached accounts: `reach` looks at those whose price was passed, `scan` values everybody at every step in floating
 * point, exactly where that cannot decide, and `exact` values everybody exactly. All three give the same results to the last bit.
 */
export type Search = 'reach' | 'scan' | 'exact'

export interface EngineOptions {
  readonly policy: Policy
  readonly impact: MarketImpact
  readonly stepSeconds: number
  readonly search?: Search
  /** A market in which inventory is sold; in the next step, at once, where it is not given. */
  readonly market?: MarketOptions | undefined
}

/** The outcome of one path. Money in base units of cash, as floats. */
export interface PathOutcome {
  /** Accounts liquidated at least once. */
  readonly accounts: number
  readonly liquidations: number
  /** Written off, and what accounts are short of at the end. */
  readonly badDebt: number
  /** Bad debt, and what the takers of liquidated positions lost, day by day. */
  readonly systemLoss: number
  /** The same of each day, and what was traded on it. */
  readonly dailyLoss: readonly number[]
  readonly dailyTraded: readonly number[]
  /** Value at mark prices of what was traded, sold and bought. */
  readonly traded: number
  /** The least value that would have reached the same targets. */
  readonly leastTraded: number
  /** Equity that liquidated accounts lost in the liquidation, in all and on each day. */
  readonly penalties: number
  readonly dailyPenalties: readonly number[]
  /** The takers' loss to the impact of their own sales. */
  readonly impact: number
  /** The part of `traded` from accounts that would have been healthy under the reference parameters; 0 where there are none. */
  readonly causedByParameters: number
}

const DAY = 86_400
/** An account this near to its line is looked at in every step. */
const NEAR = 0.004
const UNIT = 2 ** 32
const HIGHEST = Number(PRICE_LIMIT)

/**
 * Runs accounts along paths of prices. In a step, takers first sell what they took over in the one before, which moves prices; then
 * every account that is breached at the marks of the step is liquidated by the policy, once, in order of index. Prices are the paths'
 * times what sales have moved them by, rounded down to integer marks.
 */
export class Engine {
  readonly policy: Policy
  readonly book: EngineBook
  /** Liabilities at the start, in base units of cash: what shares of debt are of. */
  readonly debt: number
  readonly #search: Search
  readonly #used: number
  readonly #backstop: Clearing
  /** The market that inventory is sold in, where there is one. */
  readonly market: MarketClearing | undefined
  readonly #reach: Reach
  readonly #initial: readonly (readonly bigint[])[]
  readonly #balances: (readonly bigint[])[]
  #parameters: readonly RiskParameters[]
  #penalties: readonly bigint[] = []
  readonly #collateralFactors = new Float64Array(ASSETS)
  readonly #liabilityFactors = new Float64Array(ASSETS)
  readonly #startPrices = new Float64Array(ASSETS)
  readonly #prices = new Float64Array(ASSETS)
  /** Exact marks of the step, once an account needs them. */
  #marks: Marks | undefined
  readonly #found: Int32Array
  /** Accounts whose balances are not those of the start. */
  readonly #changed: number[] = []
  readonly #isChanged: Uint8Array
  /** Whether an account has been liquidated. */
  readonly #touched: Uint8Array
  #accounts = 0
  /** A price has been below the range of marks: from there on everybody is valued. */
  #collapsed = false
  readonly #stepSeconds: number
  #step = 0
  #lastDay = 0
  #liquidations = 0
  #badDebt = 0
  #dailyBadDebt: number[] = []
  #dailyTraded: number[] = []
  #traded = 0
  #least = 0
  #penaltiesPaid = 0
  #dailyPenalties: number[] = []
  #reference: readonly RiskParameters[] | undefined
  #caused = 0

  constructor(book: EngineBook, { policy, impact, stepSeconds, search = 'reach', market }: EngineOptions) {
    this.book = book
    this.policy = policy
    this.#search = search
    this.#used = book.assets.length
    this.#stepSeconds = stepSeconds
    this.#initial = book.accounts.map(({ balances }) => balances)
    this.#balances = [...this.#initial]
    const count = book.accounts.length
    this.#found = new Int32Array(count)
    this.#isChanged = new Uint8Array(count)
    this.#touched = new Uint8Array(count)
    this.#parameters = book.assets.map(({ parameters }) => parameters)
    const depths = book.assets.map(({ parameters }) => Number(parameters.depth))
    const penalties = book.assets.map(({ parameters }) => Number(parameters.penalty))
    this.market =
      market === undefined
        ? undefined
        : new MarketClearing(depths, penalties, market, impact, stepSeconds, book.assets[0]!.decimals)
    this.#backstop = this.market ?? new Backstop(depths, impact, stepSeconds)
    this.#reach = new Reach(count, this.#used, { near: NEAR })
    book.prices.forEach((price, a) => (this.#startPrices[a] = Number(price)))
    this.#initial.forEach((balances, i) => this.#reach.setBalances(i, balances))
    this.#setFactors()
    this.#prices.set(this.#startPrices)
    this.#reach.setPrices(this.#prices, this.#collateralFactors, this.#liabilityFactors)
    this.#reach.keepStart()
    let debt = 0
    for (const balances of this.#initial)
      for (let a = 0; a < this.#used; a++)
        if (balances[a]! < 0n) debt -= Number(balances[a]!) * (this.#startPrices[a]! / UNIT)
    this.debt = debt
  }

  #setFactors(): void {
    this.#parameters.forEach(({ collateralFactor, liabilityFactor }, a) => {
      this.#collateralFactors[a] = Number(collateralFactor) / Number(FACTOR_ONE)
      this.#liabilityFactors[a] = Number(liabilityFactor) / Number(FACTOR_ONE)
    })
    this.#penalties = Array.from({ length: ASSETS }, (_, a) => this.#parameters[a]?.penalty ?? 0n)
  }

  /** Back to the start of a path. */
  begin(): void {
    for (const i of this.#changed) {
      this.#balances[i] = this.#initial[i]!
      this.#isChanged[i] = 0
      this.#touched[i] = 0
    }
    this.#reach.restart(this.#changed)
    this.#changed.length = 0
    this.#collapsed = false
    this.#step = 0
    this.#lastDay = 0
    this.#liquidations = 0
    this.#badDebt = 0
    this.#dailyBadDebt = []
    this.#dailyTraded = []
    this.#accounts = 0
    this.#traded = 0
    this.#least = 0
    this.#penaltiesPaid = 0
    this.#dailyPenalties = []
    this.#caused = 0
    this.#backstop.begin()
  }

  /**
   * Runs one path.
   * @param path prices relative to the first row, row-major by step, a column for each traded asset
   */
  run(path: Float64Array): PathOutcome {
    this.begin()
    const columns = this.#used - 1
    const rows = columns === 0 ? 1 : path.length / columns
    for (let row = 0; row < rows; row++) this.step(path, row * columns)
    return this.end()
  }

  /** The day that a step ends in or at the end of. */
  #day(step: number): number {
    return Math.max(0, Math.ceil((step * this.#stepSeconds) / DAY) - 1)
  }

  /**
   * One step, at the prices that begin at `offset` of `path`, relative to the start.
   * @param day that gains and losses belong to; by the time that has passed where it is not given
   */
  step(path: Float64Array, offset: number, day = this.#day(this.#step)): void {
    this.#step++
    this.#lastDay = day
    const backstop = this.#backstop
    backstop.beginStep(day)
    this.#marks = undefined
    for (let a = 1; a < this.#used; a++) {
      const free = this.#startPrices[a]! * path[offset + a - 1]!
      const price = Math.floor(backstop.sellPending(a, free))
      if (!(price < HIGHEST))
        throw new PlimsollError(
          `The price of ${this.book.assets[a]!.symbol} rises beyond the range of marks in a path.`,
          { hint: 'Give the asset more decimals, or simulate less volatility.' },
        )
      if (price < Number(PRICE_MIN)) this.#collapsed = true
      this.#prices[a] = price
    }
    this.#reach.setPrices(this.#prices, this.#collateralFactors, this.#liabilityFactors)
    this.#liquidateBreached(day)
  }

  #liquidateBreached(day: number): void {
    const reach = this.#reach
    const found = this.#found
    let breached = 0
    if (this.#search === 'exact' || this.#collapsed) {
      const marks = this.marks()
      for (let i = 0; i < this.#balances.length; i++) if (health(this.#balances[i]!, marks) < 0n) found[breached++] = i
    } else if (this.#search === 'scan') {
      for (let i = 0; i < this.#balances.length; i++)
        if (this.#isBreached(i, reach.look(i, false))) found[breached++] = i
    } else {
      const due = reach.due(found)
      for (let d = 0; d < due; d++) {
        const i = found[d]!
        if (this.#isBreached(i, reach.look(i, true))) found[breached++] = i
      }
      if (breached > 1) found.subarray(0, breached).sort()
    }
    for (let b = 0; b < breached; b++) this.#liquidate(found[b]!, day)
  }

  #isBreached(i: number, verdict: number): boolean {
    if (verdict === HEALTHY) return false
    return verdict === BREACHED || health(this.#balances[i]!, this.marks()) < 0n
  }

  /** Exact marks of the step. */
  marks(): Marks {
    this.#marks ??= this.#marksUnder(this.#parameters)
    return this.#marks
  }

  #marksUnder(parameters: readonly RiskParameters[]): Marks {
    return fillMarks(
      this.book.assets
        .slice(1)
        .map(({ symbol }, i) => assetMarks(BigInt(this.#prices[i + 1]!), parameters[i + 1]!, symbol)),
    )
  }

  #liquidate(i: number, day: number): void {
    const marks = this.marks()
    const market: PolicyMarket = { marks, penalties: this.#penalties, minLiability: this.book.minLiability }
    const before = this.#balances[i]!
    const { traded, paid, after, badDebt } = this.policy.liquidate(before, this.book.accounts[i]!.weights, market)
    this.#backstop.take(before, traded, paid, this.#prices)
    let value = 0
    for (let a = 1; a < this.#used; a++) if (traded[a] !== 0n) value += Number(traded[a]!) * Number(marks[a]!.price)
    if (this.#reference !== undefined && health(before, this.#marksUnder(this.#reference)) >= 0n)
      this.#caused += value / UNIT
    const equity = Math.max(0, this.#equity(before, marks))
    this.#liquidations++
    this.#traded += value / UNIT
    this.#dailyTraded[day] = (this.#dailyTraded[day] ?? 0) + value / UNIT
    this.#least += leastTraded(before, marks) / UNIT
    const lost = equity - Math.min(equity, Math.max(0, this.#equity(after, marks)))
    this.#penaltiesPaid += lost
    this.#dailyPenalties[day] = (this.#dailyPenalties[day] ?? 0) + lost
    if (badDebt > 0n) {
      this.#badDebt += Number(badDebt)
      this.#dailyBadDebt[day] = (this.#dailyBadDebt[day] ?? 0) + Number(badDebt)
    }
    this.#note(i, after)
    if (this.#search === 'reach' && this.#reach.look(i, true) === BREACHED) this.#reach.heat(i)
  }

  #note(i: number, balances: readonly bigint[]): void {
    if (this.#touched[i] === 0) {
      this.#touched[i] = 1
      this.#accounts++
    }
    this.#set(i, balances)
  }

  #set(i: number, balances: readonly bigint[]): void {
    if (this.#isChanged[i] === 0) {
      this.#isChanged[i] = 1
      this.#changed.push(i)
    }
    this.#balances[i] = balances
    this.#reach.setBalances(i, balances)
  }

  /** Between steps: the owner of account `i` leaves with what there is, and another one comes with other balances. */
  replace(i: number, balances: readonly bigint[]): void {
    this.#touched[i] = 0
    this.#set(i, balances)
    if (this.#search === 'reach' && this.#reach.look(i, true) === BREACHED) this.#reach.heat(i)
  }

  /** Between steps: other risk parameters, by asset, cash included. */
  setParameters(parameters: readonly RiskParameters[]): void {
    const moved = parameters.some(
      ({ collateralFactor, liabilityFactor }, a) =>
        collateralFactor !== this.#parameters[a]!.collateralFactor ||
        liabilityFactor !== this.#parameters[a]!.liabilityFactor,
    )
    this.#parameters = parameters
    this.#marks = undefined
    this.#setFactors()
    this.#backstop.setMarket(
      parameters.map(({ depth }) => Number(depth)),
      parameters.map(({ penalty }) => Number(penalty)),
    )
    if (!moved || this.#search !== 'reach') return
    this.#reach.setPrices(this.#prices, this.#collateralFactors, this.#liabilityFactors)
    for (let i = 0; i < this.#balances.length; i++) if (this.#reach.look(i, true) === BREACHED) this.#reach.heat(i)
  }

  /** Parameters against which liquidations are judged: those of accounts that are healthy under them are caused by the engine's own. */
  setReference(parameters: readonly RiskParameters[]): void {
    this.#reference = parameters
  }

  /** Liabilities at the present prices, in base units of cash. */
  liabilities(): number {
    const { balances } = this.#reach
    let debt = 0
    for (let i = 0; i < this.#balances.length; i++) {
      for (let a = 0; a < this.#used; a++) {
        const balance = balances[i * ASSETS + a]!
        if (balance < 0) debt -= a === 0 ? balance : balance * (this.#prices[a]! / UNIT)
      }
    }
    return debt
  }

  /** Value at mark prices in base units of cash. */
  #equity(balances: readonly bigint[], marks: Marks): number {
    let sum = 0n
    for (let a = 0; a < this.#used; a++) sum += balances[a]! * marks[a]!.price
    return Number(sum) / UNIT
  }

  /** Profit of the other side of liquidations on a day, in base units of cash. */
  profit(day: number): number {
    return this.#backstop.profit(day)
  }

  /** Sells what is left, counts what accounts are short of, and sums up. */
  end(): PathOutcome {
    const day = this.#lastDay
    this.#backstop.close(this.#prices)
    const marks = this.marks()
    // An account that is short was breached, so it has been changed.
    let short = 0
    for (const i of this.#changed) short += Math.max(0, -this.#equity(this.#balances[i]!, marks))
    if (short > 0) this.#dailyBadDebt[day] = (this.#dailyBadDebt[day] ?? 0) + short
    const dailyLoss = Array.from(
      { length: day + 1 },
      (_, d) => (this.#dailyBadDebt[d] ?? 0) + Math.max(0, -this.#backstop.profit(d)),
    )
    return {
      accounts: this.#accounts,
      liquidations: this.#liquidations,
      badDebt: this.#badDebt + short,
      systemLoss: dailyLoss.reduce((sum, loss) => sum + loss, 0),
      dailyLoss,
      dailyTraded: Array.from({ length: day + 1 }, (_, d) => this.#dailyTraded[d] ?? 0),
      traded: this.#traded,
      leastTraded: this.#least,
      penalties: this.#penaltiesPaid,
      dailyPenalties: Array.from({ length: day + 1 }, (_, d) => this.#dailyPenalties[d] ?? 0),
      impact: this.#backstop.impactCost,
      causedByParameters: this.#caused,
    }
  }
}
