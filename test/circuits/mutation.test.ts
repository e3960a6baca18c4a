import assert from 'node:assert/strict'
import type { Account } from '../../protocol/account.ts'
import type { CircuitInput } from '../../protocol/circuit-input.ts'
import { FIELD } from '../../protocol/constants.ts'
import { exitMessage, exitTransition } from '../../protocol/exit.ts'
import { messageHash } from '../../protocol/messages.ts'
import type { Operation } from '../../protocol/operation.ts'
import { sign } from '../../protocol/signature.ts'
import type { CircuitName } from '../../prover/profiles.ts'
import { type Circuit, openCircuit } from '../support/circuit.ts'
import { type Constraint, violations } from '../support/circuit-constraints.ts'
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
} from '../support/circuit-market.ts'
import { freeWires } from '../support/circuit-mutation.ts'
import {
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
} from '../support/circuit-owners.ts'
import { accepts } from '../support/circuit-rejection.ts'

/** Wires that may change alone, by name, and why nothing follows from it. */
interface Exception {
  readonly name: RegExp
  readonly why: string
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
// Inputs of operations that a step is not.
const NO_SECRET: Exception = { name: /^main\.secret$/, why: 'no account is opened, so no secret is shared' }
const NO_NUMBER: Exception = {
  name: /^main\.queueNumber\[\d+\]$/,
  why: 'the step is not of the forced queue: the number is neither signed nor published',
}
const NO_S: Exception = {
  name: /^main\.s\[\d+\]$/,
  why: 'the step opens an account: B8 is multiplied by the secret instead',
}
const NO_CASH: Exception = {
  name: /\.liquidation\.IsZero_\d+_\d+\.inv$/,
  why: 'the cash after is 0, and IsZero says so with any inverse',
}

describe('mutation: no wire of a valid witness can change alone', () => {
  describe('sweep', () => {
    const accounts = [account(0, HEALTHY), account(1, PARTIAL), account(2, BELOW_TARGET), account(3, DUST)]
    const moves = [
      { from: 1, to: 0 },
      { from: 1, to: 2 },
      { from: 1, to: 0 },
      { from: 0, to: 1 },
    ]
    for (const count of [4, 2, 0]) {
      check(
        `with ${count} of 4 steps active`,
        'sweep',
        () => inInbox(accounts).sweep(WINDOW, moves.slice(0, count)).input,
        [EMPTY_STACK],
      )
    }
  })

  describe('resolve', () => {
    const book = [
      account(0, PARTIAL),
      account(1, DUST),
      account(2, BANKRUPT),
      account(3, HEALTHY),
      account(4, BELOW_TARGET),
    ]
    const ghost: Account = { ...book[4]!, version: 3n }
    const from =
      (top: number, count: number, ghosts: readonly Account[] = []) =>
      () => {
        const system = inDistress(book, { ghosts })
        while (system.stacks[0]!.length > book.length + ghosts.length - top) system.resolve(1)
        return system.resolve(count).input
      }
    check('with a partial liquidation and a close of dust', 'resolve', from(0, 2), [
      CURRENT,
      NO_MULTIPLIER,
      EMPTY_STACK,
    ])
    check('with a close for lack of collateral, bad debt and a refresh', 'resolve', from(2, 2), [
      CURRENT,
      NO_MULTIPLIER,
    ])
    check('with a drop and a partial liquidation', 'resolve', from(0, 2, [ghost]), [
      CURRENT,
      NO_MULTIPLIER,
      EMPTY_STACK,
    ])
    check('with a refresh and an inactive step', 'resolve', from(4, 1), [
      CURRENT,
      NO_MULTIPLIER,
      NO_CASH,
      EMPTY_STACK,
    ])
  })

  describe('transact', () => {
    const accounts = [ownedAccount(0, HEALTHY), ownedAccount(1, HEALTHY), ownedAccount(2, BELOW_TARGET)]
    const of =
      (...operations: Operation[]) =>
      () =>
        owned(accounts).transact(operations, VALID_UNTIL).input
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
    check(
      'with an opening and a top-up',
      'transact',
      of(open, { kind: 'topup', depositId: 1, index: 3, asset: 1, amount: 7n }),
      [NO_NUMBER, NO_S, NO_LIABILITY],
    )
    check('with a withdrawal and an inactive step', 'transact', of(withdrawal({ index: 0, amount: 5n })), [
      NO_SECRET,
      NO_NUMBER,
      SAME_POINT,
      NO_BALANCE,
      NO_LIABILITY,
    ])
    check(
      'with a trade',
      'transact',
      of(half({ index: 0, direction: 1, x: 10n, y: 21n }), half({ index: 1, direction: 0, x: 10n, y: 21n })),
      [NO_SECRET, NO_NUMBER, SAME_POINT],
    )
    check(
      'with preferences and a sale below the target',
      'transact',
      of(preferences({ index: 1, weights: [8, 1, 2, 3, 4, 5, 6, 15] }), sale),
      [NO_SECRET, NO_NUMBER, SAME_POINT],
    )
    check('with a bounce and a discharge', 'transact', of(bounced, forced({ index: 2, amount: 1n })), [
      NO_SECRET,
      NO_NUMBER,
      SAME_POINT,
    ])
    check(
      'with a forced withdrawal and one that is discharged for its signature',
      'transact',
      of(forced({ index: 1, amount: 11n }), { ...forced({ index: 0, amount: 1n }), queueNumber: 13n }),
      [NO_SECRET, SAME_POINT],
    )
  })

  describe('exit', () => {
    const { accounts, tree } = owned([ownedAccount(0, HEALTHY), ownedAccount(1, HEALTHY)])
    const key = ownerKey(1)
    const signature = sign(key, messageHash(SIGNING, exitMessage(1, RECIPIENT)))
    const { input } = exitTransition({
      domain: SIGNING,
      account: accounts[1]!,
      path: tree.path(1),
      publicKey: key.publicKey,
      recipient: RECIPIENT,
      signature,
      prices: MARKS.slice(1).map(({ price }) => price),
    })
    check('of an account', 'exit', () => input, [SAME_POINT])
  })

  it('would be noticed: a wire that no constraint holds, and a bit that may be either', () => {
    const constraints: Constraint[] = [
      { a: [[1, 1n]], b: [[1, 1n]], c: [[2, 1n]] }, // x x = y
      {
        a: [[3, 1n]],
        b: [
          [3, 1n],
          [0, FIELD - 1n],
        ],
        c: [],
      }, // b (b - 1) = 0
      { a: [[4, 1n]], b: [[5, 1n]], c: [] }, // p q = 0
      {
        a: [[6, 1n]],
        b: [
          [6, 1n],
          [0, FIELD - 1n],
        ],
        c: [],
      }, // another bit
      {
        a: [
          [6, 2n],
          [1, 1n],
        ],
        b: [[0, 1n]],
        c: [[7, 1n]],
      }, // which a sum holds
    ]
    const witness = [1n, 3n, 9n, 1n, 5n, 0n, 1n, 5n, 77n]
    assert.deepEqual(violations(constraints, witness), [])
    assert.deepEqual(freeWires(constraints, witness), [3, 4, 8])
  })

  function check(what: string, name: CircuitName, input: () => CircuitInput, exceptions: readonly Exception[]): void {
    it(what, async () => {
      const circuit: Circuit = await openCircuit(name)
      const witness = await accepts(circuit, input())
      const names = await circuit.wireNames()
      const free = freeWires(circuit.constraints, witness).map((wire) => names.get(wire)!.join(' = '))
      const used = new Set<Exception>()
      const unexplained = free.filter((signal) => {
        const exception = exceptions.find(({ name }) => name.test(signal))
        if (exception !== undefined) used.add(exception)
        return exception === undefined
      })
      assert.deepEqual(unexplained, [])
      assert.deepEqual(
        exceptions.filter((exception) => !used.has(exception)).map(({ why }) => why),
        [],
        'exceptions that no wire needs',
      )
    })
  }
})
