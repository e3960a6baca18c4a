import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { PlimsollError } from '../../protocol/errors.ts'

/** One piece of a ceremony's work for snarkjs. Paths of files; those to write must not exist. */
export type SnarkjsJob =
  /** The initial key of a circuit: the outcome is its circuit hash. */
  | { readonly kind: 'initial'; readonly r1cs: string; readonly ptau: string; readonly output: string }
  /** A step from a secret: the outcome is the contribution's hash. */
  | {
      readonly kind: 'contribute'
      readonly input: string
      readonly output: string
      readonly name: string
      readonly entropy: string
    }
  /** A step from a public value, hashed 2^iterations times: the outcome is the contribution's hash. */
  | {
      readonly kind: 'beacon'
      readonly input: string
      readonly output: string
      readonly name: string
      readonly value: string
      readonly iterations: number
    }
  /** Whether a key follows from circuit and powers of tau by its contributions: the outcome is empty, or what is wrong. */
  | { readonly kind: 'verify'; readonly r1cs: string; readonly ptau: string; readonly input: string }

/** Messages of the process. */
export type SnarkjsMessage =
  | { readonly kind: 'progress'; readonly text: string }
  | { readonly kind: 'outcome'; readonly value: string }
  | { readonly kind: 'failure'; readonly reason: string }

const PROCESS = fileURLToPath(new URL('./snarkjs-process.ts', import.meta.url))

/**
 * A process that does jobs for snarkjs, one after the other: it prints to the console, leaves files open and threads
 * running, and holds secrets in memory until it ends, for which reason each step of a ceremony has one of its own.
 */
export class SnarkjsProcess {
  readonly #child = fork(PROCESS, { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] })
  readonly #closed = once(this.#child, 'close')
  // A process that dies with the caller, however that ends.
  readonly #kill = () => this.#child.kill('SIGKILL')

  constructor() {
    process.once('exit', this.#kill)
  }

  /** The outcome of a job. @throws PlimsollError when snarkjs fails, with its reason */
  async run(job: SnarkjsJob, onProgress?: (text: string) => void): Promise<string> {
    const last = await new Promise<SnarkjsMessage | undefined>((resolve) => {
      const hear = (message: SnarkjsMessage) => {
        if (message.kind === 'progress') return onProgress?.(message.text)
        this.#child.removeListener('message', hear)
        resolve(message)
      }
      this.#child.on('message', hear)
      this.#closed.then(() => resolve(undefined))
      // Not in the arguments or the environment, where others could read the entropy. A process that is gone is told by its end.
      this.#child.send(job, () => {})
    })
    if (last?.kind === 'outcome') return last.value
    throw new PlimsollError(`snarkjs failed: ${last?.kind === 'failure' ? last.reason : 'its process ended early'}.`)
  }

  /** Ends the process and all that it holds. */
  async close(): Promise<void> {
    this.#kill()
    await this.#closed
    process.removeListener('exit', this.#kill)
  }
}

/**
 * Does something with a process for snarkjs, which ends with it.
 * @throws what the task throws
 */
export async function withSnarkjs<T>(task: (snarkjs: SnarkjsProcess) => Promise<T>): Promise<T> {
  const snarkjs = new SnarkjsProcess()
  try {
    return await task(snarkjs)
  } finally {
    await snarkjs.close()
  }
}
