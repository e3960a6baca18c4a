import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { PlimsollError } from '../../protocol/errors.ts'
import type { CheckedState } from './check-state.ts'
import { databasePath } from './state-database.ts'

/** A check of a stored state in a thread of its own, once the process has had time to take up its work. */
export class BackgroundCheck {
  /** Outcome: what was found to be in order; undefined where the check was ended before. @throws PlimsollError with the first thing that is wrong */
  readonly result: Promise<CheckedState | undefined>
  readonly #stop = new AbortController()

  /** @param delay milliseconds before it begins */
  constructor(directory: string, delay: number) {
    this.result = this.#run(databasePath(directory), delay)
    this.result.catch(() => {})
  }

  /** Ends it, wherever it has come to. */
  end(): void {
    this.#stop.abort()
  }

  async #run(path: string, delay: number): Promise<CheckedState | undefined> {
    const { signal } = this.#stop
    await sleep(delay, undefined, { ref: false, signal }).catch(() => {})
    if (signal.aborted) return undefined
    const worker = new Worker(new URL('check-worker.ts', import.meta.url), { workerData: path })
    // A process that has nothing else to do need not wait for it.
    worker.unref()
    signal.addEventListener('abort', () => void worker.terminate(), { once: true })
    return new Promise((resolve, reject) => {
      const fail = (problem: string) => reject(new PlimsollError(problem))
      worker.once('message', ({ checked, problem }: { checked?: CheckedState; problem?: string }) =>
        problem === undefined ? resolve(checked) : fail(problem),
      )
      worker.once('error', (error) => fail(`The stored state could not be checked: ${error.message}`))
      worker.once('exit', () => resolve(undefined))
    })
  }
}
