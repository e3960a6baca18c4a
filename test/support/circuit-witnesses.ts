import type { Account } from '../../protocol/account.ts'
import type { CircuitInput } from '../../protocol/circuit-input.ts'
import { exitMessage, exitTransition } from '../../protocol/exit.ts'
import { sharedViewKey } from '../../protocol/keys.ts'
import { messageHash } from '../../protocol/messages.ts'
import type { Operation } from '../../protocol/operation.ts'
import { sign } from '../../protocol/signature.ts'
import type { CircuitName } from '../../prover/profiles.ts'
import {
  account,
  BANKRUPT,
  BELOW_TARGET,
  DUST,
  HEALTHY,
  inDistress,
  inInbox,
  MARKS,
  PARTIAL,
  WINDOW,
} from './circuit-market.ts'
import {
  close,
  forced,
  half,
  owned,
  ownedAccount,
  ownerKey,
  preferences,
  RECIPIENT,
  SIGNING,
  unwind,
  VALID_UNTIL,
  withdrawal,
} from './circuit-owners.ts'

// Honest witnesses of every circuit, of every kind of step, for what looks at a witness as a point of the constraints.

/** Wires that need not have the value that they have, by name, and why nothing follows from it. */
export interface Exception {
  readonly name: RegExp
  readonly why: string
}

/** An honest input of a circuit. */
export interface HonestCase {
  readonly what: string
  readonly circuit: CircuitName
  readonly input: () => CircuitInput
  /** Wires that may change alone, inputs among them. */
  readonly alone: readonly Exception[]
  /** Wires that may change together with others though not alone, the inputs being as they are. */
  readonly together: readonly Exception[]
}

// Hints of inverses, each used only as a factor of what is 0 here: whatever they are, the product is 0.
const CURRENT: Exception = {
  name: /\.staleInverse$/,
  why: 'current - leaf is 0 unless the leaf is dropped; a write demands that it is 0',
}
const NO_MULTIPLIER: Exception = {
  name: /\.liquidation\.NonZeroIff_\d+_\d+\.inverse$/,
  why: 'the multiplier is 0 unless the case is partial, as NonZeroIff demands on its own',
}
const SAME_POINT: Exception = {
  name: /\.(curve|signature)\.IsZero_\d+_\d+\.inv$/,
  why: 'the two sides of a valid signature do not differ, and IsZero says so with any inverse',
}
const NO_BALANCE: Exception = {
  name: /\.change\.new(Asset|Cash)\.IsZero_\d+_\d+\.inv$/,
  why: 'the balance after is 0, and IsZero says so with any inverse',
}
const NO_LIABILITY: Exception = {
  name: /\.margin\.IsZero_\d+_\d+\.inv$/,
  why: 'no balance after is negative, and IsZero says so with any inverse',
}
const EMPTY_STACK: Exception = {
  name: /\.BlindHead_\d+_\d+(\[\d+\])?\.IsZero_\d+_\d+\.inv$/,
  why: 'the stack is empty at this end of the batch, and IsZero says so with any inverse',
}
const NO_CARRY: Exception = {
  name: /\.forcedClose\.IsZero_\d+_\d+\.inv$/,
  why: 'the upper half of the cash is 0, or the position is, and IsZero says so with any inverse',
}
const LESSER: Exception = {
  name: /\.forcedClose\.whole/,
  why: 'what is asked for is as much as the position, both 0 where nothing is closed: either of them is the lesser',
}
// Inputs of operations that a step is not.
const NO_SECRET: Exception = { name: /^main\.secret$/, why: 'no account is opened or rekeyed, so no secret is shared' }
const NO_NUMBER: Exception = {
  name: /^main\.queueNumber\[\d+\]$/,
  why: 'the step is not of the forced queue: the number is neither signed nor published',
}
const NO_S: Exception = {
  name: /^main\.s\[\d+\]$/,
  why: 'the step opens or rekeys an account: B8 is multiplied by the secret instead',
}
const NO_CASH: Exception = {
  name: /\.liquidation\.IsZero_\d+_\d+\.inv$/,
  why: 'the cash after is 0, and IsZero says so with any inverse',
}
const NOBODY: Exception = {
  name: /\.step\[\d+\]\.stale( |$)/,
  why: 'the step is inactive: whether the leaf of nobody is stale is compared with nothing',
}

const placed = [account(0, HEALTHY), account(1, PARTIAL), account(2, BELOW_TARGET), account(3, DUST)]
const moves = [
  { from: 1, to: 0 },
  { from: 1, to: 2 },
  { from: 1, to: 0 },
  { from: 0, to: 1 },
]
const sweeps = [4, 2, 0].map(
  (count): HonestCase => ({
    what: `with ${count} of 4 steps active`,
    circuit: 'sweep',
    input: () => inInbox(placed).sweep(WINDOW, moves.slice(0, count)).input,
    alone: [EMPTY_STACK],
    together: [],
  }),
)

const book = [
  account(0, PARTIAL),
  account(1, DUST),
  account(2, BANKRUPT),
  account(3, HEALTHY),
  account(4, BELOW_TARGET),
]
const ghost: Account = { ...book[4]!, version: 3n }

function resolved(
  what: string,
  [top, count, ghosts = []]: readonly [top: number, count: number, ghosts?: readonly Account[]],
  alone: readonly Exception[],
  together: readonly Exception[] = [],
): HonestCase {
  const input = () => {
    const system = inDistress(book, { ghosts })
    while (system.stacks[0]!.length > book.length + ghosts.length - top) system.resolve(1)
    return system.resolve(count).input
  }
  return { what, circuit: 'resolve', input, alone, together }
}

const resolves = [
  resolved('with a partial liquidation and a close of dust', [0, 2], [CURRENT, NO_MULTIPLIER, EMPTY_STACK]),
  resolved('with a close for lack of collateral, bad debt and a refresh', [2, 2], [CURRENT, NO_MULTIPLIER]),
  resolved('with a drop and a partial liquidation', [0, 2, [ghost]], [CURRENT, NO_MULTIPLIER, EMPTY_STACK]),
  resolved('with a refresh and an inactive step', [4, 1], [CURRENT, NO_MULTIPLIER, NO_CASH, EMPTY_STACK], [NOBODY]),
]

/** Every asset charges for concentration, too little to change what these accounts may do. */
const CHARGED = MARKS.map((asset, a) => (a === 0 ? asset : { ...asset, concentration: (1n << 20n) + BigInt(a) }))
const owners = [ownedAccount(0, HEALTHY), ownedAccount(1, HEALTHY), ownedAccount(2, BELOW_TARGET)]

function transacted(what: string, operations: readonly Operation[], alone: readonly Exception[]): HonestCase {
  const input = () => owned(owners, { marks: CHARGED }).transact(operations, VALID_UNTIL).input
  return { what, circuit: 'transact', input, alone: [NO_CARRY, ...alone], together: [] }
}

const open: Operation = {
  kind: 'open',
  depositId: 0,
  index: 3,
  publicKey: ownerKey(3).publicKey,
  asset: 0,
  amount: 500n,
}
const sale = unwind({ index: 2, direction: 0, x: 100_000_000n, y: 196_000_000n })
const bounced: Operation = { kind: 'topup', depositId: 0, index: 0, asset: 0, amount: (1n << 64n) - 1n }

const FORMER = sharedViewKey(12_345n, ownerKey(0).publicKey)
const handedOver = () => owned([ownedAccount(0, HEALTHY, { viewKey: FORMER }), ...owners.slice(1)])

const transacts = [
  {
    ...transacted('', [], [NO_NUMBER, NO_S]),
    what: 'with two rekeys, of an account of before a handover and one of after it',
    input: () =>
      handedOver().transact(
        [
          { kind: 'rekey', index: 0 },
          { kind: 'rekey', index: 1 },
        ],
        VALID_UNTIL,
      ).input,
  },
  transacted(
    'with an opening and a top-up',
    [open, { kind: 'topup', depositId: 1, index: 3, asset: 1, amount: 7n }],
    [NO_NUMBER, NO_S, NO_LIABILITY, LESSER],
  ),
  transacted(
    'with a withdrawal and an inactive step',
    [withdrawal({ index: 0, amount: 5n })],
    [NO_SECRET, NO_NUMBER, SAME_POINT, NO_BALANCE, NO_LIABILITY, LESSER],
  ),
  transacted(
    'with a trade',
    [half({ index: 0, direction: 1, x: 10n, y: 21n }), half({ index: 1, direction: 0, x: 10n, y: 21n })],
    [NO_SECRET, NO_NUMBER, SAME_POINT],
  ),
  transacted(
    'with preferences and a sale below the target',
    [preferences({ index: 1, weights: [8, 1, 2, 3, 4, 5, 6, 15] }), sale],
    [NO_SECRET, NO_NUMBER, SAME_POINT],
  ),
  transacted(
    'with a bounce and a discharge',
    [bounced, forced({ index: 2, amount: 1n })],
    [NO_SECRET, NO_NUMBER, SAME_POINT],
  ),
  transacted(
    'with a forced withdrawal and one that is discharged for its signature',
    [forced({ index: 1, amount: 11n }), { ...forced({ index: 0, amount: 1n }), queueNumber: 13n }],
    [NO_SECRET, SAME_POINT],
  ),
  transacted(
    'with a forced close in part and one of all of a position, which buys',
    [
      close({ index: 0, direction: 0, amount: 12_345n, limit: 1n }),
      close({ index: 1, asset: 2, direction: 1, amount: 1_000_000n, queueNumber: 15n }),
    ],
    [NO_SECRET, SAME_POINT, NO_BALANCE, LESSER],
  ),
  transacted(
    'with forced closes that are discharged for the side and for the limit',
    [
      close({ index: 0, direction: 1, amount: 10n }),
      close({ index: 1, direction: 0, amount: 10n, limit: (1n << 64n) - 1n, queueNumber: 15n }),
    ],
    [NO_SECRET, SAME_POINT],
  ),
]

function exit(): CircuitInput {
  const { accounts, tree } = owned([ownedAccount(0, HEALTHY), ownedAccount(1, HEALTHY)])
  const key = ownerKey(1)
  return exitTransition({
    domain: SIGNING,
    account: accounts.at(1)!,
    path: tree.path(1),
    publicKey: key.publicKey,
    recipient: RECIPIENT,
    signature: sign(key, messageHash(SIGNING, exitMessage(1, RECIPIENT))),
    prices: MARKS.slice(1).map(({ price }) => price),
  }).input
}

export const HONEST_CASES: readonly HonestCase[] = [
  ...sweeps,
  ...resolves,
  ...transacts,
  { what: 'of an account', circuit: 'exit', input: exit, alone: [SAME_POINT], together: [] },
]
