import assert from 'node:assert/strict'
import type { CircuitInput, Signal } from '../../protocol/circuit-input.ts'
import { type Close, noLimit } from '../../protocol/forced-close.ts'
import { divUp } from '../../protocol/integer.ts'
import { VECTOR, width } from '../../protocol/layout.ts'
import type { System } from '../../protocol/system.ts'
import { OP } from '../../protocol/transact.ts'
import { type Circuit, openCircuit } from '../support/circuit.ts'
import { at, putStep } from '../support/circuit-forgery.ts'
import { BANKRUPT, HEALTHY, MARKS } from '../support/circuit-market.ts'
import { close, forced, owned, ownedAccount, ownerKey, VALID_UNTIL } from '../support/circuit-owners.ts'
import { accepts, rejects } from '../support/circuit-rejection.ts'
import { forgeTransact, opBits, signedLie, transactVectorOf } from '../support/circuit-transact-forgery.ts'

const MAX = (1n << 64n) - 1n
/** Where the steps begin in the public vector. */
const STEPS = width(VECTOR.transact)
const CLOSE = 'close * (1 - forcedClose.possible) === 0'
const DISCHARGE = 'dischargeClose * closeable === 0'
const SIGNED = 'signed * (1 - curve.valid) === 0'
const TRADED = 'closing * (amount - traded) === 0'
const PRICE = 'AssertRange(32)(overIfClosing)'
const DIGEST = 'digest === link[links - 1].out'
const [, { sell, buy: dear }, { sell: low, buy }] = MARKS as [unknown, (typeof MARKS)[0], (typeof MARKS)[0]]
const LONG = HEALTHY[1]!
const SHORT = -HEALTHY[2]!

/** Accounts 0 and 1 long of asset 1 and short of asset 2; account 2 breached beyond what it owns. */
const ACCOUNTS = [ownedAccount(0, HEALTHY), ownedAccount(1, HEALTHY), ownedAccount(2, BANKRUPT)]

describe('transact circuit, forced closes', () => {
  let circuit: Circuit
  let system: System
  const run = (...closes: Close[]) => system.clone().transact(closes, VALID_UNTIL)
  const input = (...closes: Close[]) => run(...closes).input
  const sale = (more: Partial<Close> = {}) => close({ index: 0, direction: 0, amount: 12_345n, ...more })
  const purchase = (more: Partial<Close> = {}) => close({ index: 0, asset: 2, direction: 1, amount: 678n, ...more })
  const lie = (honest: CircuitInput, changes: Readonly<Record<string, Signal>>) =>
    forgeTransact(putStep(honest, 0, changes))
  const discharged = (honest: CircuitInput, changes: Readonly<Record<string, Signal>> = {}) =>
    lie(honest, { op: opBits(OP.dischargeClose), ...changes })
  const refuses = (forged: CircuitInput, statement: string, template = 'ForcedClose') =>
    rejects(circuit, forged, template, statement)

  before(async () => {
    circuit = await openCircuit('transact')
    system = owned(ACCOUNTS)
  })

  it('take what an honest sequencer does, and the model of it agrees', async () => {
    for (const [one, x] of [
      [sale(), 12_345n],
      [sale({ amount: LONG - 1n }), LONG - 1n],
      [sale({ amount: LONG }), LONG],
      [sale({ amount: LONG + 1n }), LONG],
      [sale({ amount: MAX }), LONG],
      [purchase(), 678n],
      [purchase({ amount: SHORT }), SHORT],
      [purchase({ amount: MAX }), SHORT],
    ] as const) {
      const { input: honest, results, batch } = run(one)
      const y = one.direction === 0 ? (x * sell) >> 32n : divUp(x * buy, 1n << 32n)
      assert.deepEqual(batch.steps[0]!.closing, { direction: one.direction, x, y })
      const [cash, ...rest] = results[0]!.account.balances
      assert.equal(cash, HEALTHY[0]! + (one.direction === 0 ? y : -y))
      assert.equal(rest[one.asset - 1], HEALTHY[one.asset]! + (one.direction === 0 ? -x : x))
      await accepts(circuit, honest)
      assert.deepEqual(forgeTransact(honest), honest)
    }
  })

  it('ask for no margin: an account that is breached and stays so is closed', async () => {
    await accepts(circuit, input(close({ index: 2, direction: 0, amount: 5n })))
    await accepts(circuit, input(close({ index: 2, direction: 0, amount: MAX })))
  })

  it('are refused where they grow the position, or flip it', async () => {
    // The other direction, by whoever signs it.
    await refuses(signedLie(input(sale()), 0, { direction: 1n }), PRICE)
    const grown = { direction: 1n, limit: MAX, cash: divUp(12_345n * dear, 1n << 32n) }
    await refuses(signedLie(input(sale()), 0, grown), CLOSE, 'TransactStep')
    const deeper = { direction: 0n, limit: 0n, cash: (678n * low) >> 32n }
    await refuses(signedLie(input(purchase()), 0, deeper), CLOSE, 'TransactStep')
    // One unit more than there is.
    const past = { amount: LONG + 1n, cash: ((LONG + 1n) * sell) >> 32n }
    await refuses(lie(input(sale({ amount: MAX })), past), TRADED)
    await refuses(lie(input(sale({ amount: LONG + 1n })), past), TRADED)
    // No position at all.
    const none = system.clone()
    none.transact([sale({ amount: MAX })], VALID_UNTIL)
    const { input: nothing } = none.transact([sale({ queueNumber: 15n })], VALID_UNTIL)
    await refuses(lie(nothing, { op: opBits(OP.close) }), CLOSE, 'TransactStep')
  })

  it('are refused of less or more than the lesser of amount and position', async () => {
    for (const amount of [12_344n, 12_346n])
      await refuses(lie(input(sale()), { amount, cash: (amount * sell) >> 32n }), TRADED)
    for (const amount of [LONG - 1n, 1n])
      await refuses(lie(input(sale({ amount: MAX })), { amount, cash: (amount * sell) >> 32n }), TRADED)
    // All of the position, though less was asked for: that the lesser is taken.
    const all = { amount: LONG, cash: (LONG * sell) >> 32n }
    await refuses(lie(input(sale()), all), TRADED)
    const bits = { asked: LONG - 1n, ...all }
    await refuses(signedLie(input(sale()), 0, bits), TRADED)
  })

  it('are refused at any other price, by a unit of cash', async () => {
    for (const one of [sale(), sale({ amount: MAX }), purchase(), purchase({ amount: MAX })]) {
      const honest = input(one)
      const cash = at(honest, 'cash', 0)
      for (const by of [-1n, 1n]) await refuses(lie(honest, { cash: cash + by }), PRICE)
    }
    await refuses(lie(input(sale()), { cashHigh: 1n }), PRICE)
    // Cash that the bits of its upper half would make up for.
    await refuses(
      lie(input(sale()), { cash: at(input(sale()), 'cash', 0) - (1n << 64n), cashHigh: 1n }),
      'AssertRange(64)(cash)',
      'BalanceChange',
    )
  })

  it('are rounded in favor of the backstop, to the unit', async () => {
    const [cheap] = [{ ...MARKS[1]!, sell: (1n << 31n) + 1n, buy: (1n << 31n) + 1n }]
    const odd = owned([ownedAccount(0, [0n, 5n]), ownedAccount(1, [10n, -5n])], { marks: MARKS.with(1, cheap) })
    const sold = odd.clone().transact([close({ index: 0, direction: 0, amount: 3n })], VALID_UNTIL)
    assert.deepEqual(sold.results[0]!.account.balances.slice(0, 2), [1n, 2n])
    const bought = odd.clone().transact([close({ index: 1, direction: 1, amount: 3n })], VALID_UNTIL)
    assert.deepEqual(bought.results[0]!.account.balances.slice(0, 2), [8n, -2n])
    for (const { input: honest } of [sold, bought]) {
      await accepts(circuit, honest)
      await refuses(lie(honest, { cash: at(honest, 'cash', 0) === 1n ? 2n : 1n }), PRICE)
    }
  })

  it('are refused beyond their limit, and taken at it', async () => {
    await accepts(circuit, input(sale({ limit: sell })))
    await accepts(circuit, input(purchase({ limit: buy })))
    for (const one of [
      sale({ limit: sell + 1n }),
      sale({ limit: MAX }),
      purchase({ limit: buy - 1n }),
      purchase({ limit: 0n }),
    ]) {
      const { input: honest, batch } = run(one)
      assert.equal(batch.steps[0]!.op, OP.dischargeClose)
      await accepts(circuit, honest)
      await refuses(lie(honest, { op: opBits(OP.close) }), CLOSE, 'TransactStep')
      // By the limit of somebody who has none.
      await refuses(lie(honest, { op: opBits(OP.close), limit: noLimit(one.direction) }), SIGNED, 'TransactStep')
    }
  })

  it('are refused by any other word than the owner signed', async () => {
    const honest = input(sale())
    await refuses(signedLie(honest, 0, {}, ownerKey(9)), SIGNED, 'TransactStep')
    for (const changes of [
      { asked: 12_346n },
      { limit: 1n },
      { queueNumber: 15n },
      { expiry: at(honest, 'expiry', 0) + 1n },
    ]) {
      const amount = 'asked' in changes ? { amount: 12_346n, cash: (12_346n * sell) >> 32n } : {}
      await refuses(lie(honest, { ...changes, ...amount }), SIGNED, 'TransactStep')
    }
    await refuses(lie(honest, { extra: 1n }), '(unwind + closing) * extra === 0', 'TransactStep')
    await refuses(lie(honest, { exception: 1n }), 'exceptionBit * (1 - exchange) === 0', 'TransactStep')
    await refuses(signedLie(honest, 0, { expiry: VALID_UNTIL - 1n }), 'AssertRange(40)(spare)', 'TransactStep')
    // A number of the queue that expiry makes up for.
    const shifted = { queueNumber: at(honest, 'queueNumber', 0) - (1n << 64n), expiry: at(honest, 'expiry', 0) + 1n }
    await rejects(
      circuit,
      forgeTransact(putStep(honest, 0, shifted), [{ published: { 9: 14n } }]),
      'PublicVector',
      DIGEST,
    )
  })

  it('are not one kind of request for another, or cash', async () => {
    const withdrawn = system.clone().transact([forced({ index: 1, amount: 11n })], VALID_UNTIL).input
    await refuses(
      lie(withdrawn, { op: opBits(OP.dischargeClose) }),
      '(exchange + closing) * assetBit[0] === 0',
      'TransactStep',
    )
    await refuses(
      lie(withdrawn, { op: opBits(OP.close), extra: 0n, asked: 11n }),
      '(exchange + closing) * assetBit[0] === 0',
      'TransactStep',
    )
    const honest = input(sale())
    await refuses(lie(honest, { op: opBits(OP.forced), cash: 0n }), SIGNED, 'TransactStep')
    await refuses(lie(honest, { op: opBits(OP.unwind) }), SIGNED, 'TransactStep')
    await refuses(
      signedLie(honest, 0, { assetBits: oneHot(0) }),
      '(exchange + closing) * assetBit[0] === 0',
      'TransactStep',
    )
    await refuses(signedLie(honest, 0, { assetBits: oneHot(2) }), PRICE)
  })

  it('are not discharged where they can be carried out', async () => {
    for (const one of [
      sale(),
      sale({ amount: MAX, limit: sell }),
      purchase(),
      purchase({ amount: MAX, limit: buy }),
      close({ index: 2, direction: 0, amount: MAX }),
    ])
      await refuses(discharged(input(one)), DISCHARGE, 'TransactStep')
  })

  it('are not discharged by what is not so: a trade of another size or price', async () => {
    await refuses(discharged(input(sale()), { amount: 0n, cash: 0n }), TRADED)
    await refuses(discharged(input(sale()), { cash: 0n }), PRICE)
    await refuses(discharged(input(sale()), { cashHigh: 1n }), PRICE)
    // Nor by a word of it that the contract would not find in its storage.
    const bad = discharged(input(sale()), { s: 1n })
    await accepts(circuit, bad)
    const honest = transactVectorOf(bad)
    for (let k = 0; k < 10; k++)
      await rejects(
        circuit,
        forgeTransact(bad, [{ published: { [k]: honest[STEPS + k]! + 1n } }]),
        'PublicVector',
        DIGEST,
      )
    // With another limit, direction, amount or number the signature is none, and that is what is published.
    for (const [changes, k] of [
      [{ limit: 1n }, 8],
      [{ queueNumber: 15n }, 9],
      [{ asked: 12_346n, amount: 12_346n, cash: (12_346n * sell) >> 32n }, 7],
      [{ direction: 1n, cash: divUp(12_345n * dear, 1n << 32n), limit: 0n }, 6],
      [{ expiry: VALID_UNTIL }, 5],
    ] as const) {
      const other = discharged(input(sale()), changes)
      await accepts(circuit, other)
      assert.notEqual(transactVectorOf(other)[STEPS + k], transactVectorOf(input(sale()))[STEPS + k])
    }
  })

  it('are discharged for each of the reasons, and not carried out', async () => {
    const noRoom = owned([ownedAccount(0, [MAX, 5n])])
    const large = owned([ownedAccount(0, [0n, MAX, -MAX])], {
      marks: MARKS.with(1, { ...MARKS[1]!, sell: MAX }).with(2, { ...MARKS[2]!, buy: MAX }),
    })
    const signature = { ...sale(), queueNumber: 77n }
    for (const [where, one] of [
      [system, signature],
      [system, sale({ asset: 2 })],
      [system, purchase({ asset: 1 })],
      [system, sale({ asset: 3 })],
      [system, sale({ limit: sell + 1n })],
      [noRoom, sale({ amount: 1n })],
      [large, sale({ amount: MAX })],
      [large, purchase({ amount: MAX })],
    ] as const) {
      const { input: honest, batch } = where.clone().transact([one], VALID_UNTIL)
      assert.equal(batch.steps[0]!.op, OP.dischargeClose)
      await accepts(circuit, honest)
      assert.deepEqual(forgeTransact(honest), honest)
      const outcome = await circuit.run(lie(honest, { op: opBits(OP.close) }))
      assert.ok('message' in outcome)
      assert.doesNotMatch(outcome.message, /template PublicVector_/)
    }
    // Where the cash is just within 2^64 it is carried out: floor(2^33 2^63 / 2^32) = 2^64, one unit less is below.
    const edge = owned([ownedAccount(0, [0n, 1n << 33n])], { marks: MARKS.with(1, { ...MARKS[1]!, sell: 1n << 63n }) })
    assert.equal(
      edge.clone().transact([sale({ amount: 1n << 33n })], VALID_UNTIL).batch.steps[0]!.op,
      OP.dischargeClose,
    )
    const { input: within, batch } = edge.clone().transact([sale({ amount: (1n << 33n) - 1n })], VALID_UNTIL)
    assert.equal(batch.steps[0]!.op, OP.close)
    await accepts(circuit, within)
    await refuses(discharged(within), DISCHARGE, 'TransactStep')
  })

  it('write nothing where they are discharged, and publish nothing of the account', async () => {
    const { batch } = run(sale({ limit: MAX }))
    const { r8, s } = sale({ limit: MAX }).signature
    assert.deepEqual(transactVectorOf(input(sale({ limit: MAX }))).slice(STEPS, STEPS + 10), [
      12n,
      0n,
      ...r8,
      s,
      VALID_UNTIL + 600n,
      1n,
      12_345n,
      MAX,
      14n,
    ])
    assert.equal(batch.rootAfter, system.ledger.root)
  })

  it('leave what is signed and published of other operations alone', async () => {
    const withdrawn = system.clone().transact([forced({ index: 1, amount: 11n })], VALID_UNTIL).input
    await accepts(circuit, lie(withdrawn, { asked: 5n, limit: 7n }))
    assert.deepEqual(transactVectorOf(putStep(withdrawn, 0, { asked: 5n, limit: 7n })), transactVectorOf(withdrawn))
    await refuses(lie(withdrawn, { asked: MAX + 1n, cashHigh: 1n << 32n }), 'AssertRange(32)(cashHigh)')
  })
})

function oneHot(a: number): bigint[] {
  return Array.from({ length: 8 }, (_, i) => (i === a ? 1n : 0n))
}
