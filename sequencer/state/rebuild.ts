import { decodeEventLog, decodeFunctionData, type Hex } from 'viem'
import { CIRCUIT_NUMBERS, Settlement } from '../../chain/settlement.ts'
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
import { SETTLEMENT_ABI } from '../../sdk/abi/settlement.ts'
import { openingsOf } from '../../sdk/chain/account-history.ts'
import { blockRanges } from '../../sdk/chain/block-ranges.ts'
import type { ReadClient } from '../../sdk/chain/client.ts'
import { refusal } from '../../sdk/chain/contract-errors.ts'
import { inOrder } from '../../sdk/chain/in-order.ts'
import type { Deployment, NodeState } from './store.ts'
import { decryptMoves, type MemoKey, memoKey } from './sweep-memo.ts'

const NAMES = Object.fromEntries(Object.entries(CIRCUIT_NUMBERS).map(([name, number]) => [number, name])) as Record<
  number,
  Batch['circuit']
>

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
    const steps = inOrder(events(settlement, end), async (event) => ({
      ...event,
      batches: event.kind === 'settled' ? await settledBatches(settlement, event.hash) : [],
    }))
    for await (const step of steps) {
      if (step.kind === 'opened') ledger.open(step)
      else {
        for (const [i, batch] of step.batches.entries())
          rebuilder.batch(batch, `Batch ${i} of transaction ${step.hash}`)
        onSettlement(++done)
      }
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

type Event =
  | {
      readonly kind: 'opened'
      readonly slot: number
      readonly envelope: { floors: readonly bigint[]; ceilings: readonly bigint[] }
    }
  | { readonly kind: 'settled'; readonly hash: Hex }

/** Settlements, and envelopes opened outside of them, in order. */
async function* events({ client: { read }, address, abi }: Settlement, end: bigint): AsyncGenerator<Event> {
  const done = new Set<Hex>()
  const start = await read.readContract({ address, abi: SETTLEMENT_ABI, functionName: 'deployedAt' })
  for (const range of blockRanges(start, end)) {
    const logs = (await read.getLogs({ address, ...range })).map((log) => ({
      ...log,
      ...decodeEventLog({ abi, data: log.data, topics: log.topics }),
    }))
    const settling = new Set(
      logs.filter(({ eventName }) => eventName === 'Settled').map(({ transactionHash }) => transactionHash),
    )
    for (const { eventName, args, transactionHash: hash } of logs) {
      if (eventName === 'Genesis')
        throw new PlimsollError('GENESIS_IMPORTED: accounts were imported here, and the chain has only their leaves.')
      if (settling.has(hash)) {
        if (!done.has(hash)) yield { kind: 'settled', hash }
        done.add(hash)
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

interface ChainBatch {
  readonly openings: readonly {
    readonly slot: number
    readonly floors: readonly bigint[]
    readonly ceilings: readonly bigint[]
  }[]
  readonly circuit: number
  readonly window: readonly number[]
  readonly values: readonly bigint[]
  readonly digest: bigint
  readonly memo: Hex
}

async function settledBatches({ client, address }: Settlement, hash: Hex): Promise<readonly ChainBatch[]> {
  const { to, input } = await client.read.getTransaction({ hash })
  if (to?.toLowerCase() !== address.toLowerCase())
    throw new PlimsollError(
      `Transaction ${hash} called the settlement through another contract: its call data cannot be read.`,
    )
  const { functionName, args } = decodeFunctionData({ abi: SETTLEMENT_ABI, data: input })
  if (functionName !== 'settle') throw new PlimsollError(`Transaction ${hash} is not a settlement.`)
  return args[0]
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

  batch({ openings, circuit, window, values, digest, memo }: ChainBatch, place: string): void {
    for (const { slot, floors, ceilings } of openings) this.#ledger.open({ slot, envelope: { floors, ceilings } })
    const batch = parseBatch(NAMES[circuit]!, window, values, this.#ledger.shape)
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
