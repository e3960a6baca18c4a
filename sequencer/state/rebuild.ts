import { decodeEventLog, type Hex } from 'viem'
import { Settlement } from '../../chain/settlement.ts'
import { type Account, accountLeaf } from '../../protocol/account.ts'
import {
  type Batch,
  parseBatch,
  type ResolveBatch,
  type StepPublic,
  type SweepBatch,
  type TransactBatch,
  type Write,
} from '../../protocol/batch.ts'
import { decryptAccount } from '../../protocol/cipher.ts'
import { DISTRESS, INBOX } from '../../protocol/constants.ts'
import type { Point } from '../../protocol/curve.ts'
import { PlimsollError } from '../../protocol/errors.ts'
import { sequencerKey, sharedViewKey } from '../../protocol/keys.ts'
import { Ledger } from '../../protocol/ledger.ts'
import { newAccount } from '../../protocol/operation.ts'
import { EMPTY_HEAD, pushHead } from '../../protocol/stack.ts'
import type { StackEntry } from '../../protocol/stacks.ts'
import { System } from '../../protocol/system.ts'
import { OP } from '../../protocol/transact.ts'
import { AccountTree } from '../../protocol/tree.ts'
import { PROFILES, type Profile } from '../../prover/profiles.ts'
import { openingsOf } from '../../sdk/chain/account-history.ts'
import { blockRanges } from '../../sdk/chain/block-ranges.ts'
import type { ReadClient } from '../../sdk/chain/client.ts'
import { refusal } from '../../sdk/chain/contract-errors.ts'
import type { Deployment, NodeState } from './store.ts'
import { decryptMoves, type MemoKey, memoKey } from './sweep-memo.ts'

export interface Rebuilt {
  readonly deployment: Deployment
  readonly state: NodeState
}

/**
 * The private state of a sequencer from the chain and its key alone: accounts open under the view keys that it shares with
 * their owners, and the moves of sweeps under its own. Every batch must arrive at the heads and the root that it published.
 * @throws PlimsollError when the key is another's, or accounts were imported: of those the chain knows nothing
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
  const profile = await profileOf(settlement)
  try {
    const end = await client.read.getBlockNumber()
    const keys = new Map(
      (await openingsOf(client.read, settlement.address)).map((opening) => [opening.index, opening.publicKey]),
    )
    const domain = { chainId: BigInt(client.chainId), settlement: BigInt(settlement.address), sequencer: publicKey }
    const ledger = new Ledger(
      profile,
      config.slots,
      config.minLiability,
      new AccountTree(profile.depth).root,
      EMPTY_HEAD,
      domain,
    )
    const rebuilder = new Rebuilder(ledger, secret, keys, memoKey(secret, client.chainId, settlement.address))
    let done = 0
    for await (const event of events(settlement, end)) {
      if (event.kind === 'opened') ledger.open(event)
      else if (event.kind === 'batch') rebuilder.batch(event, `A batch of transaction ${event.hash}`)
      else onSettlement(++done)
    }
    const system = rebuilder.system()
    const [root, heads] = [await settlement.view('accountsRoot', [], end), await settlement.view('heads', [], end)]
    if (system.ledger.root !== root || system.ledger.heads.join() !== heads.join())
      throw new PlimsollError("What was rebuilt is not the contract's state.")
    return {
      deployment: { chainId: client.chainId, settlement: settlement.address, profile: profile.name },
      state: { system, settlements: done, applied: new Map() },
    }
  } catch (error) {
    throw refusal(error, 'its history')
  }
}

interface BatchEvent {
  readonly kind: 'batch'
  readonly hash: Hex
  readonly circuit: Batch['circuit']
  readonly window: readonly number[]
  readonly values: readonly bigint[]
  readonly digest: bigint
  /** Moves of a sweep; empty for other circuits. */
  readonly memo: Hex
}

type Event =
  | {
      readonly kind: 'opened'
      readonly slot: number
      readonly envelope: { floors: readonly bigint[]; ceilings: readonly bigint[] }
    }
  | BatchEvent
  | { readonly kind: 'settled' }

const BATCHES: Readonly<Record<string, Batch['circuit']>> = {
  Swept: 'sweep',
  Resolved: 'resolve',
  Transacted: 'transact',
}

/** Envelopes, batches and ends of settlements, in order. */
async function* events(settlement: Settlement, end: bigint): AsyncGenerator<Event> {
  const { client, address, abi } = settlement
  for (const range of blockRanges(await settlement.firstBlock(end), end)) {
    for (const { data, topics, transactionHash: hash } of await client.read.getLogs({ address, ...range })) {
      const { eventName, args } = decodeEventLog({ abi, data, topics })
      if (eventName === 'Genesis')
        throw new PlimsollError('GENESIS_IMPORTED: accounts were imported here, and the chain has only their leaves.')
      if (eventName === 'Settled') yield { kind: 'settled' }
      const circuit = BATCHES[eventName!]
      if (circuit !== undefined) {
        const fields = args as unknown as Pick<BatchEvent, 'values' | 'digest'> & Partial<BatchEvent>
        yield { window: [], memo: '0x', ...fields, kind: 'batch', hash, circuit }
      } else if (eventName === 'EnvelopeOpened') {
        const { slot, floors, ceilings } = args as unknown as {
          slot: bigint
          floors: readonly bigint[]
          ceilings: readonly bigint[]
        }
        yield { kind: 'opened', slot: Number(slot), envelope: { floors, ceilings } }
      }
    }
  }
}

async function profileOf(settlement: Settlement): Promise<Profile> {
  const sizes = (await settlement.view('batchSizes')).map(Number).join()
  const profile = Object.values(PROFILES).find(
    ({ sweep, resolve, transact }) => [sweep.steps, sweep.window, resolve.steps, transact.steps].join() === sizes,
  )
  if (profile === undefined)
    throw new PlimsollError('The contract was deployed for circuits of another size than any profile.')
  return profile
}

class Rebuilder {
  readonly #ledger: Ledger
  readonly #secret: bigint
  /** Owners' keys by index, from the deposits. */
  readonly #keys: ReadonlyMap<number, Point>
  readonly #memoKey: MemoKey
  readonly #accounts: Account[] = []
  readonly #tree: AccountTree
  readonly #stacks: StackEntry[][]

  constructor(ledger: Ledger, secret: bigint, keys: ReadonlyMap<number, Point>, memos: MemoKey) {
    this.#ledger = ledger
    this.#secret = secret
    this.#keys = keys
    this.#memoKey = memos
    this.#tree = new AccountTree(ledger.shape.depth)
    this.#stacks = ledger.heads.map(() => [])
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

  batch({ circuit, window, values, digest, memo }: BatchEvent, place: string): void {
    const batch = parseBatch(circuit, window, values, this.#ledger.shape)
    if (batch.circuit === 'sweep') this.#sweep(batch, memo, digest)
    if (batch.circuit === 'resolve') this.#resolve(batch)
    if (batch.circuit === 'transact') this.#transact(batch)
    this.#ledger.apply(batch)
    const wrong = this.#ledger.heads.findIndex((head, slot) => head !== this.#head(slot))
    if (wrong >= 0 || this.#tree.root !== this.#ledger.root)
      throw new PlimsollError(
        `${place} does not lead to ${wrong >= 0 ? `the head of slot ${wrong}` : 'the root'} that it published.`,
      )
  }

  #sweep({ window, active }: SweepBatch, memo: Hex, digest: bigint): void {
    for (const { from, to } of decryptMoves(this.#memoKey, memo, window, active, digest)) {
      const { account, leaf } = this.#pop(from)
      this.#push(to, account, leaf)
    }
  }

  #resolve({ active, writes }: ResolveBatch): void {
    for (const write of writes.slice(0, active)) {
      this.#pop(DISTRESS)
      if (write.leaf !== 0n) this.#rewrite(write)
    }
  }

  #transact({ active, steps }: TransactBatch): void {
    for (const step of steps.slice(0, active)) {
      if (step.op === OP.open) this.#birth(step)
      else if (step.op !== OP.discharge && step.op !== OP.bounce) this.#rewrite(step)
    }
  }

  #birth({ index, leaf, asset, amount, u, v }: StepPublic): void {
    const publicKey: Point = [u, v]
    const account = newAccount(publicKey, sharedViewKey(this.#secret, publicKey), index)
    this.#write({ ...account, balances: account.balances.with(asset, amount) }, leaf)
  }

  #rewrite({ index, leaf, cipher }: Write): void {
    const before = this.#accounts[index]
    if (before === undefined) throw new PlimsollError(`Account ${index} was written before it was opened.`)
    const { weights, balances } = decryptAccount(cipher, leaf, before.viewKey)
    this.#write({ ...before, version: before.version + 1n, weights, balances }, leaf)
  }

  #write(account: Account, leaf: bigint): void {
    if (accountLeaf(account) !== leaf)
      throw new PlimsollError(`Version ${account.version} of account ${account.index} is not what its ciphertext says.`)
    this.#accounts[account.index] = account
    this.#tree.set(account.index, leaf)
    this.#push(INBOX, account, leaf)
  }

  #pop(slot: number): StackEntry {
    const entry = this.#stacks[slot]?.pop()
    if (entry === undefined) throw new PlimsollError(`Slot ${slot} is empty where a leaf is taken from it.`)
    return entry
  }

  #push(slot: number, account: Account, leaf: bigint): void {
    this.#stacks[slot]!.push({ account, leaf, below: this.#head(slot) })
  }

  #head(slot: number): bigint {
    const top = this.#stacks[slot]!.at(-1)
    return top === undefined ? EMPTY_HEAD : pushHead(top.below, top.leaf)
  }
}
