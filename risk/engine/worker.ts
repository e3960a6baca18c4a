import { parentPort, workerData } from 'node:worker_threads'
import { PlimsollError } from '../../protocol/errors.ts'
import { type Job, Runner } from './job.ts'

/** A chunk of paths to run. */
export interface Chunk {
  readonly index: number
  readonly from: number
  readonly to: number
}

/** The rows of a chunk, or why there are none. */
export type ChunkResult = { readonly index: number } & (
  | { readonly rows: Float64Array }
  | { readonly error: { readonly message: string; readonly hint?: string | undefined; readonly ours: boolean } }
)

const port = parentPort!
let runner: Runner | undefined

port.on('message', ({ index, from, to }: Chunk) => {
  try {
    runner ??= new Runner(workerData as Job)
    const rows = runner.run(from, to)
    port.postMessage({ index, rows } satisfies ChunkResult, [rows.buffer as ArrayBuffer])
  } catch (error) {
    const ours = error instanceof PlimsollError
    port.postMessage({
      index,
      error: {
        message: error instanceof Error ? error.message : String(error),
        hint: ours ? error.hint : undefined,
        ours,
      },
    } satisfies ChunkResult)
  }
})
