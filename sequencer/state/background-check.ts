import { Worker } from 'node:worker_threads'
import { PlimsollError } from '../../protocol/errors.ts'
import type { CheckedState } from './check-state.ts'
import { databasePath } from './state-database.ts'

/** A check of a stored state in a thread of its own. */
export class BackgroundCheck {
  /** What was found to be in order. @throws PlimsollError with the first thing that is wrong; undefined where it was ended before */
  readonly result: Promise<CheckedState | undefined>
  readonly #worker: Worker

  constructor(directory: string) {
    this.#worker = new Worker(new URL('check-worker.ts', import.meta.url), { workerData: databasePath(directory) })
    // A process that has nothing else to do need not wait for it.
    this.#worker.unref()
    this.result = new Promise((resolve, reject) => {
      this.#worker.once('message', ({ checked, problem }: { checked?: CheckedState; problem?: string }) => {
        if (problem === undefined) resolve(checked)
        else reject(new PlimsollError(problem))
      })
      this.#worker.once('error', (error) =>
        reject(new PlimsollError(`The stored state could not be checked: ${error.message}`)),
      )
      this.#worker.once('exit', () => resolve(undefined))
    })
    this.result.catch(() => {})
  }

  async end(): Promise<void> {
    await this.#worker.terminate()
  }
}
