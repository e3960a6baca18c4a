import { setTimeout as sleep } from 'node:timers/promises'
import { PlimsollError } from '../protocol/errors.ts'
import type { NodeMetrics } from '../sequencer/api/metrics.ts'
import type { RoundReport, SequencerNode } from '../sequencer/node/node.ts'
import type { NodeLog } from '../sequencer/state/node-log.ts'
import { endProgress, progress } from './progress.ts'
import { roundHeader, roundLine } from './round-line.ts'

/** Form in which each look is told: a row of a table, a line of JSON, or the log's own line. */
export type RoundOutput = 'table' | 'json' | 'log'

/**
 * Steps the node every `interval` milliseconds until the process is told to end, which ends every wait at once; a step that fails
 * is tried again.
 */
export async function runNode(
  node: SequencerNode,
  metrics: NodeMetrics,
  interval: number,
  output: RoundOutput,
  log: NodeLog,
): Promise<void> {
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => {
      stop.abort()
      node.endpoint.stop()
    })
  if (output === 'table') process.stdout.write(`${roundHeader([], true)}\n`)
  node.health.interval = interval
  while (!stop.signal.aborted) {
    try {
      const report = await node.step((done) => progress(`${done} batches proven`))
      endProgress()
      if (report !== undefined) {
        metrics.record(report)
        tell(report, output, log)
      }
    } catch (error) {
      if (!(error instanceof PlimsollError)) throw error
      endProgress()
      // What was waited for when the signal came was not the endpoint's fault.
      if (stop.signal.aborted) break
      metrics.fail()
      if (output === 'log') log.error({ event: 'failure' }, error.message)
      else process.stderr.write(`plimsoll: ${error.message}\n`)
    }
    await sleep(interval, undefined, { signal: stop.signal }).catch(() => {})
  }
}

function tell(report: RoundReport, output: RoundOutput, log: NodeLog): void {
  if (output === 'table') process.stdout.write(`${roundLine(report, [], undefined, new Date())}\n`)
  else if (output === 'json') process.stdout.write(`${JSON.stringify(report, plain)}\n`)
  else {
    const { round, operations, liquidated, proofs, seconds, complete } = report
    log.info(
      { event: 'round', ...(JSON.parse(JSON.stringify(report, plain)) as object) },
      `round ${round}: ${operations} operations, ${liquidated} liquidated, ${proofs} proofs in ${seconds.toFixed(1)} s, ${complete ? 'complete' : 'NOT COMPLETE'}`,
    )
  }
}

function plain(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString() : value
}
