import type { Address } from 'viem'
import { Contracts } from '../../chain/contracts.ts'
import type { Custody } from '../../chain/custody.ts'
import { Settlement } from '../../chain/settlement.ts'
import { readSymbols } from '../../chain/symbols.ts'
import { DirectoryLock } from '../../lib/directory-lock.ts'
import { PlimsollError, Refusal } from '../../protocol/errors.ts'
import type { System } from '../../protocol/system.ts'
import { hashByKernel } from '../../prover/kernel/hashing.ts'
import { keyFile } from '../../prover/key-files.ts'
import type { BatchKeys } from '../../prover/keys.ts'
import type { ProfileName } from '../../prover/profiles.ts'
import type { ProofSource } from '../../prover/proof-service.ts'
import type { SigningClient } from '../../sdk/chain/client.ts'
import { refusal } from '../../sdk/chain/contract-errors.ts'
import type { ChainEndpoint } from '../../sdk/chain/endpoint.ts'
import type { DeploymentInfo } from '../../sdk/schemas.ts'
import { AuctionBook } from '../api/auctions.ts'
import { RoundBook } from '../api/rounds.ts'
import { WithdrawalBook } from '../api/withdrawals.ts'
import { Journal } from '../mempool/journal.ts'
import { OperationPool } from '../mempool/operation-pool.ts'
import { BackgroundCheck } from '../state/background-check.ts'
import { type NodeLog, SILENT } from '../state/node-log.ts'
import { ProofStore } from '../state/proof-store.ts'
import { readDeployment, Store } from '../state/store.ts'
import { ChainView, type NodeSnapshot } from './chain-view.ts'
import { makeCheckpoint } from './checkpoints.ts'
import { NodeHealth } from './node-health.ts'
import { PythUpdates } from './pyth-updates.ts'
import { RoundPoster, sourceProblem } from './round-poster.ts'
import { RoundSettler, type Settled } from './round-settler.ts'

/** Report of a look: public aggregates only. */
export interface RoundReport extends Omit<Settled, 'wantsRound'> {
  readonly round: number
  /** As posted, assets 1..7. */
  readonly prices: readonly bigint[]
  readonly seconds: number
}

/** Parts of a node besides its state and the chain. */
export interface NodeOptions {
  /** Maker of its proofs; the caller closes it. */
  readonly proofs: ProofSource
  /** Milliseconds for which a look takes up operations before it settles them; ten seconds where it is left out. */
  readonly patience?: number
  readonly log?: NodeLog
  /** Whether it writes decoys, as it does where this is left out; without them a run of it can be repeated. */
  readonly decoys?: boolean
  /** Log-distance of moves of prices ahead of which it sweeps accounts while it is idle, once a round; not at all where it is left out. */
  readonly ahead?: number
  /** Milliseconds until all of the stored state is checked in the background; half a minute where it is left out. */
  readonly checkDelay?: number
  /** URL of a service of Pyth's price updates, to be brought before each round. */
  readonly pyth?: string
}

/** Milliseconds for which a look takes up operations: their owners wait for about twice as long. */
const PATIENCE = 10_000
/** Milliseconds after which the stored state is checked: what is there to do at a start comes first. */
const CHECK_DELAY = 30_000

interface Parts {
  readonly contracts: Contracts
  readonly keys: BatchKeys
  readonly deployment: DeploymentInfo
  readonly signer: SigningClient
  readonly journal: Journal
  readonly lock: DirectoryLock
  readonly store: Store
  readonly view: ChainView
  readonly pool: OperationPool
  readonly settler: RoundSettler
  readonly proofs: ProofStore
  readonly log: NodeLog
  readonly updates: PythUpdates | undefined
  readonly check: BackgroundCheck
  readonly health: NodeHealth
  readonly directory: string
}

/** Posts rounds from the feeds, carries out what owners and the chain ask for, and keeps the system complete. */
export class SequencerNode {
  readonly settlement: Settlement
  /** Addresses, assets and fees, as a wallet has to know them. */
  readonly deployment: DeploymentInfo
  /** Takes owners' operations. */
  readonly pool: OperationPool
  readonly withdrawals: WithdrawalBook
  readonly auctions: AuctionBook
  readonly rounds: RoundBook
  /** Record of its looks. */
  readonly health: NodeHealth
  readonly #contracts: Contracts
  readonly #keys: BatchKeys
  readonly #signer: SigningClient
  readonly #journal: Journal
  readonly #lock: DirectoryLock
  readonly #store: Store
  readonly #view: ChainView
  readonly #poster: RoundPoster
  readonly #settler: RoundSettler
  readonly #proofs: ProofStore
  readonly #log: NodeLog
  readonly #check: BackgroundCheck
  /** Directory of its state. */
  readonly directory: string
  /** Ends when all of the stored state was checked, which a start does not wait for: `health` has what was found. */
  readonly checked: Promise<void>
  /** The latest round that was completed. */
  #handled = 0

  private constructor(parts: Parts) {
    const { contracts, signer, log, health } = parts
    this.settlement = contracts.settlement
    this.deployment = parts.deployment
    this.pool = parts.pool
    this.withdrawals = new WithdrawalBook(contracts)
    this.auctions = new AuctionBook(contracts)
    this.rounds = new RoundBook(contracts)
    this.#contracts = contracts
    this.#keys = parts.keys
    this.#signer = signer
    this.#journal = parts.journal
    this.#lock = parts.lock
    this.#store = parts.store
    this.#view = parts.view
    this.#poster = new RoundPoster(contracts, signer, parts.updates, log)
    this.#settler = parts.settler
    this.#proofs = parts.proofs
    this.#log = log
    this.#check = parts.check
    this.checked = parts.check.result.then(
      () => {},
      (error: Error) => {
        health.damage = error.message
        log.error({ event: 'damage' }, error.message)
      },
    )
    this.health = health
    this.directory = parts.directory
    signer.endpoint.observe(({ outcome }) => outcome === 'ok' && health.progress())
  }

  /**
   * Opens the state in `directory`, at the version that the chain has, and keeps other nodes out of it.
   * @throws PlimsollError when it is not the chain's or in use, or the sender is not the operator
   */
  static async open(
    directory: string,
    signer: SigningClient,
    keysOf: (profile: ProfileName) => Promise<BatchKeys>,
    options: NodeOptions,
  ): Promise<SequencerNode> {
    return SequencerNode.#opened(directory, signer, keysOf, options).catch((error: unknown) => {
      throw refusal(error, 'a query')
    })
  }

  static async #opened(
    directory: string,
    signer: SigningClient,
    keysOf: (profile: ProfileName) => Promise<BatchKeys>,
    {
      proofs: source,
      patience = PATIENCE,
      log = SILENT,
      decoys = true,
      ahead = 0,
      pyth,
      checkDelay = CHECK_DELAY,
    }: NodeOptions,
  ): Promise<SequencerNode> {
    hashByKernel()
    const { chainId, settlement: address, profile } = await readDeployment(directory)
    // Read and checked while the chain is asked. That they cannot be is told once it is known that they are the right ones.
    const loading = keysOf(profile)
    loading.catch(() => {})
    if (chainId !== signer.chainId)
      throw new PlimsollError(
        `The state in ${directory} is of chain ${chainId}, but ${signer.url} is chain ${signer.chainId}.`,
      )
    const settlement = await Settlement.at(signer, address)
    const config = await settlement.config()
    if (config.operator.toLowerCase() !== signer.sender.toLowerCase())
      throw new PlimsollError(`The operator of ${address} is ${config.operator}, not ${signer.sender}.`)
    const contracts = await Contracts.of(settlement)
    const keys = await loading
    await settlement.requireKeys(keys)
    const lock = await DirectoryLock.acquire(directory)
    let store: Store | undefined
    let journal: Journal | undefined
    try {
      store = await Store.open(directory)
      store.use(config.sequencerKey)
      const view = await ChainView.open(contracts, store, signer)
      const { state } = view.snapshot
      const deployment = await contracts.describe(profile, await readSymbols(directory))
      journal = await Journal.open(directory)
      const pool = new OperationPool(journal, contracts.clocks.provingTime, view, log)
      const proofs = new ProofStore(store.database, source)
      const health = new NodeHealth()
      await pool.recordSettled(state)
      const settler = new RoundSettler({
        contracts,
        keys,
        signer,
        store,
        view,
        pool,
        proofs,
        assets: deployment.assets,
        log,
        health,
        patience,
        decoys,
        ahead,
        unclean: lock.takenOver,
      })
      if (lock.takenOver)
        log.warn(
          { event: 'unclean' },
          'the process before this one did not come to its end: the first settlements are small',
        )
      return new SequencerNode({
        contracts,
        keys,
        deployment,
        signer,
        journal,
        lock,
        store,
        view,
        pool,
        settler,
        proofs,
        log,
        health,
        directory,
        check: new BackgroundCheck(directory, checkDelay),
        updates: pyth === undefined ? undefined : new PythUpdates(signer, pyth, contracts.oracles.address),
      })
    } catch (error) {
      await journal?.close()
      store?.close()
      await lock.release()
      throw error
    }
  }

  /** The state as of the last settlement, at the latest round's marks. */
  get system(): System {
    return this.#view.snapshot.state.system
  }

  /** Whether an account has traded with another: until then what it holds follows from public terms. */
  hasTraded(index: number): boolean {
    return this.#view.snapshot.state.traded.has(index)
  }

  /** Whether the system is complete at the latest round this node handled. */
  get complete(): boolean {
    return this.system.ledger.isComplete()
  }

  get round(): number {
    return this.#handled
  }

  /** The latest round on the chain, as of the last look. */
  get latestRound(): { readonly number: number; readonly timestamp: number } {
    const { number, timestamp } = this.#view.snapshot.round
    return { number, timestamp: Number(timestamp) }
  }

  get custody(): Custody {
    return this.#view.snapshot.custody
  }

  /** Releases what holds the process, and its directory. */
  async close(): Promise<void> {
    this.#check.end()
    await this.#journal.close()
    this.#store.close()
    await this.#lock.release()
  }

  /**
   * One look at the chain: posts a round if the feeds moved or the round grows old and the contract allows it, then proves
   * and settles until the system is complete at the latest round and nothing waits that can be carried out. Returns what it
   * did, if there was anything to do.
   * @throws PlimsollError when the chain refuses; the state on disk stays one that the chain has
   */
  step(onProof?: (done: number) => void): Promise<RoundReport | undefined> {
    return this.health.look(() =>
      this.#work(onProof).catch((error: unknown) => {
        throw refusal(error, 'a query')
      }),
    )
  }

  /** The node's view of the chain, as of its last look. */
  get snapshot(): NodeSnapshot {
    return this.#view.snapshot
  }

  get operator(): Address {
    return this.#signer.sender
  }

  get endpoint(): ChainEndpoint {
    return this.#signer.endpoint
  }

  /** Age of a checkpoint at which the system stalls, seconds. */
  get grace(): number {
    return this.#contracts.clocks.grace
  }

  /** Gas of the latest settlement. */
  get settlementGas(): bigint {
    return this.#settler.gasUsed
  }

  /** Number of accounts that a former key of the sequencer can still read, as of the last look. */
  get accountsToRekey(): number {
    return this.#settler.rekeying.left
  }

  /** Path of the proving key or witness program with a hash, for provers elsewhere; undefined where it has none such. */
  keyFile(sha256: string): Promise<string | undefined> {
    return keyFile(this.#keys, sha256)
  }

  /** Number of proofs that a crash had left behind. */
  get reusedProofs(): number {
    return this.#proofs.reused
  }

  /** @throws Refusal with the reason why no operation could be taken and carried out now */
  async requireReady(): Promise<void> {
    await this.#view.requireOwnState()
    const unready = (why: string) => new Refusal('UNAVAILABLE', why)
    if (this.custody.frozen) throw new Refusal('FROZEN', 'The system is frozen.')
    if (!this.custody.fresh) throw new Refusal('NO_FRESH_ROUND', 'There is no round with fresh prices now.')
    if (this.health.lastLook === undefined) throw unready('The node has not looked at the chain yet.')
    const trouble = this.health.trouble()
    if (trouble !== undefined) throw unready(trouble)
  }

  async #work(onProof?: (done: number) => void): Promise<RoundReport | undefined> {
    const started = performance.now()
    const { restored } = this.#journal
    await this.#journal.requireFile()
    if (this.#journal.restored > restored)
      this.#log.error(
        { event: 'journal' },
        'the journal was deleted: it is written anew from what this process remembers',
      )
    let snapshot = await this.#syncChain()
    // A feed that fails must not keep a round that still counts from being settled.
    let problem: unknown
    const postGas = await this.#poster.post(snapshot).catch((error: unknown) => {
      problem = error
      return 0n
    })
    this.health.problem =
      problem instanceof Error
        ? refusal(problem, 'a round').message
        : sourceProblem(snapshot, (a) => this.deployment.assets[a]?.symbol ?? `asset ${a}`)
    if (postGas > 0n) snapshot = await this.#syncChain()
    const { round, custody } = snapshot
    if (custody.frozen)
      throw new PlimsollError(
        'The system is frozen for good: owners leave by the escape, and there is nothing left to do for a node.',
      )
    const isNew = round.number !== this.#handled
    const report = round.number === 0 ? undefined : await this.#settled(snapshot, onProof)
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

  /** Reads the chain, and takes up another state where it has one. */
  async #syncChain(): Promise<NodeSnapshot> {
    const before = this.#view.snapshot
    const snapshot = await this.#view.syncChain()
    if (before.root !== snapshot.root || before.heads.join() !== snapshot.heads.join()) {
      await this.pool.recordSettled(snapshot.state)
      this.#handled = 0
      const { settlements } = snapshot.state
      this.#log.warn(
        { event: 'followed', settlement: settlements, before: before.state.settlements },
        `the chain has the state of settlement ${settlements} now: that of ${before.state.settlements} was the last known`,
      )
    }
    return snapshot
  }

  async #settled(
    snapshot: NodeSnapshot,
    onProof?: (done: number) => void,
  ): Promise<Omit<RoundReport, 'round' | 'prices' | 'seconds'>> {
    const { wantsRound, ...report } = await this.#settler.settle(snapshot, onProof)
    this.#poster.wanted = wantsRound
    if (report.proofs === 0 && (await makeCheckpoint(this.#contracts, this.#signer, this.#view.snapshot)))
      this.#log.info({ event: 'checkpoint', round: snapshot.round.number }, 'a checkpoint was made')
    this.#handled = snapshot.round.number
    return report
  }
}
