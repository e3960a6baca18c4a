import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { POINT_BYTES, SCALAR_BYTES } from './fixed-base.ts'
import type { GroupName } from './fixed-base.ts'

export interface PointWorkerData {
  readonly module: WebAssembly.Module
  readonly generators: Readonly<Record<GroupName, Uint8Array>>
}

export interface PointRequest {
  readonly group: GroupName
  readonly scalars: Uint8Array<ArrayBuffer>
}

export interface PointResponse {
  readonly points: Uint8Array<ArrayBuffer>
}

interface Job extends PointRequest {
  resolve(points: Uint8Array<ArrayBuffer>): void
  reject(error: Error): void
}

// Scalars a job: small enough to keep every core busy to the end.
const CHUNK = 4096

/** Threads, one a core, that multiply the generators by scalars. */
export class PointPool {
  readonly #workers: Worker[] = []
  readonly #idle: Worker[] = []
  readonly #running = new Map<Worker, Job>()
  readonly #queue: Job[] = []
  #failure: Error | undefined

  constructor(workerData: PointWorkerData) {
    for (let i = 0; i < availableParallelism(); i++) {
      const worker = new Worker(new URL('./point-worker.ts', import.meta.url), { workerData })
      worker.on('message', ({ points }: PointResponse) => {
        this.#running.get(worker)!.resolve(points)
        this.#running.delete(worker)
        this.#idle.push(worker)
        this.#dispatch()
      })
      worker.on('error', (error: Error) => {
        this.#failure = error
        for (const job of [...this.#running.values(), ...this.#queue]) job.reject(error)
        this.#queue.length = 0
      })
      this.#workers.push(worker)
      this.#idle.push(worker)
    }
  }

  /** The affine points of all scalars (32 bytes little-endian each), in order; `onChunk` gets the number of points done. */
  async multiply(group: GroupName, scalars: Uint8Array, onChunk: (points: number) => void): Promise<Uint8Array> {
    const count = scalars.length / SCALAR_BYTES
    const points = new Uint8Array(count * POINT_BYTES[group])
    const jobs: Promise<void>[] = []
    for (let start = 0; start < count; start += CHUNK) {
      const chunk = scalars.slice(start * SCALAR_BYTES, (start + CHUNK) * SCALAR_BYTES)
      jobs.push(
        this.#submit(group, chunk).then((part) => {
          points.set(part, start * POINT_BYTES[group])
          onChunk(part.length / POINT_BYTES[group])
        }),
      )
    }
    await Promise.all(jobs)
    return points
  }

  async close(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()))
  }

  #submit(group: GroupName, scalars: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) {
        reject(this.#failure)
        return
      }
      this.#queue.push({ group, scalars, resolve, reject })
      this.#dispatch()
    })
  }

  #dispatch(): void {
    while (this.#idle.length > 0 && this.#queue.length > 0) {
      const worker = this.#idle.pop()!
      const job = this.#queue.shift()!
      this.#running.set(worker, job)
      worker.postMessage({ group: job.group, scalars: job.scalars } satisfies PointRequest, [job.scalars.buffer])
    }
  }
}
