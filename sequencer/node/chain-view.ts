import { setTimeout as sleep } from 'node:timers/promises'
import { type ChainSnapshot, readSnapshot } from '../../chain/chain-snapshot.ts'
import type { Contracts } from '../../chain/contracts.ts'
import { ASSETS, INBOX } from '../../protocol/constants.ts'
import { PlimsollError, Refusal } from '../../protocol/errors.ts'
import { System } from '../../protocol/system.ts'
import { LOCAL_CHAINS, type SigningClient } from '../../sdk/chain/client.ts'
import { refusal } from '../../sdk/chain/contract-errors.ts'
import { ForeignState, type NodeState, type Store } from '../state/store.ts'

/** The chain at one block, and the private state that it commits to, at the marks and with the backstop of that block. */
export interface NodeSnapshot extends ChainSnapshot {
  readonly state: NodeState
  /** The operator's, wei. */
  readonly balance: bigint
  /** Fee of a unit of gas now, wei. */
  readonly gasPrice: bigint
}

/** Seconds that a development chain may be behind its own clock. */
const STANDSTILL = 60n
/** Milliseconds for which the chain need not be asked again whose state it has, and that its answer is waited for. */
const ASSURED = 1_000

/**
 * Owns the node's one view of the chain: a snapshot that everybody reads and nobody changes. It is replaced when the chain is
 * read again, and then takes up the state that the chain has, whichever that is: an answer may have been lost, or a settlement
 * undone.
 */
export class ChainView {
  readonly #contracts: Contracts
  readonly #store: Store
  readonly #signer: SigningClient
  #snapshot: NodeSnapshot
  /** The chain has a state that is none of the stored ones. */
  #foreign = false
  #assuredAt = performance.now()

  private constructor(contracts: Contracts, store: Store, signer: SigningClient, snapshot: NodeSnapshot) {
    this.#contracts = contracts
    this.#store = store
    this.#signer = signer
    this.#snapshot = snapshot
  }

  /** @throws PlimsollError when the store has no state of the chain's, or a transaction of the operator is pending */
  static async open(contracts: Contracts, store: Store, signer: SigningClient): Promise<ChainView> {
    await requireNothingPending(signer)
    const chain = await readChain(contracts, signer)
    const state = await storedState(store, contracts, chain)
    return new ChainView(contracts, store, signer, bind(chain, state))
  }

  get snapshot(): NodeSnapshot {
    return this.#snapshot
  }

  /**
   * Reads the chain at its head.
   * @throws PlimsollError when a transaction of the operator is pending, as another behind it would be no sooner, and void if that
   *   one comes to be mined; or when none of the stored states is the chain's
   */
  async syncChain(): Promise<NodeSnapshot> {
    await requireNothingPending(this.#signer)
    await wake(this.#signer)
    return this.#take(this.#snapshot.state)
  }

  /** Reads the chain after a settlement that led to `state`. */
  settled(state: NodeState): Promise<NodeSnapshot> {
    return this.#take(state)
  }

  /**
   * Asks the chain, where it was not just asked, whether it still has a state of this node's: another node may have settled since.
   * What an endpoint that does not answer leaves open is taken to be as it was.
   * @throws Refusal with `UNAVAILABLE` when it has not: whatever is accepted could never be carried out
   */
  async requireOwnState(): Promise<void> {
    if (!this.#foreign && performance.now() - this.#assuredAt > ASSURED) {
      this.#assuredAt = performance.now()
      const { settlement } = this.#contracts
      const asked = Promise.all([settlement.view('accountsRoot'), settlement.view('heads')])
      const answer = await Promise.race([asked.catch(() => undefined), sleep(ASSURED, undefined, { ref: false })])
      if (answer !== undefined) {
        const [root, heads] = answer
        const own = isStateOf(this.#snapshot.state, { root, heads }) || (await this.#store.has(root, heads))
        if (!own) this.#foreign = true
      }
    }
    if (this.#foreign)
      throw new Refusal(
        'UNAVAILABLE',
        `The state of this node is not the chain's: another has settled since, and nothing that it accepted could be carried out. Its operator makes it anew with plimsoll node --rebuild --settlement ${this.#contracts.settlement.address}.`,
      )
  }

  /** A state that was saved, as it is read from the store: it no longer holds in memory all that led to it. */
  async #asStored({ system, ...facts }: NodeState): Promise<NodeState> {
    const { ledger, salts, secret } = system
    const { system: stored, traded } = await this.#store.find(ledger.root, ledger.heads)
    return { ...facts, traded, system: new System(ledger, stored.state, salts, secret) }
  }

  async #take(expected: NodeState): Promise<NodeSnapshot> {
    const chain = await readChain(this.#contracts, this.#signer)
    const stored = () =>
      storedState(this.#store, this.#contracts, chain).catch((error: unknown) => {
        this.#foreign = error instanceof ForeignState
        throw error
      })
    const own = () => (expected === this.#snapshot.state ? expected : this.#asStored(expected))
    const state = isStateOf(expected, chain) ? await own() : await stored()
    this.#foreign = false
    this.#assuredAt = performance.now()
    this.#snapshot = bind(chain, state)
    return this.#snapshot
  }
}

/** Reads the chain, and the means of the operator. */
async function readChain(contracts: Contracts, { read, sender }: SigningClient): Promise<Omit<NodeSnapshot, 'state'>> {
  const chain = await readSnapshot(contracts)
  const [balance, gasPrice] = await Promise.all([
    read.getBalance({ address: sender, blockNumber: chain.block }),
    read.getGasPrice(),
  ])
  return { ...chain, balance, gasPrice }
}

function isStateOf({ system: { ledger } }: NodeState, { root, heads }: Pick<ChainSnapshot, 'root' | 'heads'>): boolean {
  return ledger.root === root && ledger.heads.join() === heads.join()
}

/**
 * The state as it is in a block: a copy, as the states of other snapshots stay what they were.
 * @throws PlimsollError where the sequencer's key in force is not this node's
 */
function bind(chain: Omit<NodeSnapshot, 'state'>, state: NodeState): NodeSnapshot {
  const system = state.system.clone()
  if (chain.sequencerKeys.at(-1)!.join() !== system.ledger.domain.sequencer.join())
    throw new PlimsollError('HANDED_OVER: the sequencer has another key now than the one this node started with.', {
      hint: 'Start it anew; sequencer.key has to hold the secret of the key in force.',
    })
  system.ledger.era = chain.sequencerKeys.length
  if (chain.marks !== undefined) system.setMarks(chain.marks)
  system.ledger.backstop.splice(0, ASSETS, ...chain.backstop)
  return { ...chain, state: { ...state, system } }
}

/** The stored version that the chain has. @throws PlimsollError when it has none of them */
async function storedState(
  store: Store,
  { settlement }: Contracts,
  { root, heads, block }: ChainSnapshot,
): Promise<NodeState> {
  const state = await store.find(root, heads)
  // Envelopes of empty slots may have been opened outside a settlement.
  for (let slot = INBOX + 1; slot < heads.length; slot++)
    state.system.ledger.envelopes[slot] = await settlement.envelope(slot, block)
  return state
}

/** A development chain that mines on demand stands still between transactions, and with it the time that contracts see. */
async function wake(signer: SigningClient): Promise<void> {
  const { read, chainId } = signer
  if (!LOCAL_CHAINS.includes(chainId)) return
  const [latest, next] = await Promise.all([read.getBlock(), read.getBlock({ blockTag: 'pending' })])
  if (next.timestamp > latest.timestamp + STANDSTILL) await mine(signer)
}

/** Has a development chain mine a block; where there is no such method it mines by itself. */
export async function mine({ read }: SigningClient): Promise<void> {
  await (read.request as (call: { method: string }) => Promise<unknown>)({ method: 'evm_mine' }).catch(() => {})
}

/** @throws PlimsollError when a transaction of the operator is pending: it may still change which state is the chain's */
async function requireNothingPending({ read, sender }: SigningClient): Promise<void> {
  const count = (blockTag: 'latest' | 'pending') =>
    read.getTransactionCount({ address: sender, blockTag }).catch((error: unknown) => {
      throw refusal(error, 'a count of transactions')
    })
  const [mined, sent] = await Promise.all([count('latest'), count('pending')])
  if (sent <= mined) return
  throw new PlimsollError(
    `A transaction of ${sender} is still pending, its number ${mined}: it decides which state is the chain's.`,
    { hint: 'Wait until it is mined, or replace it with one of the same number and a higher fee.' },
  )
}
