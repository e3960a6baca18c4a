import { type Abi, type Address, BaseError, decodeEventLog, type Hex, type Log } from 'viem'
import { Contracts } from '../chain/contracts.ts'
import { isGenuine, Settlement, sameEnvelope } from '../chain/settlement.ts'
import { type Batch, parseBatch } from '../protocol/batch.ts'
import { ASSETS, INBOX } from '../protocol/constants.ts'
import { PlimsollError } from '../protocol/errors.ts'
import type { Ledger } from '../protocol/ledger.ts'
import { assetMarks, fillMarks, MARK_NAMES, type RiskParameters } from '../protocol/marks.ts'
import { vectorSignals } from '../protocol/public-vector.ts'
import type { KeySet } from '../prover/keys.ts'
import { PROFILES, type ProfileName } from '../prover/profiles.ts'
import { ESCAPE_ABI } from '../sdk/abi/escape.ts'
import { GOVERNANCE_ABI } from '../sdk/abi/governance.ts'
import { INSURANCE_ABI } from '../sdk/abi/insurance.ts'
import { ROUNDS_ABI } from '../sdk/abi/rounds.ts'
import { SETTLEMENT_ABI } from '../sdk/abi/settlement.ts'
import { VAULT_ABI } from '../sdk/abi/vault.ts'
import { blockRanges } from '../sdk/chain/block-ranges.ts'
import { ChainFailure } from '../sdk/chain/chain-failure.ts'
import { connect } from '../sdk/chain/client.ts'
import { requireCompleteLogs } from '../sdk/chain/complete-logs.ts'
import { refusal } from '../sdk/chain/contract-errors.ts'
import { pin } from '../sdk/chain/pinned.ts'
import { Audit, AuditImpossible, auditKeys, UNKNOWN } from './batch-audit.ts'
import { VaultBooks } from './vault-books.ts'

export interface AuditedRound {
  readonly round: number
  /** Whether the system was complete at the round when the next one was posted, or now for the last. */
  readonly complete: boolean
  readonly swept: number
  readonly resolved: number
  /** Steps of operations: deposits, withdrawals, halves of trades, and so on. */
  readonly operations: number
  readonly proofs: number
  /** Gas of the round's posting and its settlements. */
  readonly gas: number
}

export type ChainVerdict =
  | {
      readonly ok: true
      readonly settlement: Address
      readonly chainId: number
      readonly rounds: AuditedRound[]
      readonly unknown: string
    }
  | { readonly ok: false; readonly settlement: Address; readonly error: string; readonly rounds: AuditedRound[] }

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

/** The contracts whose events an audit follows. */
const ABIS = {
  Governance: GOVERNANCE_ABI,
  Settlement: SETTLEMENT_ABI,
  Rounds: ROUNDS_ABI,
  Vault: VAULT_ABI,
  Insurance: INSURANCE_ABI,
  Escape: ESCAPE_ABI,
}

interface Part {
  readonly of: string
  readonly address: Address
  readonly abi: Abi
}

interface ChainEvent {
  /** The contract's name. */
  readonly of: string
  readonly hash: Hex
  readonly name: string
  readonly args: Readonly<Record<string, unknown>>
}

interface BatchEvent {
  /** Moves of a sweep; empty for other circuits. */
  readonly window?: readonly number[]
  readonly values: readonly bigint[]
  readonly digest: bigint
  readonly proof: { a: readonly bigint[]; b: readonly (readonly bigint[])[]; c: readonly bigint[] }
}

/** The event of each circuit's batches. */
const CIRCUITS = { Swept: 'sweep', Resolved: 'resolve', Transacted: 'transact' } as const

/**
 * Replays all that a settlement contract took since its deployment, from events alone: every proof is
 * checked again off chain under the installation's own keys, and the outcome compared with the contract's storage.
 * @throws PlimsollError when the endpoint does not answer, there is no such contract, or no sound keys to check it with
 */
export async function verifyChain(
  rpc: string | readonly string[],
  address: string,
  keysOf: (profile: ProfileName) => Promise<KeySet>,
  onSettlement: (done: number) => void,
): Promise<ChainVerdict> {
  const client = await pin(await connect(rpc))
  const settlement = await Settlement.at(client, address)
  const replay = new Replay(settlement, keysOf, onSettlement)
  const end = client.block.number
  try {
    await replay.run(end)
    await replay.compareStorage(end)
    await client.confirm()
    const unknown = replay.imported ? `${UNKNOWN} ` : ''
    return {
      ok: true,
      settlement: settlement.address,
      chainId: client.chainId,
      rounds: replay.rounds(),
      unknown: `${unknown}Whether the feeds that the contract reads tell the truth: ${(await settlement.feeds()).join(', ')}.`,
    }
  } catch (error) {
    if (error instanceof BaseError) throw refusal(error, 'its history')
    if (!(error instanceof PlimsollError) || error instanceof AuditImpossible || error instanceof ChainFailure)
      throw error
    // An endpoint's fault must not read like the contract's.
    await client.confirm()
    await requireCompleteLogs(client, replay.addresses(), await settlement.firstBlock(end), end)
    return { ok: false, settlement: settlement.address, error: error.message, rounds: replay.rounds() }
  }
}

class Replay {
  readonly #settlement: Settlement
  readonly #keysOf: (profile: ProfileName) => Promise<KeySet>
  readonly #onSettlement: (done: number) => void
  /** The contracts whose events count, by their addresses in small letters. */
  readonly #parts = new Map<string, Part>()
  readonly #parameters = new Map<number, RiskParameters>()
  readonly #list: Mutable<AuditedRound>[] = []
  #audit: Audit | undefined
  #books = new VaultBooks([])
  /** Whether there was a trusted import. */
  imported = false
  #settlements = 0

  constructor(
    settlement: Settlement,
    keysOf: (profile: ProfileName) => Promise<KeySet>,
    onSettlement: (done: number) => void,
  ) {
    this.#settlement = settlement
    this.#keysOf = keysOf
    this.#onSettlement = onSettlement
  }

  /** The contracts whose events count, as far as they are known. */
  addresses(): Address[] {
    return [...this.#parts.values()].map(({ address }) => address)
  }

  rounds(): AuditedRound[] {
    return this.#list
  }

  async run(end: bigint): Promise<void> {
    const { read } = this.#settlement.client
    await this.#requireGenuine()
    this.#books = new VaultBooks((await Contracts.of(this.#settlement)).assets)
    const settlements = new Set<Hex>()
    for (const range of blockRanges(await this.#settlement.firstBlock(end), end)) {
      const logs = await read.getLogs({ address: this.addresses(), ...range })
      for (const event of logs.map((log) => this.#decode(log))) {
        const { of, hash, name, args } = event
        if (of === 'Settlement' || of === 'Rounds') await this.#event(event)
        else this.#books.event(name, args)
        if (name === 'Settled') await this.#settled(hash, settlements)
      }
    }
    await this.#begun()
    this.#closeRound()
  }

  async #requireGenuine(): Promise<void> {
    const { client, address } = this.#settlement
    await this.#require('Settlement', address)
    const rounds = { address: await this.#settlement.view('rounds'), abi: ROUNDS_ABI } as const
    await this.#require('Rounds', rounds.address)
    await this.#require('Governance', await client.read.readContract({ ...rounds, functionName: 'governance' }))
    const vault = { address: await this.#settlement.view('vault'), abi: VAULT_ABI } as const
    await this.#require('Vault', vault.address)
    await this.#require('Insurance', await client.read.readContract({ ...vault, functionName: 'insurance' }))
    await this.#require('Escape', await client.read.readContract({ ...vault, functionName: 'escape' }))
  }

  async #require(of: keyof typeof ABIS, address: Address): Promise<void> {
    if (!(await isGenuine(this.#settlement.client, of, address)))
      throw new PlimsollError(
        `The code at ${address} is not this version's ${of.toLowerCase()}: nothing it says can be relied on.`,
      )
    this.#parts.set(address.toLowerCase(), { of, address, abi: ABIS[of] })
  }

  /** The contract's storage at block `end` must be what the replay arrived at. */
  async compareStorage(end: bigint): Promise<void> {
    const { ledger } = this.#audit!
    const same = (what: string, replayed: unknown, stored: unknown) => {
      if (String(replayed) !== String(stored))
        throw new PlimsollError(`The contract's ${what} is not what its settlements lead to.`)
    }
    const view = (name: 'accountsRoot' | 'heads' | 'isComplete') => this.#settlement.view(name, [], end)
    same('accounts root', ledger.root, await view('accountsRoot'))
    same('list of heads', ledger.heads, await view('heads'))
    same('round number', this.#list.length, (await this.#settlement.round(end)).number)
    const vault = { address: await this.#settlement.view('vault', [], end), abi: VAULT_ABI } as const
    const { read } = this.#settlement.client
    same('bad debt', ledger.badDebt, await read.readContract({ ...vault, functionName: 'badDebt', blockNumber: end }))
    const stored = await Promise.all(
      Array.from({ length: ASSETS }, (_, a) =>
        read.readContract({ ...vault, functionName: 'ledger', args: [a], blockNumber: end }),
      ),
    )
    const moved = (batches: readonly bigint[], besides: readonly bigint[]) =>
      batches.map((amount, a) => amount + besides[a]!)
    same(
      'backstop',
      moved(ledger.backstop, this.#books.backstop),
      stored.map(({ backstop }) => backstop),
    )
    same(
      'list of what is withdrawn',
      this.#books.pending,
      stored.map(({ pending }) => pending),
    )
    if (!this.imported)
      same(
        'list of what accounts hold',
        moved(ledger.accounts, this.#books.accounts),
        stored.map(({ accounts }) => accounts),
      )
    same('completeness', ledger.isComplete(), await view('isComplete'))
    for (let slot = 2; slot < ledger.heads.length; slot++) {
      if (!sameEnvelope(ledger.envelopes[slot], await this.#settlement.envelope(slot, end)))
        throw new PlimsollError(`The contract's envelope of slot ${slot} is not what its settlements lead to.`)
    }
    if (ledger.marks !== undefined) {
      const flat = (marks: NonNullable<Ledger['marks']>) =>
        marks.flatMap((asset) => MARK_NAMES.map((name) => asset[name])).join()
      same('set of marks', flat(ledger.marks), flat(await this.#settlement.marks(end)))
    }
  }

  #decode({ address, data, topics, transactionHash: hash }: Log<bigint, number, false>): ChainEvent {
    const { of, abi } = this.#parts.get(address.toLowerCase())!
    try {
      const { eventName, args } = decodeEventLog({ abi, data, topics })
      return { of, hash, name: eventName!, args: args as unknown as ChainEvent['args'] }
    } catch {
      throw new PlimsollError(`Transaction ${hash} has an event that this version does not know.`)
    }
  }

  async #event({ hash, name, args }: ChainEvent): Promise<void> {
    switch (name) {
      case 'ParametersApplied': {
        const { depth, ...factors } = args.parameters as Record<keyof RiskParameters, number | bigint>
        const entries = [...Object.entries(factors), ['depth', depth] as const].map(([name, value]) => [
          name,
          BigInt(value),
        ])
        this.#parameters.set(Number(args.asset), Object.fromEntries(entries) as unknown as RiskParameters)
        return
      }
      case 'Genesis':
        return this.#genesis(args.root as bigint, args.inboxHead as bigint, args.leaves as readonly bigint[])
      case 'RoundPosted':
        return this.#post(Number(args.round), args.prices as readonly bigint[], await this.#gas(hash))
      case 'EnvelopeOpened':
        return (await this.#begun()).ledger.open({
          slot: Number(args.slot),
          envelope: { floors: args.floors as bigint[], ceilings: args.ceilings as bigint[] },
        })
      case 'Swept':
      case 'Resolved':
      case 'Transacted':
        return this.#batch(hash, CIRCUITS[name], args as unknown as BatchEvent)
      case 'ParametersProposed':
      case 'Settled':
      case 'Bound':
        return
      default:
        throw new PlimsollError(`Transaction ${hash} has the event ${name}, which this version does not know.`)
    }
  }

  /** Without an import the system begins empty. */
  async #begun(): Promise<Audit> {
    this.#audit ??= await this.#begin([])
    return this.#audit
  }

  async #begin(leaves: readonly bigint[]): Promise<Audit> {
    const keys = await this.#keys()
    const { slots, minLiability, sequencerKey } = await this.#settlement.config()
    const { client, address } = this.#settlement
    return new Audit(keys, slots, minLiability, leaves, {
      chainId: BigInt(client.chainId),
      settlement: BigInt(address),
      sequencer: sequencerKey,
    })
  }

  async #genesis(root: bigint, inbox: bigint, leaves: readonly bigint[]): Promise<void> {
    if (this.#audit !== undefined) throw new PlimsollError('The import comes after other changes.')
    const audit = await this.#begin(leaves)
    if (audit.ledger.root !== root) throw new PlimsollError('The initial leaves do not have the initial root.')
    if (audit.ledger.heads[INBOX] !== inbox)
      throw new PlimsollError('The initial leaves do not have the initial inbox head.')
    this.#audit = audit
    this.imported = true
  }

  /** The installation's keys for which the contract was deployed: nothing else can be audited with them. */
  async #keys(): Promise<KeySet> {
    const sizes = (await this.#settlement.view('batchSizes')).map(Number).join()
    const profile = Object.values(PROFILES).find(
      ({ sweep, resolve, transact }) => [sweep.steps, sweep.window, resolve.steps, transact.steps].join() === sizes,
    )
    if (profile === undefined)
      throw new PlimsollError('The contract was deployed for circuits of another size than any profile.')
    const keys = await auditKeys(this.#keysOf, profile.name)
    await this.#settlement.requireKeys(keys)
    return keys
  }

  async #post(round: number, prices: readonly bigint[], gas: number): Promise<void> {
    const { ledger } = await this.#begun()
    if (round !== this.#list.length + 1)
      throw new PlimsollError(`Round ${round} does not follow round ${this.#list.length}.`)
    this.#closeRound()
    const traded = [...this.#parameters.keys()].sort((a, b) => a - b)
    ledger.marks = fillMarks(
      traded.map((asset) => assetMarks(prices[asset - 1]!, this.#parameters.get(asset)!, `asset ${asset}`)),
    )
    this.#list.push({ round, complete: false, swept: 0, resolved: 0, operations: 0, proofs: 0, gas })
  }

  #closeRound(): void {
    const last = this.#list.at(-1)
    if (last !== undefined) last.complete = this.#audit!.ledger.isComplete()
  }

  /** The end of a settlement; `seen` holds the transactions whose gas is counted. */
  async #settled(hash: Hex, seen: Set<Hex>): Promise<void> {
    const round = this.#list.at(-1)
    if (round !== undefined && !seen.has(hash)) round.gas += await this.#gas(hash)
    seen.add(hash)
    this.#onSettlement(++this.#settlements)
  }

  async #batch(hash: Hex, circuit: Batch['circuit'], event: BatchEvent): Promise<void> {
    const audit = await this.#begun()
    await this.#check(audit, circuit, event).catch((error: unknown) => {
      if (error instanceof PlimsollError)
        throw new PlimsollError(`A ${circuit} of transaction ${hash}: ${error.message}`)
      throw error
    })
    const round = this.#list.at(-1)
    if (round === undefined) return
    round.proofs++
    round[COUNTED[circuit]] += Number(event.values[0])
  }

  #check(
    audit: Audit,
    circuit: Batch['circuit'],
    { window = [], values, digest, proof: { a, b, c } }: BatchEvent,
  ): Promise<void> {
    const text = (pair: readonly bigint[]) => pair.map(String)
    const proof = {
      pi_a: [...text(a), '1'],
      pi_b: [...b.map((row) => text(row.toReversed())), ['1', '0']],
      pi_c: [...text(c), '1'],
      protocol: 'groth16',
      curve: 'bn128',
    }
    return audit.batch(
      { openings: [], batch: parseBatch(circuit, window, values, audit.ledger.shape), proof },
      (vector) => {
        if (vectorSignals(vector).digest !== digest) throw new PlimsollError('The digest is not that of D.')
      },
    )
  }

  async #gas(hash: Hex): Promise<number> {
    return Number((await this.#settlement.client.read.getTransactionReceipt({ hash })).gasUsed)
  }
}

const COUNTED = { sweep: 'swept', resolve: 'resolved', transact: 'operations' } as const
