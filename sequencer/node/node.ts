import type { Abi, Address, Hex } from 'viem'
import { Contracts, type ForcedRequest, type WaitingDeposit } from '../../chain/contracts.ts'
import { type Custody, NO_CUSTODY } from '../../chain/custody.ts'
import { type ProvenBatch, Settlement } from '../../chain/settlement.ts'
import { readSymbols } from '../../chain/symbols.ts'
import { DirectoryLock } from '../../lib/directory-lock.ts'
import type { Batch } from '../../protocol/batch.ts'
import type { CircuitInput } from '../../protocol/circuit-input.ts'
import { ASSETS, INBOX } from '../../protocol/constants.ts'
import { PlimsollError, type RefusalCode } from '../../protocol/errors.ts'
import type { Marks } from '../../protocol/marks.ts'
import type { System } from '../../protocol/system.ts'
import type { KeySet } from '../../prover/keys.ts'
import { prove } from '../../prover/prove.ts'
import { FEED_ABI } from '../../sdk/abi/feed.ts'
import { ROUNDS_ABI } from '../../sdk/abi/rounds.ts'
import { LOCAL_CHAINS, type SigningClient } from '../../sdk/chain/client.ts'
import { ContractRefusal, refusal } from '../../sdk/chain/contract-errors.ts'
import { sendCall } from '../../sdk/chain/send-call.ts'
import type { DeploymentInfo } from '../../sdk/schemas.ts'
import { WithdrawalBook } from '../api/withdrawals.ts'
import { Journal } from '../mempool/journal.ts'
import { OperationPool } from '../mempool/operation-pool.ts'
import { selectOperations } from '../mempool/select-operations.ts'
import { completeRound, type Work } from '../planner/complete-round.ts'
import { type NodeState, REMEMBERED, Store } from '../state/store.ts'
import { encryptMoves, type MemoKey, memoKey } from '../state/sweep-memo.ts'
import { OperationQuarantine } from './operation-quarantine.ts'

/** Report of a round: public aggregates only. */
export interface RoundReport {
  readonly round: number
  /** As posted, assets 1..7. */
  readonly prices: readonly bigint[]
  /** Non-empty slots whose envelope the new marks left. */
  readonly expired: number
  readonly swept: number
  readonly liquidated: number
  readonly closed: number
  /** In base units of cash. */
  readonly badDebt: bigint
  /** Number of operations: of owners, deposits and forced requests; each half of a trade is one. */
  readonly operations: number
  readonly proofs: number
  readonly seconds: number
  readonly gas: bigint
  readonly complete: boolean
}

/** Options of a node; a test may replace what proves. */
export interface NodeOptions {
  readonly prove?: typeof prove
}

/** The prover refused a batch. */
class ProofFailure extends PlimsollError {}

interface Fields {
  readonly settlement: Settlement
  readonly contracts: Contracts
  readonly deployment: DeploymentInfo
  readonly keys: KeySet
  readonly signer: SigningClient
  readonly store: Store
  readonly feeds: readonly Address[]
  readonly state: NodeState
  readonly journal: Journal
  readonly lock: DirectoryLock
  readonly prove: typeof prove
}

/** Deposits and forced requests that wait on the chain. */
interface Inflow {
  readonly round: number
  readonly now: number
  readonly custody: Custody
  readonly deposits: readonly WaitingDeposit[]
  readonly forced: readonly ForcedRequest[]
}

/** A batch to prove, and the owners' operations that it carries out, by unit. */
type Step = Work & { readonly units: readonly (readonly Hex[])[] }

/** Batches of one transaction: what fits the gas a transaction may use. */
const MAX_BATCHES = 12
/** Seconds that a development chain may be behind its own clock. */
const STANDSTILL = 60n
/** Refusals of the contract that come of the time a look took, not of what is in it. */
const LATE: readonly string[] = ['NoFreshRound', 'BatchExpired', 'Frozen']

/** Posts rounds from the feeds, carries out what owners and the chain ask for, and keeps the system complete. */
export class SequencerNode {
  readonly settlement: Settlement
  /** Facts about the deployment that a wallet has to know. */
  readonly deployment: DeploymentInfo
  /** Takes owners' operations. */
  readonly pool: OperationPool
  readonly withdrawals: WithdrawalBook
  /** The last completed step's error, if it failed. */
  failure: string | undefined
  readonly #contracts: Contracts
  readonly #keys: KeySet
  readonly #signer: SigningClient
  readonly #store: Store
  readonly #feeds: readonly Address[]
  readonly #journal: Journal
  readonly #lock: DirectoryLock
  readonly #prove: typeof prove
  readonly #memoKey: MemoKey
  #current: NodeState
  #custodyNow: Custody = NO_CUSTODY
  #roundNow = { number: 0, timestamp: 0 }
  /** The latest round that was completed. */
  #handled = 0
  /** The feeds' answers that the latest round was posted for. */
  #posted = ''
  /** A forced request can only be discharged at a round that is younger than it. */
  #wantsRound = false
  readonly #quarantine = new OperationQuarantine()

  private constructor({
    settlement,
    contracts,
    deployment,
    keys,
    signer,
    store,
    feeds,
    state,
    journal,
    lock,
    prove,
  }: Fields) {
    this.settlement = settlement
    this.#contracts = contracts
    this.deployment = deployment
    this.#keys = keys
    this.#signer = signer
    this.#store = store
    this.#feeds = feeds
    this.#journal = journal
    this.#lock = lock
    this.#prove = prove
    this.#memoKey = memoKey(state.system.secret!, signer.chainId, settlement.address)
    this.#current = state
    this.pool = new OperationPool(journal, contracts.clocks.provingTime, { state, custody: NO_CUSTODY, now: 0 })
    this.withdrawals = new WithdrawalBook(contracts)
  }

  /**
   * Opens the state in `directory`, at the version that the chain has, and keeps other nodes out of it.
   * @throws PlimsollError when it is not the chain's or in use, or the sender is not the operator
   */
  static async open(
    directory: string,
    signer: SigningClient,
    keysOf: (profile: KeySet['profile']['name']) => Promise<KeySet>,
    options: NodeOptions = {},
  ): Promise<SequencerNode> {
    return SequencerNode.#opened(directory, signer, keysOf, options).catch((error: unknown) => {
      throw refusal(error, 'a query')
    })
  }

  static async #opened(
    directory: string,
    signer: SigningClient,
    keysOf: (profile: KeySet['profile']['name']) => Promise<KeySet>,
    options: NodeOptions,
  ): Promise<SequencerNode> {
    const store = await Store.open(directory)
    const { chainId, settlement: address, profile } = store.deployment
    if (chainId !== signer.chainId)
      throw new PlimsollError(
        `The state in ${directory} is of chain ${chainId}, but ${signer.url} is chain ${signer.chainId}.`,
      )
    const settlement = await Settlement.at(signer, address)
    const config = await settlement.config()
    if (config.operator.toLowerCase() !== signer.sender.toLowerCase())
      throw new PlimsollError(`The operator of ${address} is ${config.operator}, not ${signer.sender}.`)
    const contracts = await Contracts.of(settlement)
    const keys = await keysOf(profile)
    await settlement.requireKeys(keys)
    const lock = await DirectoryLock.acquire(directory)
    let journal: Journal | undefined
    try {
      const state = await storedState(store, settlement, signer)
      if (state.system.ledger.domain.sequencer.join() !== config.sequencerKey.join())
        throw new PlimsollError(`WRONG_KEY: the sequencer key at hand is not that of the settlement ${address}.`)
      const deployment = await contracts.describe(profile, await readSymbols(directory))
      journal = await Journal.open(directory)
      const node = new SequencerNode({
        settlement,
        contracts,
        deployment,
        keys,
        signer,
        store,
        feeds: await settlement.feeds(),
        state,
        journal,
        lock,
        prove: options.prove ?? prove,
      })
      await node.#lookAround()
      await node.pool.recordSettled(state)
      return node
    } catch (error) {
      await journal?.close()
      await lock.release()
      throw error
    }
  }

  /** The state as of the last settlement, at the latest round's marks. */
  get system(): System {
    return this.#current.system
  }

  /** Whether the system is complete at the latest round this node handled. */
  get complete(): boolean {
    return this.#current.system.ledger.isComplete()
  }

  get round(): number {
    return this.#handled
  }

  /** The latest round on the chain, as of the last look. */
  get latestRound(): { readonly number: number; readonly timestamp: number } {
    return this.#roundNow
  }

  get custody(): Custody {
    return this.#custodyNow
  }

  /** Releases what holds the process, and its directory. */
  async close(): Promise<void> {
    await this.#journal.close()
    await this.#lock.release()
  }

  /**
   * One look at the chain: posts a round if the feeds moved or the round grows old and the contract allows it, then proves
   * and settles until the system is complete at the latest round and nothing waits that can be carried out. Returns what it
   * did, if there was anything to do.
   * @throws PlimsollError when the chain refuses; the state on disk stays one that the chain has
   */
  async step(onProof?: (done: number) => void): Promise<RoundReport | undefined> {
    try {
      return await this.#look(onProof)
    } catch (error) {
      throw refusal(error, 'a query')
    }
  }

  async #look(onProof?: (done: number) => void): Promise<RoundReport | undefined> {
    await this.#followChain()
    await wake(this.#signer)
    const started = performance.now()
    // A feed that fails must not keep a round that still counts from being settled.
    let problem: unknown
    const postGas = await this.#post().catch((error: unknown) => {
      problem = error
      return 0n
    })
    const inflow = await this.#lookAround()
    if (inflow.custody.frozen)
      throw new PlimsollError(
        'The system is frozen for good: owners leave by the escape, and there is nothing left to do for a node.',
      )
    const round = await this.settlement.round()
    const report = round.number === 0 ? undefined : await this.#settleRound(inflow, onProof)
    const isNew = round.number !== this.#handled
    if (report !== undefined) this.#handled = round.number
    if (report === undefined || (!isNew && report.proofs === 0)) {
      if (problem !== undefined) throw problem
      return undefined
    }
    return {
      round: round.number,
      prices: round.prices,
      ...report,
      gas: report.gas + postGas,
      seconds: Math.round(performance.now() - started) / 1000,
    }
  }

  /** Takes up the state that the chain has, where that is not the current one: an answer was lost, or a settlement undone. */
  async #followChain(): Promise<void> {
    // One that was sent and not mined in time: another behind it would be no sooner, and void if that one comes to be mined.
    await requireNothingPending(this.#signer)
    const [root, heads] = await Promise.all([this.settlement.view('accountsRoot'), this.settlement.view('heads')])
    const { ledger } = this.#current.system
    if (ledger.root === root && ledger.heads.join() === heads.join()) return
    this.#current = await storedState(this.#store, this.settlement, this.#signer)
    await this.pool.recordSettled(this.#current)
    this.#handled = 0
  }

  /** Reads the contracts' state and their queues; the operation pool judges by them from here on. */
  async #lookAround(): Promise<Inflow> {
    const { timestamp } = await this.#signer.read.getBlock()
    const now = Number(timestamp)
    const round = await this.settlement.round()
    const custody = await this.#contracts.custody()
    if (round.number > 0) this.#current.system.setMarks(await this.settlement.marks())
    // Checkpoints, insurers and donors change it too: only the contract knows.
    this.#current.system.ledger.backstop.splice(0, ASSETS, ...(await this.settlement.backstop()))
    const [deposits, forced] = custody.frozen
      ? [[], []]
      : [await this.#contracts.deposits(), await this.#contracts.forcedRequests(now)]
    this.#custodyNow = custody
    this.#roundNow = { number: round.number, timestamp: Number(round.timestamp) }
    this.pool.reset({ state: this.#current, custody, now })
    return { round: round.number, now, custody, deposits, forced }
  }

  /** Posts a round where there is reason to; the gas it took. */
  async #post(): Promise<bigint> {
    const { number, timestamp } = await this.settlement.round()
    const block = await this.#signer.read.getBlock()
    const age = Number(block.timestamp - timestamp)
    const answers = await this.#answers()
    const stale = age >= this.#contracts.clocks.maxAge / 2
    if (number > 0 && answers === this.#posted && !stale && !this.#wantsRound) return 0n
    try {
      const { gasUsed } = await sendCall(this.#signer, {
        address: this.#contracts.rounds.address,
        abi: [...ROUNDS_ABI, ...this.settlement.abi] as Abi,
        functionName: 'postRound',
        args: [],
      })
      this.#posted = answers
      this.#wantsRound = false
      return gasUsed
    } catch (error) {
      // The contract's clock decides: another look will do. A frozen system says so below.
      if (error instanceof ContractRefusal && (error.errorName === 'RoundTooEarly' || error.errorName === 'Frozen'))
        return 0n
      throw error
    }
  }

  async #answers(): Promise<string> {
    const rounds = await Promise.all(
      this.#feeds.map((address) =>
        this.#signer.read.readContract({ address, abi: FEED_ABI, functionName: 'latestRoundData' }).catch(() => {
          throw new PlimsollError(`The feed ${address} does not answer.`)
        }),
      ),
    )
    return rounds.map(([, answer, , updatedAt]) => `${answer}@${updatedAt}`).join()
  }

  async #settleRound(
    inflow: Inflow,
    onProof?: (done: number) => void,
  ): Promise<Omit<RoundReport, 'round' | 'prices' | 'seconds'>> {
    // Worked out on a copy: if anything fails, this state is still the chain's.
    const next = this.#current.system.clone()
    const { ledger } = next
    const badDebtBefore = ledger.badDebt
    const expired = ledger.heads.filter((head, slot) => slot > 1 && head !== 0n && !ledger.isCovered(slot)).length
    const counts = { swept: 0, liquidated: 0, closed: 0, operations: 0, proofs: 0 }
    const failures = new Map<Hex, RefusalCode>()
    let units: (readonly Hex[])[] = []
    let gas = 0n
    let batches: ProvenBatch[] = []
    const settle = async () => {
      if (batches.length === 0) return
      const state = nextState(this.#current, next.clone(), units.flat())
      await this.#store.save(state)
      const { gasUsed, transactionHash } = await this.settlement.settle(this.#signer, batches)
      gas += gasUsed
      batches = []
      units = []
      this.#current = state
      await this.pool.recordSettled(state, transactionHash)
      this.pool.reset({ state, custody: inflow.custody, now: this.pool.now() })
      await this.#store.prune()
    }
    try {
      for (const step of this.#steps(next, inflow, failures)) {
        const {
          openings,
          transition: { batch, input },
          moves,
          resolutions,
        } = step
        units.push(...step.units)
        const { proof, signals } = await this.#provenBatch(batch.circuit, input)
        const digest = signals[0]!
        const memo =
          batch.circuit === 'sweep'
            ? encryptMoves(this.#memoKey, moves, batch.window, ledger.shape.sweep.steps, digest)
            : '0x'
        batches.push({ openings, batch, digest, proof, memo })
        counts.proofs++
        onProof?.(counts.proofs)
        if (batch.circuit === 'sweep') counts.swept += batch.active
        if (batch.circuit === 'transact') counts.operations += batch.active
        for (const { liquidation } of resolutions) {
          if (liquidation === undefined || liquidation.status === 'healthy') continue
          counts.liquidated++
          if (liquidation.status === 'closed') counts.closed++
        }
        if (batches.length === MAX_BATCHES) await settle()
      }
      await settle()
    } catch (error) {
      const blamed = (await this.#isRefusal(error, inflow)) ? this.#quarantine.refused(units) : []
      if (blamed.length > 0 && error instanceof ProofFailure && !(await this.#provesNothing(inflow))) throw error
      await this.pool.recordFailed(new Map(blamed.map((id) => [id, 'REJECTED'])))
      throw error
    } finally {
      this.pool.proving([])
    }
    this.#quarantine.passed()
    await this.pool.recordFailed(failures)
    this.#custodyNow = await this.#contracts.custody()
    this.pool.reset({ state: this.#current, custody: this.#custodyNow, now: this.pool.now() })
    const complete = await this.settlement.view('isComplete')
    if (complete && counts.proofs === 0) await this.#checkpoint(inflow)
    return { expired, ...counts, badDebt: ledger.badDebt - badDebtBefore, gas, complete }
  }

  async #provenBatch(circuit: Batch['circuit'], input: CircuitInput): Promise<Awaited<ReturnType<typeof prove>>> {
    try {
      return await this.#prove(this.#keys, circuit, input)
    } catch (error) {
      throw new ProofFailure(
        `No proof could be made for a batch of ${circuit}: ${error instanceof Error ? error.message.split('\n')[0] : String(error)}`,
      )
    }
  }

  /** Whether an error is about what a transaction holds, rather than about time, or an endpoint that does not answer. */
  async #isRefusal(error: unknown, { round }: Inflow): Promise<boolean> {
    if (error instanceof ProofFailure) return true
    if (!(error instanceof ContractRefusal) || LATE.includes(error.errorName)) return false
    // Proofs at the marks of a round are void at the next, and from an endpoint that lags behind nothing follows.
    return Promise.all([this.settlement.round(), this.settlement.view('accountsRoot')]).then(
      ([{ number }, root]) => number === round && root === this.#current.system.ledger.root,
      () => false,
    )
  }

  /** Whether the prover proves a batch without operations: else it is the prover that is out of order. */
  #provesNothing({ now }: Inflow): Promise<boolean> {
    const { input } = this.#current.system.clone().transact([], BigInt(now))
    return this.#prove(this.#keys, 'transact', input).then(
      () => true,
      () => false,
    )
  }

  /** All there is to do, one batch at a time: distress comes first, and in the end everything that was written is placed. */
  *#steps(next: System, inflow: Inflow, failures: Map<Hex, RefusalCode>): Generator<Step> {
    const { provingTime } = this.#contracts.clocks
    const liquidated = new Set<number>()
    for (const work of completeRound(next)) {
      const { batch } = work.transition
      if (batch.circuit === 'resolve') batch.backstopDelta.forEach((delta, a) => delta !== 0n && liquidated.add(a))
      yield { ...work, units: [] }
    }
    if (!inflow.custody.fresh) return
    const validUntil = inflow.now + 2 * provingTime
    const custody = restartedClocks(inflow.custody, liquidated, next)
    // A look that takes up no more than a transaction's worth keeps neither the next round nor deposits waiting.
    const most = Math.min(MAX_BATCHES * next.ledger.shape.transact.steps, this.#quarantine.most)
    const plan = selectOperations({
      ...inflow,
      system: next,
      custody,
      validUntil: BigInt(validUntil),
      pool: this.pool,
      most,
    })
    this.#wantsRound = plan.wantsRound
    for (const [id, code] of plan.failures) failures.set(id, code)
    this.pool.proving(plan.batches.flatMap(({ units }) => units.flat()))
    for (const { operations, units } of plan.batches) {
      const { results: _, ...transition } = next.transact(operations, BigInt(validUntil), this.pool.signatures.verify)
      yield { openings: [], transition, moves: [], resolutions: [], units }
    }
    for (const work of completeRound(next)) yield { ...work, units: [] }
  }

  /** A settlement that completes checkpoints by itself; without one it takes a call, where there is reason for it. */
  async #checkpoint({ custody, now, round }: Inflow): Promise<void> {
    if (!custody.fresh) return
    const due =
      (await this.#contracts.checkpointAge(now)) > this.#contracts.clocks.grace / 4 ||
      (await this.#contracts.awaitsCheckpoint(round))
    if (due) await this.settlement.send(this.#signer, 'checkpoint', [])
  }
}

/** The state after a settlement that carries out operations: what went into old ones is forgotten. */
function nextState({ settlements, applied }: NodeState, system: System, ids: readonly Hex[]): NodeState {
  const number = settlements + 1
  const remembered = [...applied].filter(([, settlement]) => settlement > number - REMEMBERED)
  return {
    system,
    settlements: number,
    applied: new Map([...remembered, ...ids.map((id): [Hex, number] => [id, number])]),
  }
}

/** A liquidation of an asset restarts the clock of its price at the backstop, also where another took back what it moved. */
function restartedClocks(
  custody: Custody,
  liquidated: ReadonlySet<number>,
  { ledger: { backstop, marks } }: System,
): Custody {
  const price = (a: number) => (backstop[a] === 0n || a === 0 ? 0n : (marks as Marks)[a]!.price)
  return { ...custody, unwindPrices: custody.unwindPrices.map((before, a) => (liquidated.has(a) ? price(a) : before)) }
}

/** A development chain that mines on demand stands still between transactions, and with it the time that contracts see. */
async function wake({ read, chainId }: SigningClient): Promise<void> {
  if (!LOCAL_CHAINS.includes(chainId)) return
  const [latest, next] = await Promise.all([read.getBlock(), read.getBlock({ blockTag: 'pending' })])
  if (next.timestamp <= latest.timestamp + STANDSTILL) return
  // Where there is no such method the chain mines by itself.
  await (read.request as (call: { method: string }) => Promise<unknown>)({ method: 'evm_mine' }).catch(() => {})
}

/** @throws PlimsollError when a transaction of the operator is pending: it may still change which state is the chain's */
async function requireNothingPending({ read, sender }: SigningClient): Promise<void> {
  const count = (blockTag: 'latest' | 'pending') =>
    read.getTransactionCount({ address: sender, blockTag }).catch((error: unknown) => {
      throw refusal(error, 'a count of transactions')
    })
  const [mined, sent] = await Promise.all([count('latest'), count('pending')])
  if (sent > mined) {
    throw new PlimsollError(
      `A transaction of ${sender} is still pending, its number ${mined}: it decides which state is the chain's.`,
      {
        hint: 'Wait until it is mined, or replace it with one of the same number and a higher fee.',
      },
    )
  }
}

/**
 * The stored version that the chain has.
 * @throws PlimsollError when it has none of them, or a transaction is pending
 */
async function storedState(store: Store, settlement: Settlement, signer: SigningClient): Promise<NodeState> {
  await requireNothingPending(signer)
  const [root, heads] = await Promise.all([settlement.view('accountsRoot'), settlement.view('heads')])
  const state = await store.find(root, heads)
  // Envelopes of empty slots may have been opened outside a settlement.
  for (let slot = INBOX + 1; slot < heads.length; slot++)
    state.system.ledger.envelopes[slot] = await settlement.envelope(slot)
  return state
}
