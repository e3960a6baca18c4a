import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { RoundReport } from '../node/node.ts'

/** Prometheus metrics of a node: public aggregates only. */
export class NodeMetrics {
  readonly registry = new Registry()
  readonly #round = this.#gauge('plimsoll_round', 'Number of the latest round handled.')
  readonly #complete = this.#gauge(
    'plimsoll_complete',
    'Whether the system is complete at the latest round (1) or not (0).',
  )
  readonly #badDebt = this.#counter('plimsoll_bad_debt_base_units_total', 'Bad debt, in base units of cash.')
  readonly #rounds = this.#counter('plimsoll_rounds_total', 'Rounds handled.')
  readonly #swept = this.#counter('plimsoll_swept_total', 'Account leaves swept.')
  readonly #liquidated = this.#counter('plimsoll_liquidated_total', 'Accounts liquidated, in part or whole.')
  readonly #proofs = this.#counter('plimsoll_proofs_total', 'Proofs made and settled.')
  readonly #gas = this.#counter('plimsoll_gas_total', 'Gas used by rounds and settlements.')
  readonly #failures = this.#counter('plimsoll_failures_total', 'Steps that failed.')
  readonly #seconds = new Histogram({
    name: 'plimsoll_round_seconds',
    help: 'Seconds from a look at the feeds to a settled round.',
    buckets: [0.1, 1, 5, 15, 60, 240, 900],
    registers: [this.registry],
  })

  record(report: RoundReport): void {
    this.#round.set(report.round)
    this.#complete.set(report.complete ? 1 : 0)
    this.#rounds.inc()
    this.#badDebt.inc(Number(report.badDebt))
    this.#swept.inc(report.swept)
    this.#liquidated.inc(report.liquidated)
    this.#proofs.inc(report.proofs)
    this.#gas.inc(Number(report.gas))
    this.#seconds.observe(report.seconds)
  }

  fail(): void {
    this.#failures.inc()
  }

  #gauge(name: string, help: string): Gauge {
    return new Gauge({ name, help, registers: [this.registry] })
  }

  #counter(name: string, help: string): Counter {
    return new Counter({ name, help, registers: [this.registry] })
  }
}
