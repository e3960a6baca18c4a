import { setImmediate as turn } from 'node:timers/promises'

/** Steps that lie ahead at the most, for each proof in flight: one that takes long keeps those behind it waiting, not the provers. */
const LOOKAHEAD = 4

interface Item<S, R> {
  readonly step: S
  readonly stop: AbortController
  outcome: { readonly result: R } | { readonly error: unknown } | undefined
}

/**
 * Works out steps ahead of their proofs, has these made side by side in whatever order, and hands them on in that of the steps.
 * Steps are drawn as the prover takes them: what is worked out too early only grows old.
 */
export class ProofLine<S, R> {
  readonly #steps: Iterator<S>
  readonly #prove: (step: S, signal: AbortSignal) => Promise<R>
  readonly #width: () => number
  readonly #items: Item<S, R>[] = []
  #unfinished = 0
  #ended = false
  #filling = false
  #wake: () => void = () => {}

  /** @param width proofs that the prover takes at a time, as of now */
  constructor(steps: Iterator<S>, prove: (step: S, signal: AbortSignal) => Promise<R>, width: () => number) {
    this.#steps = steps
    this.#prove = prove
    this.#width = width
  }

  /** Steps with what came of them, in order. @throws what working one out or proving it threw, in its turn */
  async *results(): AsyncGenerator<readonly [S, R]> {
    for (;;) {
      void this.#fill()
      const first = this.#items[0]
      if (first === undefined && this.#ended) return
      if (first?.outcome === undefined) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
        continue
      }
      this.#items.shift()
      if ('error' in first.outcome) throw first.outcome.error
      yield [first.step, first.outcome.result]
    }
  }

  /** Draws nothing more, and cancels all that is in line from the first void step on. */
  cut(isVoid: (step: S) => boolean, reason: unknown): void {
    this.#ended = true
    const from = this.#items.findIndex(({ step }) => isVoid(step))
    if (from >= 0) for (const { stop } of this.#items.splice(from)) stop.abort(reason)
    this.#wake()
  }

  async #fill(): Promise<void> {
    if (this.#filling) return
    this.#filling = true
    try {
      while (!this.#ended) {
        const width = Math.max(1, this.#width())
        if (this.#unfinished >= width || this.#items.length >= LOOKAHEAD * width) break
        const next = this.#steps.next()
        if (next.done) this.#ended = true
        else this.#start(next.value)
        // Working out a step takes a while, and answers wait.
        await turn()
      }
    } catch (error) {
      this.#ended = true
      this.#items.push({ step: undefined as S, stop: new AbortController(), outcome: { error } })
    } finally {
      this.#filling = false
      this.#wake()
    }
  }

  #start(step: S): void {
    const item: Item<S, R> = { step, stop: new AbortController(), outcome: undefined }
    this.#items.push(item)
    this.#unfinished++
    this.#prove(step, item.stop.signal)
      .then(
        (result) => {
          item.outcome = { result }
        },
        (error: unknown) => {
          item.outcome = { error }
        },
      )
      .finally(() => {
        this.#unfinished--
        void this.#fill()
        this.#wake()
      })
  }
}
