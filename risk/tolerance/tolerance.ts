import type { Book, BookAsset } from '../../protocol/book.ts'
import { FACTOR_ONE } from '../../protocol/constants.ts'
import { PlimsollError } from '../../protocol/errors.ts'
import type { RiskParameters } from '../../protocol/marks.ts'
import { runPaths } from '../engine/pool.ts'
import { type SimulateOptions, simulationJob } from '../engine/simulate.ts'
import { type Interval, shareInterval } from '../metrics/interval.ts'
import { METRIC_COLUMNS } from '../metrics/path-metrics.ts'
import { createPathModel } from '../paths/create-path-model.ts'
import type { PathModel } from '../paths/path-model.ts'

export interface ToleranceOptions extends Omit<SimulateOptions, 'policies'> {
  /** Share of the debt that the system may lose. */
  readonly loss: number
  /**
   * Whether accounts take the same share of the leverage that the factors allow as they take of the book's: their debts grow where factors
   * are laxer. Without it they stay as they are.
   */
  readonly rescale?: boolean | undefined
  readonly onTrial?: (probability: number, assets: readonly BookAsset[]) => void
}

/** Factors as numbers such as 0.85. */
export interface AssetFactors {
  readonly symbol: string
  readonly collateralFactor: number
  readonly liabilityFactor: number
  readonly targetCollateralFactor: number
  readonly targetLiabilityFactor: number
}

export interface ToleranceReport {
  readonly assets: readonly AssetFactors[]
  /** The probability of losing more than the tolerated share within the hours. */
  readonly probability: Interval
}

/** The policy that factors are sought for: this project's. */
const POLICY = 'plimsoll'
/** Column of the system loss in a row of metrics. */
const SYSTEM_LOSS = 2
/** Steps of the margin, in asset falls, by which the search goes from lax to strict. */
const STRIDE = 0.125
/** Trials after which the stride doubles. */
const PATIENCE = 16
/** Margins this much apart, in asset falls, are as good as equal: at a fall of 20 %, two basis points. */
const FINE = 0.001

/**
 * From factors to the probability: how likely the system loses more than `loss` of the debt within the hours, under this project's
 * policy and the book's own factors, by Monte-Carlo.
 * @throws PlimsollError as a simulation does
 */
export async function lossProbability(book: Book, options: ToleranceOptions, model?: PathModel): Promise<Interval> {
  const job = simulationJob(book, { ...options, policies: [POLICY] })
  let exceeded = 0
  await runPaths(
    job,
    options.paths,
    model ?? createPathModel(job.paths),
    (rows) => {
      for (let offset = SYSTEM_LOSS; offset < rows.length; offset += METRIC_COLUMNS)
        if (rows[offset]! > options.loss) exceeded++
    },
    options,
  )
  return shareInterval(exceeded, options.paths)
}

/** The factors of a book, as numbers. */
export function factorsOf(assets: readonly BookAsset[]): AssetFactors[] {
  const number = (factor: bigint) => Number(factor) / Number(FACTOR_ONE)
  return assets
    .slice(1)
    .map(
      ({
        symbol,
        parameters: { collateralFactor, liabilityFactor, targetCollateralFactor, targetLiabilityFactor },
      }) => ({
        symbol,
        collateralFactor: number(collateralFactor),
        liabilityFactor: number(liabilityFactor),
        targetCollateralFactor: number(targetCollateralFactor),
        targetLiabilityFactor: number(targetLiabilityFactor),
      }),
    )
}

/** The fall below and the rise above its start that an asset exceeds in one path of a hundred. */
interface Reach {
  readonly fall: number
  readonly rise: number
}

const TAIL = 0.01
/** Falls are taken to be at least this much where margins are counted in them. */
const LEAST_FALL = 1e-4

/** The falls and rises of the assets over the paths of a simulation. */
function extremes(model: PathModel, assets: number, steps: number, paths: number): Reach[] {
  const path = new Float64Array((steps + 1) * assets)
  const falls = Array.from({ length: assets }, () => new Float64Array(paths))
  const rises = Array.from({ length: assets }, () => new Float64Array(paths))
  for (let p = 0; p < paths; p++) {
    model.fill(p, path)
    for (let a = 0; a < assets; a++) {
      let low = 1
      let high = 1
      for (let at = a; at < path.length; at += assets) {
        low = Math.min(low, path[at]!)
        high = Math.max(high, path[at]!)
      }
      falls[a]![p] = 1 - low
      rises[a]![p] = high - 1
    }
  }
  const upper = (values: Float64Array) => values.sort()[Math.max(0, Math.ceil(values.length * (1 - TAIL)) - 1)]!
  return falls.map((fall, a) => ({ fall: upper(fall), rise: upper(rises[a]!) }))
}

/**
 * Factors whose margin beyond the penalty is `margin` times the asset's fall, and `margin` times its rise for liabilities; rounded to the
 * strict side. The targets keep the book's distance from the maintenance factors.
 */
function withMargin({ parameters }: BookAsset, { fall, rise }: Reach, margin: number): RiskParameters {
  const { collateralFactor, liabilityFactor, targetCollateralFactor, targetLiabilityFactor, penalty } = parameters
  const points = (share: number) => BigInt(Math.ceil(share * Number(FACTOR_ONE) - 1e-9))
  const clip = (factor: bigint) => (factor < 0n ? 0n : factor)
  const collateral = clip(FACTOR_ONE - penalty - points(margin * fall))
  const liability = FACTOR_ONE + penalty + points(margin * rise)
  return {
    ...parameters,
    collateralFactor: collateral,
    liabilityFactor: liability,
    targetCollateralFactor: clip(collateral - (collateralFactor - targetCollateralFactor)),
    targetLiabilityFactor: liability + (targetLiabilityFactor - liabilityFactor),
  }
}

/** Liabilities over collateral at the target factors: 1 is all of the leverage that an account may take. */
function usage(balances: readonly bigint[], { marks }: Book, assets: readonly BookAsset[]): number {
  let collateral = 0
  let liabilities = 0
  assets.forEach(({ parameters }, a) => {
    const value = Number(balances[a]!) * Number(marks[a]!.price)
    if (value > 0) collateral += value * Number(parameters.targetCollateralFactor)
    else liabilities -= value * Number(parameters.targetLiabilityFactor)
  })
  return liabilities / collateral
}

/** The balances with their liabilities scaled to the same usage under the factors of `assets` as under the book's. */
function rescaled(balances: readonly bigint[], book: Book, assets: readonly BookAsset[]): bigint[] {
  const scale = usage(balances, book, book.assets) / usage(balances, book, assets)
  if (!Number.isFinite(scale)) return [...balances]
  return balances.map((balance) => (balance < 0n ? BigInt(Math.round(Number(balance) * scale)) : balance))
}

/**
 * From a tolerance to factors: the laxest at which the system loses more than `loss` of the debt within the hours with at most
 * `probability`, for the accounts as they are (or rescaled) and the same paths at every trial (common random numbers). All margins are the same multiple
 * of what the asset falls (or rises) in one path of a hundred. The search goes from no margin beyond the penalty upwards until the
 * tolerance holds and then halves the last stride: as stricter factors also liquidate more at once, the probability need not fall all
 * the way. Undefined where no margin short of an asset's whole price holds it.
 * @throws PlimsollError as a simulation does
 */
export async function tolerance(
  book: Book,
  options: ToleranceOptions & { readonly probability: number },
): Promise<ToleranceReport | undefined> {
  const { paths } = simulationJob(book, { ...options, policies: [POLICY] })
  if (paths.symbols.length === 0) throw new PlimsollError('The book has only cash: there are no factors to find.')
  const model = createPathModel(paths)
  for (const note of model.notes) options.onNote?.(note)
  const reaches = extremes(model, paths.symbols.length, paths.steps, options.paths)
  const most = Math.min(
    ...reaches.map(
      ({ fall }, a) =>
        (1 - Number(book.assets[a + 1]!.parameters.penalty) / Number(FACTOR_ONE)) / Math.max(fall, LEAST_FALL),
    ),
  )
  const withFactors = (margin: number): Book => {
    const assets = book.assets.map((asset, a) =>
      a === 0 ? asset : { ...asset, parameters: withMargin(asset, reaches[a - 1]!, margin) },
    )
    const accounts =
      options.rescale === true
        ? book.accounts.map((account) => ({ ...account, balances: rescaled(account.balances, book, assets) }))
        : book.accounts
    return { ...book, assets, accounts }
  }
  const trial = async (margin: number) => {
    const candidate = withFactors(margin)
    const probability = await lossProbability(candidate, options, model)
    options.onTrial?.(probability.mean, candidate.assets)
    return { candidate, probability, holds: probability.mean <= options.probability }
  }

  let lax = 0
  let strict = 0
  let found = await trial(0)
  for (let trials = 1; !found.holds; trials++) {
    if (strict >= most) return undefined
    lax = strict
    strict = Math.min(most, strict + STRIDE * 2 ** Math.floor(trials / PATIENCE))
    found = await trial(strict)
  }
  while (strict - lax > FINE) {
    const middle = (lax + strict) / 2
    const next = await trial(middle)
    if (next.holds) {
      strict = middle
      found = next
    } else lax = middle
  }
  return { assets: factorsOf(found.candidate.assets), probability: found.probability }
}
