import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { ChainEndpoint } from '../../sdk/chain/endpoint.ts'
import type { RoundReport, SequencerNode } from '../node/node.ts'
import { assetVitalsOf, vitalsOf } from './vitals.ts'

/** Prometheus metrics of a node: public aggregates, and figures of its operation, only. */
export class NodeMetrics {
  readonly registry = new Registry()
  readonly #round = this.#gauge('plimsoll_round', 'Number of the latest round handled.')
  readonly #complete = this.#gauge(
    'plimsoll_complete',
    'Whether the system is complete at the latest round (1) or not (0).',
  )
  readonly #healthy = this.#gauge('plimsoll_healthy', 'Whether /health says ok (1) or not (0).')
  readonly #lookAt = this.#gauge('plimsoll_last_look_timestamp_seconds', 'Unix time at which the last look ended.')
  readonly #lookSeconds = this.#gauge('plimsoll_last_look_seconds', 'Seconds that the last look took.')
  readonly #roundAge = this.#gauge('plimsoll_round_age_seconds', 'Age of the latest round on the chain.')
  readonly #feedAge = this.#gauge('plimsoll_feed_age_seconds', 'Age of the answer of a feed.', ['asset'])
  readonly #feedUp = this.#gauge('plimsoll_feed_up', 'Whether a feed answers (1) or not (0).', ['asset'])
  readonly #initial = this.#gauge('plimsoll_initial_factor', 'Factor of initial margin at the latest round.', [
    'asset',
    'side',
  ])
  readonly #quantile = this.#gauge(
    'plimsoll_quantile',
    'Drop that the next six hours exceed once in a hundred, where initial margins follow the market.',
    ['asset'],
  )
  readonly #held = this.#gauge('plimsoll_held', 'Whether an asset is held at its last price (1) or not (0).', ['asset'])
  readonly #sourceUp = this.#gauge('plimsoll_source_up', 'Whether a source of prices counts (1) or not (0).', [
    'asset',
    'source',
  ])
  readonly #lots = this.#gauge('plimsoll_lots', 'Lots that wait in the liquidation market.', ['asset', 'side'])
  readonly #lotUnits = this.#gauge('plimsoll_lot_units', 'Whole units in these lots.', ['asset', 'side'])
  readonly #lotDiscount = this.#gauge(
    'plimsoll_lot_discount',
    'Discount of the oldest lot, as a share of the mark; below 0 where it is above the mark.',
    ['asset', 'side'],
  )
  readonly #fills = this.#counter('plimsoll_fills_total', "Lots' parts that were taken.")
  readonly #fillDiscount = this.#gauge('plimsoll_fill_discount', 'Mean discount of all fills, weighted by cash.')
  readonly #timeToClear = this.#gauge(
    'plimsoll_time_to_clear_seconds',
    "Mean age of what was taken, from its lot's beginning, weighted by cash.",
  )
  readonly #recaptured = this.#gauge('plimsoll_recaptured', 'Share of the penalty that fills kept in the system.')
  readonly #checkpointAge = this.#gauge('plimsoll_checkpoint_age_seconds', 'Age of the last checkpoint.')
  readonly #grace = this.#gauge('plimsoll_grace_seconds', 'Age of a checkpoint at which the system stalls.')
  readonly #ether = this.#gauge('plimsoll_operator_ether', "The operator's ether.")
  readonly #settlementsLeft = this.#gauge(
    'plimsoll_operator_settlements_left',
    'Settlements that this ether lasts for.',
  )
  readonly #open = this.#gauge('plimsoll_operations_open', 'Operations that are accepted and not settled.', ['status'])
  readonly #deposits = this.#gauge('plimsoll_deposits_waiting', 'Deposits that wait to be settled.')
  readonly #forced = this.#gauge('plimsoll_forced_requests_waiting', 'Forced requests that wait to be served.')
  readonly #toRekey = this.#gauge(
    'plimsoll_accounts_to_rekey',
    'Accounts that a former key of the sequencer can still read.',
  )
  readonly #disk = this.#gauge('plimsoll_disk_free_bytes', 'Bytes that are free where the state is kept.')
  readonly #badDebt = this.#counter('plimsoll_bad_debt_base_units_total', 'Bad debt, in base units of cash.')
  readonly #rounds = this.#counter('plimsoll_rounds_total', 'Rounds handled.')
  readonly #looks = this.#counter('plimsoll_looks_total', 'Looks that had something to do.')
  readonly #unswept = this.#counter(
    'plimsoll_rounds_unswept_total',
    'Rounds at which every envelope held: nothing was swept.',
  )
  readonly #swept = this.#counter('plimsoll_swept_total', 'Account leaves swept.')
  readonly #liquidated = this.#counter('plimsoll_liquidated_total', 'Accounts liquidated, in part or whole.')
  readonly #proofs = this.#counter('plimsoll_proofs_total', 'Proofs made and settled.')
  readonly #reused = this.#counter('plimsoll_proofs_reused_total', 'Proofs that a crash had left behind.')
  readonly #gas = this.#counter('plimsoll_gas_total', 'Gas used by rounds and settlements.')
  readonly #failures = this.#counter('plimsoll_failures_total', 'Steps that failed.')
  readonly #settled = this.#counter('plimsoll_operations_settled_total', 'Operations of owners that were settled.')
  readonly #failed = this.#counter('plimsoll_operations_failed_total', 'Operations of owners that failed.', ['code'])
  readonly #requests = this.#counter('plimsoll_endpoint_requests_total', 'Questions to endpoints.', [
    'endpoint',
    'outcome',
  ])
  readonly #seconds = new Histogram({
    name: 'plimsoll_round_seconds',
    help: 'Seconds from a look at the feeds to a settled round.',
    buckets: [0.1, 1, 5, 15, 60, 240, 900],
    registers: [this.registry],
  })
  readonly #latency = new Histogram({
    name: 'plimsoll_endpoint_seconds',
    help: 'Seconds until an endpoint answered, or failed.',
    buckets: [0.005, 0.02, 0.1, 0.5, 2, 10],
    labelNames: ['endpoint'],
    registers: [this.registry],
  })
  /** The latest round that was counted. */
  #counted = 0

  constructor() {
    collectDefaultMetrics({ register: this.registry })
  }

  record(report: RoundReport): void {
    this.#round.set(report.round)
    this.#complete.set(report.complete ? 1 : 0)
    // Several looks may find something to do at one round.
    if (report.round > this.#counted) {
      this.#rounds.inc()
      if (report.swept === 0) this.#unswept.inc()
    }
    this.#counted = Math.max(this.#counted, report.round)
    this.#looks.inc()
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

  /** Counts what endpoints answer from now on. */
  watch(endpoint: ChainEndpoint): void {
    endpoint.observe(({ endpoint, milliseconds, outcome }) => {
      this.#requests.inc({ endpoint, outcome })
      this.#latency.observe({ endpoint }, milliseconds / 1_000)
    })
  }

  /** The page that Prometheus reads. */
  async page(node: SequencerNode): Promise<string> {
    const vitals = await vitalsOf(node)
    this.#healthy.set(node.health.trouble() === undefined ? 1 : 0)
    if (node.health.lastLook !== undefined) {
      this.#lookAt.set(node.health.lastLook.endedAt / 1_000)
      this.#lookSeconds.set(node.health.lastLook.seconds)
    }
    this.#roundAge.set(vitals.roundAge ?? Number.NaN)
    for (const { asset, up, age } of vitals.feeds) {
      this.#feedUp.set({ asset }, up ? 1 : 0)
      this.#feedAge.set({ asset }, age ?? Number.NaN)
    }
    for (const {
      asset,
      initialCollateralFactor,
      initialLiabilityFactor,
      quantile,
      heldSince,
      sources,
    } of assetVitalsOf(node)) {
      this.#initial.set({ asset, side: 'collateral' }, initialCollateralFactor)
      this.#initial.set({ asset, side: 'liability' }, initialLiabilityFactor)
      if (quantile !== null) this.#quantile.set({ asset }, quantile)
      this.#held.set({ asset }, heldSince === null ? 0 : 1)
      for (const { source, fault } of sources) this.#sourceUp.set({ asset, source }, fault === 'none' ? 1 : 0)
    }
    await this.#auctions(node)
    this.#checkpointAge.set(vitals.checkpoint.age)
    this.#grace.set(vitals.checkpoint.grace)
    this.#ether.set(Number(vitals.operator.ether))
    this.#settlementsLeft.set(vitals.operator.settlementsLeft)
    this.#open.set({ status: 'accepted' }, vitals.operations.accepted)
    this.#open.set({ status: 'waiting' }, vitals.operations.waiting)
    this.#deposits.set(vitals.deposits)
    this.#forced.set(vitals.forcedRequests)
    this.#toRekey.set(vitals.accountsToRekey)
    this.#disk.set(vitals.diskFree ?? Number.NaN)
    setTo(this.#settled, vitals.operations.settled)
    setTo(this.#reused, node.reusedProofs)
    for (const [code, count] of Object.entries(vitals.operations.failed)) setTo(this.#failed, count, { code })
    return this.registry.metrics()
  }

  /** Figures of the liquidation market; without an answer of the chain there are none. */
  async #auctions(node: SequencerNode): Promise<void> {
    const info = await node.auctions.info().catch(() => undefined)
    for (const gauge of [this.#lots, this.#lotUnits, this.#lotDiscount]) gauge.reset()
    for (const gauge of [this.#fillDiscount, this.#timeToClear, this.#recaptured]) gauge.set(Number.NaN)
    if (info === undefined) return
    const { assets } = node.deployment
    for (const { asset: number, side, units, discount } of info.lots.toReversed()) {
      const { symbol: asset, decimals } = assets[number]!
      this.#lots.inc({ asset, side })
      this.#lotUnits.inc({ asset, side }, Number(units) / 10 ** decimals)
      // The oldest comes last.
      this.#lotDiscount.set({ asset, side }, discount ?? Number.NaN)
    }
    setTo(this.#fills, info.fillCount)
    this.#fillDiscount.set(info.discount ?? Number.NaN)
    this.#timeToClear.set(info.timeToClear ?? Number.NaN)
    this.#recaptured.set(info.recaptured ?? Number.NaN)
  }

  #gauge(name: string, help: string, labelNames: string[] = []): Gauge {
    return new Gauge({ name, help, labelNames, registers: [this.registry] })
  }

  #counter(name: string, help: string, labelNames: string[] = []): Counter {
    return new Counter({ name, help, labelNames, registers: [this.registry] })
  }
}

/** Brings a counter to what was counted elsewhere. */
function setTo(counter: Counter, count: number, labels: Record<string, string> = {}): void {
  counter.remove(labels)
  counter.inc(labels, count)
}
