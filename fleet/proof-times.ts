import type { CircuitName } from '../prover/profiles.ts'

/** Proofs of a circuit that are remembered. */
const REMEMBERED = 32
/** Times the longest of them that a proof may take: machines differ, and a new one has keys to fetch. */
const LENIENCE = 8

/** Record of how long proofs have taken, and so of how long one may take. */
export class ProofTimes {
  readonly #times = new Map<CircuitName, number[]>()
  readonly #patience: number
  readonly #least: number

  /** @param patience milliseconds while nothing is known, @param least milliseconds that any proof may take */
  constructor(patience: number, least: number) {
    this.#patience = patience
    this.#least = least
  }

  record(circuit: CircuitName, milliseconds: number): void {
    // By a worker's own word: it can make others' time longer only up to the patience.
    if (!(milliseconds >= 0)) return
    const times = this.#times.get(circuit) ?? []
    this.#times.set(circuit, [...times.slice(1 - REMEMBERED), milliseconds])
  }

  /** Milliseconds after which a worker counts as one that never answers. */
  limit(circuit: CircuitName): number {
    const times = this.#times.get(circuit)
    if (times === undefined) return this.#patience
    return Math.min(this.#patience, Math.max(this.#least, LENIENCE * Math.max(...times)))
  }
}
