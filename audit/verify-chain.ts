import { type Abi, type Address, BaseError, decodeEventLog, decodeFunctionData, type Hex, type Log } from 'viem'
import { Contracts } from '../chain/contracts.ts'
import { CIRCUIT_NUMBERS, isGenuine, Settlement, sameEnvelope } from '../chain/settlement.ts'
import { type Batch, parseBatch } from '../protocol/batch.ts'
import { ASSETS, INBOX } from '../protocol/constants.ts'
import { PlimsollError } from '../protocol/errors.ts'
import type { Ledger } from '../protocol/ledger.ts'
import { assetMarks, fillMarks, MARK_NAMES, type RiskParameters } from '../protocol/marks.ts'
import { vectorSignals } from '../protocol/public-vector.ts'
import type { KeySet } from '../prover/keys.ts'
import { PROFILES, type ProfileName } from '../prover/profiles.ts'
import { ESCAPE_ABI } from '../sdk/abi/escape.ts'
import { INSURANCE_ABI } from '../sdk/abi/insurance.ts'
import { ROUNDS_ABI } from '../sdk/abi/rounds.ts'
import { SETTLEMENT_ABI } from '../sdk/abi/settlement.ts'
import { VAULT_ABI } from '../sdk/abi/vault.ts'
import { BLOCK_RANGE, blockRanges } from '../sdk/chain/block-ranges.ts'
import { connect } from '../sdk/chain/client.ts'
import { ChainFailure, refusal } from '../sdk/chain/contract-errors.ts'
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
  /** Of the round's posting and its settlements. */
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

interface ChainBatch {
  readonly openings: readonly { slot: number; floors: readonly bigint[]; ceilings: readonly bigint[] }[]
  readonly circuit: number
  readonly window: readonly number[]
  readonly values: readonly bigint[]
  readonly digest: bigint
  readonly proof: { a: readonly bigint[]; b: readonly (readonly bigint[])[]; c: readonly bigint[] }
  readonly memo: Hex
}

/**
 * Replays all that a settlement contract took since its deployment, from events and call data alone: every proof is
 * checked again off chain under the installation's own keys, and the outcome compared with the contract's storage.
 * @throws PlimsollError when the endpoint does not answer, there is no such contract, or no sound keys to check it with
 */
export async function verifyChain(
  url: string,
  address: string,
  keysOf: (profile: ProfileName) => Promise<KeySet>,
  onSettlement: (done: number) => void,
): Promise<ChainVerdict> {
  const client = await connect(url)
  const settlement = await Settlement.at(client, address)
  const replay = new Replay(settlement, keysOf, onSettlement)
  try {
    const end = await client.read.getBlockNumber()
    await replay.run(end)
    await replay.compareStorage(end)
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

  rounds(): AuditedRound[] {
    return this.#list
  }

  async run(end: bigint): Promise<void> {
    const { read } = this.#settlement.client
    await this.#requireGenuine()
    const deployed = await this.#settlement.view('deployedAt')
    this.#books = new VaultBooks((await Contracts.of(this.#settlement)).assets)
    const done = new Set<Hex>()
    // The contract of the rounds is a little older, and says at its birth which parameters it has.
    for (const range of blockRanges(deployed > BLOCK_RANGE ? deployed - BLOCK_RANGE : 0n, end)) {
      const events = (
        await read.getLogs({ address: [...this.#parts.values()].map((part) => part.address), ...range })
      ).map((log) => this.#decode(log))
      const settling = new Set(events.filter(({ name }) => name === 'Settled').map(({ hash }) => hash))
      for (const event of events) {
        const { of, hash, name, args } = event
        if (settling.has(hash) && !done.has(hash)) {
          done.add(hash)
          await this.#settle(hash)
        }
        if (of !== 'Settlement' && of !== 'Rounds') this.#books.event(name, args)
        else if (!settling.has(hash)) await this.#event(event)
      }
    }
    await this.#begun()
    this.#closeRound()
  }

  async #requireGenuine(): Promise<void> {
    const { client, address } = this.#settlement
    await this.#require('Settlement', address)
    await this.#require('Rounds', await this.#settlement.view('rounds'))
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
    const view = (name: 'accountsRoot' | 'heads' | 'badDebt' | 'isComplete') => this.#settlement.view(name, [], end)
    same('accounts root', ledger.root, await view('accountsRoot'))
    same('list of heads', ledger.heads, await view('heads'))
    same('bad debt', ledger.badDebt, await view('badDebt'))
    same('round number', this.#list.length, (await this.#settlement.round(end)).number)
    const vault = { address: await this.#settlement.view('vault', [], end), abi: VAULT_ABI } as const
    const stored = await Promise.all(
      Array.from({ length: ASSETS }, (_, a) =>
        this.#settlement.client.read.readContract({ ...vault, functionName: 'ledger', args: [a], blockNumber: end }),
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
        return this.#genesis(hash, args.root as bigint, args.inboxHead as bigint)
      case 'RoundPosted':
        return this.#post(Number(args.round), args.prices as readonly bigint[], await this.#gas(hash))
      case 'EnvelopeOpened':
        return (await this.#begun()).ledger.open({
          slot: Number(args.slot),
          envelope: { floors: args.floors as bigint[], ceilings: args.ceilings as bigint[] },
        })
      case 'ParametersProposed':
      case 'Bound':
        return
      default:
        throw new PlimsollError(`Transaction ${hash} has the event ${name} outside a settlement.`)
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

  async #genesis(hash: Hex, root: bigint, inbox: bigint): Promise<void> {
    if (this.#audit !== undefined) throw new PlimsollError('The import comes after other changes.')
    const [claimedRoot, claimedInbox, leaves] = (await this.#callData(hash, 'genesis')) as [
      bigint,
      bigint,
      readonly bigint[],
    ]
    const audit = await this.#begin(leaves)
    if (claimedRoot !== root || claimedInbox !== inbox || audit.ledger.root !== root)
      throw new PlimsollError('The initial leaves do not have the initial root.')
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

  async #settle(hash: Hex): Promise<void> {
    const audit = await this.#begun()
    const [batches] = (await this.#callData(hash, 'settle')) as [readonly ChainBatch[]]
    const round = this.#list.at(-1)
    for (const [i, batch] of batches.entries()) {
      await this.#batch(audit, batch).catch((error: unknown) => {
        if (error instanceof PlimsollError)
          throw new PlimsollError(`Batch ${i} of transaction ${hash}: ${error.message}`)
        throw error
      })
      if (round !== undefined) {
        round.proofs++
        round[COUNTED[circuitName(batch.circuit)]] += Number(batch.values[0])
      }
    }
    if (round !== undefined) round.gas += await this.#gas(hash)
    this.#onSettlement(++this.#settlements)
  }

  #batch(audit: Audit, { openings, circuit, window, values, digest, proof: { a, b, c } }: ChainBatch): Promise<void> {
    const name = circuitName(circuit)
    const text = (pair: readonly bigint[]) => pair.map(String)
    const proof = {
      pi_a: [...text(a), '1'],
      pi_b: [...b.map((row) => text(row.toReversed())), ['1', '0']],
      pi_c: [...text(c), '1'],
      protocol: 'groth16',
      curve: 'bn128',
    }
    return audit.batch(
      {
        openings: openings.map(({ slot, floors, ceilings }) => ({ slot, envelope: { floors, ceilings } })),
        batch: parseBatch(name, window, values, audit.ledger.shape),
        proof,
      },
      (vector) => {
        if (vectorSignals(vector).digest !== digest) throw new PlimsollError('The digest is not that of D.')
      },
    )
  }

  async #callData(hash: Hex, functionName: string): Promise<readonly unknown[]> {
    const { to, input } = await this.#settlement.client.read.getTransaction({ hash })
    if (to?.toLowerCase() !== this.#settlement.address.toLowerCase())
      throw new PlimsollError(
        `Transaction ${hash} called the settlement through another contract: its call data cannot be read.`,
      )
    const call = decodeFunctionData({ abi: this.#settlement.abi, data: input })
    if (call.functionName !== functionName)
      throw new PlimsollError(`Transaction ${hash} is not a call of ${functionName}.`)
    return call.args ?? []
  }

  async #gas(hash: Hex): Promise<number> {
    return Number((await this.#settlement.client.read.getTransactionReceipt({ hash })).gasUsed)
  }
}

const COUNTED = { sweep: 'swept', resolve: 'resolved', transact: 'operations' } as const

function circuitName(number: number): Batch['circuit'] {
  return (Object.keys(CIRCUIT_NUMBERS) as Batch['circuit'][]).find((name) => CIRCUIT_NUMBERS[name] === number)!
}
