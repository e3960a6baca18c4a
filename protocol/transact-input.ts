import { type Account, packWeights } from './account.ts'
import { accountInput, weightInput } from './account-input.ts'
import type { StepPublic } from './batch.ts'
import { chooseBlind } from './blind.ts'
import type { CircuitInput } from './circuit-input.ts'
import { ASSETS, TRADED, WORD } from './constants.ts'
import { BASE8, type Point } from './curve.ts'
import { closing } from './forced-close.ts'
import { offsets, TRANSACT_MARKS, VECTOR } from './layout.ts'
import type { Domain } from './ledger.ts'
import type { Marks } from './marks.ts'
import { messageHash, type SigningDomain } from './messages.ts'
import { isQueued, newAccount, type Operation, operationMessage } from './operation.ts'
import { signatureChallenge } from './signature.ts'
import { OP } from './transact.ts'
import { AccountTree, type Path } from './tree.ts'

/** Parts of a step's input besides operation, account and path. */
export interface StepFacts {
  readonly publicKey: Point | undefined
  readonly exception: boolean
  readonly published: StepPublic
  /** Marks of the round: a close trades at them. */
  readonly marks: Marks | undefined
  readonly domain: SigningDomain
  readonly secret: bigint | undefined
}

/** The values that a transact reads of the state before it, and the salts of the inbox. */
export interface TransactFacts {
  readonly rootBefore: bigint
  /** The stack's own head, behind the one that the chain has. */
  readonly inboxBefore: bigint
  readonly saltBefore: bigint
  readonly saltAfter: bigint
  readonly validUntil: bigint
  readonly domain: Domain
  readonly secret: bigint | undefined
}

// Of operations that move nothing.
const NO_TERMS = { asset: 0, amount: 0n }
// Where no signature counts: any points of the curve will do.
const NO_SIGNATURE = { r8: BASE8, s: 0n }

/** Private input of an active step of `transact`, in the circuit's names. */
export function transactStep(
  operation: Operation,
  before: Account,
  children: Path,
  { publicKey = BASE8, exception, published, marks, domain, secret }: StepFacts,
): CircuitInput {
  const traded =
    operation.kind === 'trade' || operation.kind === 'unwind'
      ? operation
      : operation.kind === 'close'
        ? closing(before.balances, operation, marks![operation.asset]!)
        : undefined
  const isDeposit = operation.kind === 'open' || operation.kind === 'topup'
  const terms = operation.kind === 'preferences' || operation.kind === 'rekey' ? NO_TERMS : operation
  const { r8, s } = 'signature' in operation ? operation.signature : NO_SIGNATURE
  const weights = operation.kind === 'preferences' ? operation.weights : before.weights
  const message = 'signature' in operation ? operationMessage(operation) : undefined
  const scalar =
    message === undefined
      ? operation.kind === 'open' || operation.kind === 'rekey'
        ? secret!
        : undefined
      : signatureChallenge(publicKey, messageHash(domain, message), r8)
  return {
    op: Object.values(OP).map((op) => (op === published.op ? 1n : 0n)),
    publicKey,
    ...openingInput(before, children),
    weightBits: weightInput(weights),
    assetBits: Array.from({ length: ASSETS }, (_, a) => (a === terms.asset ? 1n : 0n)),
    amount: traded?.x ?? ('amount' in terms ? terms.amount : 0n),
    cash: (traded?.y ?? 0n) % WORD,
    cashHigh: (traded?.y ?? 0n) / WORD,
    direction: traded === undefined ? (isDeposit ? 1n : 0n) : BigInt(traded.direction),
    asked: operation.kind === 'close' ? operation.amount : 0n,
    limit: operation.kind === 'close' ? operation.limit : 0n,
    extra: message?.extra ?? 0n,
    queueNumber: isQueued(operation) ? operation.queueNumber : 0n,
    expiry: message?.expiry ?? 0n,
    r8,
    s,
    exception: exception ? 1n : 0n,
    blind: scalar === undefined ? 0n : BigInt(chooseBlind(publicKey, scalar)),
  }
}

/**
 * Input of a transact's circuit, in its names, but for the signals of its public vector.
 * @param steps of the circuit; those beyond the active ones are padding
 * @param vector the batch's public vector
 * @param secret the sequencer's
 */
export function transactInput(
  steps: number,
  depth: number,
  vector: readonly bigint[],
  { domain, secret = 0n, ...before }: TransactFacts,
  active: readonly CircuitInput[],
): CircuitInput {
  const { chainId, settlement, sequencer } = domain
  const { marks, concentration } = offsets(VECTOR.transact)
  const each = TRANSACT_MARKS.length
  const padding = inactiveTransactStep(depth)
  const inputs = Array.from({ length: steps }, (_, s) => active[s] ?? padding)
  return {
    ...before,
    chainId,
    settlement,
    sequencer,
    marks: Array.from({ length: TRADED }, (_, i) => vector.slice(marks + each * i, marks + each * (i + 1))),
    kappas: vector.slice(concentration, concentration + TRADED),
    secret,
    ...Object.fromEntries(Object.keys(padding).map((name) => [name, inputs.map((input) => input[name]!)])),
  }
}

/** An inactive step: an account of nobody in an empty tree satisfies the checks that hold for any account. */
export function inactiveTransactStep(depth: number): CircuitInput {
  const nobody = newAccount(BASE8, 0n, 0)
  return {
    op: Array<bigint>(Object.keys(OP).length).fill(0n),
    publicKey: BASE8,
    ...openingInput(nobody, new AccountTree(depth).path(0)),
    weightBits: weightInput(nobody.weights),
    assetBits: Array.from({ length: ASSETS }, (_, a) => (a === 0 ? 1n : 0n)),
    amount: 0n,
    cash: 0n,
    cashHigh: 0n,
    direction: 0n,
    asked: 0n,
    limit: 0n,
    extra: 0n,
    queueNumber: 0n,
    expiry: 0n,
    ...NO_SIGNATURE,
    exception: 0n,
    blind: 0n,
  }
}

/** The account before the step, and its path. */
function openingInput(account: Account, children: Path): CircuitInput {
  return { ...accountInput(account, children), oldWeights: packWeights(account.weights) }
}
