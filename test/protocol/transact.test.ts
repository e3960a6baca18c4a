import assert from 'node:assert/strict'
import { accountLeaf } from '../../protocol/account.ts'
import { batchValues, batchWrites, parseBatch } from '../../protocol/batch.ts'
import { decryptAccount } from '../../protocol/cipher.ts'
import { INBOX } from '../../protocol/constants.ts'
import { Refusal, type RefusalCode } from '../../protocol/errors.ts'
import { type Close, limitMark } from '../../protocol/forced-close.ts'
import { sharedViewKey } from '../../protocol/keys.ts'
import type { Operation } from '../../protocol/operation.ts'
import { System } from '../../protocol/system.ts'
import { OP } from '../../protocol/transact.ts'
import { BELOW_TARGET, HEALTHY, MARKS, MIN_LIABILITY, SLOTS, TINY } from '../support/circuit-market.ts'
import {
  close,
  EXPIRY,
  forced,
  half,
  LINK,
  owned,
  ownedAccount,
  ownerKey,
  preferences,
  RECIPIENT,
  SEQUENCER,
  SIGNING,
  unwind,
  VALID_UNTIL,
  withdrawal,
} from '../support/circuit-owners.ts'

const [A0, A1] = [ownedAccount(0, HEALTHY), ownedAccount(1, HEALTHY)]
const open = (index: number, amount = 500n): Operation => ({
  kind: 'open',
  depositId: index,
  index,
  publicKey: ownerKey(index).publicKey,
  asset: 0,
  amount,
})
const MAX = (1n << 64n) - 1n

function refuses(run: () => unknown, code: RefusalCode): void {
  assert.throws(run, (error) => error instanceof Refusal && error.code === code)
}

describe('operations', () => {
  const system = owned([A0, A1, ownedAccount(2, BELOW_TARGET)])
  const run = (...operations: Operation[]) => system.clone().transact(operations, VALID_UNTIL)

  it('open an account that its owner can read', () => {
    const empty = System.empty(TINY, SLOTS, MIN_LIABILITY, SIGNING, SEQUENCER.secret)
    const { batch, results } = empty.transact(
      [open(0), { kind: 'topup', depositId: 1, index: 0, asset: 1, amount: 7n }],
      VALID_UNTIL,
    )
    const { publicKey, secret } = ownerKey(0)
    const viewKey = sharedViewKey(secret, SEQUENCER.publicKey)
    const [first, second] = batch.steps
    assert.deepEqual([first!.op, first!.u, first!.v, second!.op], [OP.open, ...publicKey, OP.topup])
    assert.deepEqual(decryptAccount(second!.cipher, second!.leaf, viewKey).balances, [500n, 7n, 0n, 0n, 0n, 0n, 0n, 0n])
    assert.deepEqual(empty.ledger.accounts.slice(0, 2), [500n, 7n])
    assert.equal(results[1]!.account.version, 1n)
    assert.equal(empty.tree.leaf(0), accountLeaf(results[1]!.account))
    assert.deepEqual([...empty.publicKeys], [publicKey])
    assert.equal(empty.stacks[INBOX]!.length, 2)
    refuses(() => empty.transact([open(0)], VALID_UNTIL), 'ACCOUNT_EXISTS')
    refuses(() => empty.transact([open(5)], VALID_UNTIL), 'BAD_REQUEST')
    refuses(() => run({ ...open(3), publicKey: [0n, 1n] } as Operation), 'BAD_REQUEST')
  })

  it('are read back from what a batch publishes', () => {
    const { batch } = run(withdrawal({ index: 0, amount: 5n }))
    assert.deepEqual(parseBatch('transact', 0, [], batchValues(batch), TINY), batch)
    assert.deepEqual(
      batchWrites(batch).map(({ index }) => index),
      [0],
    )
    assert.throws(() => parseBatch('transact', 0, [], batchValues(batch).with(4, 13n), TINY), /no operation 13/)
  })

  it('withdraw, trade, set preferences and unwind, and every unit is accounted for', () => {
    const copy = system.clone()
    copy.transact(
      [withdrawal({ index: 0, amount: 1000n }), preferences({ index: 1, weights: [8, 1, 2, 3, 4, 5, 6, 15] })],
      VALID_UNTIL,
    )
    copy.transact(
      [
        half({ index: 0, version: 8n, direction: 1, x: 10n, y: 21n }),
        half({ index: 1, version: 8n, direction: 0, x: 10n, y: 21n }),
      ],
      VALID_UNTIL,
    )
    copy.transact(
      [unwind({ index: 0, version: 9n, direction: 1, x: 3n, y: 6n }), forced({ index: 1, amount: 11n })],
      VALID_UNTIL,
    )
    assert.deepEqual(copy.accounts.at(0)!.balances.slice(0, 2), [HEALTHY[0]! - 1000n - 21n - 6n, HEALTHY[1]! + 13n])
    assert.deepEqual(copy.accounts.at(1)!.balances.slice(0, 2), [HEALTHY[0]! + 21n - 11n, HEALTHY[1]! - 10n])
    assert.deepEqual(copy.accounts.at(1)!.weights, [8, 1, 2, 3, 4, 5, 6, 15])
    assert.deepEqual(copy.ledger.accounts.slice(0, 2), [-1000n - 6n - 11n, 3n])
    assert.deepEqual(copy.ledger.backstop.slice(0, 2), [6n, -3n])
  })

  it('bounce and discharge what cannot be done', () => {
    const { batch, results } = run(
      { kind: 'topup', depositId: 0, index: 0, asset: 0, amount: MAX },
      forced({ index: 2, amount: 1n }),
    )
    assert.deepEqual(
      results.map(({ outcome }) => outcome),
      ['bounced', 'discharged'],
    )
    const {
      signature: { r8, s },
    } = forced({ index: 2, amount: 1n })
    assert.deepEqual(batch.steps, [
      { op: OP.bounce, index: 0, leaf: 0n, cipher: [0n, 0n, 0n], asset: 0, amount: MAX, u: 0n, v: 0n },
      {
        op: OP.discharge,
        index: 2,
        leaf: r8[0],
        cipher: [r8[1], s, EXPIRY],
        asset: 0,
        amount: 1n,
        u: BigInt(RECIPIENT),
        v: 12n,
      },
    ])
    assert.equal(batch.rootAfter, system.ledger.root)
    assert.equal(run({ ...forced({ index: 0, amount: 1n }), queueNumber: 13n }).results[0]!.outcome, 'discharged')
    // Whenever it expires.
    assert.equal(run(forced({ index: 2, amount: 1n, expiry: 5n })).results[0]!.outcome, 'discharged')
  })

  it('close positions by force: the lesser of amount and position, at the mark of a liquidation, rounded for the backstop', () => {
    const { batch, results } = run(
      close({ index: 0, direction: 0, amount: 7n }),
      close({ index: 1, asset: 2, direction: 1, amount: MAX, queueNumber: 15n }),
    )
    // 7 at 1.96, and 1,000,000 at 30.6.
    assert.deepEqual(
      batch.steps.map(({ op, asset, amount, u, v, closing }) => ({ op, asset, amount, u, v, closing })),
      [
        { op: OP.close, asset: 1, amount: 7n, u: 0n, v: 14n, closing: { direction: 0, x: 7n, y: 13n } },
        {
          op: OP.close,
          asset: 2,
          amount: MAX,
          u: MAX,
          v: 15n,
          closing: { direction: 1, x: 1_000_000n, y: 30_600_001n },
        },
      ],
    )
    assert.deepEqual(results[1]!.account.balances.slice(0, 3), [HEALTHY[0]! - 30_600_001n, HEALTHY[1]!, 0n])
    const copy = system.clone()
    copy.transact([close({ index: 0, direction: 0, amount: 7n })], VALID_UNTIL)
    assert.deepEqual(copy.ledger.backstop.slice(0, 2), [-13n, 7n])
    assert.deepEqual(copy.ledger.accounts.slice(0, 2), [13n, -7n])
    assert.deepEqual(parseBatch('transact', 0, [], batchValues(batch), TINY), batch)
    assert.equal(batchValues(batch)[4 + 6], 1n + (7n << 4n) + (13n << 68n))
    assert.equal(batchValues(batch)[4 + 10 + 6], 2n + 8n + (1_000_000n << 4n) + (30_600_001n << 68n))
    assert.deepEqual(
      batchWrites(batch).map(({ index }) => index),
      [0, 1],
    )
    // Whatever the margin.
    assert.equal(run(close({ index: 2, direction: 0, amount: 1n })).results[0]!.outcome, 'done')
  })

  it('discharge forced closes for the side, the limit, the room and the signature, and for nothing else', () => {
    const { sell } = MARKS[1]!
    const discharged = (one: Close) => {
      const { batch, results } = run(one)
      assert.equal(results[0]!.outcome, 'discharged')
      const { op, asset, amount, u, v, closing, leaf, cipher } = batch.steps[0]!
      assert.deepEqual(
        [op, asset, amount, u, v],
        [OP.dischargeClose, one.asset, one.amount, one.limit, one.queueNumber],
      )
      assert.deepEqual(closing, { direction: one.direction, x: 0n, y: 0n })
      assert.deepEqual([leaf, ...cipher], [...one.signature.r8, one.signature.s, one.expiry])
      assert.deepEqual(parseBatch('transact', 0, [], batchValues(batch), TINY), batch)
      assert.deepEqual(batchWrites(batch), [])
      assert.equal(batch.rootAfter, system.ledger.root)
    }
    discharged(close({ index: 0, direction: 1, amount: 7n }))
    discharged(close({ index: 0, asset: 2, direction: 0, amount: 7n }))
    discharged(close({ index: 0, asset: 5, direction: 0, amount: 7n }))
    discharged(close({ index: 0, direction: 0, amount: 7n, limit: sell + 1n }))
    discharged({ ...close({ index: 0, direction: 0, amount: 7n }), limit: 1n })
    // Whenever it expires; but what could be carried out is not discharged for its expiry.
    discharged(close({ index: 0, direction: 1, amount: 7n, expiry: 5n }))
    refuses(() => run(close({ index: 0, direction: 0, amount: 7n, expiry: VALID_UNTIL - 1n })), 'EXPIRED')
    assert.equal(run(close({ index: 0, direction: 0, amount: 7n, limit: sell })).results[0]!.outcome, 'done')
    refuses(() => run(close({ index: 0, asset: 0, direction: 0, amount: 7n })), 'UNKNOWN_ASSET')
    refuses(() => run(close({ index: 0, direction: 0, amount: 0n })), 'AMOUNT_ZERO')
    refuses(() => run(close({ index: 0, direction: 0, amount: MAX + 1n })), 'BAD_REQUEST')
    refuses(() => run(close({ index: 0, direction: 0, amount: 1n, limit: MAX + 1n })), 'BAD_REQUEST')
  })

  it('turn a price into a limit on the side of the owner', () => {
    const terms = { quoteDecimals: 2, cashDecimals: 6, decimals: 8 }
    // 0.03 cash for one of 10^8 base units is 1.2884 2^-32 a base unit.
    assert.deepEqual(
      [limitMark(0, { ...terms, quote: 3n }), limitMark(1, { ...terms, quote: 3n })],
      [1_288_491n, 1_288_490n],
    )
    const bare = { quoteDecimals: 0, cashDecimals: 0, decimals: 0 }
    assert.equal(limitMark(0, { ...bare, quote: (1n << 32n) - 1n }), ((1n << 32n) - 1n) << 32n)
    assert.throws(() => limitMark(0, { ...bare, quote: 1n << 32n }), /does not fit 64 bits/)
  })

  it('are refused with a code', () => {
    const sell = (more: object) => ({ index: 2, direction: 0 as const, x: 100_000_000n, y: 196_000_000n, ...more })
    const cases: [RefusalCode, Operation[]][] = [
      ['UNKNOWN_ACCOUNT', [withdrawal({ index: 9, amount: 1n })]],
      ['STALE_VERSION', [withdrawal({ index: 0, amount: 1n, version: 6n })]],
      ['EXPIRED', [withdrawal({ index: 0, amount: 1n, expiry: VALID_UNTIL - 1n })]],
      ['EXPIRED', [forced({ index: 0, amount: 1n, expiry: VALID_UNTIL - 1n })]],
      ['BAD_SIGNATURE', [{ ...withdrawal({ index: 0, amount: 1n }), amount: 2n }]],
      ['BAD_SIGNATURE', [{ ...withdrawal({ index: 0, amount: 1n }), signature: { r8: [1n, 1n], s: 0n } }]],
      ['TARGET_TOO_LOW', [withdrawal({ index: 2, amount: 1n })]],
      ['BALANCE_TOO_LARGE', [unwind({ index: 0, direction: 1, x: MAX, y: 0n })]],
      ['UNKNOWN_ASSET', [unwind({ index: 0, asset: 7, direction: 1, x: 1n, y: 0n })]],
      ['SIZE_TOO_LARGE', [unwind({ index: 0, direction: 1, x: 1n << 63n, y: 0n })]],
      ['AMOUNT_ZERO', [withdrawal({ index: 0, amount: 0n })]],
      ['UNKNOWN_ASSET', [withdrawal({ index: 0, amount: 1n, asset: 8 })]],
      ['UNKNOWN_ASSET', [unwind({ index: 0, direction: 1, x: 1n, y: 1n, asset: 0 })]],
      ['BAD_WEIGHTS', [preferences({ index: 0, weights: [8, 8, 8, 8, 8, 8, 8, 0] })]],
      [
        'BAD_RECIPIENT',
        [withdrawal({ index: 0, amount: 1n, recipient: '0x0000000000000000000000000000000000000000' })],
      ],
      ['TRADE_NOT_LINKED', [half({ index: 0, direction: 1, x: 1n, y: 2n })]],
      [
        'TRADE_NOT_LINKED',
        [
          half({ index: 0, direction: 1, x: 1n, y: 2n }),
          half({ index: 1, direction: 0, x: 1n, y: 2n, link: LINK + 1n }),
        ],
      ],
      [
        'TRADE_MISMATCH',
        [half({ index: 0, direction: 1, x: 1n, y: 2n }), half({ index: 1, direction: 0, x: 1n, y: 3n })],
      ],
      [
        'TRADE_MISMATCH',
        [half({ index: 0, direction: 1, x: 1n, y: 2n }), half({ index: 1, direction: 1, x: 1n, y: 2n })],
      ],
      // The second half for the version that the first leads to: circuit and contract would take it, as nothing moves.
      [
        'TRADE_MISMATCH',
        [half({ index: 0, direction: 1, x: 1n, y: 2n }), half({ index: 0, direction: 0, x: 1n, y: 2n, version: 8n })],
      ],
      ['TRADE_NOT_LINKED', [half({ index: 0, direction: 1, x: 1n, y: 2n }), withdrawal({ index: 1, amount: 1n })]],
      ['TRADE_PRICE', [unwind(sell({ y: 195_999_999n }))]],
      ['TRADE_NOT_SHRINKING', [unwind(sell({ direction: 1 }))]],
      ['TRADE_NOT_SHRINKING', [unwind(sell({ x: 1_000_000_001n, y: 1n }))]],
    ]
    for (const [code, operations] of cases) refuses(() => run(...operations), code)
    // Where a liquidation sells at just what the target counts, selling at that price changes nothing.
    const level = owned([A0, A1, ownedAccount(2, BELOW_TARGET)], {
      marks: MARKS.map((asset, a) =>
        a === 1 ? { ...asset, sell: 1n << 32n, initialCollateralValue: 1n << 32n } : asset,
      ),
    })
    refuses(() => level.transact([unwind(sell({ x: 1000n, y: 1000n }))], VALID_UNTIL), 'TRADE_NOT_IMPROVING')
    const priceless = owned([A0])
    priceless.ledger.marks = undefined
    refuses(() => priceless.clone().transact([withdrawal({ index: 0, amount: 1n })], VALID_UNTIL), 'NO_FRESH_ROUND')
    priceless.transact([preferences({ index: 0, weights: [8, 8, 8, 8, 8, 8, 8, 9] })], VALID_UNTIL)
  })
})
