import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import type { Fleet } from './fleet.ts'

/** Prometheus metrics of a fleet, on the page of its node. */
export class FleetMetrics {
  constructor(fleet: Fleet, registry: Registry) {
    const registers = [registry]
    const gauge = (
      name: string,
      help: string,
      set: (gauge: Gauge) => void | Promise<void>,
      labelNames: string[] = [],
    ) =>
      new Gauge({
        name: `plimsoll_fleet_${name}`,
        help,
        labelNames,
        registers,
        collect() {
          return set(this)
        },
      })
    gauge('connected', 'Whether Redis is there (1) or not (0).', (own) => own.set(fleet.figures.connected ? 1 : 0))
    gauge(
      'workers',
      'Provers in the fleet, and those that were put aside.',
      (own) => {
        own.set({ state: 'ready' }, fleet.figures.workers)
        own.set({ state: 'aside' }, fleet.figures.aside)
      },
      ['state'],
    )
    gauge('slots', 'Proofs that the fleet makes at a time.', (own) => own.set(fleet.figures.slots))
    gauge(
      'tasks',
      'Proofs that the node waits for, by where they are made.',
      (own) => {
        for (const [place, count] of Object.entries(fleet.figures.tasks)) own.set({ place }, count)
      },
      ['place'],
    )
    gauge(
      'jobs',
      'Jobs of the fleet in Redis: those that wait, and those that somebody is at.',
      async (own) => {
        const depth = await fleet.depth().catch(() => ({ waiting: Number.NaN, active: Number.NaN }))
        own.set({ state: 'waiting' }, depth.waiting)
        own.set({ state: 'active' }, depth.active)
      },
      ['state'],
    )
    const counter = (name: string, help: string, labels: readonly string[], counts: () => Record<string, number>) =>
      new Counter({
        name: `plimsoll_fleet_${name}_total`,
        help,
        labelNames: labels,
        registers,
        collect() {
          this.reset()
          for (const [value, count] of Object.entries(counts()))
            if (labels.length === 0) this.inc(count)
            else this.inc({ [labels[0]!]: value }, count)
        },
      })
    const { counts } = fleet
    counter('proofs', 'Proofs by who made them.', ['by'], () => ({ fleet: counts.fleet, node: counts.local }))
    counter('mishaps', 'False proofs, workers that did not answer, and failures of workers.', ['kind'], () => ({
      false: counts.false,
      stalled: counts.stalled,
      failed: counts.faults,
    }))
    counter('again', 'Jobs that were asked for once more.', [], () => ({ all: counts.again }))
    counter('canceled', 'Proofs that nobody wanted any more.', [], () => ({ all: counts.canceled }))
    const seconds = new Histogram({
      name: 'plimsoll_fleet_proof_seconds',
      help: 'Seconds that a worker took for a proof.',
      labelNames: ['circuit'],
      buckets: [0.1, 0.5, 1, 2, 5, 10, 30, 120],
      registers,
    })
    const total = new Histogram({
      name: 'plimsoll_fleet_wait_seconds',
      help: 'Seconds from the moment a proof was asked of the fleet until it was verified.',
      buckets: [0.1, 0.5, 1, 2, 5, 10, 30, 120, 600],
      registers,
    })
    fleet.onProof = (proof) => {
      seconds.observe({ circuit: proof.circuit }, proof.seconds)
      total.observe(proof.total)
    }
  }
}
