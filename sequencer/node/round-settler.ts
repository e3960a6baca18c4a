import type { Hex } from 'viem'
import type { Contracts } from '../../chain/contracts.ts'
import type { Custody } from '../../chain/custody.ts'
import type { ProvenBatch } from '../../chain/settlement.ts'
import { changeBackstop } from '../../protocol/auction.ts'
import { PlimsollError, type RefusalCode } from '../../protocol/errors.ts'
import type { System, Transition } from '../../protocol/system.ts'
import type { BatchKeys } from '../../prover/keys.ts'
import { circuitOf } from '../../prover/profiles.ts'
import type { Proven, ProveOptions, Urgency } from '../../prover/proof-service.ts'
import type { SigningClient } from '../../sdk/chain/client.ts'
import { ContractRefusal } from '../../sdk/chain/contract-errors.ts'
import type { DeploymentInfo } from '../../sdk/schemas.ts'
import type { OperationPool } from '../mempool/operation-pool.ts'
import { selectOperations } from '../mempool/select-operations.ts'
import { completeRound, sweepAhead, type Work } from '../planner/complete-round.ts'
import type { Decoys } from '../planner/decoys.ts'
import { type NodeLog, operationLine, resolutionLine } from '../state/node-log.ts'
import type { ProofStore } from '../state/proof-store.ts'
import type { Store } from '../state/store.ts'
import { encryptMoves } from '../state/sweep-memo.ts'
import type { ChainView, NodeSnapshot } from './chain-view.ts'
import { newRound } from './new-round.ts'
import { DECOY_PAUSE, nextState } from './next-state.ts'
import type { NodeHealth } from './node-health.ts'
import { OperationQuarantine } from './operation-quarantine.ts'
import { ProofLine } from './proof-line.ts'
import { Rekeying } from './rekeying.ts'
import { SettlementGas } from './settlement-gas.ts'
import { count, isBound, type Step } from './step.ts'

/** Aggregates of what a look proved and settled, all of them public. */
export interface Settled {
  /** Non-empty slots whose envelope the new marks left. */
  readonly expired: number
  readonly swept: number
  readonly liquidated: number
  readonly closed: number
  /** In base units of cash. */
  readonly badDebt: bigint
  /** Operations of owners, deposits and forced requests; each half of a trade is one. */
  readonly operations: number
  readonly proofs: number
  readonly gas: bigint
  readonly complete: boolean
  /** A forced request waits for a round that is younger than it. */
  readonly wantsRound: boolean
}

/** A step and its batch, proven and not settled yet. */
interface Ready {
  readonly step: Step
  readonly batch: ProvenBatch
}

interface Parts {
  readonly contracts: Contracts
  readonly keys: BatchKeys
  readonly signer: SigningClient
  readonly store: Store
  readonly view: ChainView
  readonly pool: OperationPool
  readonly proofs: ProofStore
  readonly assets: DeploymentInfo['assets']
  readonly log: NodeLog
  readonly health: NodeHealth
  /** Milliseconds after which a look takes up nothing more and settles what it has. */
  readonly patience: number
  readonly decoys: boolean
  /** Log-distance of moves of prices ahead of which accounts are swept where there is nothing else to do; 0 for none. */
  readonly ahead: number
  /** The process that was here before has not come to its end. */
  readonly unclean: boolean
}

/** The prover refused a batch, which carries out these units of owners' operations. */
class ProofFailure extends PlimsollError {
  readonly units: Step['units']

  constructor(circuit: string, error: unknown, units: Step['units']) {
    super(
      `No proof could be made for a batch of ${circuit}: ${error instanceof Error ? error.message.split('\n')[0] : String(error)}`,
    )
    this.units = units
  }
}

/** Batches of one transaction at the most. */
const MAX_BATCHES = 12
/** Batches that are swept ahead of the price at the most: they are settled together or not at all. */
const AHEAD_BATCHES = 6
/** Share of the rounds without liquidations that have decoys alone. */
const DECOY_ROUNDS = 1 / 8
/** Milliseconds of the second look after an unclean stop; each that follows may take twice as long. */
const FIRST_PATIENCE = 500
/** Milliseconds between two looks for a new round while proofs are being made: it voids those under the marks of the old. */
const ROUND_WATCH = 2_000
/** Refusals of the contract that come of the time a look took, not of what is in it. */
const LATE: readonly string[] = [
  'NoFreshRound',
  'BatchExpired',
  'Frozen',
  'ClockStands',
  'NotCloseable',
  'RequestExpired',
]

/** Proves and settles until the system is complete at the latest round and nothing waits that can be carried out. */
export class RoundSettler {
  readonly #parts: Parts
  readonly #quarantine = new OperationQuarantine()
  /** Accounts that a handover of the sequencer has left to rekey. */
  readonly rekeying = new Rekeying()
  /** Gas of the latest settlement; what one of some batches takes before there was any. */
  gasUsed = 1_500_000n
  /** The round in which accounts were last swept ahead of the price. */
  #aheadIn = 0
  /** Milliseconds that the present look may take up work for. After an unclean stop the first settlement is one batch. */
  #patience: number

  constructor(parts: Parts) {
    this.#parts = parts
    this.#patience = parts.unclean ? 0 : parts.patience
  }

  /**
   * Does all that a snapshot asks for.
   * @param onProof how many proofs are made, after each
   * @throws PlimsollError when prover or chain refuse; the state on disk stays one that the chain has
   */
  async settle(snapshot: NodeSnapshot, onProof: (done: number) => void = () => {}): Promise<Settled> {
    const { pool, view, store, contracts, signer, proofs } = this.#parts
    // Worked out on a copy: if anything fails, the snapshot's state is still the chain's.
    const next = snapshot.state.system.clone()
    const { ledger } = next
    const former = await this.rekeying.find(next, snapshot.sequencerKeys.length > 1)
    const badDebtBefore = ledger.badDebt
    const expired = ledger.heads.filter((head, slot) => slot > 1 && head !== 0n && !ledger.isCovered(slot)).length
    const counts = { swept: 0, liquidated: 0, closed: 0, operations: 0, proofs: 0 }
    const plan = { failures: new Map<Hex, RefusalCode>(), wantsRound: false }
    let ready: Ready[] = []
    let [gas, badDebt, made] = [0n, 0n, 0]
    const filled = new SettlementGas(snapshot.gasLimit, ledger.shape.transact.steps, (packed) =>
      contracts.settlement.settlementGas(signer, packed),
    )
    let [stopped, idle] = [false, false]
    const line = new ProofLine(
      this.#steps(next, snapshot, plan, former),
      (step, signal) => {
        idle = step.urgency === 'ahead'
        return this.#proven(step, signal)
      },
      () => proofs.width,
    )
    // What stands under the marks of a round that is no longer the latest is void, and so is all that builds on it.
    const supersede = () => {
      stopped = true
      line.cut(ready.some(({ step }) => isBound(step)) ? () => true : isBound, new Error('A new round has begun.'))
    }
    const watching = new AbortController()
    void newRound(
      snapshot.round.number,
      // Whatever comes in is better to do than what is ahead.
      async () => (idle && pool.units().length > 0 ? 0 : (await contracts.settlement.round()).number),
      ROUND_WATCH,
      watching.signal,
    ).then((isThere) => isThere && supersede())
    let since = performance.now()
    const send = async () => {
      if (stopped) ready = await this.#stillGood(ready)
      if (ready.length === 0) return
      const steps = ready.map(({ step }) => step)
      const { after } = steps.at(-1)!
      const state = nextState(view.snapshot.state, after, steps, snapshot.now)
      await store.save(state, view.snapshot.state)
      const { gasUsed, transactionHash } = await contracts.settlement.settle(
        signer,
        ready.map(({ batch }) => batch),
      )
      gas += gasUsed
      this.gasUsed = gasUsed
      this.#tell(steps, transactionHash, state.settlements)
      for (const step of steps) count(counts, step)
      badDebt = after.ledger.badDebt - badDebtBefore
      ready = []
      await pool.recordSettled(state, transactionHash)
      const { round, root, heads } = await view.settled(state)
      since = performance.now()
      await store.prune(state.settlements)
      await proofs.prune()
      if (root !== after.ledger.root || heads.join() !== after.ledger.heads.join()) {
        // Undone, or not the only one: the next look begins with what the chain has.
        await pool.recordSettled(view.snapshot.state)
        stopped = true
        line.cut(() => true, new Error('The chain has another state.'))
      } else if (round.number !== snapshot.round.number) supersede()
    }
    try {
      for await (const [step, batch] of line.results()) {
        ready.push({ step, batch })
        onProof(++made)
        if (step.urgency === 'ahead') continue
        const late = performance.now() - since >= this.#patience
        const batches = ready.map((each) => each.batch)
        if (late || batches.length === MAX_BATCHES || (await filled.isFull(batches))) await send()
      }
      await send()
    } catch (error) {
      const units = ready.flatMap(({ step }) => step.units)
      if (error instanceof ProofFailure) units.push(...error.units)
      await this.#blame(
        error,
        units,
        ready.map(({ batch }) => batch),
      )
      throw error
    } finally {
      watching.abort()
      line.cut(() => true, new Error('The look is over.'))
      pool.proving([])
    }
    const { complete } = view.snapshot
    const settled = { expired, ...counts, badDebt, gas, complete }
    // What could not be carried out under the old round may be under the new one.
    if (stopped) return { ...settled, wantsRound: false }
    this.#quarantine.passed()
    this.#patience = Math.min(this.#parts.patience, Math.max(FIRST_PATIENCE, 2 * this.#patience))
    await pool.recordFailed(plan.failures)
    return { ...settled, wantsRound: plan.wantsRound }
  }

  /** Batches proven under an old round that the contract takes under the new one: sweeps, but for those that follow on anything else. */
  async #stillGood(ready: readonly Ready[]): Promise<Ready[]> {
    const { contracts, signer } = this.#parts
    const bound = ready.findIndex(({ step }) => isBound(step))
    const good = bound < 0 ? [...ready] : ready.slice(0, bound)
    if (good.length === 0) return []
    const batches = good.map(({ batch }) => batch)
    return (await contracts.settlement.takes(signer, batches)) ? good : []
  }

  async #proven(step: Step, signal: AbortSignal): Promise<ProvenBatch> {
    const { openings, transition, moves, units, after, urgency } = step
    const { batch } = transition
    const { proof, signals } = await this.#prove(transition, { signal, urgency }).catch((error: unknown) => {
      throw new ProofFailure(batch.circuit, error, units)
    })
    const digest = signals[0]!
    const { sweeps } = this.#parts.keys.profile
    const memo =
      batch.circuit === 'sweep'
        ? encryptMoves(after.salts.key, moves, batch.window, sweeps[batch.rung]!.steps, digest)
        : ('0x' as const)
    return { openings, batch, digest, proof, memo }
  }

  async #prove({ batch, input }: Transition, options: ProveOptions): Promise<Proven> {
    const { proofs, keys, health } = this.#parts
    health.proving++
    try {
      return await proofs.prove(keys, circuitOf(batch), input, options)
    } finally {
      health.proving--
      health.progress()
    }
  }

  /** Has the log say what a settlement did to anybody's money. */
  #tell(steps: readonly Step[], transaction: Hex, settlement: number): void {
    const { assets, log } = this.#parts
    for (const { results, resolutions } of steps) {
      const lines = [
        ...resolutions.flatMap((resolution) => resolutionLine(assets, resolution) ?? []),
        ...results.map((result) => operationLine(assets, result)),
      ]
      for (const { fields, message } of lines) log.info({ ...fields, settlement, transaction }, message)
    }
  }

  /** Gives up the operation that prover or contract refuse for what it is, once it is known which one that is. */
  async #blame(error: unknown, units: Step['units'], batches: readonly ProvenBatch[]): Promise<void> {
    if (!(await this.#isRefusal(error, batches).catch(() => false))) return
    const blamed = this.#quarantine.refused(units)
    await this.#parts.pool.recordFailed(new Map(blamed.map((id) => [id, 'REJECTED'])))
  }

  /**
   * Whether an error is about what a transaction holds. It is not where prover or contract refuse a batch without operations as
   * well: then the prover is out of order, the clock has run on, or the endpoint lags behind.
   */
  async #isRefusal(error: unknown, batches: readonly ProvenBatch[]): Promise<boolean> {
    const { contracts, signer, view } = this.#parts
    const refused = error instanceof ContractRefusal && !LATE.includes(error.errorName)
    if (!refused && !(error instanceof ProofFailure)) return false
    const { state, now, round } = view.snapshot
    // A round that came while the transaction was on its way voids it, whatever it holds.
    if (refused && (await contracts.settlement.round()).number !== round.number) return false
    const { batch, input } = state.system.clone().transact([], this.#validUntil(now))
    const { proof, signals } = await this.#parts.proofs.prove(this.#parts.keys, 'transact', input)
    if (!refused) return true
    const nothing: ProvenBatch = { openings: [], batch, digest: signals[0]!, proof, memo: '0x' }
    // Asked last once more: what an endpoint said that has caught up since counts for nothing.
    return (await contracts.settlement.takes(signer, [nothing])) && !(await contracts.settlement.takes(signer, batches))
  }

  /**
   * Time until which what is proven now may be settled. It stays the same for a while, so that a proof that a crash left behind
   * fits again, and no longer than the operations that wait are good for.
   */
  #validUntil(now: number): bigint {
    const { pool, contracts } = this.#parts
    const { provingTime } = contracts.clocks
    const [least, latest] = [
      BigInt(now + Math.ceil(provingTime / 4)),
      BigInt(Math.ceil((now + provingTime) / provingTime) * provingTime),
    ]
    return pool
      .units()
      .flatMap((unit) => unit.map(({ operation }) => operation.expiry))
      .reduce((until, expiry) => (expiry >= least && expiry < until ? expiry : until), latest)
  }

  /**
   * Accounts whose owners have nothing under way, each once a day: their next version is nobody's loss. Whether a round has decoys
   * alone is drawn once for it, and not where it had some already.
   */
  #decoys({ salts }: System, { number, timestamp }: NodeSnapshot['round'], now: number): Decoys {
    const { pool, view } = this.#parts
    const { decoyed } = view.snapshot.state
    const hadSome = [...decoyed.values()].some((time) => time >= timestamp)
    return {
      // As of when it is asked: owners sign on while the sweeps before a resolve are proven.
      get mayBe() {
        const busy = pool.busy()
        return (index: number) => !busy.has(index) && (decoyed.get(index) ?? -DECOY_PAUSE) <= now - DECOY_PAUSE
      },
      alone: !hadSome && salts.random('plimsoll.round', number)() < DECOY_ROUNDS,
    }
  }

  /** All there is to do, one batch at a time: distress comes first, and in the end everything that was written is placed. */
  *#steps(
    next: System,
    { custody, now, round, deposits, forced }: NodeSnapshot,
    plan: { failures: Map<Hex, RefusalCode>; wantsRound: boolean },
    former: readonly number[],
  ): Generator<Step> {
    const { pool } = this.#parts
    const started = performance.now()
    let steps = 0
    const step = (work: Work, urgency: Urgency, units: Step['units'] = [], results: Step['results'] = []): Step => {
      steps++
      return { ...work, urgency, units, results, after: next.clone() }
    }
    let { auctions } = custody
    const decoys = custody.fresh && this.#parts.decoys ? this.#decoys(next, round, now) : undefined
    for (const work of completeRound(next, decoys)) {
      const { batch } = work.transition
      if (batch.circuit === 'resolve') auctions = withLots(custody, auctions, batch.backstopDelta)
      yield step(work, 'distress')
    }
    if (!custody.fresh) return
    const validUntil = this.#validUntil(now)
    // A look that takes up no more than a transaction's worth keeps neither the next round nor deposits waiting.
    const most = Math.min(MAX_BATCHES * next.ledger.shape.transact.steps, this.#quarantine.most)
    const selection = selectOperations({
      round: round.number,
      deposits,
      forced,
      system: next,
      custody: { ...custody, auctions },
      validUntil,
      pool,
      most,
      former,
    })
    pool.rekeying(selection.rekeyed)
    plan.wantsRound = selection.wantsRound
    const taken: Hex[] = []
    let cut = false
    for (const [i, { operations, units }] of selection.batches.entries()) {
      // What is left is taken up at the next look, which comes the sooner.
      cut = i > 0 && performance.now() - started >= this.#patience
      if (cut) break
      taken.push(...units.flat())
      pool.proving(taken)
      const { results, ...transition } = next.transact(operations, validUntil, pool.signatures.verify)
      yield step({ openings: [], transition, moves: [], resolutions: [] }, 'operations', units, results)
    }
    // What fails after something that was left may not fail at the next look.
    for (const [id, code] of selection.failures) if (!cut || code === 'EXPIRED') plan.failures.set(id, code)
    for (const work of completeRound(next)) yield step(work, 'operations')
    const isIdle = steps === 0 && pool.units().length + deposits.length + forced.length === 0
    if (!isIdle || this.#parts.ahead === 0 || this.#aheadIn === round.number) return
    this.#aheadIn = round.number
    for (const work of sweepAhead(next, this.#parts.ahead, AHEAD_BATCHES)) yield step(work, 'ahead')
  }
}

/** The auctions with what a resolve brings: lots of the round. */
function withLots(
  { auctionParameters, now }: Custody,
  auctions: Custody['auctions'],
  delta: readonly bigint[],
): Custody['auctions'] {
  return auctions.map((auction, a) =>
    a === 0 ? auction : changeBackstop(auction, delta[a]!, now, 'resolve', auctionParameters),
  )
}
