import type { Address, PublicClient } from 'viem'
import { type Account, accountLeaf, NEUTRAL_WEIGHTS } from '../../protocol/account.ts'
import { type Batch, batchWrites, type Shape, type StepPublic, type Write } from '../../protocol/batch.ts'
import { ASSETS } from '../../protocol/constants.ts'
import type { Point } from '../../protocol/curve.ts'
import { PlimsollError } from '../../protocol/errors.ts'
import type { Balances } from '../../protocol/health.ts'
import { ownerHash } from '../../protocol/keys.ts'
import { accountAfter } from '../../protocol/opened-write.ts'
import { writingOperation } from '../../protocol/transact.ts'
import { AccountTree, type Path } from '../../protocol/tree.ts'
import { SETTLEMENT_ABI } from '../abi/settlement.ts'
import { VAULT_ABI } from '../abi/vault.ts'
import {
  type ChainPlace,
  type SystemEvent,
  settledBatch,
  settlementShape,
  systemEvents,
  type UnreadableEvent,
} from './settlement-history.ts'
import { systemContracts } from './system-contracts.ts'

const OPEN = 1
/** Names of the events that recovery reads: of the sequencer's keys, written leaves, opened accounts and checkpoints. */
const NAMES = ['SequencerKey', 'Genesis', 'Resolved', 'Transacted', 'Deposited', 'Checkpointed']

/** Causes of a new version of an account. */
export type EventKind = NonNullable<ReturnType<typeof kindOf>> | 'liquidation' | 'refresh'

/** A new leaf of an account, as published. */
interface ChainWrite extends ChainPlace, Write {
  /** Undefined for what `resolve` wrote: only the account's owner can tell a liquidation from a decoy. */
  readonly kind: ReturnType<typeof kindOf>
  /** The sequencer's key in force when it was written. */
  readonly sequencer: Point
}

/** An event of an account's history, as its owner reads it. */
export interface AccountEvent extends ChainPlace {
  readonly kind: EventKind
  readonly version: number
  /** Per asset, signed. */
  readonly changes: Balances
  readonly balances: Balances
}

export interface RecoveredAccount {
  readonly account: Account
  readonly leaf: bigint
  readonly history: readonly AccountEvent[]
  /** From its leaf to the root. */
  readonly path: Path
  /** The sequencer's key whose holder reads the account: not the one in force where it was not rekeyed since a handover. */
  readonly sequencer: Point
}

/** A deposit that opened an account. */
export interface Opening {
  readonly index: number
  readonly publicKey: Point
}

/**
 * All that a settlement ever published about its accounts, from events alone. Nobody has to be asked or believed: the leaves
 * must have the root that the contract has, and an account is what its owner's key opens.
 */
export class AccountHistory {
  readonly root: bigint
  readonly #tree: AccountTree
  readonly #writes: ReadonlyMap<number, readonly ChainWrite[]>
  readonly #openings: readonly Opening[]

  private constructor(
    tree: AccountTree,
    writes: ReadonlyMap<number, readonly ChainWrite[]>,
    openings: readonly Opening[],
  ) {
    this.#tree = tree
    this.root = tree.root
    this.#writes = writes
    this.#openings = openings
  }

  /**
   * Reads the chain up to its latest block, or as it was at the last checkpoint.
   * @throws PlimsollError when the published leaves do not have the contract's root
   */
  static async read(
    client: PublicClient,
    settlement: Address,
    options: { atCheckpoint?: boolean } = {},
  ): Promise<AccountHistory> {
    const end = await client.getBlockNumber()
    const contracts = await systemContracts(client, settlement)
    const shape = await settlementShape(client, settlement)
    const { root, epoch } = options.atCheckpoint
      ? await client.readContract({
          address: contracts.vault,
          abi: VAULT_ABI,
          functionName: 'lastCheckpoint',
          blockNumber: end,
        })
      : {
          root: await client.readContract({
            address: settlement,
            abi: SETTLEMENT_ABI,
            functionName: 'accountsRoot',
            blockNumber: end,
          }),
          epoch: 0n,
        }

    const list: ChainWrite[] = []
    const openings: Opening[] = []
    let leaves: readonly bigint[] = []
    let sequencer: Point | undefined
    /** Writes before the checkpoint. */
    let counted = 0
    for await (const event of systemEvents(client, { contracts, of: ['settlement', 'vault'], names: NAMES, end })) {
      if (event.eventName === 'Genesis') leaves = event.args.leaves
      else if (event.eventName === 'SequencerKey') sequencer = [event.args.x, event.args.y]
      else if (event.eventName === 'Checkpointed') counted = event.args.epoch === epoch ? list.length : counted
      else if (event.eventName === 'Deposited') openings.push(...openingsIn(event))
      else {
        const batch = readableBatch(event, shape)
        if (batch !== undefined) list.push(...writesOf(event, batch, sequencer ?? noKey(settlement)))
      }
    }

    const tree = new AccountTree(shape.depth, leaves)
    const writes = new Map<number, ChainWrite[]>()
    for (const write of options.atCheckpoint ? list.slice(0, counted) : list) {
      tree.set(write.index, write.leaf)
      const before = writes.get(write.index)
      if (before === undefined) writes.set(write.index, [write])
      else before.push(write)
    }
    if (tree.root !== root)
      throw new PlimsollError(
        `The leaves that ${settlement} published do not have ${options.atCheckpoint ? "the checkpoint's" : 'its'} root.`,
        { hint: 'Check --settlement, and that --rpc serves the whole history.' },
      )
    return new AccountHistory(tree, writes, openings)
  }

  /** Indices of the accounts that deposits opened for a public key. */
  indices([x, y]: Point): number[] {
    return this.#openings.filter(({ publicKey }) => publicKey[0] === x && publicKey[1] === y).map(({ index }) => index)
  }

  /**
   * An account with its history, opened with its owner's keys: it is born under the sequencer's key in force then, and a rekey
   * brings it under the one in force at the rekey.
   * @param viewKeyOf the view key that the owner shares with a key of the sequencer's
   * @throws PlimsollError when the deposit that opened it is not in the tree yet, or the keys do not open it
   */
  account(index: number, publicKey: Point, viewKeyOf: (sequencer: Point) => bigint): RecoveredAccount {
    const writes = this.#writes.get(index)
    if (writes === undefined)
      throw new PlimsollError(`The deposit that opens account ${index} has not been settled yet.`)
    const owner = ownerHash(publicKey)
    const balances = Array<bigint>(ASSETS).fill(0n)
    let { sequencer } = writes[0]!
    let viewKey = viewKeyOf(sequencer)
    let account: Account = { owner, viewKey, index, version: -1n, weights: NEUTRAL_WEIGHTS, balances }
    const history: AccountEvent[] = []
    for (const write of writes) {
      const before = account.balances
      if (write.kind === 'rekey') {
        sequencer = write.sequencer
        viewKey = viewKeyOf(sequencer)
      }
      account = accountAfter({ ...account, viewKey }, write)
      const changes = account.balances.map((balance, a) => balance - before[a]!)
      history.push({
        block: write.block,
        transaction: write.transaction,
        version: Number(account.version),
        changes,
        balances: account.balances,
        kind: write.kind ?? (changes.some((change) => change !== 0n) ? 'liquidation' : 'refresh'),
      })
    }
    return { account, leaf: accountLeaf(account), history, path: this.#tree.path(index), sequencer }
  }
}

/** Every account that a deposit opened, in order. */
export async function openingsOf(client: PublicClient, settlement: Address): Promise<Opening[]> {
  const end = await client.getBlockNumber()
  const contracts = await systemContracts(client, settlement)
  const openings: Opening[] = []
  for await (const event of systemEvents(client, { contracts, of: ['vault'], names: ['Deposited'], end }))
    openings.push(...openingsIn(event))
  return openings
}

/** The opening that a deposit is. */
function openingsIn(event: SystemEvent | UnreadableEvent): Opening[] {
  if (event.eventName !== 'Deposited' || event.args.kind !== OPEN) return []
  return [{ index: Number(event.args.index), publicKey: [event.args.ax, event.args.ay] }]
}

/** The batch of an event; undefined where it cannot be read, too: whether the leaves are complete, the root decides. */
function readableBatch(event: SystemEvent | UnreadableEvent, shape: Shape): Batch | undefined {
  try {
    return settledBatch(event, shape)?.batch
  } catch (error) {
    if (error instanceof PlimsollError) return undefined
    throw error
  }
}

/** Leaves that a batch wrote into the tree. */
function writesOf({ block, transaction }: ChainPlace, batch: Batch, sequencer: Point): ChainWrite[] {
  return batchWrites(batch).map((write) => {
    const kind = batch.circuit === 'transact' ? kindOf(write as StepPublic) : undefined
    return { block, transaction, kind, sequencer, index: write.index, leaf: write.leaf, cipher: write.cipher }
  })
}

/** @throws PlimsollError always: a batch came before the event of the settlement's first key */
function noKey(settlement: Address): never {
  throw new PlimsollError(`The log of the sequencer key of ${settlement} is missing.`, {
    hint: 'Check that --rpc serves the whole history.',
  })
}

/** The name of a step in the history of its account; undefined where it writes none. */
function kindOf({ op }: StepPublic) {
  const name = writingOperation(op)
  return name === 'topup' ? 'deposit' : name
}
