import { type Account, accountLeaf, accountLeaves, rewriteAccount } from './account.ts'
import {
  type Batch,
  type Opening,
  RESOLVED_SLOTS,
  type ResolveBatch,
  rungOf,
  type Shape,
  type SweepBatch,
  TRANSACTED_SLOTS,
  type TransactBatch,
  type Write,
} from './batch.ts'
import { CIPHER_LENGTH, encryptAccount } from './cipher.ts'
import type { CircuitInput } from './circuit-input.ts'
import { ASSETS, DISTRESS, INBOX } from './constants.ts'
import type { Point } from './curve.ts'
import { PlimsollError, Refusal } from './errors.ts'
import { blindHead, GENESIS_SALT, HeadSalts, isBlindHead, type SaltKey } from './head-salts.ts'
import { memoKey, sequencerKey } from './keys.ts'
import { Ledger, NO_DOMAIN } from './ledger.ts'
import { type Liquidation, liquidate } from './liquidation.ts'
import type { Marks } from './marks.ts'
import { MemoryState } from './memory-state.ts'
import type { SigningDomain } from './messages.ts'
import { newAccount, type Operation, requireWholeTrades } from './operation.ts'
import type { BatchHash } from './poseidon.ts'
import { vectorSignals } from './public-vector.ts'
import type { Records } from './records.ts'
import { resolveInput, resolveStep } from './resolve-input.ts'
import type { SignatureCheck } from './signature.ts'
import { headOf, popEntry, pushEntry, type Stack, type StackEntry, stackOf } from './stacks.ts'
import { StateView } from './state-view.ts'
import { type Move, sweepInput } from './sweep-input.ts'
import { applyOperation, INACTIVE_STEP } from './transact.ts'
import { transactInput, transactStep } from './transact-input.ts'
import type { AccountTree } from './tree.ts'

/** Outcome for an account that was taken out of distress. */
export interface Resolution {
  readonly action: 'liquidate' | 'refresh' | 'drop'
  readonly account: Account
  readonly liquidation?: Liquidation
}

/** Outcome of an operation. */
export interface StepResult {
  readonly operation: Operation
  readonly outcome: 'done' | 'bounced' | 'discharged'
  /** The account as it is now. */
  readonly account: Account
}

/** Facts of a genesis besides its accounts, where it is to transact. */
export interface Origin {
  readonly domain?: SigningDomain
  /** The sequencer's. */
  readonly secret?: bigint
  /** Key of the heads' salts; that of the secret where there is one. Without either the salts hide nothing. */
  readonly saltKey?: SaltKey
  /** Public keys of the owners, by index, as far as they are known. */
  readonly publicKeys?: readonly (Point | undefined)[]
}

/** A batch, and the input with which its circuit proves it. */
export interface Transition<B extends Batch = Batch> {
  readonly batch: B
  readonly input: CircuitInput
}

/**
 * The private state of the rollup: accounts, their tree, and the stacks with every leaf's opening. Each transition
 * changes it, and returns what is published along with its circuit's input (docs/protocol.md#circuits). One that throws leaves it
 * half changed: where that matters, work on a clone, which costs nothing.
 */
export class System {
  readonly ledger: Ledger
  /** Accounts, keys, tree and stacks, to which the ledger only has commitments. */
  readonly state: StateView
  /** Salts of the stacks' heads as the chain has them. */
  readonly salts: HeadSalts
  /** That of the sequencer in force; without it nothing can be opened. */
  #secret: bigint | undefined

  constructor(ledger: Ledger, state: StateView, salts: HeadSalts, secret: bigint | undefined) {
    this.ledger = ledger
    this.state = state
    this.salts = salts
    this.#secret = secret
  }

  /** Current accounts by index. */
  get accounts(): Records<Account> {
    return this.state.accounts
  }

  /** Keys of the owners by index; undefined for accounts of a trusted import. */
  get publicKeys(): Records<Point | undefined> {
    return this.state.publicKeys
  }

  get tree(): AccountTree {
    return this.state.tree
  }

  /** Entries of each slot, bottom first. */
  get stacks(): readonly Stack[] {
    return this.state.stacks
  }

  get secret(): bigint | undefined {
    return this.#secret
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
    const stacks: StackEntry[][] = Array.from({ length: slots }, () => [])
    stacks[INBOX] = stackOf([...ghosts, ...accounts], hashBatch, [...ghosts.map(accountLeaf), ...leaves])
    const { publicKeys = [], secret } = origin
    const sequencer = secret === undefined ? NO_DOMAIN.sequencer : sequencerKey(secret).publicKey
    const domain = { ...NO_DOMAIN, ...origin.domain, sequencer }
    const inbox = blindHead(headOf(stacks[INBOX]), GENESIS_SALT)
    const state = new MemoryState(shape.depth, accounts, publicKeys, stacks, hashBatch, leaves)
    const ledger = new Ledger(shape, slots, minLiability, state.root, inbox, domain)
    const saltKey = origin.saltKey ?? (secret === undefined ? undefined : memoKey(secret, domain))
    return new System(ledger, new StateView(state), HeadSalts.genesis(slots, saltKey), secret)
  }

  /**
   * From stored parts: the ledger, the entries' accounts of each stack, and the salts of their heads. The tree is rebuilt;
   * `hashBatch` may be a faster hash.
   * @throws PlimsollError when accounts, stacks and salts do not lead to the ledger's root and heads
   */
  static restore(
    ledger: Ledger,
    accounts: Iterable<Account>,
    members: readonly (readonly Account[])[],
    salts: HeadSalts,
    publicKeys: readonly (Point | undefined)[] = [],
    secret?: bigint,
    hashBatch?: BatchHash,
  ): System {
    const stacks = members.map((stack) => stackOf(stack, hashBatch))
    const state = new MemoryState(ledger.shape.depth, [...accounts], publicKeys, stacks, hashBatch)
    const system = new System(ledger, new StateView(state), salts.clone(), secret)
    if (state.root !== ledger.root) throw new PlimsollError('The stored accounts do not have the stored root.')
    ledger.heads.forEach((head, slot) => {
      if (!isBlindHead(head, headOf(stacks[slot]!), salts.current[slot]!))
        throw new PlimsollError(`The stored stack ${slot} does not have the stored head.`)
    })
    return system
  }

  /** A copy; neither sees what becomes of the other. It takes no longer however many accounts there are. */
  clone(): System {
    return new System(this.ledger.clone(), this.state.clone(), this.salts.clone(), this.secret)
  }

  /**
   * Puts another secret of the sequencer's in force: for openings and rekeys, and for the salts of the batches that follow. View
   * keys of accounts stay what they are.
   */
  handOver(secret: bigint): void {
    this.#secret = secret
    this.ledger.handOver(sequencerKey(secret).publicKey)
    this.salts.key = memoKey(secret, this.ledger.domain)
  }

  /** Starts a round at new marks. */
  setMarks(marks: Marks): void {
    this.ledger.marks = marks
  }

  open(opening: Opening): void {
    this.ledger.open(opening)
  }

  /**
   * Sweeps: executes `moves` within `window`, by the sweep circuit `rung`.
   * @throws PlimsollError on an empty source, a slot outside the window, too many moves, an invalid window, or a circuit
   * that does not exist
   */
  sweep(window: readonly number[], moves: readonly Move[], rung = 0): Transition<SweepBatch> {
    const { steps } = rungOf(this.ledger.shape, rung)
    if (moves.length > steps) throw new PlimsollError(`${moves.length} moves do not fit a sweep of ${steps} steps.`)
    const opened = { headsBefore: window.map((slot) => headOf(this.#stack(slot))), ...this.#resalt(window) }
    const entries = moves.map((move) => this.#move(window, move))
    const headsAfter = window.map((slot) => this.#blinded(slot))
    const batch: SweepBatch = { circuit: 'sweep', rung, window, headsAfter }
    const vector = this.ledger.vector(batch)
    this.ledger.apply(batch)
    const facts = sweepInput(batch, steps, vector, opened, moves, entries)
    return { batch, input: { ...vectorSignals(vector, this.ledger.era), ...facts } }
  }

  /**
   * Resolves the top `count` leaves of distress at the round's marks: a stale leaf is dropped, a breached account
   * liquidated, a healthy one refreshed (a decoy).
   * @throws PlimsollError when distress holds fewer, or they do not fit the circuit
   */
  resolve(count: number): Transition<ResolveBatch> & { resolutions: Resolution[] } {
    const {
      shape: {
        depth,
        resolve: { steps },
      },
      marks,
    } = this.ledger
    if (marks === undefined) throw new PlimsollError('A resolve needs a round.')
    if (count > steps) throw new PlimsollError(`${count} accounts do not fit a resolve of ${steps} steps.`)
    if (count > this.stacks[DISTRESS]!.length) throw new PlimsollError(`Distress holds fewer than ${count} accounts.`)
    const before = {
      rootBefore: this.ledger.root,
      distressBefore: headOf(this.#stack(DISTRESS)),
      inboxBefore: headOf(this.#stack(INBOX)),
      ...this.#resalt(RESOLVED_SLOTS),
      minLiability: this.ledger.minLiability,
      marks,
    }
    const resolved = Array.from({ length: count }, () => this.#resolveTop(marks))
    const backstopDelta = Array.from({ length: ASSETS }, (_, a) =>
      resolved.reduce((sum, step) => sum + step.backstopDelta[a]!, 0n),
    )
    const batch: ResolveBatch = {
      circuit: 'resolve',
      active: count,
      rootAfter: this.tree.root,
      distressAfter: this.#blinded(DISTRESS),
      inboxAfter: this.#blinded(INBOX),
      backstopDelta,
      badDebt: resolved.reduce((sum, { resolution }) => sum + (resolution.liquidation?.badDebt ?? 0n), 0n),
      writes: Array.from({ length: steps }, (_, s) => resolved[s]?.write ?? NO_WRITE),
    }
    const vector = this.ledger.vector(batch)
    this.ledger.apply(batch)

    return {
      batch,
      resolutions: resolved.map((step) => step.resolution),
      input: {
        ...vectorSignals(vector, this.ledger.era),
        ...resolveInput(
          steps,
          depth,
          before,
          resolved.map((step) => step.input),
        ),
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
    const {
      shape: {
        depth,
        transact: { steps },
      },
      domain,
    } = this.ledger
    if (operations.length > steps)
      throw new PlimsollError(`${operations.length} operations do not fit a transact of ${steps} steps.`)
    requireWholeTrades(operations)
    const inboxBefore = headOf(this.#stack(INBOX))
    const { saltsBefore, saltsAfter } = this.#resalt(TRANSACTED_SLOTS)
    const salts = { saltBefore: saltsBefore[0]!, saltAfter: saltsAfter[0]! }
    const before = { rootBefore: this.ledger.root, inboxBefore, ...salts, validUntil }
    const executed = operations.map((operation) => this.#execute(operation, validUntil, verify))
    const batch: TransactBatch = {
      circuit: 'transact',
      active: operations.length,
      rootAfter: this.tree.root,
      inboxAfter: this.#blinded(INBOX),
      validUntil,
      steps: Array.from({ length: steps }, (_, s) => executed[s]?.public ?? INACTIVE_STEP),
    }
    const vector = this.ledger.vector(batch)
    this.ledger.apply(batch)

    return {
      batch,
      results: executed.map(({ result }) => result),
      input: {
        ...vectorSignals(vector, this.ledger.era),
        ...transactInput(
          steps,
          depth,
          vector,
          { ...before, domain, secret: this.secret },
          executed.map(({ input }) => input),
        ),
      },
    }
  }

  #execute(operation: Operation, validUntil: bigint, verify: SignatureCheck | undefined) {
    const { index } = operation
    const account = this.accounts.at(index)
    if (operation.kind === 'open' && account === undefined && index !== this.accounts.length)
      throw new Refusal('BAD_REQUEST', `The next account is ${this.accounts.length}, not ${index}.`)
    const publicKey = operation.kind === 'open' ? operation.publicKey : this.publicKeys.at(index)
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
      marks,
      domain,
      secret: this.secret,
    })
    if (next !== undefined) {
      this.state.write(next, publicKey)
      this.tree.set(index, published.leaf)
      pushEntry(this.stacks[INBOX]!, next, published.leaf)
    }
    const outcome = next !== undefined ? 'done' : operation.kind === 'topup' ? 'bounced' : 'discharged'
    return { public: published, input, result: { operation, outcome, account: next ?? before } satisfies StepResult }
  }

  /** @throws PlimsollError when there is no such slot */
  #stack(slot: number): Stack {
    const stack = this.stacks[slot]
    if (stack === undefined) throw new PlimsollError(`${slot} is not a slot.`)
    return stack
  }

  /** Counts a batch that names these slots and salts them anew. */
  #resalt(slots: readonly number[]) {
    const saltsBefore = this.salts.of(slots)
    return { saltsBefore, saltsAfter: this.salts.renew(slots, this.ledger.heads) }
  }

  /** The head of a slot as the chain is to have it. */
  #blinded(slot: number): bigint {
    return blindHead(headOf(this.#stack(slot)), this.salts.current[slot]!)
  }

  #move(window: readonly number[], { from, to }: Move): StackEntry {
    if (from === to || !window.includes(from) || !window.includes(to))
      throw new PlimsollError(`The move from slot ${from} to slot ${to} does not fit the window ${window.join(', ')}.`)
    const entry = popEntry(this.stacks[from], from)
    pushEntry(this.stacks[to]!, entry.account, entry.leaf)
    return entry
  }

  #resolveTop(marks: Marks): ResolvedStep {
    const { account, leaf, below } = popEntry(this.stacks[DISTRESS], DISTRESS)
    const { index } = account
    const opening = { account, path: this.tree.path(index), below, current: this.tree.leaf(index) }
    if (opening.current !== leaf) {
      return {
        resolution: { action: 'drop', account },
        backstopDelta: Array<bigint>(ASSETS).fill(0n),
        write: NO_WRITE,
        input: resolveStep(opening, { action: 'drop', insufficient: false, multiplier: 0n }),
      }
    }
    const liquidation = liquidate(account.balances, account.weights, marks, this.ledger.minLiability)
    const action = liquidation.status === 'healthy' ? 'refresh' : 'liquidate'
    const next = rewriteAccount(account, liquidation.after)
    const newLeaf = accountLeaf(next)
    this.state.write(next, undefined)
    this.tree.set(index, newLeaf)
    pushEntry(this.stacks[INBOX]!, next, newLeaf)
    return {
      resolution: action === 'refresh' ? { action, account: next } : { action, account: next, liquidation },
      backstopDelta: account.balances.map((before, a) => before - next.balances[a]!),
      write: { index, leaf: newLeaf, cipher: encryptAccount(next, newLeaf) },
      input: resolveStep(opening, { action, ...liquidation }),
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
