/** A thread that multiplies generators by scalars: `PointRequest` in, `PointResponse` out. */
import { parentPort, workerData } from 'node:worker_threads'
import { FixedBase } from './fixed-base.ts'
import type { PointRequest, PointResponse, PointWorkerData } from './point-pool.ts'
import { openArena } from './wasm-arena.ts'

const port = parentPort!
const { module, generators }: PointWorkerData = workerData
const arena = await openArena(module)
const bases = { G1: new FixedBase(arena, 'G1', generators.G1), G2: new FixedBase(arena, 'G2', generators.G2) }

port.on('message', ({ group, scalars }: PointRequest) => {
  const points = bases[group].multiply(scalars)
  port.postMessage({ points } satisfies PointResponse, [points.buffer])
})
