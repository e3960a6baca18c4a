/** Times that a look may be late before the node counts as hung. */
const LATE_LOOKS = 4
/** Milliseconds without any progress after which it does in any case, and while proofs are being made. */
const [LEAST_PATIENCE, PROVING_PATIENCE] = [8_000, 180_000]

/** Record of a node's looks at the chain: it tells whether the node is well, and if not, what is the matter. */
export class NodeHealth {
  /** Error of the last look, if it failed. */
  failure: string | undefined
  /** Matter that does not keep a look from being useful, such as a feed that is dead while operations flow. */
  problem: string | undefined
  /** Damage of the stored state, once it was found. */
  damage: string | undefined
  /** Milliseconds between two looks; undefined where nobody has promised any. */
  interval: number | undefined
  /** Last look that came to its end: unix milliseconds, and seconds that it took. */
  lastLook: { readonly endedAt: number; readonly seconds: number } | undefined
  /** Proofs under way. */
  proving = 0
  #progressAt = performance.now()

  /** Something came of what was waited for: an answer of the chain, a proof, a look. */
  progress(): void {
    this.#progressAt = performance.now()
  }

  /** Runs a look, and remembers how it went. */
  async look<T>(look: () => Promise<T>): Promise<T> {
    const started = performance.now()
    try {
      const result = await look()
      this.failure = undefined
      return result
    } catch (error) {
      this.failure = error instanceof Error ? error.message : String(error)
      throw error
    } finally {
      this.progress()
      this.lastLook = { endedAt: Date.now(), seconds: Math.round(performance.now() - started) / 1_000 }
    }
  }

  /** The matter, in a sentence; undefined where there is none. */
  trouble(): string | undefined {
    return this.damage ?? this.failure ?? this.problem ?? this.#hung()
  }

  #hung(): string | undefined {
    if (this.interval === undefined) return undefined
    const patience = this.proving > 0 ? PROVING_PATIENCE : Math.max(LEAST_PATIENCE, LATE_LOOKS * this.interval)
    const silent = performance.now() - this.#progressAt
    return silent > patience
      ? `The node has made no progress for ${Math.round(silent / 1_000)} seconds: its endpoint does not answer, or it hangs.`
      : undefined
  }
}
