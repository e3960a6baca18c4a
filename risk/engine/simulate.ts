import type { Book } from '../../protocol/book.ts'
import { PlimsollError } from '../../protocol/errors.ts'
import type { ImpactName } from '../impact/impact.ts'
import type { Interval } from '../metrics/interval.ts'
import { METRIC_COLUMNS, type Metrics, MetricsSummary } from '../metrics/path-metrics.ts'
import { createPathModel } from '../paths/create-path-model.ts'
import type { PathModelName, PathSpec } from '../paths/path-model.ts'
import { POLICY_NAMES } from '../policies/policies.ts'
import { type ClearingName, marketOf } from './clearing.ts'
import type { Search } from './engine.ts'
import { engineBook, type Job } from './job.ts'
import { type PoolOptions, runPaths } from './pool.ts'

export interface SimulateOptions extends PoolOptions {
  readonly paths: number
  readonly hours: number
  readonly stepSeconds?: number
  readonly model?: PathModelName
  readonly sigma?: number | undefined
  readonly correlation?: number | undefined
  readonly seed?: number
  readonly policies?: readonly string[]
  readonly impact?: ImpactName
  readonly halfLife?: number
  readonly search?: Search
  /** The way in which inventory is sold: in the next step, where it is not given. */
  readonly clearing?: ClearingName
  /** Told what a reader should know of how the model was set up, a sentence each. */
  readonly onNote?: (note: string) => void
}

export type PolicyReport = { readonly policy: string } & Metrics<Interval>

export interface SimulateReport {
  readonly paths: number
  readonly seed: number
  readonly policies: readonly PolicyReport[]
  readonly seconds: number
}

const HOUR = 3600
/** Seconds of a step, of the half-life of impact, and steps of a path at most. */
const DEFAULT_STEP = 300
export const DEFAULT_HALF_LIFE = 3600
const MOST_STEPS = 1_000_000

/**
 * The job of a simulation.
 * @throws PlimsollError when the hours are not whole steps, or an asset that accounts hold has no depth but sales are to have impact
 */
export function simulationJob(book: Book, options: SimulateOptions): Job {
  const {
    hours,
    stepSeconds = DEFAULT_STEP,
    model = 'fhs',
    seed = 1,
    impact = 'linear',
    halfLife = DEFAULT_HALF_LIFE,
  } = options
  const steps = (hours * HOUR) / stepSeconds
  if (!Number.isInteger(steps))
    throw new PlimsollError(`${hours} hours are not a whole number of steps of ${stepSeconds} seconds.`)
  if (steps > MOST_STEPS)
    throw new PlimsollError(`${hours} hours of ${stepSeconds} seconds are ${steps} steps, more than ${MOST_STEPS}.`, {
      hint: 'Take longer steps.',
    })
  if (impact !== 'none') {
    const shallow = book.assets.findIndex(
      ({ parameters }, a) =>
        a > 0 && parameters.depth === 0n && book.accounts.some(({ balances }) => balances[a] !== 0n),
    )
    if (shallow > 0)
      throw new PlimsollError(`${book.assets[shallow]!.symbol} has no depth: it cannot be sold with impact.`, {
        hint: 'Give it a depth, or take --impact none.',
      })
  }
  const { sigma, correlation } = options
  const paths: PathSpec = {
    model,
    steps,
    stepSeconds,
    seed,
    symbols: book.assets.slice(1).map(({ symbol }) => symbol),
    ...(sigma !== undefined && { sigma }),
    ...(correlation !== undefined && { correlation }),
  }
  return {
    book: engineBook(book),
    paths,
    policies: options.policies ?? POLICY_NAMES,
    impact,
    halfLife,
    market: marketOf(options.clearing ?? 'immediate'),
    ...(options.search !== undefined && { search: options.search }),
  }
}

/**
 * Runs a book along many paths under several policies, the same paths for each.
 * @throws PlimsollError as `simulationJob`, the model of the paths and the engine do
 */
export async function simulate(book: Book, options: SimulateOptions): Promise<SimulateReport> {
  const started = performance.now()
  const job = simulationJob(book, options)
  const model = createPathModel(job.paths)
  for (const note of model.notes) options.onNote?.(note)
  const summaries = job.policies.map(() => new MetricsSummary())
  await runPaths(
    job,
    options.paths,
    model,
    (rows) => {
      for (let offset = 0; offset < rows.length; ) {
        for (const summary of summaries) {
          summary.add(rows, offset)
          offset += METRIC_COLUMNS
        }
      }
    },
    options,
  )
  return {
    paths: options.paths,
    seed: job.paths.seed,
    policies: job.policies.map((policy, p) => ({ policy, ...summaries[p]!.intervals() })),
    seconds: (performance.now() - started) / 1000,
  }
}
