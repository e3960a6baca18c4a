import {
  type Account,
  accountKey,
  accountLeaf,
  accountLeaves,
  accountMeta,
  NEUTRAL_WEIGHTS,
  rewriteAccount,
  signBits,
} from './account.ts'
import { accountInput, weightInput } from './account-input.ts'
import type { Batch, Opening, ResolveBatch, Shape, SweepBatch, TransactBatch, Write } from './batch.ts'
import { CIPHER_LENGTH, encryptAccount } from './cipher.ts'
import type { CircuitInput, Signal } from './circuit-input.ts'
import { ASSETS, DISTRESS, INBOX, TRADED } from './constants.ts'
import type { Point } from './curve.ts'
import { PlimsollError, Refusal } from './errors.ts'
import { abs } from './integer.ts'
import { sequencerKey } from './keys.ts'
import { Ledger, NO_DOMAIN } from './ledger.ts'
import { type Liquidation, liquidate } from './liquidation.ts'
import { MARK_NAMES, type Marks } from './marks.ts'
import type { SigningDomain } from './messages.ts'
import { newAccount, type Operation, type Trade } from './operation.ts'
import type { BatchHash } from './poseidon.ts'
import { vectorSignals } from './public-vector.ts'
import type { SignatureCheck } from './signature.ts'
import { EMPTY_HEAD, pushHead } from './stack.ts'
import { applyOperation, INACTIVE_STEP } from './transact.ts'
import { inactiveTransactStep, transactStep } from './transact-input.ts'
import { AccountTree, type Path } from './tree.ts'

export type { CircuitInput, Signal } from './circuit-input.ts'

/** A leaf in a stack with its opening, and the head below it. */
export interface StackEntry {
  readonly account: Account
  readonly leaf: bigint
  readonly below: bigint
}

/** Pops the top of slot `from` and pushes it onto slot `to`. */
export interface Move {
  readonly from: number
  readonly to: number
}

/** What happened to an account taken out of distress. */
export interface Resolution {
  readonly action: 'liquidate' | 'refresh' | 'drop'
  readonly account: Account
  readonly liquidation?: Liquidation
}

/** What became of an operation. */
export interface StepResult {
  readonly operation: Operation
  readonly outcome: 'done' | 'bounced' | 'discharged'
  /** The account as it is now. */
  readonly account: Account
}

/** What a genesis knows besides its accounts, where it is to transact. */
export interface Origin {
  readonly domain?: SigningDomain
  /** The sequencer's. */
  readonly secret?: bigint
  /** Of the owners whose keys are known, by index. */
  readonly publicKeys?: readonly (Point | undefined)[]
}

/** A batch, and the input with which its circuit proves it. */
export interface Transition<B extends Batch = Batch> {
  readonly batch: B
  readonly input: CircuitInput
}

/**
 * The private state of the rollup: accounts, their tree, and the stacks with every leaf's opening. Each transition
 * changes it, and returns what is published along with its circuit's input (design, section 7). One that throws leaves it
 * half changed: where that matters, work on a clone.
 */
export class System {
  readonly ledger: Ledger
  /** Current accounts by index. */
  readonly accounts: Account[]
  readonly tree: AccountTree
  /** Entries of each slot, bottom first. */
  readonly stacks: StackEntry[][]
  /** Keys of the owners by index; undefined for accounts of a trusted import. */
  readonly publicKeys: (Point | undefined)[]
  /** The sequencer's; without it nothing can be opened. */
  readonly secret: bigint | undefined

  private constructor(
    ledger: Ledger,
    accounts: Account[],
    tree: AccountTree,
    stacks: StackEntry[][],
    publicKeys: readonly (Point | undefined)[],
    secret: bigint | undefined,
  ) {
    this.ledger = ledger
    this.accounts = accounts
    this.tree = tree
    this.stacks = stacks
    this.publicKeys = [...publicKeys]
    this.secret = secret
  }

  /** The start without accounts. */
  static empty(shape: Shape, slots: number, minLiability: bigint, domain: SigningDomain, secret: bigint): System {
    return System.genesis(shape, slots, minLiability, [], [], { domain, secret })
  }

  /**
   * Genesis: every account in the inbox, in order of index.
   * @throws PlimsollError when an account's index is not its position, or they do not fit the tree
   * @param ghosts stale leaves to lie below them, as a later rewrite through `transact` would leave behind
   * @param hashBatch a faster hash, for many accounts
   */
  static genesis(
    shape: Shape,
    slots: number,
    minLiability: bigint,
    accounts: readonly Account[],
    ghosts: readonly Account[] = [],
    origin: Origin = {},
    hashBatch?: BatchHash,
  ): System {
    const misplaced = accounts.findIndex((account, i) => account.index !== i)
    if (misplaced >= 0)
      throw new PlimsollError(`The account at position ${misplaced} has the index ${accounts[misplaced]!.index}.`)
    const leaves = accountLeaves(accounts, hashBatch)
    const tree = new AccountTree(shape.depth, leaves, hashBatch)
    const stacks: StackEntry[][] = Array.from({ length: slots }, () => [])
    let head = EMPTY_HEAD
    const push = (account: Account, leaf: bigint): void => {
      stacks[INBOX]!.push({ account, leaf, below: head })
      head = pushHead(head, leaf, hashBatch)
    }
    for (const ghost of ghosts) push(ghost, accountLeaf(ghost))
    accounts.forEach((account, i) => push(account, leaves[i]!))
    const { publicKeys = [], secret } = origin
    const sequencer = secret === undefined ? NO_DOMAIN.sequencer : sequencerKey(secret).publicKey
    const ledger = new Ledger(shape, slots, minLiability, tree.root, head, {
      ...NO_DOMAIN,
      ...origin.domain,
      sequencer,
    })
    return new System(ledger, [...accounts], tree, stacks, publicKeys, secret)
  }

  /** From stored parts: the ledger, and the entries' accounts of each stack. The tree is rebuilt; `hashBatch` may be a faster hash. */
  static restore(
    ledger: Ledger,
    accounts: readonly Account[],
    members: readonly (readonly Account[])[],
    publicKeys: readonly (Point | undefined)[] = [],
    secret?: bigint,
    hashBatch?: BatchHash,
  ): System {
    const tree = new AccountTree(ledger.shape.depth, accountLeaves(accounts, hashBatch), hashBatch)
    const stacks = members.map((stack) => {
      let below = EMPTY_HEAD
      const leaves = accountLeaves(stack, hashBatch)
      return stack.map((account, i) => {
        const entry = { account, leaf: leaves[i]!, below }
        below = pushHead(below, entry.leaf, hashBatch)
        return entry
      })
    })
    const system = new System(ledger, [...accounts], tree, stacks, publicKeys, secret)
    if (tree.root !== ledger.root) throw new PlimsollError('The stored accounts do not have the stored root.')
    ledger.heads.forEach((head, slot) => {
      if (system.#head(slot) !== head)
        throw new PlimsollError(`The stored stack ${slot} does not have the stored head.`)
    })
    return system
  }

  clone(): System {
    return new System(
      this.ledger.clone(),
      [...this.accounts],
      this.tree.clone(),
      this.stacks.map((stack) => [...stack]),
      this.publicKeys,
      this.secret,
    )
  }

  /** Starts a round at new marks. */
  setMarks(marks: Marks): void {
    this.ledger.marks = marks
  }

  open(opening: Opening): void {
    this.ledger.open(opening)
  }

  /**
   * Sweeps: executes `moves` within `window`.
   * @throws PlimsollError on an empty source, a slot outside the window, too many moves, or an invalid window
   */
  sweep(window: readonly number[], moves: readonly Move[]): Transition<SweepBatch> {
    const { steps, window: width } = this.ledger.shape.sweep
    if (moves.length > steps) throw new PlimsollError(`${moves.length} moves do not fit a sweep of ${steps} steps.`)
    const headsBefore = window.map((slot) => this.ledger.heads[slot]!)
    const entries = moves.map((move) => this.#move(window, move))
    const headsAfter = window.map((slot) => this.#head(slot))
    const batch: SweepBatch = { circuit: 'sweep', window, active: moves.length, headsAfter }
    const vector = this.ledger.vector(batch)
    this.ledger.apply(batch)

    const bounds = (offset: number) =>
      window.map((_, w) => vector.slice(offset + TRADED * w, offset + TRADED * (w + 1)))
    const oneHot = (slot: number | undefined) => window.map((other) => (other === slot ? 1n : 0n))
    const perStep = <T extends Signal>(value: (s: number) => T, padding: T) =>
      Array.from({ length: steps }, (_, s) => (s < moves.length ? value(s) : padding))
    const zeros = Array<bigint>(ASSETS).fill(0n)
    return {
      batch,
      input: {
        ...vectorSignals(vector),
        headsBefore,
        free: vector.slice(1 + 2 * width, 1 + 3 * width),
        floors: bounds(1 + 3 * width),
        ceilings: bounds(1 + 3 * width + TRADED * width),
        active: perStep(() => 1n, 0n),
        from: perStep((s) => oneHot(moves[s]!.from), oneHot(undefined)),
        to: perStep((s) => oneHot(moves[s]!.to), oneHot(undefined)),
        below: perStep((s) => entries[s]!.below, 0n),
        key: perStep((s) => accountKey(entries[s]!.account), 0n),
        meta: perStep((s) => accountMeta(entries[s]!.account), 0n),
        sign: perStep<Signal>((s) => signBits(entries[s]!.account.balances), zeros),
        magnitude: perStep<Signal>((s) => entries[s]!.account.balances.map(abs), zeros),
      },
    }
  }

  /**
   * Resolves the top `count` leaves of distress at the round's marks: a stale leaf is dropped, a breached account
   * liquidated, a healthy one refreshed (a decoy).
   * @throws PlimsollError when distress holds fewer, or they do not fit the circuit
   */
  resolve(count: number): Transition<ResolveBatch> & { resolutions: Resolution[] } {
    const { steps } = this.ledger.shape.resolve
    const { marks } = this.ledger
    if (marks === undefined) throw new PlimsollError('A resolve needs a round.')
    if (count > steps) throw new PlimsollError(`${count} accounts do not fit a resolve of ${steps} steps.`)
    if (count > this.stacks[DISTRESS]!.length) throw new PlimsollError(`Distress holds fewer than ${count} accounts.`)
    const { root: rootBefore, minLiability } = this.ledger
    const distressBefore = this.ledger.heads[DISTRESS]!
    const inboxBefore = this.ledger.heads[INBOX]!
    const resolved = Array.from({ length: count }, () => this.#resolveTop(marks))
    const backstopDelta = Array.from({ length: ASSETS }, (_, a) =>
      resolved.reduce((sum, step) => sum + step.backstopDelta[a]!, 0n),
    )
    const batch: ResolveBatch = {
      circuit: 'resolve',
      active: count,
      rootAfter: this.tree.root,
      distressAfter: this.#head(DISTRESS),
      inboxAfter: this.#head(INBOX),
      backstopDelta,
      badDebt: resolved.reduce((sum, { resolution }) => sum + (resolution.liquidation?.badDebt ?? 0n), 0n),
      writes: Array.from({ length: steps }, (_, s) => resolved[s]?.write ?? NO_WRITE),
    }
    const vector = this.ledger.vector(batch)
    this.ledger.apply(batch)

    const padding = inactiveResolveStep(this.ledger.shape.depth)
    const inputs = Array.from({ length: steps }, (_, s) => resolved[s]?.input ?? padding)
    const names = Object.keys(padding)
    return {
      batch,
      resolutions: resolved.map((step) => step.resolution),
      input: {
        ...vectorSignals(vector),
        rootBefore,
        distressBefore,
        inboxBefore,
        minLiability,
        marks: marks.slice(1).map((asset) => MARK_NAMES.map((name) => asset[name])),
        ...Object.fromEntries(names.map((name) => [name, inputs.map((input) => input[name]!)])),
      },
    }
  }

  /**
   * Carries out operations in order, one a step; the halves of a trade are adjacent. What the owners signed must not expire
   * before `validUntil`. Top-ups that do not fit are bounced, forced requests that cannot be served are discharged.
   * @param verify of a caller that remembers which signatures it verified
   * @throws Refusal when an operation cannot be carried out
   * @throws PlimsollError when they do not fit the circuit
   */
  transact(
    operations: readonly Operation[],
    validUntil: bigint,
    verify?: SignatureCheck,
  ): Transition<TransactBatch> & { results: StepResult[] } {
    const { steps } = this.ledger.shape.transact
    if (operations.length > steps)
      throw new PlimsollError(`${operations.length} operations do not fit a transact of ${steps} steps.`)
    checkHalves(operations)
    const {
      root: rootBefore,
      domain: { chainId, settlement, sequencer },
    } = this.ledger
    const inboxBefore = this.ledger.heads[INBOX]!
    const executed = operations.map((operation) => this.#execute(operation, validUntil, verify))
    const batch: TransactBatch = {
      circuit: 'transact',
      active: operations.length,
      rootAfter: this.tree.root,
      inboxAfter: this.#head(INBOX),
      validUntil,
      steps: Array.from({ length: steps }, (_, s) => executed[s]?.public ?? INACTIVE_STEP),
    }
    const vector = this.ledger.vector(batch)
    this.ledger.apply(batch)

    const padding = inactiveTransactStep(this.ledger.shape.depth)
    const inputs = Array.from({ length: steps }, (_, s) => executed[s]?.input ?? padding)
    return {
      batch,
      results: executed.map(({ result }) => result),
      input: {
        ...vectorSignals(vector),
        rootBefore,
        inboxBefore,
        chainId,
        settlement,
        sequencer,
        validUntil,
        marks: Array.from({ length: TRADED }, (_, i) => vector.slice(10 + 5 * i, 15 + 5 * i)),
        secret: this.secret ?? 0n,
        ...Object.fromEntries(Object.keys(padding).map((name) => [name, inputs.map((input) => input[name]!)])),
      },
    }
  }

  #execute(operation: Operation, validUntil: bigint, verify: SignatureCheck | undefined) {
    const { index } = operation
    const account = this.accounts[index]
    if (operation.kind === 'open' && account === undefined && index !== this.accounts.length)
      throw new Refusal('BAD_REQUEST', `The next account is ${this.accounts.length}, not ${index}.`)
    const publicKey = operation.kind === 'open' ? operation.publicKey : this.publicKeys[index]
    const { marks, domain } = this.ledger
    const {
      next,
      exception,
      public: published,
    } = applyOperation(account, operation, { marks, domain, publicKey, now: validUntil, secret: this.secret, verify })
    const before = account ?? newAccount(publicKey!, next!.viewKey, index)
    const input = transactStep(operation, before, this.tree.path(index), {
      publicKey,
      exception,
      published,
      domain,
      secret: this.secret,
    })
    if (next !== undefined) {
      this.accounts[index] = next
      this.publicKeys[index] = publicKey
      this.tree.set(index, published.leaf)
      this.#push(INBOX, next, published.leaf)
    }
    const outcome = next !== undefined ? 'done' : operation.kind === 'topup' ? 'bounced' : 'discharged'
    return { public: published, input, result: { operation, outcome, account: next ?? before } satisfies StepResult }
  }

  #head(slot: number): bigint {
    const top = this.stacks[slot]!.at(-1)
    return top === undefined ? EMPTY_HEAD : pushHead(top.below, top.leaf)
  }

  #push(slot: number, account: Account, leaf: bigint): void {
    this.stacks[slot]!.push({ account, leaf, below: this.#head(slot) })
  }

  #move(window: readonly number[], { from, to }: Move): StackEntry {
    if (from === to || !window.includes(from) || !window.includes(to))
      throw new PlimsollError(`The move from slot ${from} to slot ${to} does not fit the window ${window.join(', ')}.`)
    const entry = this.stacks[from]!.pop()
    if (entry === undefined) throw new PlimsollError(`Slot ${from} is empty.`)
    this.#push(to, entry.account, entry.leaf)
    return entry
  }

  #resolveTop(marks: Marks): ResolvedStep {
    const { account, leaf, below } = this.stacks[DISTRESS]!.pop()!
    const current = this.tree.leaf(account.index)
    const children = this.tree.path(account.index)
    const common = { ...openingInput(account, children), below, current }
    if (current !== leaf) {
      return {
        resolution: { action: 'drop', account },
        backstopDelta: Array<bigint>(ASSETS).fill(0n),
        write: NO_WRITE,
        input: { ...common, active: 1n, liquidate: 0n, refresh: 0n, drop: 1n, insufficient: 0n, multiplier: 0n },
      }
    }
    const liquidation = liquidate(account.balances, account.weights, marks, this.ledger.minLiability)
    const breached = liquidation.status !== 'healthy'
    const next = rewriteAccount(account, liquidation.after)
    const newLeaf = accountLeaf(next)
    this.accounts[account.index] = next
    this.tree.set(account.index, newLeaf)
    this.#push(INBOX, next, newLeaf)
    return {
      resolution: breached ? { action: 'liquidate', account: next, liquidation } : { action: 'refresh', account: next },
      backstopDelta: account.balances.map((before, a) => before - next.balances[a]!),
      write: { index: account.index, leaf: newLeaf, cipher: encryptAccount(next, newLeaf) },
      input: {
        ...common,
        active: 1n,
        liquidate: breached ? 1n : 0n,
        refresh: breached ? 0n : 1n,
        drop: 0n,
        insufficient: liquidation.insufficient ? 1n : 0n,
        multiplier: liquidation.multiplier,
      },
    }
  }
}

interface ResolvedStep {
  readonly resolution: Resolution
  readonly backstopDelta: readonly bigint[]
  readonly write: Write
  readonly input: CircuitInput
}

const NO_WRITE: Write = { index: 0, leaf: 0n, cipher: Array<bigint>(CIPHER_LENGTH).fill(0n) }

const NOBODY: Account = {
  owner: 0n,
  viewKey: 0n,
  index: 0,
  version: 0n,
  weights: NEUTRAL_WEIGHTS,
  balances: Array<bigint>(ASSETS).fill(0n),
}

/** A step's opening of an account, and its path. */
function openingInput(account: Account, children: Path): CircuitInput {
  return { ...accountInput(account, children), weightBits: weightInput(account.weights) }
}

/** An inactive step: an account of nobody in an empty tree satisfies the checks that hold for any account. */
function inactiveResolveStep(depth: number): CircuitInput {
  return {
    ...openingInput(NOBODY, new AccountTree(depth).path(0)),
    below: EMPTY_HEAD,
    current: 0n,
    active: 0n,
    liquidate: 0n,
    refresh: 0n,
    drop: 0n,
    insufficient: 0n,
    multiplier: 0n,
  }
}

/** @throws Refusal unless every trade is followed by its other half */
function checkHalves(operations: readonly Operation[]): void {
  let first: Trade | undefined
  for (const operation of operations) {
    if (first === undefined) {
      if (operation.kind === 'trade') first = operation
      continue
    }
    if (operation.kind !== 'trade' || operation.link !== first.link)
      throw new Refusal('TRADE_NOT_LINKED', 'Half a trade is not followed by its other half.')
    if (
      operation.asset !== first.asset ||
      operation.x !== first.x ||
      operation.y !== first.y ||
      operation.direction === first.direction
    ) {
      throw new Refusal('TRADE_MISMATCH', "The halves of the trade are not each other's opposite.")
    }
    first = undefined
  }
  if (first !== undefined) throw new Refusal('TRADE_NOT_LINKED', 'Half a trade has no other half.')
}
