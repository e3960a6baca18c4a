import type { Hex } from 'viem'
import { Settlement } from '../../chain/settlement.ts'
import type { Account } from '../../protocol/account.ts'
import type { ResolveBatch, StepPublic, SweepBatch, TransactBatch, Write } from '../../protocol/batch.ts'
import { DISTRESS, INBOX } from '../../protocol/constants.ts'
import type { Point } from '../../protocol/curve.ts'
import { PlimsollError } from '../../protocol/errors.ts'
import { sequencerKey, sharedViewKey } from '../../protocol/keys.ts'
import { Ledger } from '../../protocol/ledger.ts'
import { accountAfter, requireLeaf } from '../../protocol/opened-write.ts'
import { newAccount } from '../../protocol/operation.ts'
import { EMPTY_HEAD } from '../../protocol/stack.ts'
import { headOf, popEntry, pushEntry, type Stack } from '../../protocol/stacks.ts'
import { System } from '../../protocol/system.ts'
import { OP, writingOperation } from '../../protocol/transact.ts'
import { AccountTree } from '../../protocol/tree.ts'
import { openingsIn } from '../../sdk/chain/account-history.ts'
import type { ReadClient } from '../../sdk/chain/client.ts'
import { refusal } from '../../sdk/chain/contract-errors.ts'
import { type SettledBatch, settledBatch, systemEvents } from '../../sdk/chain/settlement-history.ts'
import { systemContracts } from '../../sdk/chain/system-contracts.ts'
import { findMoves } from './lost-moves.ts'
import type { Deployment, NodeState } from './store.ts'
import { decryptMoves, type MemoKey, memoKey } from './sweep-memo.ts'

/** Names of the events that a rebuild reads. */
const NAMES = ['Genesis', 'EnvelopeOpened', 'Swept', 'Resolved', 'Transacted', 'Settled', 'Deposited']

export interface Rebuilt {
  readonly deployment: Deployment
  readonly state: NodeState
}

/**
 * The private state of a sequencer from the chain and its key alone: accounts open under the view keys that it shares with
 * their owners, and the moves of sweeps under its own. Every batch must arrive at the heads and the root that it published.
 * @throws PlimsollError when the key is another's, the moves of a sweep cannot be had, or accounts were imported: of those the
 * chain knows nothing
 */
export async function rebuild(
  client: ReadClient,
  address: string,
  secret: bigint,
  onSettlement: (done: number) => void = () => {},
): Promise<Rebuilt> {
  const settlement = await Settlement.at(client, address)
  const config = await settlement.config()
  const { publicKey } = sequencerKey(secret)
  if (publicKey.join() !== config.sequencerKey.join())
    throw new PlimsollError(`WRONG_KEY: this sequencer key is not that of the settlement ${settlement.address}.`)
  const profile = await settlement.profile()
  try {
    const end = await client.read.getBlockNumber()
    const domain = { chainId: BigInt(client.chainId), settlement: BigInt(settlement.address), sequencer: publicKey }
    const root = new AccountTree(profile.depth).root
    const ledger = new Ledger(profile, config.slots, config.minLiability, root, EMPTY_HEAD, domain)
    const rebuilder = new Rebuilder(ledger, secret, memoKey(secret, client.chainId, settlement.address))
    const contracts = await systemContracts(client.read, settlement.address)
    let done = 0
    for await (const event of systemEvents(client.read, {
      contracts,
      of: ['settlement', 'vault'],
      names: NAMES,
      end,
    })) {
      if (event.eventName === 'Genesis')
        throw new PlimsollError('GENESIS_IMPORTED: accounts were imported here, and the chain has only their leaves.')
      else if (event.eventName === 'Deposited') for (const opening of openingsIn(event)) rebuilder.opening(opening)
      else if (event.eventName === 'EnvelopeOpened') {
        const { slot, floors, ceilings } = event.args
        ledger.open({ slot: Number(slot), envelope: { floors, ceilings } })
      } else if (event.eventName === 'Settled') onSettlement(++done)
      else {
        const settled = settledBatch(event, profile)
        if (settled !== undefined) rebuilder.batch(settled, `A batch of transaction ${event.transaction}`)
      }
    }
    const system = rebuilder.system()
    const [storedRoot, heads] = [
      await settlement.view('accountsRoot', [], end),
      await settlement.view('heads', [], end),
    ]
    if (system.ledger.root !== storedRoot || system.ledger.heads.join() !== heads.join())
      throw new PlimsollError("What was rebuilt is not the contract's state.")
    return {
      deployment: { chainId: client.chainId, settlement: settlement.address, profile: profile.name },
      state: { system, settlements: done, applied: new Map() },
    }
  } catch (error) {
    throw refusal(error, 'its history')
  }
}

class Rebuilder {
  readonly #ledger: Ledger
  readonly #secret: bigint
  readonly #memoKey: MemoKey
  /** Owners' keys by index, from the deposits. */
  readonly #keys = new Map<number, Point>()
  readonly #accounts: Account[] = []
  readonly #tree: AccountTree
  readonly #stacks: Stack[]

  constructor(ledger: Ledger, secret: bigint, memos: MemoKey) {
    this.#ledger = ledger
    this.#secret = secret
    this.#memoKey = memos
    this.#tree = new AccountTree(ledger.shape.depth)
    this.#stacks = ledger.heads.map(() => [])
  }

  /** A deposit that names the owner of an account to be. */
  opening({ index, publicKey }: { readonly index: number; readonly publicKey: Point }): void {
    this.#keys.set(index, publicKey)
  }

  system(): System {
    return System.restore(
      this.#ledger,
      this.#accounts,
      this.#stacks.map((stack) => stack.map(({ account }) => account)),
      this.#accounts.map(({ index }) => this.#keys.get(index)),
      this.#secret,
    )
  }

  batch({ batch, digest, memo }: SettledBatch, place: string): void {
    if (batch.circuit === 'sweep') this.#sweep(batch, memo, digest, place)
    if (batch.circuit === 'resolve') this.#resolve(batch)
    if (batch.circuit === 'transact') this.#transact(batch)
    this.#ledger.apply(batch)
    const wrong = this.#ledger.heads.findIndex((head, slot) => head !== headOf(this.#stacks[slot]!))
    if (wrong >= 0 || this.#tree.root !== this.#ledger.root)
      throw new PlimsollError(
        `${place} does not lead to ${wrong >= 0 ? `the head of slot ${wrong}` : 'the root'} that it published.`,
      )
  }

  /** The key is the settlement's, so a memo that does not open under it is none: then the heads have to tell. */
  #sweep({ window, active, headsAfter }: SweepBatch, memo: Hex, digest: bigint, place: string): void {
    const moves =
      decryptMoves(this.#memoKey, memo, window, active, digest) ?? findMoves(this.#stacks, window, active, headsAfter)
    if (moves === undefined)
      throw new PlimsollError(
        `${place} is a sweep whose moves cannot be read, though the sequencer key is the settlement's: who settled it wrote no memo of them, and from the heads alone they cannot be worked out.`,
        {
          hint: 'What comes after it is in the state directory of who settled it. Owners need no memo to recover or to exit.',
        },
      )
    for (const { from, to } of moves) {
      const { account, leaf } = popEntry(this.#stacks[from], from)
      pushEntry(this.#stacks[to]!, account, leaf)
    }
  }

  #resolve({ active, writes }: ResolveBatch): void {
    for (const write of writes.slice(0, active)) {
      popEntry(this.#stacks[DISTRESS], DISTRESS)
      if (write.leaf !== 0n) this.#rewrite(write)
    }
  }

  #transact({ active, steps }: TransactBatch): void {
    for (const step of steps.slice(0, active)) {
      if (step.op === OP.open) this.#birth(step)
      else if (writingOperation(step.op) !== undefined) this.#rewrite(step)
    }
  }

  #birth({ index, leaf, asset, amount, u, v }: StepPublic): void {
    const publicKey: Point = [u, v]
    const account = newAccount(publicKey, sharedViewKey(this.#secret, publicKey), index)
    this.#write(requireLeaf({ ...account, balances: account.balances.with(asset, amount) }, leaf), leaf)
  }

  #rewrite(write: Write): void {
    const before = this.#accounts[write.index]
    if (before === undefined) throw new PlimsollError(`Account ${write.index} was written before it was opened.`)
    this.#write(accountAfter(before, write), write.leaf)
  }

  #write(account: Account, leaf: bigint): void {
    this.#accounts[account.index] = account
    this.#tree.set(account.index, leaf)
    pushEntry(this.#stacks[INBOX]!, account, leaf)
  }
}
