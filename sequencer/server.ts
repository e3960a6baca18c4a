import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import { PlimsollError } from '../protocol/errors.ts'
import type { RoundReport, SequencerNode } from './node.ts'

/** Prometheus metrics of a node: public aggregates only. */
export class NodeMetrics {
  readonly registry = new Registry()
  private readonly round = this.gauge('plimsoll_round', 'Number of the latest round handled.')
  private readonly complete = this.gauge('plimsoll_complete', 'Whether the system is complete at the latest round (1) or not (0).')
  private readonly badDebt = this.counter('plimsoll_bad_debt_base_units_total', 'Bad debt, in base units of cash.')
  private readonly rounds = this.counter('plimsoll_rounds_total', 'Rounds handled.')
  private readonly swept = this.counter('plimsoll_swept_total', 'Account leaves swept.')
  private readonly liquidated = this.counter('plimsoll_liquidated_total', 'Accounts liquidated, in part or whole.')
  private readonly proofs = this.counter('plimsoll_proofs_total', 'Proofs made and settled.')
  private readonly gas = this.counter('plimsoll_gas_total', 'Gas used by rounds and settlements.')
  private readonly failures = this.counter('plimsoll_failures_total', 'Steps that failed.')
  private readonly seconds = new Histogram({
    name: 'plimsoll_round_seconds', help: 'Seconds from a look at the feeds to a settled round.', buckets: [0.1, 1, 5, 15, 60, 240, 900], registers: [this.registry],
  })

  record(report: RoundReport): void {
    this.round.set(report.round)
    this.complete.set(report.complete ? 1 : 0)
    this.rounds.inc()
    this.badDebt.inc(Number(report.badDebt))
    this.swept.inc(report.swept)
    this.liquidated.inc(report.liquidated)
    this.proofs.inc(report.proofs)
    this.gas.inc(Number(report.gas))
    this.seconds.observe(report.seconds)
  }

  fail(): void {
    this.failures.inc()
  }

  private gauge(name: string, help: string): Gauge {
    return new Gauge({ name, help, registers: [this.registry] })
  }

  private counter(name: string, help: string): Counter {
    return new Counter({ name, help, registers: [this.registry] })
  }
}

/**
 * Serves /health, /state and /metrics on loopback; nothing in them is private.
 * @param port 0 for any free one
 * @throws PlimsollError when the port is taken
 */
export async function serve(node: SequencerNode, metrics: NodeMetrics, port: number): Promise<{ server: Server; port: number }> {
  const server = createServer((request, response) => {
    void answer(request.method ?? '', (request.url ?? '/').split('?', 1)[0]!, node, metrics, response)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(new PlimsollError(`Cannot listen on port ${port}: ${error.message}.`, { hint: 'Choose another --port.' })))
    server.listen(port, '127.0.0.1', resolve)
  })
  return { server, port: (server.address() as AddressInfo).port }
}

async function answer(method: string, path: string, node: SequencerNode, metrics: NodeMetrics, response: ServerResponse): Promise<void> {
  if (method !== 'GET') return json(response, 405, { error: 'Only GET is served.' })
  switch (path) {
    case '/health':
      return json(response, node.failure === undefined ? 200 : 503, { ok: node.failure === undefined, round: node.round, complete: node.complete, error: node.failure ?? null })
    case '/state':
      return json(response, 200, publicState(node))
    case '/metrics':
      response.writeHead(200, { 'content-type': metrics.registry.contentType }).end(await metrics.registry.metrics())
      return
    default:
      return json(response, 404, { error: `There is nothing at ${path}.` })
  }
}

/** What the chain shows anyway, and nothing more. */
function publicState(node: SequencerNode): unknown {
  const { ledger } = node.system
  return {
    settlement: node.settlement.address,
    chainId: node.settlement.client.chainId,
    round: node.round,
    complete: node.complete,
    accountsRoot: ledger.root.toString(),
    slots: ledger.heads.map((head, slot) => ({ slot, empty: head === 0n, covered: ledger.isCovered(slot) })),
    backstop: ledger.backstop.map(String),
    badDebt: ledger.badDebt.toString(),
  }
}

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(`${JSON.stringify(body)}\n`)
}
