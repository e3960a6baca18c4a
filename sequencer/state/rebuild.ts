import type { Hex } from 'viem'
import { Settlement, type SettlementConfig } from '../../chain/settlement.ts'
import type { Account } from '../../protocol/account.ts'
import {
  batchSlots,
  type ResolveBatch,
  type Shape,
  type StepPublic,
  type SweepBatch,
  type TransactBatch,
  type Write,
} from '../../protocol/batch.ts'
import { DISTRESS, INBOX } from '../../protocol/constants.ts'
import type { Point } from '../../protocol/curve.ts'
import { PlimsollError } from '../../protocol/errors.ts'
import { HeadSalts, isBlindHead } from '../../protocol/head-salts.ts'
import { memoKey, sharedViewKey } from '../../protocol/keys.ts'
import { Ledger } from '../../protocol/ledger.ts'
import { accountAfter, requireLeaf } from '../../protocol/opened-write.ts'
import { newAccount } from '../../protocol/operation.ts'
import { EMPTY_HEAD } from '../../protocol/stack.ts'
import { headOf, popEntry, pushEntry, type Stack } from '../../protocol/stacks.ts'
import { System } from '../../protocol/system.ts'
import { OP, writingOperation } from '../../protocol/transact.ts'
import { AccountTree } from '../../protocol/tree.ts'
import type { ReadClient } from '../../sdk/chain/client.ts'
import { concludeFromLogs } from '../../sdk/chain/complete-logs.ts'
import { refusal } from '../../sdk/chain/contract-errors.ts'
import {
  type SettledBatch,
  type SystemEvent,
  settledBatch,
  systemEvents,
  type UnreadableEvent,
} from '../../sdk/chain/settlement-history.ts'
import { systemContracts } from '../../sdk/chain/system-contracts.ts'
import { AccountSet } from './account-set.ts'
import type { RebuildPoint, RebuildProgress } from './rebuild-progress.ts'
import { secretOf } from './sequencer-key.ts'
import { restoreSystem, type StoredState, storedState } from './state-json.ts'
import type { Deployment, NodeState } from './store.ts'
import { decryptMoves } from './sweep-memo.ts'

/** Names of the events that a rebuild reads. */
const NAMES = ['SequencerKey', 'Genesis', 'EnvelopeOpened', 'Swept', 'Resolved', 'Transacted', 'Settled']

/** Operations and decoys of the settlements that were replayed: the chain does not tell. */
const NOTHING_KNOWN = { applied: new Map(), decoyed: new Map() } as const

export interface Rebuilt {
  readonly deployment: Deployment
  readonly state: NodeState
}

export interface RebuildOptions {
  /** Called after each settlement with the number of those that were replayed. */
  readonly onSettlement?: (done: number) => void
  /** Record of how far it has come; none where it is left out. */
  readonly progress?: RebuildProgress
}

/**
 * The private state of a sequencer from the chain and its keys alone, all that it ever had: accounts open under the view keys that it shares with
 * their owners, the moves of sweeps under its own, from which the salts of the heads follow too. Every batch must arrive at the
 * heads and the root that it published. One that was interrupted goes on where it stopped.
 * @param secrets of the sequencer's keys, in any order
 * @throws PlimsollError when one of the keys is missing, the moves of a sweep cannot be had, or accounts were imported: of those the
 * chain knows nothing
 * @throws ChainFailure when the endpoint does not answer, or has left out events
 */
export async function rebuild(
  client: ReadClient,
  address: string,
  secrets: readonly bigint[],
  { onSettlement = () => {}, progress }: RebuildOptions = {},
): Promise<Rebuilt> {
  const settlement = await Settlement.at(client, address)
  const config = await settlement.config()
  requireKeys(settlement.address, await settlement.view('sequencerKeys'), secrets)
  const profile = await settlement.profile()
  const deployment = { chainId: client.chainId, settlement: settlement.address, profile: profile.name }
  try {
    const { read } = client
    const end = await read.getBlockNumber()
    const contracts = await systemContracts(read, settlement.address)
    const point = await standing(client, await progress?.read(deployment))
    const rebuilder =
      point === undefined ? emptyRebuilder(deployment, config, profile, secrets) : resumed(point, secrets)
    if (point !== undefined) onSettlement(rebuilder.settlements)
    return await concludeFromLogs(client, settlement.address, async () => {
      const range = { ...(point && { first: point.block + 1n }), ...(progress && { blocks: progress.blocks }), end }
      let latest = point?.block ?? 0n
      for await (const event of systemEvents(read, { contracts, of: ['settlement'], names: NAMES, ...range })) {
        // Between two blocks all that was read is whole.
        if (event.block > latest && latest > 0n && progress?.isDue) {
          const { hash } = await read.getBlock({ blockNumber: latest })
          await progress.write({ block: latest, hash, state: rebuilder.stored(deployment) })
        }
        latest = event.block
        rebuilder.event(event, profile)
        if (event.eventName === 'Settled') onSettlement(rebuilder.settlements)
      }
      const system = rebuilder.system()
      const [root, heads] = [await settlement.view('accountsRoot', [], end), await settlement.view('heads', [], end)]
      if (system.ledger.root !== root || system.ledger.heads.join() !== heads.join())
        throw new PlimsollError("What was rebuilt is not the contract's state.")
      const { settlements, traded } = rebuilder
      return { deployment, state: { system, settlements, traded: AccountSet.of(traded), ...NOTHING_KNOWN } }
    })
  } catch (error) {
    throw refusal(error, 'its history')
  }
}

/** @throws PlimsollError unless the secrets of all keys that a settlement had are among these */
function requireKeys(address: string, keys: readonly Point[], secrets: readonly bigint[]): void {
  const missing = keys.findIndex((key) => secretOf(secrets, key) === undefined)
  if (missing < 0) return
  if (keys.length === 1)
    throw new PlimsollError(`WRONG_KEY: this sequencer key is not that of the settlement ${address}.`)
  throw new PlimsollError(
    `WRONG_KEY: the settlement ${address} had ${keys.length} sequencer keys, and the secret of number ${missing + 1} is not at hand.`,
    { hint: 'A rebuild needs all of them: sequencer.key may have several, one a line.' },
  )
}

/** A point whose block the chain still has. */
async function standing({ read }: ReadClient, point: RebuildPoint | undefined): Promise<RebuildPoint | undefined> {
  if (point === undefined) return undefined
  const { hash } = await read.getBlock({ blockNumber: point.block })
  return hash === point.hash ? point : undefined
}

function emptyRebuilder(
  { chainId, settlement }: Deployment,
  { slots, minLiability, sequencerKey: sequencer }: SettlementConfig,
  shape: Shape,
  secrets: readonly bigint[],
): Rebuilder {
  const domain = { chainId: BigInt(chainId), settlement: BigInt(settlement), sequencer }
  const ledger = new Ledger(shape, slots, minLiability, new AccountTree(shape.depth).root, EMPTY_HEAD, domain)
  const empty = ledger.heads.map(() => [])
  // The first event says which of the keys is the first, and begins the first era.
  ledger.era = 0
  return new Rebuilder(System.restore(ledger, [], empty, HeadSalts.genesis(slots)), secrets, 0, [])
}

/** A rebuilder that has read what a point has. @throws PlimsollError when its accounts do not have its root and heads */
function resumed({ state }: RebuildPoint, secrets: readonly bigint[]): Rebuilder {
  const system = restoreSystem(state, secretOf(secrets, state.sequencer)!)
  return new Rebuilder(system, secrets, state.operations.settlements, state.traded)
}

class Rebuilder {
  /** Number of settlements that were read. */
  settlements: number
  /** Accounts that traded with another. */
  readonly traded: Set<number>
  readonly #ledger: Ledger
  readonly #secrets: readonly bigint[]
  /** The secret of the key in force at the event that it has come to. */
  #secret: bigint | undefined
  /** Owners' keys, by account. */
  readonly #publicKeys: (Point | undefined)[]
  readonly #accounts: Account[]
  readonly #tree: AccountTree
  readonly #stacks: Stack[]
  readonly #salts: HeadSalts

  constructor(system: System, secrets: readonly bigint[], settlements: number, traded: readonly number[]) {
    const { secret, ledger, accounts, publicKeys, tree, stacks, salts } = system
    this.settlements = settlements
    this.traded = new Set(traded)
    this.#ledger = ledger
    this.#secrets = secrets
    this.#secret = secret
    this.#publicKeys = [...publicKeys]
    this.#accounts = [...accounts]
    this.#tree = tree
    this.#stacks = [...stacks]
    this.#salts = salts
  }

  /** Takes up the next event. @throws PlimsollError when a batch does not arrive where it says */
  event(event: SystemEvent<'settlement'> | UnreadableEvent, shape: Shape): void {
    if (event.eventName === 'Genesis')
      throw new PlimsollError('GENESIS_IMPORTED: accounts were imported here, and the chain has only their leaves.')
    if (event.eventName === 'SequencerKey') this.#handOver([event.args.x, event.args.y])
    else if (event.eventName === 'EnvelopeOpened') {
      const { slot, floors, ceilings } = event.args
      this.#ledger.open({ slot: Number(slot), envelope: { floors, ceilings } })
    } else if (event.eventName === 'Settled') this.settlements++
    else {
      const settled = settledBatch(event, shape)
      if (settled !== undefined) this.#batch(settled, `A batch of transaction ${event.transaction}`)
    }
  }

  /** From here on openings, rekeys, memos and salts are by this key. */
  #handOver(sequencer: Point): void {
    this.#secret = secretOf(this.#secrets, sequencer)!
    this.#ledger.handOver(sequencer)
    this.#salts.key = memoKey(this.#secret, this.#ledger.domain)
  }

  system(): System {
    return System.restore(
      this.#ledger,
      this.#accounts,
      this.#stacks.map((stack) => stack.map(({ account }) => account)),
      this.#salts,
      this.#publicKeys,
      this.#secret,
    )
  }

  /** State from which a later process can go on. */
  stored(deployment: Deployment): StoredState {
    const parts = {
      ledger: this.#ledger,
      accounts: this.#accounts,
      publicKeys: this.#publicKeys,
      stacks: this.#stacks,
      salts: this.#salts,
    }
    return storedState(deployment, parts, { settlements: this.settlements, traded: this.traded })
  }

  #batch({ batch, digest, memo }: SettledBatch, place: string): void {
    const slots = batchSlots(batch)
    const salts = this.#salts.renew(slots, this.#ledger.heads)
    if (batch.circuit === 'sweep') this.#sweep(batch, memo, digest, place)
    if (batch.circuit === 'resolve') this.#resolve(batch)
    if (batch.circuit === 'transact') this.#transact(batch)
    this.#ledger.apply(batch)
    const { heads, root } = this.#ledger
    const wrong = slots.find((slot, i) => !isBlindHead(heads[slot]!, headOf(this.#stacks[slot]!), salts[i]!))
    if (wrong !== undefined || this.#tree.root !== root)
      throw new PlimsollError(
        `${place} does not lead to ${wrong !== undefined ? `the head of slot ${wrong}` : 'the root'} that it published.`,
      )
  }

  /** The key is the settlement's, so a memo that does not open under it is none; and blinded heads tell nothing of moves. */
  #sweep({ window }: SweepBatch, memo: Hex, digest: bigint, place: string): void {
    const moves = decryptMoves(this.#salts.key, memo, window, digest)
    if (moves === undefined)
      throw new PlimsollError(
        `${place} is a sweep whose moves cannot be read, though the sequencer key is the settlement's: who settled it wrote no memo of them, and from the heads they cannot be worked out.`,
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
      else if (step.op === OP.rekey) this.#rekey(step)
      else if (writingOperation(step.op) !== undefined) this.#rewrite(step)
      if (step.op === OP.trade) this.traded.add(step.index)
    }
  }

  #birth({ index, leaf, asset, amount, u, v }: StepPublic): void {
    const publicKey: Point = [u, v]
    const account = newAccount(publicKey, sharedViewKey(this.#secret!, publicKey), index)
    this.#publicKeys[index] = publicKey
    this.#write(requireLeaf({ ...account, balances: account.balances.with(asset, amount) }, leaf), leaf)
  }

  #rekey(write: Write): void {
    const publicKey = this.#publicKeys[write.index]
    if (publicKey === undefined) throw new PlimsollError(`Account ${write.index} was rekeyed before it was opened.`)
    this.#rewrite(write, sharedViewKey(this.#secret!, publicKey))
  }

  #rewrite(write: Write, viewKey = this.#accounts[write.index]?.viewKey): void {
    const before = this.#accounts[write.index]
    if (before === undefined) throw new PlimsollError(`Account ${write.index} was written before it was opened.`)
    this.#write(accountAfter({ ...before, viewKey: viewKey! }, write), write.leaf)
  }

  #write(account: Account, leaf: bigint): void {
    this.#accounts[account.index] = account
    this.#tree.set(account.index, leaf)
    pushEntry(this.#stacks[INBOX]!, account, leaf)
  }
}
