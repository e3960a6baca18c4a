import { type Address, getAbiItem, type Hex, type PublicClient } from 'viem'
import { type Account, accountLeaf, NEUTRAL_WEIGHTS } from '../../protocol/account.ts'
import { decryptAccount } from '../../protocol/cipher.ts'
import { ASSETS } from '../../protocol/constants.ts'
import type { Point } from '../../protocol/curve.ts'
import { PlimsollError } from '../../protocol/errors.ts'
import type { Balances } from '../../protocol/health.ts'
import { ownerHash } from '../../protocol/keys.ts'
import { offsets, STEP, VALUES, WRITE, width } from '../../protocol/layout.ts'
import { AccountTree, type Path } from '../../protocol/tree.ts'
import { SETTLEMENT_ABI } from '../abi/settlement.ts'
import { VAULT_ABI } from '../abi/vault.ts'
import { VERIFIER_ABI } from '../abi/verifier.ts'
import { blockRanges } from './block-ranges.ts'
import { firstBlockSince } from './first-block.ts'

const OPEN = 1
/** Operations by their number in a batch; what neither writes an account is left out. */
const KINDS: Readonly<Record<number, EventKind>> = {
  1: 'open',
  2: 'deposit',
  3: 'withdraw',
  4: 'trade',
  5: 'unwind',
  6: 'preferences',
  7: 'forced',
}
/** The events of the settlement and of its vault that accounts are read from. */
const EVENTS = [
  getAbiItem({ abi: SETTLEMENT_ABI, name: 'Genesis' }),
  getAbiItem({ abi: SETTLEMENT_ABI, name: 'Resolved' }),
  getAbiItem({ abi: SETTLEMENT_ABI, name: 'Transacted' }),
  getAbiItem({ abi: VAULT_ABI, name: 'Deposited' }),
  getAbiItem({ abi: VAULT_ABI, name: 'Checkpointed' }),
] as const

export type EventKind =
  | 'open'
  | 'deposit'
  | 'withdraw'
  | 'trade'
  | 'unwind'
  | 'preferences'
  | 'forced'
  | 'liquidation'
  | 'refresh'

/** A new leaf of an account, as published. */
interface ChainWrite {
  readonly block: bigint
  readonly transaction: Hex
  /** Undefined for what `resolve` wrote: only the account's owner can tell a liquidation from a decoy. */
  readonly kind: EventKind | undefined
  readonly index: number
  readonly leaf: bigint
  readonly cipher: readonly bigint[]
}

/** Event of an account, as its owner reads it. */
export interface AccountEvent {
  readonly block: bigint
  readonly transaction: Hex
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
}

/** A deposit that opened an account. */
export interface Opening {
  readonly index: number
  readonly publicKey: Point
}

/**
 * All that a settlement ever published about its accounts, from events alone. Nobody has to be asked or
 * believed: the leaves must have the root that the contract has, and an account is what its owner's key opens.
 */
export class SettlementHistory {
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
  ): Promise<SettlementHistory> {
    const contract = { address: settlement, abi: SETTLEMENT_ABI } as const
    const end = await client.getBlockNumber()
    const [{ vault, transactVerifier }, deployedAt] = await Promise.all([
      client.readContract({ ...contract, functionName: 'config', blockNumber: end }),
      client.readContract({ ...contract, functionName: 'deployedAt', blockNumber: end }),
    ])
    const depth = await client.readContract({ address: transactVerifier, abi: VERIFIER_ABI, functionName: 'depth' })
    const custody = { address: vault, abi: VAULT_ABI } as const
    const { root, epoch } = options.atCheckpoint
      ? await client.readContract({ ...custody, functionName: 'lastCheckpoint', blockNumber: end })
      : { root: await client.readContract({ ...contract, functionName: 'accountsRoot', blockNumber: end }), epoch: 0n }

    const start = await firstBlockSince(client, deployedAt, end)
    const list: ChainWrite[] = []
    const openings: Opening[] = []
    let leaves: readonly bigint[] = []
    /** Before the checkpoint's own event. */
    let counted = 0
    for (const { fromBlock, toBlock } of blockRanges(start, end)) {
      const logs = await client.getLogs({
        address: [settlement, vault],
        events: EVENTS,
        fromBlock,
        toBlock,
        strict: true,
      })
      for (const log of logs) {
        if (log.eventName === 'Genesis') leaves = log.args.leaves
        else if (log.eventName === 'Deposited') openings.push(...openingOf(log.args))
        else if (log.eventName !== 'Checkpointed') list.push(...writesOf(log))
        else if (log.args.epoch === epoch) counted = list.length
      }
    }

    const tree = new AccountTree(Number(depth), leaves)
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
    return new SettlementHistory(tree, writes, openings)
  }

  /** Indices of the accounts that deposits opened for a public key. */
  indices([x, y]: Point): number[] {
    return this.#openings.filter(({ publicKey }) => publicKey[0] === x && publicKey[1] === y).map(({ index }) => index)
  }

  /**
   * An account with its history, opened with its owner's keys.
   * @throws PlimsollError when the deposit that opened it is not in the tree yet, or the keys do not open it
   */
  account(index: number, publicKey: Point, viewKey: bigint): RecoveredAccount {
    const writes = this.#writes.get(index)
    if (writes === undefined)
      throw new PlimsollError(`The deposit that opens account ${index} has not been settled yet.`)
    const owner = ownerHash(publicKey)
    const history: AccountEvent[] = []
    let account: Account = {
      owner,
      viewKey,
      index,
      version: -1n,
      weights: NEUTRAL_WEIGHTS,
      balances: Array<bigint>(ASSETS).fill(0n),
    }
    for (const { block, transaction, kind, leaf, cipher } of writes) {
      const before = account.balances
      account = { ...account, version: account.version + 1n, ...decryptAccount(cipher, leaf, viewKey) }
      if (accountLeaf(account) !== leaf)
        throw new PlimsollError(`Version ${account.version} of account ${index} is not what its ciphertext says.`)
      const changes = account.balances.map((balance, a) => balance - before[a]!)
      history.push({
        block,
        transaction,
        version: Number(account.version),
        changes,
        balances: account.balances,
        kind: kind ?? (changes.some((change) => change !== 0n) ? 'liquidation' : 'refresh'),
      })
    }
    return { account, leaf: accountLeaf(account), history, path: this.#tree.path(index) }
  }
}

/** Every account that a deposit opened, in order. */
export async function openingsOf(client: PublicClient, settlement: Address): Promise<Opening[]> {
  const contract = { address: settlement, abi: SETTLEMENT_ABI } as const
  const end = await client.getBlockNumber()
  const [{ vault }, deployedAt] = await Promise.all([
    client.readContract({ ...contract, functionName: 'config' }),
    client.readContract({ ...contract, functionName: 'deployedAt' }),
  ])
  const openings: Opening[] = []
  const start = await firstBlockSince(client, deployedAt, end)
  for (const { fromBlock, toBlock } of blockRanges(start, end))
    openings.push(...(await openingsBetween(client, vault, fromBlock, toBlock)))
  return openings
}

async function openingsBetween(
  client: PublicClient,
  vault: Address,
  fromBlock: bigint,
  toBlock: bigint,
): Promise<Opening[]> {
  const logs = await client.getContractEvents({
    address: vault,
    abi: VAULT_ABI,
    eventName: 'Deposited',
    fromBlock,
    toBlock,
    strict: true,
  })
  return logs.flatMap(({ args }) => openingOf(args))
}

function openingOf(deposit: { kind: number; index: bigint; ax: bigint; ay: bigint }): Opening[] {
  return deposit.kind === OPEN ? [{ index: Number(deposit.index), publicKey: [deposit.ax, deposit.ay] }] : []
}

interface BatchLog {
  readonly blockNumber: bigint
  readonly transactionHash: Hex
  readonly eventName: 'Resolved' | 'Transacted'
  readonly args: { readonly values: readonly bigint[] }
}

/** Leaves that a batch wrote into the tree. Contracts have checked that it has all its values. */
function writesOf({
  blockNumber: block,
  transactionHash: transaction,
  eventName,
  args: { values },
}: BatchLog): ChainWrite[] {
  const transacted = eventName === 'Transacted'
  const each = width(transacted ? STEP : WRITE)
  const { index, leaf, cipher } = transacted ? offsets(STEP) : offsets(WRITE)
  const list: ChainWrite[] = []
  for (let at = width(transacted ? VALUES.transact : VALUES.resolve); at < values.length; at += each) {
    const kind = transacted ? KINDS[Number(values[at])] : undefined
    if (transacted ? kind === undefined : values[at + leaf] === 0n) continue
    list.push({
      block,
      transaction,
      kind,
      index: Number(values[at + index]),
      leaf: values[at + leaf]!,
      cipher: values.slice(at + cipher, at + cipher + WRITE.cipher),
    })
  }
  return list
}
