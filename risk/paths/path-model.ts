/** The models of joint price paths by the names of the command line. */
export const PATH_MODELS = ['gbm', 'student', 'gjr', 'jumps', 'fhs', 'bootstrap'] as const
export type PathModelName = (typeof PATH_MODELS)[number]

/** A source of joint price paths. */
export interface PathModel {
  readonly name: string
  /** Substitutions: assets whose moves are another's, a sentence each. */
  readonly notes: readonly string[]
  /** The origin of the moves, in a sentence; for models that draw from the history. */
  readonly about?: string
  /**
   * Fills `out`, of length `(steps + 1) * assets` and row-major by step, with prices relative to the first (the first row is all 1).
   * The prices depend on the seed of the model and on the number of the path alone, not on which worker asks or in what order.
   */
  fill(path: number, out: Float64Array): void
}

/** The specification of a model of paths: plain data, so that each worker can make its own. */
export interface PathSpec {
  readonly model: PathModelName
  /** Symbols of the assets, in the order of the columns; cash is not among them. */
  readonly symbols: readonly string[]
  readonly steps: number
  readonly stepSeconds: number
  readonly seed: number
  /** Volatility per year of 365 days of every asset, instead of each asset's own. */
  readonly sigma?: number
  /** Correlation of every pair of assets, instead of that of the history. */
  readonly correlation?: number
}
