import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { PlimsollError } from '../../protocol/errors.ts'
import type { PathModel } from '../paths/path-model.ts'
import { type Job, Runner } from './job.ts'
import type { Chunk, ChunkResult } from './worker.ts'

/** Paths a worker runs at a time. */
const CHUNK = 32
/** Chunks a worker may be ahead of the summing up: what bounds the memory. */
const AHEAD = 8
/** Below so many account-steps a worker takes longer to start than the work takes. */
const SMALL = 20_000_000

export interface PoolOptions {
  /** Threads; 1 is the caller's own. Without it, all cores for work that is worth it. */
  readonly threads?: number | undefined
  readonly onProgress?: ((done: number, total: number) => void) | undefined
}

/**
 * Runs paths 0 to `count - 1` on all cores and hands their rows to `use` in the order of the paths, so that sums do not depend on the
 * number of threads. At most a few chunks are held at a time, whatever the number of paths.
 * @param model the job's model, made by the caller
 * @throws PlimsollError as the engine does
 */
export async function runPaths(
  job: Job,
  count: number,
  model: PathModel,
  use: (rows: Float64Array) => void,
  options: PoolOptions = {},
): Promise<void> {
  const chunks = Math.ceil(count / CHUNK)
  const work = job.book.accounts.length * job.paths.steps * count * job.policies.length
  const threads = Math.min(chunks, options.threads ?? (work < SMALL ? 1 : availableParallelism()))
  const chunkOf = (index: number): Chunk => ({ index, from: index * CHUNK, to: Math.min(count, (index + 1) * CHUNK) })
  if (threads <= 1) {
    const runner = new Runner(job, model)
    for (let index = 0; index < chunks; index++) {
      const { from, to } = chunkOf(index)
      use(runner.run(from, to))
      options.onProgress?.(to, count)
    }
    return
  }

  const workers = Array.from(
    { length: threads },
    () => new Worker(new URL('./worker.ts', import.meta.url), { workerData: job }),
  )
  try {
    await new Promise<void>((resolve, reject) => {
      const waiting = new Map<number, Float64Array>()
      const idle: Worker[] = []
      let next = 0
      let used = 0
      const give = () => {
        while (idle.length > 0 && next < chunks && next < used + AHEAD * threads)
          idle.pop()!.postMessage(chunkOf(next++))
      }
      for (const worker of workers) {
        worker.on('error', reject)
        worker.on('exit', (code) => reject(new Error(`A worker ended with code ${code}.`)))
        worker.on('message', (result: ChunkResult) => {
          if ('error' in result) {
            const { message, hint, ours } = result.error
            return reject(ours ? new PlimsollError(message, hint === undefined ? {} : { hint }) : new Error(message))
          }
          waiting.set(result.index, result.rows)
          for (let rows = waiting.get(used); rows !== undefined; rows = waiting.get(used)) {
            use(rows)
            waiting.delete(used++)
            options.onProgress?.(Math.min(count, used * CHUNK), count)
          }
          if (used === chunks) return resolve()
          idle.push(worker)
          give()
        })
        idle.push(worker)
      }
      give()
    })
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()))
  }
}
