import { type Address, parseAbi } from 'viem'
import { INBOX } from '../protocol/constants.ts'
import { PlimsollError } from '../protocol/errors.ts'
import type { Marks } from '../protocol/marks.ts'
import type { System } from '../protocol/system.ts'
import type { KeySet } from '../prover/keys.ts'
import { prove } from '../prover/prove.ts'
import { completeRound } from './complete-round.ts'
import type { SigningClient } from './rpc.ts'
import { ContractRefusal, type ProvenBatch, refusal, Settlement, type SettlementConfig } from './settlement.ts'
import { Store } from './store.ts'

/** What a round took: public aggregates only. */
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
  readonly proofs: number
  readonly seconds: number
  readonly gas: bigint
  readonly complete: boolean
}

const FEED_ABI = parseAbi(['function latestRoundData() view returns (uint80, int256, uint256, uint256, uint80)'])

/** Batches of one transaction: what fits the gas a transaction may use. */
const MAX_BATCHES = 12

/** Posts rounds from the feeds and keeps the system complete, against one settlement contract. */
export class SequencerNode {
  readonly settlement: Settlement
  /** The last completed step's error, if it failed. */
  failure: string | undefined
  private readonly keys: KeySet
  private readonly signer: SigningClient
  private readonly store: Store
  private readonly config: SettlementConfig
  private readonly feeds: readonly Address[]
  private current: System
  /** Feed answers of the round posted last. */
  private posted = ''
  private handled = 0

  private constructor(parts: { settlement: Settlement; keys: KeySet; signer: SigningClient; store: Store; config: SettlementConfig; feeds: readonly Address[]; system: System }) {
    this.settlement = parts.settlement
    this.keys = parts.keys
    this.signer = parts.signer
    this.store = parts.store
    this.config = parts.config
    this.feeds = parts.feeds
    this.current = parts.system
  }

  /**
   * Opens the private state of `directory` and finds which of its versions the chain has.
   * @throws PlimsollError when chain, contract, operator or keys are not the state's
   */
  static async open(directory: string, signer: SigningClient, keysOf: (profile: KeySet['profile']['name']) => Promise<KeySet>): Promise<SequencerNode> {
    const store = await Store.open(directory)
    const { chainId, settlement: address, profile } = store.deployment
    if (chainId !== signer.chainId) throw new PlimsollError(`The state in ${directory} is of chain ${chainId}, but ${signer.url} is chain ${signer.chainId}.`)
    const settlement = await Settlement.at(signer, address)
    const config = await settlement.config()
    if (config.operator.toLowerCase() !== signer.sender.toLowerCase()) throw new PlimsollError(`The operator of ${address} is ${config.operator}, not ${signer.sender}.`)
    const keys = await keysOf(profile)
    await settlement.requireKeys(keys)
    const system = await storedState(store, settlement, signer)
    return new SequencerNode({ settlement, keys, signer, store, config, feeds: await settlement.feeds(), system })
  }

  /** The public state, as of the last settlement. */
  get system(): System {
    return this.current
  }

  /** Whether the system is complete at the latest round this node handled. */
  get complete(): boolean {
    return this.current.ledger.isComplete()
  }

  get round(): number {
    return this.handled
  }

  /**
   * One look at the chain: posts a round if the feeds moved or the round grows old and the contract allows it, then proves
   * and settles until the system is complete at the latest round. Returns what it did, if there was a round to handle.
   * @throws PlimsollError when the chain refuses; the state on disk stays one that the chain has
   */
  async step(onProof?: (done: number) => void): Promise<RoundReport | undefined> {
    try {
      return await this.look(onProof)
    } catch (error) {
      throw refusal(error, 'a query')
    }
  }

  private async look(onProof?: (done: number) => void): Promise<RoundReport | undefined> {
    await this.followChain()
    const started = performance.now()
    // A feed that fails must not keep a round that still counts from being settled.
    let problem: unknown
    const postGas = await this.post().catch((error: unknown) => {
      problem = error
      return 0n
    })
    const round = await this.settlement.round()
    if (round.number === 0 || (round.number === this.handled && this.current.ledger.isComplete())) {
      if (problem !== undefined) throw problem
      return undefined
    }
    const marks = await this.settlement.marks()
    const report = await this.settleRound(marks, onProof)
    this.handled = round.number
    return { round: round.number, prices: round.prices, ...report, gas: report.gas + postGas, seconds: Math.round(performance.now() - started) / 1000 }
  }

  /** Takes up the state that the chain has, where that is not the current one: an answer was lost, or a settlement undone. */
  private async followChain(): Promise<void> {
    const [root, heads] = await Promise.all([this.settlement.view<bigint>('accountsRoot'), this.settlement.view<readonly bigint[]>('heads')])
    const { ledger } = this.current
    if (ledger.root === root && ledger.heads.join() === heads.join()) return
    this.current = await storedState(this.store, this.settlement, this.signer)
    this.handled = 0
  }

  /** Posts a round where there is reason to; the gas it took. */
  private async post(): Promise<bigint> {
    const { number, timestamp } = await this.settlement.round()
    const block = await this.signer.read.getBlock()
    const age = Number(block.timestamp - timestamp)
    const answers = await this.answers()
    const stale = age >= this.config.maxAge / 2
    if (number > 0 && answers === this.posted && !stale) return 0n
    try {
      const { gasUsed } = await this.settlement.send(this.signer, 'postRound')
      this.posted = answers
      return gasUsed
    } catch (error) {
      // The contract's clock decides: another look will do.
      if (error instanceof ContractRefusal && error.errorName === 'RoundTooEarly') return 0n
      throw error
    }
  }

  private async answers(): Promise<string> {
    const rounds = await Promise.all(
      this.feeds.map((address) =>
        this.signer.read.readContract({ address, abi: FEED_ABI, functionName: 'latestRoundData' }).catch(() => {
          throw new PlimsollError(`The feed ${address} does not answer.`)
        }),
      ),
    )
    return rounds.map(([, answer, , updatedAt]) => `${answer}@${updatedAt}`).join()
  }

  private async settleRound(marks: Marks, onProof?: (done: number) => void): Promise<Omit<RoundReport, 'round' | 'prices' | 'seconds'>> {
    // Worked out on a copy: if anything fails, this state is still the chain's.
    const next = this.current.clone()
    next.setMarks(marks)
    const { ledger } = next
    const badDebtBefore = ledger.badDebt
    const expired = ledger.heads.filter((head, slot) => slot > 1 && head !== 0n && !ledger.isCovered(slot)).length
    const counts = { swept: 0, liquidated: 0, closed: 0, proofs: 0 }
    let gas = 0n
    let batches: ProvenBatch[] = []
    const settle = async () => {
      if (batches.length === 0) return
      await this.store.save(next)
      const { gasUsed } = await this.settlement.settle(this.signer, batches)
      gas += gasUsed
      batches = []
      this.current = next.clone()
      await this.store.prune()
    }
    for (const { openings, transition, resolutions } of completeRound(next)) {
      const { batch, input } = transition
      const { proof, signals } = await prove(this.keys, batch.circuit, input)
      batches.push({ openings, batch, digest: signals[0]!, proof })
      counts.proofs++
      onProof?.(counts.proofs)
      if (batch.circuit === 'sweep') counts.swept += batch.active
      for (const { liquidation } of resolutions) {
        if (liquidation === undefined || liquidation.status === 'healthy') continue
        counts.liquidated++
        if (liquidation.status === 'closed') counts.closed++
      }
      if (batches.length === MAX_BATCHES) await settle()
    }
    await settle()
    this.current = next
    return { expired, ...counts, badDebt: ledger.badDebt - badDebtBefore, gas, complete: await this.settlement.view<boolean>('isComplete') }
  }
}

/**
 * The stored version that the chain has.
 * @throws PlimsollError when it has none of them, or a transaction is pending that may still change which
 */
async function storedState(store: Store, settlement: Settlement, { read, sender }: SigningClient): Promise<System> {
  const count = (blockTag: 'latest' | 'pending') => read.getTransactionCount({ address: sender, blockTag }).catch((error: unknown) => {
    throw refusal(error, 'a count of transactions')
  })
  const [mined, sent] = await Promise.all([count('latest'), count('pending')])
  if (sent > mined) throw new PlimsollError(`A transaction of ${sender} is still pending: it decides which state is the chain's.`, { hint: 'Wait until it is mined.' })
  const [root, heads] = await Promise.all([settlement.view<bigint>('accountsRoot'), settlement.view<readonly bigint[]>('heads')])
  const system = await store.find(root, heads)
  // Envelopes of empty slots may have been opened outside a settlement.
  for (let slot = INBOX + 1; slot < heads.length; slot++) system.ledger.envelopes[slot] = await settlement.envelope(slot)
  return system
}
