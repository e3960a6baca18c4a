import type { Book } from '../../protocol/book.ts'
import { type ImpactName, logMove } from '../impact/impact.ts'
import { METRIC_COLUMNS, writeOutcome } from '../metrics/path-metrics.ts'
import { createPathModel } from '../paths/create-path-model.ts'
import type { PathModel, PathSpec } from '../paths/path-model.ts'
import { policyOf } from '../policies/policies.ts'
import type { MarketImpact } from './backstop.ts'
import type { MarketOptions } from './clearing.ts'
import { Engine, type EngineBook, type Search } from './engine.ts'

/** All that a worker needs to run paths: plain data. */
export interface Job {
  readonly book: EngineBook
  readonly paths: PathSpec
  readonly policies: readonly string[]
  readonly impact: ImpactName
  /** Seconds after which half of an impact is undone. */
  readonly halfLife: number
  readonly search?: Search
  /** The market that inventory is sold in; in the next step, at once, where it is not given. */
  readonly market?: MarketOptions | undefined
}

/** The part of a book that an engine runs on. */
export function engineBook({ assets, minLiability, marks, accounts }: Book): EngineBook {
  return {
    assets: assets.map(({ symbol, decimals, parameters }) => ({ symbol, decimals, parameters })),
    minLiability,
    prices: assets.map((_, a) => marks[a]!.price),
    accounts: accounts.map(({ balances, weights }) => ({ balances, weights })),
  }
}

/** An impact as engines take it. */
export function marketImpact(name: ImpactName, halfLife: number): MarketImpact {
  return { name, halfLife, logMove: (net, depth) => -logMove(name, net, depth) }
}

/** Runs numbered paths through every policy, one after the other. */
export class Runner {
  readonly #engines: readonly Engine[]
  readonly #model: PathModel
  readonly #path: Float64Array
  readonly #accounts: number

  constructor(
    { book, paths, policies, impact, halfLife, search, market }: Job,
    model: PathModel = createPathModel(paths),
  ) {
    const options = {
      impact: marketImpact(impact, halfLife),
      stepSeconds: paths.stepSeconds,
      market,
      ...(search !== undefined && { search }),
    }
    this.#engines = policies.map((name) => new Engine(book, { policy: policyOf(name), ...options }))
    this.#model = model
    this.#path = new Float64Array((paths.steps + 1) * paths.symbols.length)
    this.#accounts = book.accounts.length
  }

  /** Rows of metrics of the paths `from` to `to - 1`, each with the policies in order. */
  run(from: number, to: number): Float64Array {
    const width = this.#engines.length * METRIC_COLUMNS
    const rows = new Float64Array((to - from) * width)
    for (let path = from; path < to; path++) {
      this.#model.fill(path, this.#path)
      this.#engines.forEach((engine, p) => {
        writeOutcome(
          rows,
          (path - from) * width + p * METRIC_COLUMNS,
          engine.run(this.#path),
          this.#accounts,
          engine.debt,
        )
      })
    }
    return rows
  }
}
