import { type Address, decodeFunctionData, type Hex, type PublicClient } from 'viem'
import { type Account, accountLeaf, NEUTRAL_WEIGHTS } from '../../protocol/account.ts'
import { decryptAccount } from '../../protocol/cipher.ts'
import { ASSETS } from '../../protocol/constants.ts'
import type { Point } from '../../protocol/curve.ts'
import { PlimsollError } from '../../protocol/errors.ts'
import type { Balances } from '../../protocol/health.ts'
import { ownerHash } from '../../protocol/keys.ts'
import { AccountTree, type Path } from '../../protocol/tree.ts'
import { SETTLEMENT_ABI } from '../abi/settlement.ts'
import { VAULT_ABI } from '../abi/vault.ts'
import { VERIFIER_ABI } from '../abi/verifier.ts'
import { blockRanges } from './block-ranges.ts'
import { inOrder } from './in-order.ts'

const OPEN = 1
const RESOLVE = 1
const TRANSACT = 2
const RESOLVE_HEADER = 13
const RESOLVE_WRITE = 5
const TRANSACT_HEADER = 4
const TRANSACT_STEP = 10
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

/** What happened to an account, as its owner reads it. */
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
 * All that a settlement ever published about its accounts, from events and call data alone. Nobody has to be asked or
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
    const [{ vault, transactVerifier }, start] = await Promise.all([
      client.readContract({ ...contract, functionName: 'config', blockNumber: end }),
      client.readContract({ ...contract, functionName: 'deployedAt', blockNumber: end }),
    ])
    const depth = await client.readContract({ address: transactVerifier, abi: VERIFIER_ABI, functionName: 'depth' })
    const custody = { address: vault, abi: VAULT_ABI } as const
    const { root, epoch } = options.atCheckpoint
      ? await client.readContract({ ...custody, functionName: 'lastCheckpoint', blockNumber: end })
      : { root: await client.readContract({ ...contract, functionName: 'accountsRoot', blockNumber: end }), epoch: 0n }

    const settlements: { block: bigint; position: number; transaction: Hex }[] = []
    const openings: Opening[] = []
    let genesis: Hex | undefined
    let checkpoint: { block: bigint; position: number } | undefined
    for (const { fromBlock, toBlock } of blockRanges(start, end)) {
      const range = { fromBlock, toBlock, strict: true } as const
      for (const log of await client.getContractEvents({ ...contract, eventName: 'Settled', ...range })) {
        if (settlements.at(-1)?.transaction !== log.transactionHash)
          settlements.push({ block: log.blockNumber, position: log.transactionIndex, transaction: log.transactionHash })
      }
      for (const log of await client.getContractEvents({ ...contract, eventName: 'Genesis', ...range }))
        genesis = log.transactionHash
      openings.push(...(await openingsBetween(client, vault, fromBlock, toBlock)))
      for (const log of await client.getContractEvents({ ...custody, eventName: 'Checkpointed', ...range })) {
        if (log.args.epoch === epoch) checkpoint = { block: log.blockNumber, position: log.transactionIndex }
      }
    }

    const tree = new AccountTree(Number(depth), genesis === undefined ? [] : await initialLeaves(client, genesis))
    const writes = new Map<number, ChainWrite[]>()
    const counted = settlements.filter(({ block, position }) => {
      if (!options.atCheckpoint) return true
      return (
        checkpoint !== undefined &&
        (block < checkpoint.block || (block === checkpoint.block && position <= checkpoint.position))
      )
    })
    for await (const list of inOrder(counted, ({ block, transaction }) =>
      settlementWrites(client, settlement, block, transaction),
    )) {
      for (const write of list) {
        tree.set(write.index, write.leaf)
        const before = writes.get(write.index)
        if (before === undefined) writes.set(write.index, [write])
        else before.push(write)
      }
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
  const [{ vault }, start] = await Promise.all([
    client.readContract({ ...contract, functionName: 'config' }),
    client.readContract({ ...contract, functionName: 'deployedAt' }),
  ])
  const openings: Opening[] = []
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
  return logs.flatMap(({ args }) =>
    args.kind === OPEN ? [{ index: Number(args.index), publicKey: [args.ax, args.ay] as const }] : [],
  )
}

async function initialLeaves(client: PublicClient, hash: Hex): Promise<readonly bigint[]> {
  const { input } = await client.getTransaction({ hash })
  const call = decodeFunctionData({ abi: SETTLEMENT_ABI, data: input })
  if (call.functionName !== 'genesis') throw new PlimsollError(`Transaction ${hash} is not an import.`)
  return call.args[2]
}

async function settlementWrites(
  client: PublicClient,
  settlement: Address,
  block: bigint,
  hash: Hex,
): Promise<ChainWrite[]> {
  const { to, input } = await client.getTransaction({ hash })
  if (to?.toLowerCase() !== settlement.toLowerCase())
    throw new PlimsollError(
      `Transaction ${hash} called the settlement through another contract: its call data cannot be read.`,
    )
  const { functionName, args } = decodeFunctionData({ abi: SETTLEMENT_ABI, data: input })
  if (functionName !== 'settle') throw new PlimsollError(`Transaction ${hash} is not a settlement.`)
  return args[0].flatMap(({ circuit, values }) => {
    const list: ChainWrite[] = []
    if (circuit === RESOLVE) {
      for (let i = RESOLVE_HEADER; i < values.length; i += RESOLVE_WRITE) {
        if (values[i + 1] !== 0n)
          list.push({
            block,
            transaction: hash,
            kind: undefined,
            index: Number(values[i]),
            leaf: values[i + 1]!,
            cipher: values.slice(i + 2, i + 5),
          })
      }
    }
    if (circuit === TRANSACT) {
      for (let i = TRANSACT_HEADER; i < values.length; i += TRANSACT_STEP) {
        const kind = KINDS[Number(values[i])]
        if (kind !== undefined)
          list.push({
            block,
            transaction: hash,
            kind,
            index: Number(values[i + 1]),
            leaf: values[i + 2]!,
            cipher: values.slice(i + 3, i + 6),
          })
      }
    }
    return list
  })
}
