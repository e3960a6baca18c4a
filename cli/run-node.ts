import { setTimeout as sleep } from 'node:timers/promises'
import { PlimsollError } from '../protocol/errors.ts'
import type { NodeMetrics } from '../sequencer/api/metrics.ts'
import type { RoundReport, SequencerNode } from '../sequencer/node/node.ts'
import { endProgress, progress } from './progress.ts'
import { roundHeader, roundLine } from './round-line.ts'

/** Steps the node every `interval` milliseconds until the process is told to end; a step that fails is tried again. */
export async function runNode(
  node: SequencerNode,
  metrics: NodeMetrics,
  interval: number,
  json: boolean,
): Promise<void> {
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort())
  if (!json) process.stdout.write(`${roundHeader([])}\n`)
  while (!stop.signal.aborted) {
    try {
      const report = await node.step((done) => progress(`${done} batches proven`))
      node.failure = undefined
      endProgress()
      if (report !== undefined) {
        metrics.record(report)
        process.stdout.write(`${json ? reportJson(report) : roundLine(report)}\n`)
      }
    } catch (error) {
      if (!(error instanceof PlimsollError)) throw error
      endProgress()
      node.failure = error.message
      metrics.fail()
      process.stderr.write(`plimsoll: ${error.message}\n`)
    }
    await sleep(interval, undefined, { signal: stop.signal }).catch(() => {})
  }
}

/** One line. */
function reportJson(report: RoundReport): string {
  return JSON.stringify(report, (_, value: unknown) => (typeof value === 'bigint' ? value.toString() : value))
}
