import type { Address, Hex } from 'viem'
import { Contracts } from '../chain/contracts.ts'
import { isGenuine, type Settlement } from '../chain/settlement.ts'
import { ASSETS, INBOX, SCALE } from '../protocol/constants.ts'
import { PlimsollError } from '../protocol/errors.ts'
import { fillMarks, type Marks } from '../protocol/marks.ts'
import type { KeySet } from '../prover/keys.ts'
import type { ProfileName } from '../prover/profiles.ts'
import { MARKET_ABI } from '../sdk/abi/market.ts'
import { ROUNDS_ABI } from '../sdk/abi/rounds.ts'
import {
  type ChainPlace,
  type SettledBatch,
  type SystemEvent,
  type SystemPart,
  settledBatch,
  systemEvents,
  type UnreadableEvent,
} from '../sdk/chain/settlement-history.ts'
import { type SystemContracts, systemContracts } from '../sdk/chain/system-contracts.ts'
import { Audit, auditKeys } from './batch-audit.ts'
import { GovernanceBooks } from './governance-books.ts'
import { MarginBooks } from './margin-books.ts'
import { MarketBooks } from './market-books.ts'
import { OracleBooks } from './oracle-books.ts'
import { type PublicState, SystemBooks } from './system-books.ts'
import { require } from './system-event.ts'

export interface AuditedRound {
  readonly round: number
  /** Whether the system was complete at the round when the next one was posted, or now for the last. */
  readonly complete: boolean
  /** Batches of sweeps: how many accounts they moved is not public. */
  readonly sweeps: number
  readonly resolved: number
  /** Steps of operations: deposits, withdrawals, halves of trades, and so on. */
  readonly operations: number
  readonly proofs: number
  /** Gas of the round's posting and its settlements; null where the endpoint has no receipts of them any more. */
  readonly gas: number | null
}

/** A part of the history that was not re-checked, and why. */
export interface NotRechecked extends ChainPlace {
  readonly reason: string
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

/** The contracts whose events an audit follows, as messages call them. */
const PARTS = {
  governance: 'Governance',
  settlement: 'Settlement',
  oracles: 'Oracles',
  rounds: 'Rounds',
  vault: 'Vault',
  forced: 'Forced',
  insurance: 'Insurance',
  escape: 'Escape',
  market: 'Market',
} as const satisfies Record<SystemPart, string>

/** Settings of a market before they are read: there are no assets then. */
const NO_CLOCKS = { roundMin: 0n, maxAge: 1n, blockTime: 1n, floorDiscount: 0n, maxImpact: 1n }

/** A replay of all that a system's contracts have said, on a ledger and books of its own. */
export class ChainReplay {
  readonly settlement: Settlement
  readonly rounds: Mutable<AuditedRound>[] = []
  readonly governance = new GovernanceBooks()
  readonly oracles = new OracleBooks()
  /** Account of what could not be read, and what rests on it. */
  readonly notRechecked: NotRechecked[] = []
  margins = new MarginBooks({ patience: 0n, concentration: 0n }, [])
  books = new SystemBooks([], new MarketBooks(0, NO_CLOCKS))
  contracts: SystemContracts | undefined
  /** Whether there was a trusted import. */
  imported = false
  /** Whether sums and leaves are known no more, as a batch could not be read. */
  lost = false
  readonly #keysOf: (profile: ProfileName) => Promise<KeySet>
  readonly #onSettlement: (done: number) => void
  /** Base units of accounts and backstop at the last checkpoint; 0 of synthetics. */
  #holdings: readonly bigint[] = Array<bigint>(ASSETS).fill(0n)
  #spot: readonly boolean[] = []
  /** Prices of all assets at the round, 2^32 scale. */
  #prices: readonly bigint[] = [SCALE]
  /** Transactions whose gas is counted. */
  readonly #counted = new Set<Hex>()
  #audit: Audit | undefined
  #settlements = 0
  /** The block in which a batch could not be read, until the state after it is taken over. */
  #unread: bigint | undefined

  constructor(
    settlement: Settlement,
    keysOf: (profile: ProfileName) => Promise<KeySet>,
    onSettlement: (done: number) => void,
  ) {
    this.settlement = settlement
    this.#keysOf = keysOf
    this.#onSettlement = onSettlement
  }

  /** The contracts that were found genuine, all of them once `run` has begun to read. */
  addresses(): Address[] {
    return this.contracts === undefined ? [] : Object.keys(PARTS).map((part) => this.contracts![part as SystemPart])
  }

  /** @throws PlimsollError saying what is wrong */
  async run(end: bigint): Promise<void> {
    const { read } = this.settlement.client
    const contracts = await systemContracts(read, this.settlement.address)
    for (const [part, name] of Object.entries(PARTS)) await this.#requireGenuine(name, contracts[part as SystemPart])
    this.contracts = contracts
    const { assets } = await Contracts.of(this.settlement)
    const market = { address: contracts.market, abi: MARKET_ABI } as const
    const { blockTime, floorDiscount, maxImpact } = await read.readContract({ ...market, functionName: 'config' })
    const settings = {
      blockTime: BigInt(blockTime),
      floorDiscount: BigInt(floorDiscount),
      maxImpact: BigInt(maxImpact),
    }
    this.books = new SystemBooks(assets, new MarketBooks(assets.length - 1, { ...NO_CLOCKS, ...settings }))
    this.#spot = assets.map(({ token }) => token !== null)
    const { patience, concentration } = await read.readContract({
      address: contracts.rounds,
      abi: ROUNDS_ABI,
      functionName: 'config',
    })
    this.margins = new MarginBooks(
      { patience: BigInt(patience), concentration: BigInt(concentration) },
      assets.map(({ decimals }) => decimals),
    )
    for await (const event of systemEvents(read, { contracts, of: Object.keys(PARTS) as SystemPart[], end }))
      await this.#event(event)
    await this.begun()
    await this.#takeOver(end)
    this.#closeRound()
  }

  /** The audit of the batches; without an import the system begins empty. */
  async begun(): Promise<Audit> {
    this.#audit ??= await this.#begin([])
    return this.#audit
  }

  async #requireGenuine(name: (typeof PARTS)[SystemPart], address: Address): Promise<void> {
    if (!(await isGenuine(this.settlement.client, name, address)))
      throw new PlimsollError(
        `The code at ${address} is not this version's ${name.toLowerCase()}: nothing it says can be relied on.`,
      )
  }

  async #event(event: SystemEvent | UnreadableEvent): Promise<void> {
    this.books.next(event)
    if (event.eventName === undefined) return this.#unreadable(event, 'This version does not know the event.')
    switch (event.of) {
      case 'governance':
        this.governance.event(event, await this.#time(event.block))
        return this.books.market.clocks(this.governance.roundClocks)
      case 'settlement':
        return this.#settlementEvent(event)
      case 'rounds':
        return this.#roundsEvent(event)
      case 'oracles':
        return this.oracles.event(event, await this.#time(event.block))
      default:
        await this.books.event(
          event,
          () => this.now(),
          () => this.#time(event.block),
        )
        if (event.eventName === 'Checkpointed' && this.margins.ruled) await this.#recordHoldings(event.block)
    }
  }

  /** Public state that events of the contracts around the settlement have to agree with. */
  now(): PublicState {
    const ledger = this.#audit?.ledger
    const root = this.#unread === undefined ? ledger?.root : undefined
    const backstop = this.lost ? undefined : ledger?.backstop
    const accounts = this.lost || this.imported ? undefined : ledger?.accounts
    return { root, backstop, accounts, round: this.rounds.length, prices: this.#prices }
  }

  async #settlementEvent(event: SystemEvent<'settlement'>): Promise<void> {
    this.books.settlement(event)
    switch (event.eventName) {
      case 'Genesis':
        return this.#genesis(event.args)
      case 'SequencerKey':
        this.governance.newSequencerKey(event)
        return this.#audit?.ledger.handOver([event.args.x, event.args.y], this.governance.era)
      case 'EnvelopeOpened': {
        const { slot, floors, ceilings } = event.args
        return (await this.begun()).ledger.open({ slot: Number(slot), envelope: { floors, ceilings } })
      }
      case 'Settled': {
        const { round, complete } = event.args
        require(event, round === BigInt(this.rounds.length), 'its round is not the last')
        const own = this.#unread === undefined ? this.#audit?.ledger.isComplete() : undefined
        require(event, own === undefined || own === complete, 'completeness is another')
        return this.#settled(event.transaction)
      }
      default:
        return this.#batch(event)
    }
  }

  async #roundsEvent(event: SystemEvent<'rounds'>): Promise<void> {
    const time = await this.#time(event.block)
    if (event.eventName !== 'RoundPosted') return this.margins.event(event, time, this.governance.parameterDelay)
    const { round, prices, timestamp, answers, pools } = event.args
    if (timestamp !== time) throw new PlimsollError(`Round ${round} has another time than its block.`)
    const readings = this.oracles.round(answers, time)
    const marks = this.margins.round({ prices, readings, pools, time, holdings: this.#holdings })
    this.books.market.round({ number: Number(round), time, marks, sales: this.margins.sales })
    return this.#post(Number(round), prices, fillMarks(marks), event.transaction)
  }

  /** Takes down what accounts and backstop hold, as the rounds do at a checkpoint. */
  async #recordHoldings(block: bigint): Promise<void> {
    const { ledger } = await this.begun()
    const { rounds } = this.contracts!
    const own = ledger.accounts.map((amount, a) => {
      const sum = amount + ledger.backstop[a]! + this.books.besides(a)
      return this.#spot[a] && sum > 0n ? sum : 0n
    })
    if (!this.lost) {
      this.#holdings = own
      return
    }
    // The sums are not known any more behind a batch that cannot be read: the contract's have to do.
    const { read } = this.settlement.client
    const stored = (a: number) =>
      read.readContract({
        address: rounds,
        abi: ROUNDS_ABI,
        functionName: 'margin',
        args: [BigInt(a)],
        blockNumber: block,
      })
    this.#holdings = await Promise.all(
      own.map((sum, a) =>
        a === 0 || this.#spot[a] !== true
          ? 0n
          : stored(a).then(
              ({ holdings }) => holdings,
              () => sum,
            ),
      ),
    )
  }

  async #begin(leaves: readonly bigint[]): Promise<Audit> {
    const { profile, config } = { profile: await this.settlement.profile(), config: await this.settlement.config() }
    // The installation's keys for which the contract was deployed: nothing else can be audited with them.
    const keys = await auditKeys(this.#keysOf, profile.name)
    await this.settlement.requireKeys(keys)
    const { client, address } = this.settlement
    const { sequencerKey: sequencer = config.sequencerKey, era } = this.governance
    const domain = { chainId: BigInt(client.chainId), settlement: BigInt(address), sequencer }
    const audit = new Audit(keys, config.slots, config.minLiability, leaves, domain)
    audit.ledger.era = era
    return audit
  }

  async #genesis({ root, inboxHead, leaves }: { root: bigint; inboxHead: bigint; leaves: readonly bigint[] }) {
    if (this.#audit !== undefined) throw new PlimsollError('The import comes after other changes.')
    const audit = await this.#begin(leaves)
    if (audit.ledger.root !== root) throw new PlimsollError('The initial leaves do not have the initial root.')
    if (audit.ledger.heads[INBOX] !== inboxHead)
      throw new PlimsollError('The initial leaves do not have the initial inbox head.')
    this.#audit = audit
    this.imported = true
  }

  async #post(round: number, prices: readonly bigint[], marks: Marks, transaction: Hex): Promise<void> {
    const { ledger } = await this.begun()
    if (round !== this.rounds.length + 1)
      throw new PlimsollError(`Round ${round} does not follow round ${this.rounds.length}.`)
    this.#closeRound()
    this.#prices = [SCALE, ...prices]
    ledger.marks = marks
    const gas = await this.#gas(transaction)
    this.rounds.push({ round, complete: false, sweeps: 0, resolved: 0, operations: 0, proofs: 0, gas })
  }

  #closeRound(): void {
    const last = this.rounds.at(-1)
    if (last !== undefined) last.complete = this.#audit!.ledger.isComplete()
  }

  async #settled(transaction: Hex): Promise<void> {
    const round = this.rounds.at(-1)
    if (round !== undefined && !this.#counted.has(transaction)) {
      const gas = await this.#gas(transaction)
      round.gas = gas === null || round.gas === null ? null : round.gas + gas
    }
    this.#counted.add(transaction)
    this.#onSettlement(++this.#settlements)
  }

  async #batch(event: SystemEvent<'settlement'>): Promise<void> {
    const audit = await this.begun()
    if (this.#unread !== undefined) await this.#takeOver(event.block - 1n)
    if (this.#unread !== undefined) return this.#unreadable(event, 'It rests on a batch of before that cannot be read.')
    let settled: SettledBatch | undefined
    try {
      settled = settledBatch(event, audit.ledger.shape)
    } catch (error) {
      if (error instanceof PlimsollError) return this.#unreadable(event, error.message)
      throw error
    }
    if (settled === undefined) return
    const { batch } = settled
    this.books.batch(batch)
    if (batch.circuit === 'resolve') this.books.market.resolved(batch.backstopDelta, await this.#time(event.block))
    await this.#check(audit, settled).catch((error: unknown) => {
      if (!(error instanceof PlimsollError)) throw error
      throw new PlimsollError(`A ${batch.circuit} of transaction ${event.transaction}: ${error.message}`)
    })
    const round = this.rounds.at(-1)
    if (round === undefined) return
    round.proofs++
    if (batch.circuit === 'sweep') round.sweeps++
    else round[batch.circuit === 'resolve' ? 'resolved' : 'operations'] += batch.active
  }

  #check(audit: Audit, { batch, proof, digest }: SettledBatch): Promise<void> {
    return audit.batch({ openings: [], batch, proof }, (_, signals) => {
      if (signals.digest !== digest) throw new PlimsollError('The digest is not that of D.')
    })
  }

  /** Notes what could not be read. What a settlement said, later batches rest on. */
  #unreadable({ of, block, transaction }: SystemEvent | UnreadableEvent, reason: string): void {
    this.notRechecked.push({ block, transaction, reason })
    this.books.unreadable(transaction)
    if (of !== 'settlement') return
    this.#unread = block
    this.lost = true
  }

  /**
   * Goes on behind a batch that cannot be read, from the state that the contract had after a block: later batches are checked
   * again, if not what they rest on.
   */
  async #takeOver(block: bigint): Promise<void> {
    if (this.#unread === undefined || block < this.#unread) return
    const [root, heads] = await Promise.all([
      this.settlement.view('accountsRoot', [], block),
      this.settlement.view('heads', [], block),
    ]).catch(() => [])
    // An endpoint without states of the past has to do without.
    if (root === undefined || heads === undefined) return
    ;(await this.begun()).resume(root, heads)
    this.#unread = undefined
  }

  async #time(blockNumber: bigint): Promise<bigint> {
    return (await this.settlement.client.read.getBlock({ blockNumber })).timestamp
  }

  /** Gas of a transaction; null where the endpoint has no receipt of it: nothing that is checked rests on it. */
  async #gas(hash: Hex): Promise<number | null> {
    const receipt = await this.settlement.client.read.getTransactionReceipt({ hash }).catch(() => undefined)
    return receipt === undefined ? null : Number(receipt.gasUsed)
  }
}
