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
 * Has snarkjs do a job in a process of its own: it prints to the console, leaves files open and threads running, and
 * holds secrets in memory until it ends.
 * @throws PlimsollError when snarkjs fails, with its reason
 */
export async function runSnarkjs(job: SnarkjsJob, onProgress?: (text: string) => void): Promise<string> {
  const child = fork(PROCESS, { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] })
  // A process that dies with the caller, however that ends.
  const kill = () => child.kill('SIGKILL')
  process.once('exit', kill)
  let last: SnarkjsMessage | undefined
  child.on('message', (message: SnarkjsMessage) => {
    if (message.kind === 'progress') onProgress?.(message.text)
    else last = message
  })
  try {
    // Not in the arguments or the environment, where others could read the entropy.
    child.send(job)
    await once(child, 'close')
  } finally {
    process.removeListener('exit', kill)
  }
  if (last?.kind === 'outcome') return last.value
  throw new PlimsollError(`snarkjs failed: ${last?.kind === 'failure' ? last.reason : 'its process ended early'}.`)
}
